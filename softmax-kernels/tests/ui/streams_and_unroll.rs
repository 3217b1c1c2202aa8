// A tile whose parts do not divide a stream; streams in a pass that goes backward.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [6],
        streams: [2],
    }
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [4, 8],
        streams: [2, 4],
        direction: [backward],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
