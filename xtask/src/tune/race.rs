//! Racing: interleaved rounds with early elimination.
//!
//! Candidates run in groups (those among which a choice is to be made) but all in the same rounds, so that what
//! drifts hits all of them. After each batch of rounds, whoever is clearly slower than the leader of each of its
//! groups drops out, and the time goes to those that are still in contention. Every batch is timed in another process, so that
//! nobody wins, or drops out late, by where memory happened to lie.

use super::clock::Deadline;
use crate::measuring::Timings;
use crate::measuring::contention::Tally;
use crate::measuring::cost::CALIBRATION;
use crate::measuring::statistics::{lower_quartile, median, median_bounds, ratios};
use crate::profiles::TIE;
use anyhow::Result;
use softmax_bench::protocol::{Candidate, TimeRequest};
use softmax_spec::Rows;
use std::cmp::Reverse;

/// A candidate of a race.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What to time.
    pub id: Candidate,
    /// The groups that it is in. In none: it is timed to the end.
    pub groups: Vec<usize>,
}

/// The places of a group's members.
pub fn members(entries: &[Entry], group: usize) -> impl Iterator<Item = usize> {
    (0..entries.len()).filter(move |&i| entries[i].groups.contains(&group))
}

/// The row that is raced on, alone or in a batch of such rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// Elements.
    pub len: usize,
    /// Whether output overwrites input.
    pub in_place: bool,
    /// Whether it is alone.
    pub rows: Rows,
}

impl Row {
    /// Elements of the whole batch.
    pub fn elements(self) -> usize {
        self.rows.timed(self.len) * self.len
    }

    /// Whether passes can be timed on it by themselves. Elsewhere those that take whole rows are, as plans.
    pub fn times_passes(self) -> bool {
        self.rows == Rows::Single && !self.in_place
    }
}

/// How long a race goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Rounds of the first batch.
    pub first: usize,
    /// Rounds of every further batch.
    pub batch: usize,
    /// Rounds after which it ends if it is settled how all that are left compare with the leaders of their groups.
    pub enough: usize,
    /// Rounds after which it ends in any case.
    pub rounds: usize,
    /// Rounds before which only the hopelessly slow drop out: those of one process may all be of memory that lies badly for somebody.
    pub patience: usize,
    /// Nobody is eliminated from a group of this many, and a race whose groups are all as small is over.
    pub keep: usize,
    /// Least duration of a sample in microseconds.
    pub sample_us: f64,
}

/// Error probability of the bound that a candidate must be clear of to be eliminated. Strict, because many are tested
/// against a leader who may lead by luck.
const ELIMINATION_ALPHA: f64 = 0.02;
/// And it must be slower by this factor at that bound: less is not worth losing the true winner over.
const CLEARLY_SLOWER: f64 = 1.01;
/// Slower by this factor in three rounds of four, it drops out as well: an outlier of the leader's must not keep
/// everybody in the race.
const HOPELESSLY_SLOWER: f64 = 1.2;

/// How a race ended.
#[derive(Debug)]
pub struct Finish {
    /// Nanoseconds per element, `[entry][round]`; shorter for those that dropped out.
    pub samples: Vec<Vec<f64>>,
    /// Whether the entry was in contention to the end.
    pub alive: Vec<bool>,
    /// The share of samples that others had a part in; `None` where the system does not tell.
    pub contended: Option<f64>,
}

impl Finish {
    /// How many times as long as another an entry took: the median over the rounds that both ran.
    pub fn ratio(&self, entry: usize, other: usize) -> f64 {
        median(&ratios(&self.samples[entry], &self.samples[other]))
    }

    /// Whether an entry is slower than another by more than a tie, and not by chance.
    pub fn is_beaten(&self, entry: usize, by: usize) -> bool {
        let against = ratios(&self.samples[entry], &self.samples[by]);
        median(&against) > TIE && median_bounds(&against, SURE_ALPHA).0 > 1.0
    }

