// What would take the compiler hours, and more memory than there is.
softmax_kernels::kernels! {
    grid { passes: [max], isas: [avx2], unroll: [1] }
    grid {
        passes: [sum_exp, store_exp],
        isas: [scalar, sse2, avx2, avx512],
        unroll: [1..=16],
        accumulators: [1..=16],
        exp: [cody_waite 3..=7, accurate 3..=7],
        streams: [1, 2, 4, 8],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
