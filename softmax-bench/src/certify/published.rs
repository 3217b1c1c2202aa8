//! The Two-Pass paper's exp core with the coefficients that were published (XNNPACK's `extexp`, degree 5), to tell what the reference
//! here makes of it: 1.98 ULP for |x| < 2^14, as published. The core `p5` has coefficients of its own fit.

use super::exact::{self, per_ulp};
use softmax_spec::floats::{from_rank, rank};

/// Hexadecimal in the source: 0x1.62E430p-1 and -0x1.05C610p-29.
const LN2: (f32, f32) = (f32::from_bits(0x3f31_7218), f32::from_bits(0xb102_e308));

/// c5 to c1: 0x1.0F9F9Cp-7, 0x1.573A1Ap-5, 0x1.555A80p-3, 0x1.FFFDC6p-2, 0x1.FFFFF6p-1.
const COEFFICIENTS: [u32; 5] = [0x3c07_cfce, 0x3d2b_9d0d, 0x3e2a_ad40, 0x3eff_fee3, 0x3f7f_fffb];

/// e^x as (m, n).
fn published(x: f32) -> (f32, i32) {
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let t = n.mul_add(-LN2.0, x);
    let t = n.mul_add(-LN2.1, t);
    let mut coefficients = COEFFICIENTS.map(f32::from_bits).into_iter().chain([1.0]);
    let leading = coefficients.next().unwrap_or_default();
    (coefficients.fold(leading, |p, c| p.mul_add(t, c)), n as i32)
}

fn ulp(x: f32) -> f64 {
    let ((m, n), (exact, exponent)) = (published(x), exact::exp(x));
    (f64::from(m) * f64::from(n - exponent).exp2() - exact).abs() * per_ulp(exact)
}

#[test]
fn its_error_is_as_published() {
    // Over every float of |x| < 2^14 the largest is 1.98110, here.
    let worst = rank(-2.937_145_2);
    let around = (worst - 1000..=worst + 1000).map(from_rank);
    let spread = (rank(1e-6)..rank(16384.0)).step_by(997).map(from_rank).flat_map(|x| [x, -x]);
    let largest = around.chain(spread).map(ulp).fold(0.0, f64::max);
    assert!((1.981..1.9812).contains(&largest), "{largest}");
}
