//! The error of an exp core by itself: e^x of one element, as the pair m 2^n that the Two-Pass sum gives of a row of one.

use softmax_kernels::{ExtSum, ExtSumKernel};

/// ln 2 in two parts: the high one has so few digits that its product with any n below 2^20 is exact.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// The largest error in ULP of m; `f64::MAX` if a result is no number.
    pub max_ulp: f64,
    /// Where it was seen.
    pub at: f32,
    /// Inputs.
    pub inputs: u64,
}

/// Evaluates every `every`-th float between the bounds, one not above 0 and one not below.
pub fn sweep(kernel: ExtSumKernel, (low, high): (f32, f32), every: u32) -> Sweep {
    let mut sweep = Sweep { max_ulp: 0.0, at: 0.0, inputs: 0 };
    for (bound, sign) in [(-low, -1.0), (high, 1.0)] {
        for bits in (0..bound.max(0.0).to_bits()).step_by(every.max(1) as usize) {
            let x = sign * f32::from_bits(bits);
            let error = ulp(kernel.run(&[x]), x);
            sweep.inputs += 1;
            // Not `error > max_ulp`, which a NaN would pass.
            let is_within = error <= sweep.max_ulp;
            if !is_within {
                sweep = Sweep { max_ulp: if error.is_finite() { error } else { f64::MAX }, at: x, ..sweep };
            }
        }
    }
    sweep
}

/// |m - e^x 2^-n| in units of the last place of e^x 2^-n.
fn ulp(got: ExtSum, x: f32) -> f64 {
    let n = f64::from(got.exponent);
    // |x - n ln 2| is about 1 at most, so that this is exact to 1e-16 of it.
    let exact = ((f64::from(x) - n * LN2_HIGH) - n * LN2_LOW).exp();
    let unit = f64::from(f32::EPSILON) * exact.log2().floor().exp2();
    (f64::from(got.mantissa) - exact).abs() / unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_kernels::Kernel;

    #[test]
    fn ln2_is_in_two_parts() {
        assert_eq!(LN2_HIGH + LN2_LOW, std::f64::consts::LN_2);
        assert_eq!(LN2_HIGH.to_bits().trailing_zeros(), 21);
    }

    #[test]
    fn an_error_is_counted_in_units_of_the_mantissa() {
        let mantissa = |x: f32, exponent: f32| {
            (f64::from(x) - f64::from(exponent) * std::f64::consts::LN_2).exp() as f32
        };
        for (x, exponent) in [(1.0f32, 1.0f32), (-100.0, -144.0), (8000.0, 11542.0)] {
            let right = ExtSum { mantissa: mantissa(x, exponent), exponent };
            assert!(ulp(right, x) <= 0.51, "{x}: {}", ulp(right, x));
            let wrong = ExtSum { mantissa: f32::from_bits(right.mantissa.to_bits() + 3), exponent };
            assert!((2.4..=3.6).contains(&ulp(wrong, x)), "{x}: {}", ulp(wrong, x));
        }
    }

    #[test]
    fn cores_are_exact_to_a_few_units_and_a_sweep_covers_both_sides() {
        let row =
            softmax_kernels::variants().iter().find(|row| row.id == "f32_ext_sum__scalar_p6_u1").unwrap();
        let Some(Kernel::ExtSum(kernel)) = row.kernel() else { panic!("no kernel") };
        let swept = sweep(kernel, (-1024.0, 4096.0), 100_003);
        assert!(swept.max_ulp > 0.5 && swept.max_ulp < 3.0, "{swept:?}");
        let inputs = [1024f32, 4096.0].map(|bound| u64::from(bound.to_bits().div_ceil(100_003)));
        assert_eq!(swept.inputs, inputs[0] + inputs[1]);
        assert_eq!(sweep(kernel, (-0.0, 0.0), 1).inputs, 0);
    }
}
