// An axis in the singular.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2],
        accumulator: [2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
