// Distances that are not whole cache lines, and one that is too far.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [4],
        prefetch: [0, 1000, 1024, 131072],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
