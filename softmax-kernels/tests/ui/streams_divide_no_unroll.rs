// Streams that no tile can be divided among.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [2, 6],
        streams: [2, 4],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
