// A misspelt direction.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [4],
        direction: [forward, backwards],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
