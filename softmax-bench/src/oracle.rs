//! The truth: softmax in f64, and how far an f32 is from it.

/// The smallest normal f32, 2^-126.
pub const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
/// The spacing of subnormal f32, 2^-149.
pub const SUBNORMAL_STEP: f64 = SMALLEST_NORMAL * f32::EPSILON as f64;

/// Elements that are summed one after the other.
const BLOCK: usize = 1 << 12;

/// Softmax in f64. A NaN, a +inf, or nothing but -inf in the row make all of it NaN.
pub fn softmax(x: &[f32]) -> Vec<f64> {
    let max = x.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    // inf - inf is NaN, and so are the sum and every quotient then; f64::max alone would skip a NaN element.
    let mut y: Vec<f64> = x.iter().map(|&x| (f64::from(x) - max).exp()).collect();
    // By blocks, so that no more than 2^13 roundings of 2^-53 go into it, however long the row: 2^-40.
    let sum: f64 = y.chunks(BLOCK).map(|block| block.iter().sum::<f64>()).sum();
    y.iter_mut().for_each(|y| *y /= sum);
    y
}

/// Steps between two floats in the order of the reals; both zeros are one number. A NaN is infinitely far, which
/// is written `u32::MAX`, from everything but a NaN.
pub fn ulp_distance(a: f32, b: f32) -> u32 {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => 0,
        (false, false) => ordered(a).abs_diff(ordered(b)),
        _ => u32::MAX,
    }
}

/// Maps floats to integers monotonically; neighbours become neighbours, and both zeros 0.
fn ordered(value: f32) -> i32 {
    let bits = value.to_bits().cast_signed();
    if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_floats_across_zero_and_binades() {
        assert_eq!(ulp_distance(1.0, 1.0), 0);
        assert_eq!(ulp_distance(1.0, 1.0f32.next_up()), 1);
        assert_eq!(ulp_distance(1.0, 1.0f32.next_down()), 1);
        assert_eq!(ulp_distance(0.0, -0.0), 0);
        assert_eq!(ulp_distance(-f32::from_bits(1), f32::from_bits(1)), 2);
        assert_eq!(ulp_distance(-1.0, -2.0), 1 << 23);
        assert_eq!(ulp_distance(f32::MAX, f32::INFINITY), 1);
        assert_eq!(ulp_distance(f32::NEG_INFINITY, f32::INFINITY), 2 * 0x7f80_0000);
        assert_eq!(ulp_distance(f32::NAN, -f32::NAN), 0);
        assert_eq!(ulp_distance(f32::NAN, 1.0), u32::MAX);
    }

    #[test]
    fn the_order_is_monotone() {
        let ascending = [f32::NEG_INFINITY, f32::MIN, -1.0, -1e-40, 0.0, 1e-40, 1.0, f32::MAX, f32::INFINITY];
        assert!(ascending.is_sorted_by(|&a, &b| ordered(a) < ordered(b)));
    }

    #[test]
    fn softmax_knows_the_special_rows() {
        assert_eq!(softmax(&[]), []);
        assert_eq!(softmax(&[f32::MAX; 4]), [0.25; 4]);
        assert_eq!(softmax(&[0.0, f32::NEG_INFINITY]), [1.0, 0.0]);
        assert_eq!(softmax(&[f32::MAX, f32::MIN]), [1.0, 0.0]);
        for nan in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
            assert!(softmax(&nan).iter().all(|y| y.is_nan()), "{nan:?}");
        }
    }
}
