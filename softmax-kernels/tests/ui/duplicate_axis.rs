// One axis in two places.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2],
        isas: [sse2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
