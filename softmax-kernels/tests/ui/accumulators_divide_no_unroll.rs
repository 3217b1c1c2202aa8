// Accumulators that would get unequal shares of every tile.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2, 4],
        accumulators: [1, 3],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
