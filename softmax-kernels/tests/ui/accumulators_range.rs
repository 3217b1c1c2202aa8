// A range of accumulators of which one divides no tile, and one that ends above every tile.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [4],
        accumulators: [1..=4],
    }
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [4],
        accumulators: [1..=2, 4..=8],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
