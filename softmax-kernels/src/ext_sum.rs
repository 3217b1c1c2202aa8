//! The extended-exponent sum of the Two-Pass paper as a value that shards, threads and streams can merge.

use crate::Accuracy;
use crate::dispatch::Situation;
use crate::error::{ShapeError, same_length};
use crate::kernel::REGULAR_MAX;
use crate::profile::Shardable;

/// A sum of exponentials, mantissa * 2^exponent: eight bytes that neither overflow nor need a maximum first
/// (arXiv 2001.04438, section 4).
///
/// For shards with elements within +-8192. Smaller ones than -8193, masks among them, count as 0 beside those. Larger ones than 8193, +inf
/// and NaN make the mantissa NaN, which merging keeps. In between, what is beyond is told from rounded sums: an element may count there or
/// not, by what is in its shard.
///
/// ```
/// use softmax_kernels::ExtSum;
/// let x = [1.0, 2.0, 3.0, 1000.0];
/// let (left, right) = x.split_at(2);
/// let sum = ExtSum::of(left).merge(ExtSum::of(right));
/// let mut y = [0.0; 4];
/// sum.normalize(&x, &mut y)?;
/// assert_eq!(y, [0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), softmax_kernels::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExtSum {
    /// The sum scaled by a power of two, such that it is at least about 0.7.
    pub mantissa: f32,
    /// That power of two, an integer.
    pub exponent: f32,
}

impl ExtSum {
    /// The sum of nothing.
    pub const IDENTITY: ExtSum = ExtSum { mantissa: 0.0, exponent: f32::NEG_INFINITY };

    /// The sum of e^x over `x`.
    pub fn of(x: &[f32]) -> ExtSum {
        let kernel = kernels().sum;
        let blocks = x.chunks(kernel.block());
        let sum = blocks.fold(WideExtSum::NOTHING, |sum, block| {
            let ExtSum { mantissa, exponent } = kernel.run(block);
            sum.add((mantissa, exponent))
        });
        if sum.is_regular(REGULAR_MAX) {
            return ExtSum { mantissa: sum.mantissa as f32, exponent: sum.exponent };
        }
        match x.iter().all(|&v| v < REGULAR_MAX) {
            // Nothing above -8192: too small to be told from 0 beside anything within the range.
            true => ExtSum::IDENTITY,
            false => ExtSum { mantissa: f32::NAN, exponent: 0.0 },
        }
    }

    /// The sum of both. Commutative; associative up to rounding; takes the larger exponent and scales the other
    /// mantissa by an exact power of two.
    pub fn merge(self, other: ExtSum) -> ExtSum {
        let (small, large) = if self.exponent < other.exponent { (self, other) } else { (other, self) };
        if small.exponent == f32::NEG_INFINITY && !small.mantissa.is_nan() {
            return large;
        }
        // Rounded once: the product is exact in f64.
        let scaled = f64::from(small.mantissa) * power_of_two(small.exponent - large.exponent);
        ExtSum { mantissa: large.mantissa + scaled as f32, exponent: large.exponent }
    }

    /// y = e^x / self: with the sum of a whole row, a shard's part of the softmax. NaN everywhere for the sum of nothing
    /// and for one that is NaN. `self` must be the sum of at least these elements.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn normalize(self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        let wide = WideExtSum { mantissa: self.mantissa.into(), exponent: self.exponent };
        if wide.is_regular(REGULAR_MAX) {
            return kernels().scale.run(x, y, self);
        }
        y.fill(f32::NAN);
        Ok(())
    }
}

/// An [`ExtSum`] with a wide mantissa, in which the blocks of a row add up.
#[derive(Clone, Copy)]
pub(crate) struct WideExtSum {
    pub(crate) mantissa: f64,
    pub(crate) exponent: f32,
}

impl WideExtSum {
    /// The sum of nothing; finite, so that differences of exponents are no NaN.
    pub(crate) const NOTHING: WideExtSum = WideExtSum { mantissa: 0.0, exponent: f32::MIN };

    /// Whether it is the sum of a row with |max| up to `largest_max`.
    pub(crate) fn is_regular(&self, largest_max: f32) -> bool {
        // The exponent is that of the maximum rounded to an integer.
        self.mantissa.is_finite() && self.exponent.abs() <= largest_max * core::f32::consts::LOG2_E + 0.5
    }

    /// With a block's (mantissa, exponent).
    pub(crate) fn add(self, (mantissa, exponent): (f32, f32)) -> WideExtSum {
        let larger = self.exponent.max(exponent);
        let scaled = |mantissa: f64, exponent: f32| mantissa * power_of_two(exponent - larger);
        WideExtSum {
            mantissa: scaled(self.mantissa, self.exponent) + scaled(mantissa.into(), exponent),
            exponent: larger,
        }
    }
}

/// 2^n for an integer n up to 0, and 0 below -1022, where it is nothing beside 1; NaN for NaN.
fn power_of_two(n: f32) -> f64 {
    const BIAS: i32 = 1023;
    let exact = f64::from_bits(((n as i32).saturating_add(BIAS) as u64) << (f64::MANTISSA_DIGITS - 1));
    match n {
        n if n.is_nan() => f64::NAN,
        n if n <= -BIAS as f32 => 0.0,
        _ => exact,
    }
}

/// Of the ISA that dispatch has chosen.
fn kernels() -> &'static Shardable {
    let situation = Situation { accuracy: Accuracy::Accurate, in_place: false, batch: false };
    &crate::dispatch::table(situation, 0).shardable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact_and_nothing_else_is_made_of_them() {
        for n in -1022..=0 {
            assert_eq!(power_of_two(n as f32), f64::from(n).exp2(), "{n}");
        }
        for n in [-1023.0, -16384.0, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(power_of_two(n), 0.0, "{n}");
        }
        assert!(power_of_two(f32::NAN).is_nan());
    }
}
