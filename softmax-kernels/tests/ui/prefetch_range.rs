// A range whose ends are distances, and whose numbers are not.
softmax_kernels::kernels! {
    grid {
        passes: [scale],
        isas: [avx2],
        unroll: [4],
        prefetch: [16..=64],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
