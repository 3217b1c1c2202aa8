// An option in the singular.
softmax_kernels::kernels! {
    profile: ["tuned/default.toml"],
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
