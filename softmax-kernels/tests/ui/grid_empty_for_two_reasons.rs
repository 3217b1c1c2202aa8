// Neither the stores nor the prefetches alone are to blame, and the ISA is.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [scalar],
        unroll: [2, 4],
        store: [non_temporal],
        prefetch: [16],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
