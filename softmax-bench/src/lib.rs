//! Measuring: what the tuner and the benches use to find out whether a kernel is right and how fast it is.
//!
//! The tuner (`xtask`) must compile in seconds, so it does not link the full grid: it starts the `measure`
//! binary of this crate and talks to it as [`protocol`] says; [`emulator`] is of use to both, and [`oracle`] to whoever
//! tests kernels. Everything else here is behind the feature `harness`, which that binary and the criterion benches need.
//! What to measure and what to conclude from it is deliberately elsewhere, in `xtask`.

#![warn(clippy::missing_errors_doc)]

pub mod emulator;
pub mod oracle;
pub mod protocol;

#[cfg(feature = "harness")]
pub mod affinity;
#[cfg(feature = "harness")]
pub mod buffer;
#[cfg(feature = "harness")]
pub mod candidate;
#[cfg(feature = "harness")]
pub mod catalogue;
#[cfg(feature = "harness")]
pub mod certify;
#[cfg(feature = "harness")]
pub mod contention;
#[cfg(feature = "harness")]
pub mod leash;
#[cfg(feature = "harness")]
pub mod pace;
#[cfg(feature = "harness")]
pub mod parameters;
#[cfg(feature = "harness")]
pub mod peer;
#[cfg(feature = "harness")]
pub mod random;
#[cfg(feature = "harness")]
pub mod reference;
#[cfg(feature = "harness")]
pub mod rows;
#[cfg(feature = "harness")]
pub mod timer;
#[cfg(feature = "harness")]
pub mod tolerance;
#[cfg(feature = "harness")]
pub mod verify;
