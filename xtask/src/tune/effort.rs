//! What an effort level means, as numbers.

use super::race::Rules;
use crate::flags;
use softmax_spec::profile::Host;
use std::collections::BTreeSet;
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
    /// Whether rows that nearly fill a cache of the machine are among them.
    pub fills_caches: bool,
    /// How single passes are raced.
    pub screening: Rules,
    /// Tiles of every (pass, exp) that go on into plans.
    pub tiles: usize,
    /// Most plans per accuracy that are raced whole.
    pub plans: usize,
    /// How plans are raced.
    pub racing: Rules,
    /// Most plans that differ from a leader in one pass and are raced with it; an accuracy has two leaders at most.
    pub neighbours: usize,
    /// Most finalists per accuracy in the confirmation round.
    pub finalists: usize,
    /// The confirmation round, in which nobody is eliminated.
    pub confirmation: Rules,
    /// How plans are compared half-way between two lengths.
    pub crossover: Rules,
}

/// Few rounds and short samples: screening only has to keep the good ones.
const fn screening(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 3, batch: 4, rounds, patience: 0, keep, sample_us }
}

/// Five rounds are the fewest in which one lucky or unlucky sample decides nothing.
const fn racing(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 5, batch: 5, rounds, patience: 0, keep, sample_us }
}

/// No early end, so no `keep`. Each batch of rounds is timed in another process: where a cache ends, one's memory may lie badly.
const fn fixed(rounds: usize, sample_us: f64) -> Rules {
    Rules { first: 5, batch: 5, rounds, patience: 15, keep: 0, sample_us }
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

/// Rows that fill three quarters of a second or third level cache, with their results or alone: within an octave around, what was
/// best for shorter rows gives way to what is best for longer ones, by steps.
fn filling_caches(host: &Host) -> impl Iterator<Item = usize> {
    [host.l2_kib, host.l3_kib].into_iter().flat_map(|kib| {
        let held = (kib as usize * 1024) / size_of::<f32>();
        [3 * held / 8, 3 * held / 4]
    })
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort {
                name: "quick",
                budget: Duration::from_secs(75),
                sizes: powers(5, 23, 3),
                fills_caches: false,
                screening: screening(11, 2, 60.0),
                tiles: 2,
                plans: 12,
                racing: racing(25, 4, 200.0),
                neighbours: 12,
                finalists: 4,
                confirmation: fixed(25, 500.0),
                crossover: fixed(15, 300.0),
            },
            flags::Effort::Standard => Effort {
                name: "standard",
                budget: Duration::from_secs(570),
                // The best plan is soon another where rows fill a few registers.
                sizes: [short(), powers(9, 24, 1)].concat(),
                fills_caches: true,
                screening: screening(19, 3, 100.0),
                tiles: 3,
                plans: 32,
                racing: racing(40, 5, 400.0),
                neighbours: 24,
                finalists: 6,
                confirmation: fixed(40, 1000.0),
                crossover: fixed(40, 500.0),
            },
            flags::Effort::Exhaustive => Effort {
                name: "exhaustive",
                budget: Duration::from_secs(2400),
                sizes: [short(), powers(9, 26, 1)].concat(),
                fills_caches: true,
                screening: screening(27, 4, 300.0),
                tiles: 4,
                plans: 64,
                racing: racing(60, 6, 1000.0),
                neighbours: 64,
                finalists: 8,
                confirmation: fixed(60, 3000.0),
                crossover: fixed(40, 1000.0),
            },
        }
    }

    /// Row lengths on a machine unless `--sizes` says otherwise, ascending. Of caches whose size is not known there are none.
    pub fn lengths(&self, host: &Host) -> Vec<usize> {
        let longest = self.sizes.last().copied().unwrap_or(0);
        let filling = filling_caches(host).filter(|&len| self.fills_caches && 0 < len && len < longest);
        self.sizes.iter().copied().chain(filling).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::samples;

    #[test]
    fn lengths_around_the_ends_of_caches_are_added_where_caches_are_known() {
        let host = |l2_kib, l3_kib| Host { l2_kib, l3_kib, ..samples::host() };
        let added = |level, host: Host| {
            let effort = Effort::new(level);
            let lengths = effort.lengths(&host);
            assert!(lengths.is_sorted() && effort.sizes.iter().all(|len| lengths.contains(len)));
            lengths.into_iter().filter(|len| !effort.sizes.contains(len)).collect::<Vec<_>>()
        };
        use flags::Effort::{Exhaustive, Quick, Standard};
        assert_eq!(added(Standard, host(1024, 32768)), [98304, 196_608, 3_145_728, 6_291_456]);
        assert_eq!(added(Exhaustive, host(512, 0)), [49152, 98304]);
        // Longer ones than the level's longest are not tuned for.
        assert_eq!(added(Standard, host(2048, 1 << 18)), [196_608, 393_216]);
        assert!(added(Quick, host(1024, 32768)).is_empty());
    }
}
