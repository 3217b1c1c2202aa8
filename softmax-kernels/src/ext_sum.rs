//! The extended-exponent sum of the Two-Pass paper as a value that shards, threads and streams can merge.

use crate::error::ShapeError;
use crate::kernel::{ExtScaleKernel, ExtSumKernel, Kernel};
use std::sync::OnceLock;

/// A sum of exponentials, mantissa * 2^exponent: eight bytes that neither overflow nor need a maximum first
/// (arXiv 2001.04438, section 4).
///
/// For elements within +-8192, and -inf. Anything else makes the mantissa NaN, which merging keeps.
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

/// |exponent| of sums of elements within +-8192, which is 8192 * log2 e.
const LARGEST_EXPONENT: f32 = 11819.0;

impl ExtSum {
    /// The sum of nothing.
    pub const IDENTITY: ExtSum = ExtSum { mantissa: 0.0, exponent: f32::NEG_INFINITY };

    /// The sum of e^x over `x`.
    pub fn of(x: &[f32]) -> ExtSum {
        let sums = x.chunks(kernels().sum.block()).map(|block| kernels().sum.run(block));
        let sum = sums.fold(ExtSum::IDENTITY, ExtSum::merge);
        match sum.exponent.abs() <= LARGEST_EXPONENT && sum.mantissa.is_finite() {
            true => sum,
            false if x.iter().all(|&v| v == f32::NEG_INFINITY) => ExtSum::IDENTITY,
            false => ExtSum { mantissa: f32::NAN, ..sum },
        }
    }

    /// The sum of both. Commutative; associative up to rounding; takes the larger exponent and scales the other
    /// mantissa by an exact power of two.
    pub fn merge(self, other: ExtSum) -> ExtSum {
        let (small, large) = if self.exponent < other.exponent { (self, other) } else { (other, self) };
        if small.exponent == f32::NEG_INFINITY && !small.mantissa.is_nan() {
            return large;
        }
        let scaled = small.mantissa * (small.exponent - large.exponent).exp2();
        ExtSum { mantissa: large.mantissa + scaled, exponent: large.exponent }
    }

    /// y = e^x / self: with the sum of a whole row, its part of the softmax.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn normalize(self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        kernels().scale.run(x, y, self)
    }
}

/// A pair of kernels with one exp core.
struct Kernels {
    sum: ExtSumKernel,
    scale: ExtScaleKernel,
}

/// Of the most capable ISA that this CPU supports; later rows of the registry are more capable.
fn kernels() -> &'static Kernels {
    static KERNELS: OnceLock<Kernels> = OnceLock::new();
    KERNELS.get_or_init(|| {
        let supported = || crate::variants().iter().rev().filter(|variant| variant.is_supported());
        let pairs = supported().flat_map(|sum| supported().map(move |scale| (sum, scale)));
        let mut same_core = pairs.filter(|(sum, scale)| sum.isa == scale.isa && sum.exp == scale.exp);
        let kernels = same_core.find_map(|(sum, scale)| match (sum.kernel()?, scale.kernel()?) {
            (Kernel::ExtSum(sum), Kernel::ExtScale(scale)) => Some(Kernels { sum, scale }),
            _ => None,
        });
        kernels.expect("every ISA has a Two-Pass pair")
    })
}
