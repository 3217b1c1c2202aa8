// An ISA that nobody generates code for.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2, avx3],
        unroll: [2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
