//! What both the program and the tests of this crate compare softmax-kernels with: softmax in f64.

/// The exact softmax of `x`.
pub fn exact(x: &[f32]) -> Vec<f64> {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f64> = x.iter().map(|&v| (f64::from(v) - f64::from(max)).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

/// The largest error among outputs that are normal floats, in units of the exact result's last place. NaN if an
/// output is NaN.
pub fn max_ulp(x: &[f32], y: &[f32]) -> f64 {
    let errors = exact(x).into_iter().zip(y).map(|(exact, &got)| match got.is_nan() {
        true => f64::NAN,
        false if exact < f64::from(f32::MIN_POSITIVE) => 0.0,
        false => (f64::from(got) - exact).abs() / 2f64.powi(exact.log2().floor() as i32 - 23),
    });
    errors.fold(0.0, |largest, error| if error > largest || error.is_nan() { error } else { largest })
}

/// `len` numbers in [-10, 10), the same in every run, different for every seed.
pub fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..len).map(|_| next() * 20.0 - 10.0).collect()
}
