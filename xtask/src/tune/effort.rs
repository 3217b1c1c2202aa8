//! What an effort level means, as numbers.

use super::race::Rules;
use crate::flags;
use std::time::Duration;

/// The numbers of one effort level.
#[derive(Debug, Clone)]
pub struct Effort {
    /// Its name.
    pub name: &'static str,
    /// Wall time for measuring unless `--budget` says otherwise.
    pub budget: Duration,
    /// Row lengths unless `--sizes` says otherwise.
    pub sizes: Vec<usize>,
    /// How single passes are raced.
    pub screening: Rules,
    /// Tiles of every (pass, exp) that go on into plans.
    pub tiles: usize,
    /// Most plans per accuracy that are raced whole.
    pub plans: usize,
    /// How plans are raced.
    pub racing: Rules,
    /// Most finalists per accuracy in the confirmation round.
    pub finalists: usize,
    /// The confirmation round, in which nobody is eliminated.
    pub confirmation: Rules,
    /// How the two plans at a crossover are compared.
    pub crossover: Rules,
}

/// Few rounds and short samples: screening only has to keep the good ones.
const fn screening(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 3, batch: 4, rounds, keep, sample_us }
}

/// Five rounds are the fewest in which one lucky or unlucky sample decides nothing.
const fn racing(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 5, batch: 5, rounds, keep, sample_us }
}

/// No early end, so no `keep`.
const fn fixed(rounds: usize, sample_us: f64) -> Rules {
    Rules { first: 7, batch: 7, rounds, keep: 0, sample_us }
}

/// 2^from, 2^(from + step), ... up to 2^to.
fn powers(from: u32, to: u32, step: usize) -> Vec<usize> {
    (from..=to).step_by(step).map(|power| 1 << power).collect()
}

/// 8, 12, 16, 24, ... up to 256.
fn short() -> Vec<usize> {
    let mut sizes = powers(3, 8, 1);
    sizes.extend(powers(2, 6, 1).into_iter().map(|size| 3 * size));
    sizes.sort_unstable();
    sizes
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort {
                name: "quick",
                budget: Duration::from_secs(75),
                sizes: powers(5, 23, 3),
                screening: screening(11, 2, 60.0),
                tiles: 2,
                plans: 12,
                racing: racing(25, 4, 200.0),
                finalists: 4,
                confirmation: fixed(21, 500.0),
                crossover: fixed(14, 300.0),
            },
            flags::Effort::Standard => Effort {
                name: "standard",
                budget: Duration::from_secs(480),
                // The best plan is soon another where rows fill a few registers, and where caches end that are shared.
                sizes: [short(), powers(10, 16, 2), powers(18, 24, 1)].concat(),
                screening: screening(19, 3, 100.0),
                tiles: 3,
                plans: 32,
                racing: racing(40, 5, 400.0),
                finalists: 6,
                confirmation: fixed(42, 1000.0),
                crossover: fixed(21, 500.0),
            },
            flags::Effort::Exhaustive => Effort {
                name: "exhaustive",
                budget: Duration::from_secs(1800),
                sizes: powers(3, 26, 1),
                screening: screening(27, 4, 300.0),
                tiles: 4,
                plans: 64,
                racing: racing(60, 6, 1000.0),
                finalists: 8,
                confirmation: fixed(63, 3000.0),
                crossover: fixed(42, 1000.0),
            },
        }
    }
}
