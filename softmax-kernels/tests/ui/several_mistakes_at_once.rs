// All of them are reported, in the options and in both grids.
softmax_kernels::kernels! {
    profile: ["tuned/default.toml"],
    grid {
        passes: [maximum],
        isas: [avx2, rvv1],
        unrolls: [2],
        exp: [fast 9],
    }
    grid {
        passes: [scale],
        isas: [avx2, 2],
        unroll: [four],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
