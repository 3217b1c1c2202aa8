// More accumulators than there are registers.
softmax_kernels::kernels! {
    grid {
        passes: [ext_sum],
        isas: [avx2],
        unroll: [8, 16],
        accumulators: [8, 16],
        exp: [direct 5],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