    /// Whether of all members of a group that are still in contention it is sure that they are slower than the leader, or that they are as
    /// good.
    fn is_settled(&self, entries: &[Entry], group: usize) -> bool {
        let alive: Vec<usize> = self.ranking(entries, group).into_iter().filter(|&i| self.alive[i]).collect();
        let Some((&leader, others)) = alive.split_first() else { return true };
        others.iter().all(|&i| {
            let (low, high) = median_bounds(&ratios(&self.samples[i], &self.samples[leader]), SURE_ALPHA);
            low > 1.0 || high <= EQUAL
        })
    }

    /// Members of a group, fastest first; those still in contention before those that dropped out.
    pub fn ranking(&self, entries: &[Entry], group: usize) -> Vec<usize> {
        let mut members: Vec<usize> = members(entries, group).collect();
        members.sort_by(|&a, &b| {
            let key = |i: usize| (Reverse(self.samples[i].len()), median(&self.samples[i]));
            let ((rounds_a, time_a), (rounds_b, time_b)) = (key(a), key(b));
            self.alive[b].cmp(&self.alive[a]).then(rounds_a.cmp(&rounds_b)).then(time_a.total_cmp(&time_b))
        });
        members
    }

    /// So many members of a group to go on with: the faster half, and of those that are as good as the fastest the first by `key`, so
    /// that two races go on with about the same, whatever came in first by chance.
    pub fn best<K: Ord>(
        &self,
        entries: &[Entry],
        group: usize,
        count: usize,
        key: impl Fn(usize) -> K,
    ) -> Vec<usize> {
        let ranking = self.ranking(entries, group);
        let Some(&fastest) = ranking.first() else { return ranking };
        let (faster, rest) = ranking.split_at(count.div_ceil(2).min(ranking.len()));
        let is_equal = |i: usize| self.ratio(i, fastest) <= EQUAL;
        let mut rest = rest.to_vec();
        rest.sort_by_cached_key(|&i| match self.alive[i] && is_equal(i) {
            true => (false, Some(key(i))),
            false => (true, None),
        });
        faster.iter().copied().chain(rest).take(count).collect()
    }
}

/// Races until every group is small, the rounds are spent, or the next batch would end after `deadline`; the first
/// batch is always run. `leading` hears of the fastest of the first group after each batch.
pub fn race(
    timings: &mut impl Timings,
    row: Row,
    entries: &[Entry],
    rules: &Rules,
    deadline: &Deadline,
    mut leading: impl FnMut(&str),
) -> Result<Finish> {
    let groups = 1 + entries.iter().flat_map(|entry| &entry.groups).max().copied().unwrap_or(0);
    let mut finish = Finish {
        samples: vec![Vec::new(); entries.len()],
        alive: vec![true; entries.len()],
        contended: None,
    };
    let mut tally = Tally::default();
    let mut next = rules.first.min(rules.rounds);
    while next > 0 {
        let started = deadline.time().now();
        let racing: Vec<usize> = (0..entries.len()).filter(|&i| finish.alive[i]).collect();
        let candidates = racing.iter().map(|&i| entries[i].id.clone()).collect();
        let request = TimeRequest {
            candidates,
            rows: row.rows.timed(row.len),
            len: row.len,
            in_place: row.in_place,
            rounds: next,
            sample_us: rules.sample_us,
        };
        timings.anew();
        let measured = timings.all_measured(&request)?;
        tally.add(&measured);
        deadline.put_off(measured.set_aside());
        let taken = (deadline.time().now() - started).saturating_sub(measured.set_aside()).as_secs_f64();
        for (&i, new) in racing.iter().zip(measured.samples) {
            finish.samples[i].extend(new);
        }
        let largest = eliminate(&mut finish, entries, groups, rules);
        if let Some(&leader) = finish.ranking(entries, 0).first() {
            leading(&entries[leader].id);
        }
        if largest.is_some_and(|largest| largest <= rules.keep) {
            break;
        }
        let done = finish.samples.iter().map(Vec::len).max().unwrap_or(0);
        if done >= rules.enough && (0..groups).all(|group| finish.is_settled(entries, group)) {
            break;
        }
        let spent = taken / (next as f64 + CALIBRATION) / racing.len() as f64;
        let left = finish.alive.iter().filter(|alive| **alive).count() as f64;
        next = rules.batch.min(rules.rounds - done);
        let seconds = spent * left * (next as f64 + CALIBRATION);
        if deadline.left().as_secs_f64() < seconds {
            break;
        }
    }
    finish.contended = tally.counts().map(|counts| counts.contended as f64 / counts.taken as f64);
    Ok(finish)
}

