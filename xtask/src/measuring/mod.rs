//! What `tune` and `compare` have in common: the process that takes timings, what to say about the machine before it
//! does, and what may be concluded from samples.

pub mod child;
pub mod interrupt;
pub mod preflight;
pub mod statistics;

pub use child::Child;
pub use interrupt::Interrupted;

use anyhow::{Result, ensure};
use softmax_bench::protocol::TimeRequest;

/// Where timings come from: the measuring process, or a recording or a model in tests.
pub trait Timings {
    /// Nanoseconds per element, `[candidate][round]`.
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>>;

    /// The same, and an error unless there is a sample of every candidate for every round.
    fn all_samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        let samples = self.samples(request)?;
        let complete = samples.len() == request.candidates.len()
            && samples.iter().all(|samples| samples.len() == request.rounds);
        ensure!(complete, "the measuring process sent fewer samples than were asked for");
        Ok(samples)
    }
}
