// A number of streams that is not offered.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [6],
        streams: [1, 3],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
