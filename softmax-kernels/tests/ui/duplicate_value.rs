// A name listed twice, a number that a range holds already, and an exp core of two ranges.
softmax_kernels::kernels! {
    grid {
        passes: [max, sum_exp, max],
        isas: [avx2],
        unroll: [1..=4, 3],
        exp: [fast 4..=5, fast 5..=6],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
