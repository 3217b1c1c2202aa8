//! What an effort level means, as numbers.

use super::race::{Row, Rules};
use crate::flags;
use softmax_spec::Rows;
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
    /// The longest rows that passes are screened on, if they fit the cache or it is not known, as far as others are not much longer; and
    /// the longest between which crossovers are looked for.
    pub screened: usize,
    /// Whether rows that nearly fill a cache of the machine are among them.
    pub fills_caches: bool,
    /// How single passes are raced.
    pub screening: Rules,
    /// Tiles of every (pass, exp) that go on into plans.
    pub tiles: usize,
    /// Most plans per accuracy that are raced whole.
    pub plans: usize,
    /// How plans are raced, but for [`Effort::racing`].
    racing: Rules,
    /// Bytes of a cache whose sets depend on where memory lies, 0 if that is not known.
    placed: usize,
    /// Most plans that differ from a leader in one pass and are raced with it; an accuracy has two leaders at most.
    pub neighbours: usize,
    /// Most of those that are raced half-way between two lengths, for each plan there.
    pub around: usize,
    /// Most finalists per accuracy in the confirmation round.
    pub finalists: usize,
    /// The confirmation round, but for [`Effort::confirmation`].
    confirmation: Rules,
    /// How plans are compared half-way between two lengths, and when a search looks back.
    crossover: Rules,
}

/// Few rounds and short samples: screening only has to keep the good ones.
const fn screening(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 3, batch: 4, enough: rounds, rounds, patience: 0, keep, sample_us }
}

/// Five rounds are the fewest in which one lucky or unlucky sample decides nothing.
const fn racing(rounds: usize, keep: usize, sample_us: f64) -> Rules {
    Rules { first: 5, batch: 5, enough: rounds, rounds, patience: 0, keep, sample_us }
}

/// Goes on for as long as it is not settled who is best, so no `keep`. Each batch of rounds is timed in another process: where a cache
/// ends, one's memory may lie badly.
const fn confirmation(enough: usize, rounds: usize, sample_us: f64) -> Rules {
    Rules { first: 5, batch: 5, enough, rounds, patience: 15, keep: 0, sample_us }
}