/// Drops whoever is clearly slower in all of its groups. Returns the size of the largest group that is left; `None`
/// if there are no groups.
fn eliminate(finish: &mut Finish, entries: &[Entry], groups: usize, rules: &Rules) -> Option<usize> {
    let is_patient = finish.samples.iter().all(|samples| samples.len() < rules.patience);
    let mut contending: Vec<bool> = entries.iter().map(|entry| entry.groups.is_empty()).collect();
    let mut largest = None;
    for group in 0..groups {
        let members: Vec<usize> =
            finish.ranking(entries, group).into_iter().filter(|&i| finish.alive[i]).collect();
        let Some(&leader) = members.first() else { continue };
        let survives = |&(place, i): &(usize, usize)| {
            let against = ratios(&finish.samples[i], &finish.samples[leader]);
            let clear = !is_patient && median_bounds(&against, ELIMINATION_ALPHA).0 > CLEARLY_SLOWER;
            place < rules.keep || !(clear || lower_quartile(&against) > HOPELESSLY_SLOWER)
        };
        let survivors: Vec<usize> =
            members.into_iter().enumerate().filter(survives).map(|(_, i)| i).collect();
        largest = largest.max(Some(survivors.len()));
        for i in survivors {
            contending[i] = true;
        }
    }
    for (alive, contends) in finish.alive.iter_mut().zip(contending) {
        *alive &= contends;
    }
    largest
}

/// Error probability of the bounds beyond which it is sure that one is slower than another, or as good.
const SURE_ALPHA: f64 = 0.05;
/// Slower by no more than this, a candidate is as good as the fastest even if the difference is sure to be there.
pub const EQUAL: f64 = 1.01;

/// Who won among those that ran to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The winner.
    pub winner: usize,
    /// Those that are slower than the fastest by no more than a tie, without the winner.
    pub ties: Vec<usize>,
}

/// The fastest of those `contenders` that ran to the end, or of those that are as good the one with the smallest `key`.
///
/// The fastest by the median of time relative to the round's level, so that slow rounds count no more than others.
pub fn decide<K: Ord>(
    samples: &[Vec<f64>],
    contenders: &[usize],
    key: impl Fn(usize) -> K,
) -> Option<Decision> {
    let rounds = contenders.iter().map(|&i| samples[i].len()).max()?;
    let contenders: Vec<usize> = contenders.iter().copied().filter(|&i| samples[i].len() == rounds).collect();
    let level = |round: usize| median(&contenders.iter().map(|&i| samples[i][round]).collect::<Vec<_>>());
    let levels: Vec<f64> = (0..rounds).map(level).collect();
    let time = |i: usize| median(&ratios(&samples[i], &levels));
    let fastest = contenders.iter().copied().min_by(|&a, &b| time(a).total_cmp(&time(b)))?;
    choose(&contenders, |i| median(&ratios(&samples[i], &samples[fastest])), key)
}

