//! Typed kernels: a generated function with the knowledge of what it takes and returns.
//!
//! A kernel is only ever handed out where the CPU supports it ([`crate::Variant::kernel`], [`crate::Plan`]), so
//! owning one proves that its features are there, and its methods are safe. The pointers of the raw functions
//! carry both forms of a pass, out of place and in place: `y` may equal `x`, or else does not overlap it.

use crate::error::{ShapeError, same_length};

/// The largest |max(x)| up to which every exp core is exact; `softmax_spec::REGULAR_MAX`, which is not linked here.
pub(crate) const REGULAR_MAX: f32 = 8192.0;

/// Defines a wrapper around the raw function of one pass.
macro_rules! kernels {
    ($($(#[$docs:meta])* $kind:ident, $wrapper:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// A kernel of any pass.
        #[derive(Debug, Clone, Copy)]
        pub enum Kernel {
            $($(#[$docs])* $kind($wrapper),)*
        }

        $(
            $(#[$docs])*
            #[derive(Debug, Clone, Copy)]
            pub struct $wrapper {
                pub(crate) raw: unsafe fn($($argument),*) -> $result,
                block: usize,
            }

            impl $wrapper {
                /// For code that `kernels!` generates.
                ///
                /// # Safety
                /// `raw` must be sound to call, on a CPU that supports it, with pointers to rows of `n` elements, and
                /// the kernel must only reach code that runs on such a CPU.
                pub const unsafe fn from_raw(raw: unsafe fn($($argument),*) -> $result, block: usize) -> Self {
                    Self { raw, block }
                }

                /// Elements, whole tiles, after which a sum should start afresh lest rounding errors grow.
                pub const fn block(self) -> usize {
                    self.block
                }
            }
        )*
    };
}

kernels! {
    /// max(x).
    Max, MaxKernel: fn(*const f32, usize) -> f32;
    /// Sum of e^(x - max).
    SumExp, SumExpKernel: fn(*const f32, usize, f32) -> f64;
    /// y = e^(x - max), and its sum.
    StoreExp, StoreExpKernel: fn(*const f32, *mut f32, usize, f32) -> f64;
    /// y = x * factor.
    Scale, ScaleKernel: fn(*const f32, *mut f32, usize, f64) -> ();
    /// y = e^(x - max) * factor.
    ScaleExp, ScaleExpKernel: fn(*const f32, *mut f32, usize, f32, f64) -> ();
    /// Sum of e^x as m * 2^n.
    ExtSum, ExtSumKernel: fn(*const f32, usize) -> (f32, f32);
    /// y = e^x * factor * 2^-exponent.
    ExtScale, ExtScaleKernel: fn(*const f32, *mut f32, usize, f32, f32) -> ();
    /// max(x) and the sum of e^(x - max), continued.
    OnlineSum, OnlineSumKernel: fn(*const f32, usize, f32, f64) -> (f32, f64);
    /// y = softmax(x), row by row, for rows up to a length.
    Softmax, SoftmaxKernel: fn(*const f32, *mut f32, usize, usize) -> usize;
}

impl MaxKernel {
    /// max(x); -inf for an empty row. Which of a NaN and a number wins is not defined.
    pub fn run(self, x: &[f32]) -> f32 {
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length.
        unsafe { (self.raw)(x.as_ptr(), x.len()) }
    }
}

impl SumExpKernel {
    /// Sum of e^(x - max) for the row's maximum, times a factor that depends on `max` and the exp core alone.
    pub fn run(self, x: &[f32], max: f32) -> f64 {
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length.
        unsafe { (self.raw)(x.as_ptr(), x.len(), max) }
    }
}

impl StoreExpKernel {
    /// y = e^(x - max) for the row's maximum, times a factor that depends on `max` and the exp core alone, and
    /// the sum of y.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(self, x: &[f32], y: &mut [f32], max: f32) -> Result<f64, ShapeError> {
        same_length(x, y)?;
        // SAFETY: whoever made this kernel guarantees the CPU; x and y are valid for one length and disjoint.
        Ok(unsafe { (self.raw)(x.as_ptr(), y.as_mut_ptr(), x.len(), max) })
    }

    /// The same with x overwritten.
    pub fn run_in_place(self, x: &mut [f32], max: f32) -> f64 {
        let pointer = x.as_mut_ptr();
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length and equals y.
        unsafe { (self.raw)(pointer, pointer, x.len(), max) }
    }
}

impl ScaleKernel {
    /// y = x * factor, rounded once, for finite x that are not negative and a factor in the range of f32; 0 where that is below 2^-126.
    /// For products below 2^-81 the factor counts as an f32.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(self, x: &[f32], y: &mut [f32], factor: f64) -> Result<(), ShapeError> {
        same_length(x, y)?;
        // SAFETY: whoever made this kernel guarantees the CPU; x and y are valid for one length and disjoint.
        unsafe { (self.raw)(x.as_ptr(), y.as_mut_ptr(), x.len(), factor) };
        Ok(())
    }

    /// The same with x overwritten.
    pub fn run_in_place(self, x: &mut [f32], factor: f64) {
        let pointer = x.as_mut_ptr();
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length and equals y.
        unsafe { (self.raw)(pointer, pointer, x.len(), factor) }
    }
}

impl ScaleExpKernel {
    /// y = e^(x - max) * factor, times the factor of [`SumExpKernel::run`] of the same exp core; 0 where that is below 2^-126.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(self, x: &[f32], y: &mut [f32], max: f32, factor: f64) -> Result<(), ShapeError> {
        same_length(x, y)?;
        // SAFETY: whoever made this kernel guarantees the CPU; x and y are valid for one length and disjoint.
        unsafe { (self.raw)(x.as_ptr(), y.as_mut_ptr(), x.len(), max, factor) };
        Ok(())
    }

    /// The same with x overwritten.
    pub fn run_in_place(self, x: &mut [f32], max: f32, factor: f64) {
        let pointer = x.as_mut_ptr();
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length and equals y.
        unsafe { (self.raw)(pointer, pointer, x.len(), max, factor) }
    }
}

impl ExtSumKernel {
    /// Sum of e^x. For rows whose maximum is within +-8192.
    pub fn run(self, x: &[f32]) -> crate::ExtSum {
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length.
        let (mantissa, exponent) = unsafe { (self.raw)(x.as_ptr(), x.len()) };
        crate::ExtSum { mantissa, exponent }
    }
}

impl ExtScaleKernel {
    /// y = e^x / sum, 0 where that is below 2^-126, for the sum of at least these elements, with a maximum within +-8192. Quotients above
    /// about 2^95 are not defined.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(self, x: &[f32], y: &mut [f32], sum: crate::ExtSum) -> Result<(), ShapeError> {
        same_length(x, y)?;
        // SAFETY: whoever made this kernel guarantees the CPU; x and y are valid for one length and disjoint.
        unsafe { (self.raw)(x.as_ptr(), y.as_mut_ptr(), x.len(), sum.mantissa.recip(), sum.exponent) };
        Ok(())
    }

    /// The same with x overwritten.
    pub fn run_in_place(self, x: &mut [f32], sum: crate::ExtSum) {
        let pointer = x.as_mut_ptr();
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length and equals y.
        unsafe { (self.raw)(pointer, pointer, x.len(), sum.mantissa.recip(), sum.exponent) }
    }
}

impl OnlineSumKernel {
    /// The maximum that a row starts from. Rows with no larger element are left to robust plans.
    pub const START: f32 = -REGULAR_MAX;

    /// The larger one of max(x) and [`OnlineSumKernel::START`], and the sum of e^(x - max) as
    /// [`SumExpKernel::run`] has it.
    pub fn run(self, x: &[f32]) -> (f32, f32) {
        // SAFETY: whoever made this kernel guarantees the CPU; x is valid for its length.
        let (max, sum) = unsafe { (self.raw)(x.as_ptr(), x.len(), Self::START, 0.0) };
        (max, sum as f32)
    }
}

impl SoftmaxKernel {
    /// The longest row that it takes, in elements.
    pub const fn longest_row(self) -> usize {
        self.block
    }

    /// y = softmax(x). False, with y undefined, for a row that is empty or longer than [`SoftmaxKernel::longest_row`], and
    /// for one that is left to other plans: a maximum beyond +-8192, or beyond about -23 to 41 if the pass is `fused_softmax`, a NaN, or
    /// exponentials that overflow.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(self, x: &[f32], y: &mut [f32]) -> Result<bool, ShapeError> {
        same_length(x, y)?;
        // SAFETY: whoever made this kernel guarantees the CPU; x and y are one valid row each, and disjoint.
        Ok(unsafe { (self.raw)(x.as_ptr(), y.as_mut_ptr(), x.len(), 1) } == 1)
    }

    /// The same with x overwritten, or as it was.
    pub fn run_in_place(self, x: &mut [f32]) -> bool {
        let pointer = x.as_mut_ptr();
        // SAFETY: whoever made this kernel guarantees the CPU; x is one valid row and equals y.
        unsafe { (self.raw)(pointer, pointer, x.len(), 1) == 1 }
    }
}
