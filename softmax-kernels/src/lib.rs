//! Softmax on CPUs: y_i = e^(x_i) / sum of e^(x_j), by generated SIMD kernels that are tuned per machine and row length.
//!
//! ```
//! let x = [1.0, 2.0, 3.0];
//! let mut y = [0.0; 3];
//! softmax_kernels::softmax(&x, &mut y)?;
//! assert!((y[2] - 0.665_240_96).abs() < 1e-6);
//! # Ok::<(), softmax_kernels::ShapeError>(())
//! ```
//!
//! | for | call |
//! |---|---|
//! | one row | [`softmax`], [`softmax_in_place`] |
//! | a matrix, row after row without gaps | [`softmax_rows`], [`softmax_rows_in_place`] |
//! | 4 ULP instead of 20, zeros for masked rows, threads | [`Softmax`] with options |
//! | a row in shards, on several machines | [`ExtSum`] |
//!
//! Rows are `f32`, of any length, 0 too, at any address. The only error is a [`ShapeError`], for lengths that do not fit; then
//! nothing is written. No call allocates, blocks, or panics once the first has found out which kernels this CPU takes (with
//! [`Softmax::threads`](Softmax#method.threads) rayon may).
//!
//! # Results
//!
//! A row with a NaN or a +inf gives NaN everywhere, of any sign and payload; -inf gives exactly 0; a row of only -inf gives NaN, or zeros
//! with [`MaskedRow::Zero`]; every finite row is right, whatever its magnitude. Results do not depend on
//! alignment, on the number of threads, or on what else is in the batch; a row alone and the same row in a batch may differ in
//! the last digits, as in place and out of place may. [`Accuracy`] says how far they may be from the exact ones.
//!
//! # What runs
//!
//! [`selected`] tells which kernels are used here for a row length, and why:
//!
//! ```
//! println!("{}", softmax_kernels::selected(1000));
//! ```
//!
//! `SOFTMAX_FORCE_ISA=avx2` in the environment restricts the choice; `SOFTMAX_PROFILE=/path/to/profile.toml` at build time adds a
//! profile made by `cargo xtask tune`. The algorithms are Two-Pass and both Three-Pass ones of [*The Two-Pass Softmax
//! Algorithm*](https://arxiv.org/abs/2001.04438), the [online](https://arxiv.org/abs/1805.02867) one, and some of this project's own
//! ([`Steps`]). Their kernels are made by [`kernels!`] from the spec in `grid.rs`; [`variants`] lists those that are compiled in.
//!
//! # Features
//!
//! - `std`, on by default: this CPU is asked by the standard library's detection, `SOFTMAX_FORCE_ISA` is read, and there is
//!   [`ComposedPlan`]. Without, the crate is `no_std` and needs no allocator; the same kernels are chosen by CPUID on x86-64, and
//!   elsewhere by the target's features ([`detection`]).
//! - `rayon`: [`Softmax::threads`](Softmax#method.threads). rayon is then the only dependency at run time. Needs `std`.
//! - `full-grid`: every variant of the grid instead of those that profiles name, for tests and measurements.
//!
//! Needs Rust 1.89, the first with stable AVX-512.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(clippy::missing_errors_doc, clippy::std_instead_of_core)]

#[cfg(feature = "std")]
mod compose;
pub mod detection;
mod dispatch;
mod error;
mod ext_sum;
mod grid;
mod kernel;
mod parts;
mod plan;
pub mod profile;
mod selection;
mod softmax;
mod steps;
#[cfg(feature = "rayon")]
mod threads;
mod variant;

#[cfg(feature = "std")]
pub use compose::{ComposeError, ComposedPlan};
pub use error::ShapeError;
pub use ext_sum::ExtSum;
pub use kernel::{
    ExtScaleKernel, ExtSumKernel, Kernel, MaxKernel, OnlineSumKernel, ScaleExpKernel, ScaleKernel,
    SoftmaxKernel, StoreExpKernel, SumExpKernel,
};
pub use plan::{Backup, Plan};
pub use selection::{FORCE_ISA_VARIABLE, Forced, Reason, Selection, SetAside, Unfit};
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