/// Of contenders that take so many times as long as the fastest, one that is as good, with the smallest `key`.
pub fn choose<K: Ord>(
    contenders: &[usize],
    ratio: impl Fn(usize) -> f64,
    key: impl Fn(usize) -> K,
) -> Option<Decision> {
    let within = |most: f64| contenders.iter().copied().filter(|&i| ratio(i) <= most).collect::<Vec<_>>();
    let winner = within(EQUAL).into_iter().min_by_key(|&i| key(i))?;
    Some(Decision { winner, ties: within(TIE).into_iter().filter(|&i| i != winner).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measuring::Measured;
    use crate::measuring::statistics::{next, uniform};
    use crate::tune::clock::Time;
    use softmax_bench::protocol::Contention;
    use std::time::Duration;

    /// Timings of candidates called by their true time, in a world with noise.
    struct World {
        random: u64,
        round: usize,
        /// Relative noise, uniform.
        noise: f64,
        /// One sample in this many takes 1 to 10 times as long; 0 for none.
        outliers: u64,
        /// The machine slows down by this much per round and recovers every 40 rounds.
        drift: f64,
        timed: usize,
    }

    impl World {
        fn new(noise: f64, outliers: u64, drift: f64) -> World {
            World { random: 1, round: 0, noise, outliers, drift, timed: 0 }
        }

        fn uniform(&mut self) -> f64 {
            uniform(&mut self.random)
        }
    }

    impl Timings for World {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let mut samples = vec![Vec::new(); request.candidates.len()];
            for _ in 0..request.rounds {
                self.round += 1;
                let drift = 1.0 + self.drift * (self.round % 40) as f64;
                for (candidate, samples) in request.candidates.iter().zip(&mut samples) {
                    let truth: f64 = candidate.split(' ').next().unwrap().parse()?;
                    let mut time = truth * drift * (1.0 + self.noise * self.uniform());
                    if self.outliers > 0 && next(&mut self.random).is_multiple_of(self.outliers) {
                        time *= 1.0 + 9.0 * self.uniform();
                    }
                    samples.push(time);
                    self.timed += 1;
                }
            }
            Ok(samples)
        }
    }

    const RULES: Rules =
        Rules { first: 5, batch: 5, enough: 40, rounds: 40, patience: 0, keep: 2, sample_us: 1.0 };
    const CONFIRMATION: Rules =
        Rules { first: 7, batch: 7, enough: 28, rounds: 28, patience: 0, keep: 0, sample_us: 1.0 };
    const ROW: Row = Row { len: 100, in_place: false, rows: Rows::Single };

    fn entries(times: &[f64], group: usize) -> Vec<Entry> {
        times
            .iter()
            .enumerate()
            .map(|(i, time)| Entry { id: format!("{time} #{i}"), groups: vec![group] })
            .collect()
    }

    fn later() -> Deadline {
        Time::default().after(Duration::from_secs(3600))
    }

    fn winner(world: &mut World, times: &[f64]) -> (Finish, Decision) {
        let entries = entries(times, 0);
        let finish = race(world, ROW, &entries, &RULES, &later(), |_| {}).unwrap();
        let alive: Vec<usize> = (0..entries.len()).filter(|&i| finish.alive[i]).collect();
        let finalists: Vec<Entry> =
            alive.iter().map(|&i| Entry { groups: vec![], ..entries[i].clone() }).collect();
        let confirmed = race(world, ROW, &finalists, &CONFIRMATION, &later(), |_| {}).unwrap();
        let all: Vec<usize> = (0..alive.len()).collect();
        let Decision { winner, ties } = decide(&confirmed.samples, &all, |i| i).unwrap();
        (finish, Decision { winner: alive[winner], ties: ties.into_iter().map(|i| alive[i]).collect() })
    }

    /// 40 candidates from 1.0 upwards in steps of 4 %, not in order; the fastest is number 23.
    fn field() -> Vec<f64> {
        (0..40).map(|i| 1.0 + 0.04 * f64::from((i + 17) % 40)).collect()
    }

    #[test]
    fn clean_timings_find_the_winner_in_one_batch() {
        let mut world = World::new(0.0, 0, 0.0);
        let (finish, decision) = winner(&mut world, &field());
        assert_eq!(decision, Decision { winner: 23, ties: vec![] });
        assert_eq!(finish.samples[23].len(), RULES.first);
    }

    #[test]
    fn noise_outliers_and_drift_change_neither_the_winner_nor_admit_slow_ties() {
        for (name, noise, outliers, drift) in [
            ("noisy", 0.05, 0, 0.0),
            ("outliers", 0.01, 6, 0.0),
            ("drifting", 0.01, 0, 0.02),
            ("all", 0.03, 10, 0.02),
        ] {
            for seed in 1..=20 {
                let mut world = World { random: seed, ..World::new(noise, outliers, drift) };
                let (_, decision) = winner(&mut world, &field());
                assert_eq!(decision.winner, 23, "{name}, seed {seed}");
                assert_eq!(decision.ties, Vec::<usize>::new(), "{name}, seed {seed}");
            }
        }
    }

    #[test]
    fn the_best_are_the_faster_half_then_those_as_good_by_key_then_the_rest() {
        let times = [1.3, 1.001, 1.008, 1.0, 1.005, 1.2];
        let entries = entries(&times, 0);
        let samples = times.iter().map(|&time| vec![time; 3]).collect();
        let mut finish = Finish { samples, alive: vec![true; 6], contended: None };
        let best = |finish: &Finish, count| finish.best(&entries, 0, count, |i| 9 - i);
        assert_eq!(best(&finish, 1), [3]);
        assert_eq!(best(&finish, 2), [3, 4]);
        assert_eq!(best(&finish, 3), [3, 1, 4]);
        assert_eq!(best(&finish, 9), [3, 1, 4, 2, 5, 0]);
        finish.alive[4] = false;
        assert_eq!(best(&finish, 3), [3, 1, 2]);
        assert!(finish.best(&entries, 1, 3, |i| i).is_empty());
    }

    #[test]
    fn losers_are_dropped_early() {
        let mut world = World::new(0.02, 20, 0.01);
        let (finish, _) = winner(&mut world, &field());
        assert!(world.timed < 40 * RULES.rounds / 3, "{} samples", world.timed);
        assert_eq!(finish.samples[22].len(), RULES.first, "the slowest was kept");
    }

    #[test]
    fn equals_are_declared_a_tie_and_the_key_breaks_it() {
        for seed in 1..=20 {
            let mut world = World { random: seed, ..World::new(0.05, 10, 0.01) };
            let (finish, decision) = winner(&mut world, &[1.3, 1.0, 1.0, 1.5, 1.4]);
            let mut tied = [vec![decision.winner], decision.ties.clone()].concat();
            tied.sort_unstable();
            assert!(finish.alive[1] && finish.alive[2], "seed {seed}");
            assert!(tied == [1, 2] || tied == [1] || tied == [2], "seed {seed}: {tied:?}");
        }
        let same = vec![vec![1.0, 1.1, 0.9, 1.0]; 3];
        assert_eq!(decide(&same, &[0, 1, 2], |i| 9 - i), Some(Decision { winner: 2, ties: vec![0, 1] }));
    }

    #[test]
    fn a_race_ends_when_it_is_settled_or_goes_on_to_the_last_round() {
        let rounds = |noise, times: &[f64]| {
            let rules = Rules { enough: 20, keep: 0, ..RULES };
            let finish =
                race(&mut World::new(noise, 0, 0.0), ROW, &entries(times, 0), &rules, &later(), |_| {})
                    .unwrap();
            finish.samples[0].len()
        };
        assert_eq!(rounds(0.001, &[1.0, 1.0, 1.005, 1.5]), 20, "as good, or slower");
        assert_eq!(rounds(0.001, &[1.0]), 20, "alone");
        assert_eq!(rounds(0.1, &[1.0, 1.005]), 40, "as good or not");
    }

    #[test]
    fn who_dropped_out_neither_wins_nor_shortens_the_others() {
        // Alike in the rounds that the third ran.
        let samples = [vec![1.0, 1.0, 2.0, 2.0, 2.0], vec![1.1, 1.1, 1.0, 1.0, 1.0], vec![0.9, 0.9]];
        assert_eq!(decide(&samples, &[0, 1, 2], |i| i).unwrap().winner, 1);
    }

    #[test]
    fn a_small_difference_decides_under_drift_and_a_smaller_one_does_not() {
        for (slower, winner) in [(1.015, 1), (1.005, 0)] {
            let mut world = World::new(0.002, 0, 0.05);
            let entries = entries(&[slower, 1.0], 0);
            let rules = Rules { first: 20, ..RULES };
            let finish = race(&mut world, ROW, &entries, &rules, &later(), |_| {}).unwrap();
            let decision = decide(&finish.samples, &[0, 1], |i| i);
            assert_eq!(decision, Some(Decision { winner, ties: vec![1 - winner] }), "{slower}");
        }
    }

    #[test]
    fn groups_are_judged_apart_and_references_stay() {
        let mut all = entries(&[1.0, 1.5, 2.0, 2.5], 0);
        all.extend(entries(&[10.0, 11.0, 15.0], 1));
        all.push(Entry { id: "99 reference".to_owned(), groups: vec![] });
        all[1].groups.push(1);
        let finish =
            race(&mut World::new(0.01, 0, 0.0), ROW, &all, &Rules { keep: 1, ..RULES }, &later(), |_| {})
                .unwrap();
        assert_eq!(finish.alive, [true, true, false, false, false, false, false, true]);
        assert_eq!(finish.ranking(&all, 1)[0], 1);
    }

    #[test]
    fn with_patience_one_process_decides_nothing() {
        /// Memory lies badly for the faster candidate in the first process.
        struct Unlucky(usize);
        impl Timings for Unlucky {
            fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
                let time = |id: &String| match (id.starts_with("1 "), self.0) {
                    (true, 1) => 1.2,
                    (true, _) => 1.0,
                    _ => 1.1,
                };
                Ok(request.candidates.iter().map(|id| vec![time(id); request.rounds]).collect())
            }

            fn anew(&mut self) {
                self.0 += 1;
            }
        }
        let mut entries = entries(&[1.0, 1.1], 0);
        entries.push(Entry { id: "1.1 reference".to_owned(), groups: vec![] });
        let alive = |patience| {
            let rules = Rules { keep: 0, patience, ..RULES };
            race(&mut Unlucky(0), ROW, &entries, &rules, &later(), |_| {}).unwrap().alive
        };
        assert_eq!(alive(0), [false, true, true]);
        assert_eq!(alive(15), [true, false, true]);
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_the_first_batch_unless_it_was_others_time() {
        /// Takes a second, and another that is set aside.
        struct Slow {
            world: World,
            time: Time,
            set_aside: Duration,
        }
        impl Timings for Slow {
            fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
                self.time.pass(Duration::from_secs(1) + self.set_aside);
                self.world.samples(request)
            }

            fn measured(&mut self, request: &TimeRequest) -> Result<Measured> {
                let contention =
                    Contention { set_aside_us: self.set_aside.as_micros() as u64, ..Contention::default() };
                Ok(Measured { samples: self.samples(request)?, contention: Some(contention) })
            }
        }
        let entries = entries(&[1.0, 1.0, 1.0], 0);
        let rounds = |seconds, set_aside| {
            let (world, time) = (World::new(0.1, 0, 0.0), Time::default());
            let deadline = time.after(Duration::from_secs(seconds));
            let mut slow = Slow { world, time, set_aside: Duration::from_secs(set_aside) };
            race(&mut slow, ROW, &entries, &RULES, &deadline, |_| {}).unwrap().samples[0].len()
        };
        assert_eq!([0, 3, 30].map(|seconds| rounds(seconds, 0)), [5, 15, 40]);
        assert_eq!([0, 3, 30].map(|seconds| rounds(seconds, 1)), [5, 15, 40]);
    }
}
