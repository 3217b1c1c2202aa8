//! What an effort level means for a comparison.

use super::Shape;
use crate::flags;

/// From this many elements on, a sample is a single call of tens of milliseconds, and so much memory that rounds differ
/// little: fewer will do.
const LARGE: usize = 1 << 24;

/// The numbers of one effort level.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Its name.
    pub name: &'static str,
    /// Samples of each candidate at each shape; odd, so that the median is one of them.
    rounds: usize,
    /// The same at large shapes.
    large_rounds: usize,
    /// Least duration of a sample in microseconds. It is longer where one call is.
    pub sample_us: f64,
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        let effort = |name, rounds, large_rounds, sample_us| Effort { name, rounds, large_rounds, sample_us };
        match level {
            flags::Effort::Quick => effort("quick", 7, 3, 200.0),
            flags::Effort::Standard => effort("standard", 31, 11, 1000.0),
            flags::Effort::Exhaustive => effort("exhaustive", 101, 31, 3000.0),
        }
    }

    /// Samples of each candidate at that shape.
    pub fn rounds(&self, shape: Shape) -> usize {
        if shape.elements() < LARGE { self.rounds } else { self.large_rounds }
    }
}
