//! What an effort level means for the paper's experiments, as numbers.

use crate::flags;
use crate::tune::race::Rules;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The numbers of one effort level.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Its name.
    pub name: &'static str,
    /// Wall time for measuring unless `--budget` says otherwise.
    pub budget: Duration,
    /// Elements of the longest row.
    pub longest: usize,
    /// From one length to the next, in powers of two; `None` for one length per cache.
    pub step_log2: Option<u32>,
    /// Most samples of a candidate.
    pub rounds: usize,
    /// Least duration of a sample in microseconds. It is longer where one call is.
    pub sample_us: f64,
    /// How the tiles of a pass are raced.
    pub screening: Rules,
    /// The exp core's error is looked at in every so many floats: a prime, lest all of them end alike.
    pub core_every: NonZeroUsize,
}

const fn stride(floats: usize) -> NonZeroUsize {
    NonZeroUsize::new(floats).expect("a stride")
}

/// As many rounds as an interval needs, so that also a tile that drops out at once has one.
const fn screening(rounds: usize, sample_us: f64) -> Rules {
    Rules {
        first: super::estimate::LEAST_ROUNDS,
        batch: 7,
        enough: rounds,
        rounds,
        patience: 0,
        keep: 2,
        sample_us,
    }
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort {
                name: "quick",
                budget: Duration::from_secs(60),
                longest: 1 << 25,
                step_log2: None,
                rounds: 21,
                sample_us: 200.0,
                screening: screening(13, 60.0),
                core_every: stride(1009),
            },
            flags::Effort::Standard => Effort {
                name: "standard",
                budget: Duration::from_secs(240),
                longest: 1 << 26,
                step_log2: Some(2),
                rounds: 42,
                sample_us: 500.0,
                screening: screening(27, 100.0),
                core_every: stride(101),
            },
            flags::Effort::Exhaustive => Effort {
                name: "exhaustive",
                budget: Duration::from_secs(1200),
                longest: 1 << 28,
                step_log2: Some(1),
                rounds: 105,
                sample_us: 2000.0,
                screening: screening(41, 300.0),
                core_every: stride(11),
            },
        }
    }
}
