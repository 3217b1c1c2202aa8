// A list without brackets.
softmax_kernels::kernels! {
    grid {
        passes: max,
        isas: [avx2],
        unroll: [2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
