// An ISA for which there are no prefetches.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [scalar],
        unroll: [4],
        prefetch: [1024],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
