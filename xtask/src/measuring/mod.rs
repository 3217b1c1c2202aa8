//! What `tune` and `compare` have in common: the process that takes timings, what to say about the machine before it
//! does, and what may be concluded from samples.

pub mod child;
pub mod interrupt;
pub mod preflight;
pub mod statistics;

pub use child::Child;
pub use interrupt::Interrupted;

use anyhow::Result;
use softmax_bench::protocol::TimeRequest;

/// Where timings come from: the measuring process, or a recording or a model in tests.
pub trait Timings {
    /// Nanoseconds per element, `[candidate][round]`.
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>>;
}