/// The same with no early end.
const fn fixed(rounds: usize, sample_us: f64) -> Rules {
    confirmation(rounds, rounds, sample_us)
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

/// Rows that fill three quarters of a second or third level cache with their results, or of a second alone: within an octave around,
/// what was best for shorter rows gives way to what is best for longer ones, by steps.
fn filling_caches(host: &Host) -> [usize; 3] {
    let held = |kib: u32| (kib as usize * 1024) / size_of::<f32>();
    [3 * held(host.l2_kib) / 8, 3 * held(host.l2_kib) / 4, 3 * held(host.l3_kib) / 8]
}

impl Effort {
    /// The level that the flag names.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort {
                name: "quick",
                budget: Duration::from_secs(75),
                sizes: powers(5, 23, 3),
                screened: usize::MAX,
                fills_caches: false,
                screening: screening(11, 2, 60.0),
                tiles: 2,
                plans: 12,
                racing: racing(25, 4, 200.0),
                placed: 0,
                neighbours: 12,
                // There is no time for the crossovers beside what would be found.
                around: 0,
                finalists: 4,
                confirmation: confirmation(20, 30, 500.0),
                crossover: fixed(15, 300.0),
            },
            flags::Effort::Standard => Effort {
                name: "standard",
                budget: Duration::from_secs(570),
                // The best plan is soon another where rows fill a few registers.
                sizes: [short(), powers(9, 25, 1)].concat(),
                screened: 1 << 23,
                fills_caches: true,
                screening: screening(19, 3, 100.0),
                tiles: 3,
                plans: 24,
                racing: racing(40, 5, 400.0),
                placed: 0,
                neighbours: 30,
                around: 9,
                finalists: 6,
                confirmation: confirmation(20, 80, 500.0),
                crossover: fixed(30, 500.0),
            },
            flags::Effort::Exhaustive => Effort {
                name: "exhaustive",
                budget: Duration::from_secs(2400),
                sizes: [short(), powers(9, 26, 1)].concat(),
                screened: usize::MAX,
                fills_caches: true,
                screening: screening(27, 4, 300.0),
                tiles: 4,
                plans: 64,
                racing: racing(60, 6, 1000.0),
                placed: 0,
                neighbours: 72,
                around: 18,
                finalists: 8,
                confirmation: confirmation(40, 120, 2000.0),
                crossover: fixed(40, 1000.0),
            },
        }
    }

    /// The level on a machine.
    pub fn on(self, host: &Host) -> Effort {
        Effort { placed: host.l2_kib as usize * 1024, ..self }
    }

    /// How plans are raced on a row. Nobody drops out before the third process where it matters which that is, nor before the second
    /// where rows lie beyond that cache: what others do to the next one moves every sample by a tenth.
    pub fn racing(&self, row: Row) -> Rules {
        let processes = match () {
            () if self.depends_on_process(row) => 3,
            () if self.is_beyond_cache(row) => 2,
            () => 0,
        };
        Rules { patience: processes * self.racing.batch, ..self.racing }
    }

    /// Whether a single row is more than the cache holds.
    pub fn is_beyond_cache(&self, row: Row) -> bool {
        self.bytes_beside_cache(row).is_some_and(|bytes| bytes > self.placed)
    }

    /// Whether a single row takes so much of the cache that processes differ by more than plans do.
    pub fn is_noisy(&self, row: Row) -> bool {
        self.bytes_beside_cache(row).is_some_and(|bytes| bytes > self.placed / 2)
    }

    /// The confirmation round on a row, in which nobody but the hopelessly slow drops out before the third process.
    pub fn confirmation(&self, row: Row) -> Rules {
        self.spread(self.confirmation, row)
    }

    /// How plans are compared on a row half-way between two lengths, or when a search looks back; who drops out as in confirmations.
    pub fn crossover(&self, row: Row) -> Rules {
        self.spread(self.crossover, row)
    }

    /// As many rounds by more processes, and settled by twice as many, where it matters which one.
    fn spread(&self, rules: Rules, row: Row) -> Rules {
        let Rules { first, batch, enough, rounds, .. } = rules;
        match self.depends_on_process(row) {
            true => Rules {
                first: first.div_ceil(2),
                batch: batch.div_ceil(2),
                enough: rounds.min(2 * enough),
                ..rules
            },
            false => rules,
        }
    }

    /// Whether the row about fills a cache, of which it finds more or less there by where memory lies.
    fn depends_on_process(&self, row: Row) -> bool {
        let about = self.placed / 4..=2 * self.placed;
        self.bytes_beside_cache(row).is_some_and(|bytes| about.contains(&bytes))
    }

    /// Bytes of a single row with its output, where the cache is known.
    fn bytes_beside_cache(&self, row: Row) -> Option<usize> {
        let arrays = if row.in_place { 1 } else { 2 };
        let bytes = row.elements() * arrays * size_of::<f32>();
        (row.rows == Rows::Single && self.placed > 0).then_some(bytes)
    }

    /// Row lengths on a machine unless `--sizes` says otherwise, ascending. Of caches whose size is not known there are none.
    pub fn lengths(&self, host: &Host) -> Vec<usize> {
        let longest = self.sizes.last().copied().unwrap_or(0);
        let filling =
            filling_caches(host).into_iter().filter(|&len| self.fills_caches && 0 < len && len < longest);
        self.sizes.iter().copied().chain(filling).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::samples;

    #[test]
    fn where_rows_about_fill_a_cache_nobody_drops_out_before_the_third_process() {
        let effort = Effort::new(flags::Effort::Standard);
        let row = |len, in_place, rows| Row { len, in_place, rows };
        let patience = |effort: &Effort, row| effort.racing(row).patience;
        let on = effort.clone().on(&Host { l2_kib: 1024, ..samples::host() });
        for (len, apart, in_place) in [
            (1 << 14, 0, 0),
            (1 << 15, 15, 0),
            (1 << 16, 15, 15),
            (1 << 18, 15, 15),
            (1 << 19, 10, 15),
            (1 << 20, 10, 10),
        ] {
            assert_eq!(patience(&on, row(len, false, Rows::Single)), apart, "{len}");
            assert_eq!(patience(&on, row(len, true, Rows::Single)), in_place, "{len}");
            assert_eq!(patience(&effort, row(len, false, Rows::Single)), 0, "the cache is not known");
        }
        assert_eq!(patience(&on, row(1 << 10, false, Rows::Batch)), 0);
        let noisy = [(1 << 16, false), (98304, false), (1 << 17, true), (196_608, true)];
        let is_noisy = noisy.map(|(len, in_place)| on.is_noisy(row(len, in_place, Rows::Single)));
        assert_eq!(is_noisy, [false, true, false, true]);
        let processes = |rules: Rules| rules.enough.div_ceil(rules.batch);
        for len in [1 << 10, 1 << 16] {
            let row = row(len, true, Rows::Single);
            let rules = [on.confirmation(row), on.crossover(row)];
            assert_eq!(rules.map(processes), if len == 1 << 10 { [4, 6] } else { [14, 10] });
        }
    }

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
        assert_eq!(added(Standard, host(1024, 32768)), [98304, 196_608, 3_145_728]);
        assert_eq!(added(Exhaustive, host(512, 0)), [49152, 98304]);
        // Longer ones than the level's longest are not tuned for.
        assert_eq!(added(Standard, host(2048, 1 << 20)), [196_608, 393_216]);
        assert!(added(Quick, host(1024, 32768)).is_empty());
    }
}
