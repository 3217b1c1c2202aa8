//! Softmax on CPUs: y_i = e^(x_i) / sum of e^(x_j), by generated SIMD kernels that are tuned per machine and size.
//!
//! ```
//! let x = [1.0, 2.0, 3.0];
//! let mut y = [0.0; 3];
//! softmax_kernels::softmax(&x, &mut y)?;
//! assert!((y[2] - 0.665_240_96).abs() < 1e-6);
//! # Ok::<(), softmax_kernels::ShapeError>(())
//! ```
//!
//! A row with a NaN or a +inf gives NaN everywhere; -inf gives exactly 0; a row of only -inf gives NaN, or zeros
//! with [`MaskedRow::Zero`]; every finite row is right, whatever its magnitude. Results do not depend on
//! alignment, on the number of threads, or on what else is in the batch; a row alone and the same row in a batch may differ in
//! the last digits, as in place and out of place may.
//!
//! The kernels are made by [`kernels!`] from the spec in `grid.rs`. [`variants`] lists those that are compiled in,
//! [`selected`] tells which are used here and why. `SOFTMAX_FORCE_ISA=avx2` in the environment restricts the
//! choice; `SOFTMAX_PROFILE=/path/to/profile.toml` at build time adds a profile made by `cargo xtask tune`.

mod compose;
mod dispatch;
mod error;
mod ext_sum;
mod grid;
mod kernel;
mod parts;
mod plan;
pub mod profile;
mod softmax;
mod steps;
#[cfg(feature = "rayon")]
mod threads;
mod variant;

pub use compose::{ComposeError, ComposedPlan};
pub use dispatch::{FORCE_ISA_VARIABLE, Forced, Reason, Selection};
pub use error::ShapeError;
pub use ext_sum::ExtSum;
pub use kernel::{
    ExtScaleKernel, ExtSumKernel, Kernel, MaxKernel, OnlineSumKernel, ScaleExpKernel, ScaleKernel,
    SoftmaxKernel, StoreExpKernel, SumExpKernel,
};
pub use plan::{Backup, Plan};
pub use softmax::{
    Accuracy, MaskedRow, Softmax, softmax, softmax_in_place, softmax_rows, softmax_rows_in_place,
};
pub use softmax_macros::kernels;
pub use steps::Steps;
pub use variant::{Description, Variant};

/// The compiled pass variants: those that profiles name, or with the feature `full-grid` the whole grid.
pub fn variants() -> &'static [Variant] {
    grid::VARIANTS
}

/// What [`softmax`] uses for a row of `len` elements on this machine, and why.
pub fn selected(len: usize) -> Selection {
    Softmax::new().selected(len)
}

/// What [`softmax_rows`] uses for so many rows of `row_len` elements on this machine, and why. The same for any number from
/// 2 on.
pub fn selected_rows(rows: usize, row_len: usize) -> Selection {
    Softmax::new().selected_rows(rows, row_len)
}
