// More accumulators than vectors to accumulate.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2, 4],
        accumulators: [1, 8],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
