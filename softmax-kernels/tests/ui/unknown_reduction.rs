// An exp core without its underscore.
softmax_kernels::kernels! {
    grid {
        passes: [sum_exp],
        isas: [avx2],
        unroll: [2],
        exp: [codywaite 5],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
