//! What the commands that time have in common: the process that does it, what to say about the machine before it
//! does, what a request costs, and what may be concluded from samples.

pub mod bootstrap;
pub mod child;
pub mod contention;
pub mod cost;
pub mod interrupt;
pub mod preflight;
pub mod statistics;

pub use child::Child;
pub use contention::Measured;
pub use interrupt::Interrupted;

use anyhow::{Result, ensure};
use softmax_bench::protocol::TimeRequest;

/// Bytes that softmax moves per element at least: a read and a write of an f32.
pub const BYTES_PER_ELEMENT: f64 = 8.0;

/// Where timings come from: the measuring process, or a recording or a model in tests.
pub trait Timings {
    /// Nanoseconds per element, `[candidate][round]`.
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>>;

    /// The same, with what others had a part in, where the machine tells.
    fn measured(&mut self, request: &TimeRequest) -> Result<Measured> {
        self.samples(request).map(Measured::from)
    }

    /// The same, and an error unless there is a sample of every candidate for every round.
    fn all_measured(&mut self, request: &TimeRequest) -> Result<Measured> {
        let measured = self.measured(request)?;
        let complete = measured.samples.len() == request.candidates.len()
            && measured.samples.iter().all(|samples| samples.len() == request.rounds);
        ensure!(complete, "the measuring process sent fewer samples than were asked for");
        Ok(measured)
    }

    /// From now on candidates are timed in another process: where memory lies is another matter in each, and makes some candidates
    /// slower by up to 40 % for as long as a process lives. Machines without processes have nothing to do.
    fn anew(&mut self) {}

    /// The samples of [`Timings::all_measured`] alone.
    fn all_samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.all_measured(request).map(|measured| measured.samples)
    }
}
