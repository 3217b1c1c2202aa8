//! What an effort level means for a comparison.

use crate::flags;

/// The numbers of one effort level.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Its name.
    pub name: &'static str,
    /// Samples of each candidate at each shape; odd, so that the median is one of them.
    pub rounds: usize,
    /// Least duration of a sample in microseconds. Samples of large shapes are longer: at least one call.
    pub sample_us: f64,
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort { name: "quick", rounds: 5, sample_us: 200.0 },
            flags::Effort::Standard => Effort { name: "standard", rounds: 15, sample_us: 1000.0 },
            flags::Effort::Exhaustive => Effort { name: "exhaustive", rounds: 61, sample_us: 3000.0 },
        }
    }
}
