// Unrolls below and above what is allowed.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [0, 4, 15..=17],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
