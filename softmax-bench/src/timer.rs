//! Timing: candidates against each other, interleaved.
//!
//! Every round samples each candidate once, so that what drifts (frequency, neighbours on the memory bus) hits all of them alike, and in
//! an order by lot, so that none always follows the same one. A sample is untimed calls, which bring caches and branch predictors into
//! the state that the candidate itself leaves behind ([`protocol::untimed_calls`]), and then as many calls as were calibrated to fill the
//! sample. Samples wait for a core that others slow ([`crate::pace`]). One during which the core was taken away ([`crate::contention`]), or
//! before or after which it is slow all the same, is taken again.
//! Statistics are deliberately elsewhere: with the tuner.

use crate::buffer::Buffer;
use crate::candidate::Candidate;
use crate::contention::{Retaking, Sample, Watched};
use crate::pace::Pace;
use crate::parameters::Parameters;
use crate::protocol::{self, Contention, TimeRequest};
use crate::random::Random;
use anyhow::{Context, Result, ensure};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The longest row, and the most elements of a batch, that are measured: 2 GiB for input and output.
pub const MAX_LEN: usize = 1 << 28;
/// The longest sample.
pub const MAX_SAMPLE: Duration = Duration::from_secs(10);
/// The most rounds.
pub const MAX_ROUNDS: usize = 100_000;

/// Two rows, or two batches of them, that candidates are timed on.
pub struct Bench {
    original: Buffer,
    x: Buffer,
    y: Buffer,
    parameters: Parameters,
    row_len: usize,
    in_place: bool,
}

impl Bench {
    /// `rows` rows of `row_len` elements, one after the other, for all of these candidates: x ~ U(-10, 10), or |x| where one takes
    /// nothing negative; `in_place` for those that have such a form.
    ///
    /// # Errors
    /// If that is not 1 to [`MAX_LEN`] elements, or more than there is memory.
    pub fn of<'c>(
        candidates: impl IntoIterator<Item = &'c Candidate>,
        rows: usize,
        row_len: usize,
        in_place: bool,
    ) -> Result<Bench> {
        ensure!((1..=MAX_LEN).contains(&row_len), "a row length of {row_len} is not in 1..={MAX_LEN}");
        let len = rows.saturating_mul(row_len);
        ensure!(
            (1..=MAX_LEN).contains(&len),
            "{rows} rows of {row_len} elements are not 1..={MAX_LEN} elements"
        );
        let nonnegative = candidates.into_iter().any(Candidate::takes_exponentials);
        let filled = |len| -> Result<Buffer> {
            let mut x = Buffer::uniform(len, 42).with_context(|| format!("a buffer of {len} elements"))?;
            if nonnegative {
                x.iter_mut().for_each(|x| *x = x.abs());
            }
            Ok(x)
        };
        let x = filled(len)?;
        Ok(Bench {
            parameters: Parameters::of(&x),
            original: filled(if in_place { len } else { 0 })?,
            y: Buffer::zeroed_apart(len, &x)?,
            x,
            row_len,
            in_place,
        })
    }

    /// Puts the row back as it was before the candidate that ran last worked on it in place.
    pub fn restore(&mut self) {
        if self.in_place {
            self.x.copy_from_slice(&self.original);
        }
    }

    /// Runs `candidate` so many times.
    ///
    /// # Errors
    /// If a peer fails.
    pub fn run(&mut self, candidate: &Candidate, calls: u64) -> Result<()> {
        if self.in_place && candidate.has_in_place_form() {
            candidate.run_in_place(&self.parameters, &mut self.x, self.row_len, calls)?;
        } else {
            candidate.run(&self.parameters, &self.x, &mut self.y, self.row_len, calls)?;
        }
        Ok(())
    }

    /// Time of `calls` calls, after untimed ones on a fresh row.
    ///
    /// # Errors
    /// If a peer fails.
    pub fn sample(&mut self, candidate: &Candidate, calls: u64) -> Result<Duration> {
        self.warm(candidate, calls)?;
        self.time(candidate, calls)
    }

    /// The untimed calls before a sample of so many, the first of them on a fresh row.
    fn warm(&mut self, candidate: &Candidate, calls: u64) -> Result<()> {
        self.restore();
        self.run(candidate, protocol::untimed_calls(calls))
    }

    fn time(&mut self, candidate: &Candidate, calls: u64) -> Result<Duration> {
        let start = Instant::now();
        self.run(candidate, calls)?;
        Ok(start.elapsed())
    }

    /// Calls that make a sample of the candidate at that place last at least `target`.
    fn calibrate(&mut self, place: usize, target: Duration, sampling: &mut Sampling) -> Result<u64> {
        let mut calls = 1;
        loop {
            let Sample { took, .. } = sampling.calibrating(self, place, calls)?;
            if took >= target {
                return Ok(calls);
            }
            // Aim 10 % past the target; at most 100 times more at once, as short samples are inexact.
            let growth = 1.1 * target.as_secs_f64() / took.as_secs_f64().max(1e-9);
            calls = (calls as f64 * growth.clamp(1.1, 100.0)).ceil() as u64;
        }
    }
}

/// In longer samples others come and go, and how fast the core is at the ends of one does not tell.
const LONG: Duration = Duration::from_millis(5);

/// The longest wait for the core to be faster: most of the time that others take in bursts is in those of less than 50 ms.
const PATIENCE: Duration = Duration::from_millis(50);

/// How the samples of a race are taken.
struct Sampling<'c> {
    candidates: &'c [Candidate],
    watched: Watched,
    retaking: Retaking,
    /// Of the calling thread's core, where all computes there and the system tells of contention at all.
    pace: Option<Pace>,
    /// Whether samples of each candidate are long.
    long: Vec<bool>,
    /// What all samples took and, at most as long, the waits between them.
    sampled: Duration,
    waited: Duration,
}

impl<'c> Sampling<'c> {
    fn new(candidates: &'c [Candidate], request: &TimeRequest) -> Sampling<'c> {
        let watched = Watched::of(request);
        let is_told = watched == Watched::Thread && watched.preemptions().is_some();
        Sampling {
            candidates,
            watched,
            retaking: Retaking::of(candidates.len() * request.rounds),
            pace: is_told.then(|| Pace::of(candidates.len())),
            long: vec![false; candidates.len()],
            sampled: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    /// Time of `calls` calls of the candidate at that place, undisturbed if one of a few tries is.
    fn sample(&mut self, bench: &mut Bench, place: usize, calls: u64) -> Result<Sample> {
        let Sampling { candidates, watched, retaking, pace, long, sampled, waited } = self;
        let candidate = &candidates[place];
        let is_slow = |pace: &mut Option<Pace>| {
            let is_slow = pace.as_mut().is_some_and(|pace| pace.is_slow_after(place));
            is_slow && !long[place]
        };
        retaking.take(|is_again| {
            if is_again {
                // Whoever waits for the core has it now, and not in the middle of the sample.
                thread::yield_now();
            }
            let at_most = PATIENCE.min(sampled.saturating_sub(*waited));
            *waited += pace.as_ref().map_or(Duration::ZERO, |pace| pace.wait(at_most));
            bench.warm(candidate, calls)?;
            let was_slow = is_slow(pace);
            let before = watched.preemptions();
            let took = bench.time(candidate, calls)?;
            let is_preempted = watched.preemptions() > before;
            *sampled += took;
            Ok(Sample { took, is_contended: is_slow(pace) || was_slow || is_preempted })
        })
    }

    /// The same where it is not known yet how many calls are to be timed.
    fn calibrating(&mut self, bench: &mut Bench, place: usize, calls: u64) -> Result<Sample> {
        self.pace.iter_mut().for_each(|pace| pace.forget(place));
        let sample = self.sample(bench, place, calls)?;
        self.long[place] = sample.took >= LONG;
        Ok(sample)
    }
}

/// Races candidates, those of the request: nanoseconds per element, `[candidate][round]`, and what others had a part in.
///
/// # Errors
/// If the request asks for too little or too much, or a peer fails.
pub fn race(candidates: &[Candidate], request: &TimeRequest) -> Result<(Vec<Vec<f64>>, Option<Contention>)> {
    let &TimeRequest { rows, len, in_place, rounds, sample_us, .. } = request;
    ensure!((1..=MAX_ROUNDS).contains(&rounds), "{rounds} rounds are not in 1..={MAX_ROUNDS}");
    ensure!(
        rows == 1 || candidates.iter().all(Candidate::takes_batches),
        "a single pass is timed on one row, not on {rows}"
    );
    let longest = MAX_SAMPLE.as_secs_f64() * 1e6;
    ensure!((0.0..=longest).contains(&sample_us), "a sample of {sample_us} us is not in 0..={longest}");
    let target = Duration::from_secs_f64(sample_us / 1e6);

    let mut bench = Bench::of(candidates, rows, len, in_place)?;
    let mut sampling = Sampling::new(candidates, request);
    let calibrated = (0..candidates.len()).map(|place| bench.calibrate(place, target, &mut sampling));
    let calls: Vec<u64> = calibrated.collect::<Result<_>>()?;
    let mut samples = vec![Vec::with_capacity(rounds); candidates.len()];
    let mut contended = Vec::new();
    let mut random = Random::new(seed());
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    for round in 0..rounds {
        random.shuffle(&mut order);
        for &i in &order {
            let Sample { took, is_contended } = sampling.sample(&mut bench, i, calls[i])?;
            samples[i].push(took.as_secs_f64() * 1e9 / calls[i] as f64 / (rows * len) as f64);
            contended.extend(is_contended.then_some((i, round)));
        }
    }
    let Sampling { watched, retaking, .. } = sampling;
    let contention = Contention { retaken: retaking.retaken(), contended, set_aside_us: 0 };
    Ok((samples, watched.preemptions().map(|_| contention)))
}

/// Another for every race of every process: of many short races each is to have other orders.
fn seed() -> u64 {
    static RACES: AtomicU64 = AtomicU64::new(0);
    (u64::from(std::process::id()) << 32) + RACES.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> Candidate {
        text.parse().expect("a candidate")
    }

    fn request(rows: usize, len: usize, in_place: bool, rounds: usize, sample_us: f64) -> TimeRequest {
        TimeRequest { candidates: vec![], rows, len, in_place, rounds, sample_us }
    }

    #[test]
    fn a_race_samples_every_candidate_in_every_round() {
        let candidates = [Candidate::Memcpy, Candidate::ReadSum, candidate(protocol::RTEN)];
        for (in_place, rows) in [(false, 1), (true, 1), (false, 5), (true, 5)] {
            let (samples, contention) = race(&candidates, &request(rows, 1000, in_place, 4, 20.0)).unwrap();
            assert_eq!(contention.is_some(), Watched::Thread.preemptions().is_some());
            let contended = contention.map(|contention| contention.contended).unwrap_or_default();
            assert!(contended.iter().all(|&(candidate, round)| candidate < 3 && round < 4));
            assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4]);
            assert!(samples.iter().flatten().all(|ns| ns.is_finite() && *ns > 0.0));
        }
    }

    #[test]
    fn calibrated_samples_last_as_long_as_asked() {
        let target = Duration::from_micros(200);
        let mut bench = Bench::of([], 1, 256, false).unwrap();
        let mut sampling = Sampling::new(&[Candidate::Memcpy], &request(1, 256, false, 1, 200.0));
        let calls = bench.calibrate(0, target, &mut sampling).unwrap();
        assert!(calls > 100, "{calls}");
    }

    #[test]
    fn where_the_core_is_slow_short_samples_are_contended_and_waits_are_no_longer_than_they() {
        let candidates = [Candidate::Memcpy, Candidate::ReadSum];
        let mut bench = Bench::of([], 1, 256, false).unwrap();
        let mut sampling = Sampling::new(&candidates, &request(1, 256, false, 100, 1.0));
        if sampling.pace.is_none() {
            assert_eq!(Watched::Thread.preemptions(), None);
            return;
        }
        sampling.pace = Some(Pace::unreachable(2));
        sampling.long[1] = true;
        let mut contended = [0; 2];
        for _ in 0..20 {
            for (place, contended) in contended.iter_mut().enumerate() {
                *contended += usize::from(sampling.sample(&mut bench, place, 10).unwrap().is_contended);
            }
        }
        assert!(contended[0] == 20 && contended[1] < 20, "{contended:?}");
        let a_bit = Duration::from_millis(1);
        assert!(sampling.waited > Duration::ZERO && sampling.waited < sampling.sampled + a_bit);
        let threads = candidate("ref:memcpy@2");
        let of_threads =
            TimeRequest { candidates: vec!["ref:memcpy@2".to_owned()], ..request(1, 1, false, 1, 1.0) };
        assert!(Sampling::new(&[threads], &of_threads).pace.is_none(), "others compute on other cores");
    }

    #[test]
    fn caches_settle_for_as_many_calls_as_are_timed_up_to_ten() {
        let mut bench = Bench::of([], 1, 100, true).unwrap();
        // From 0 on, e^x / 4 comes a bit nearer to 0.357 with every call; exponentials are measured from 2^32.
        bench.original.fill(0.0);
        (bench.parameters.max, bench.parameters.factor) = (1.0, (-34f64).exp2());
        let exp = candidate("f32_scale_exp__scalar_a6_u1");
        for (calls, untimed) in [(1, 1), (2, 2), (10, 10), (11, 10), (1000, 10)] {
            bench.warm(&exp, calls).unwrap();
            let warmed = bench.x[0];
            bench.restore();
            bench.run(&exp, untimed - 1).unwrap();
            assert!(bench.x[0] < warmed, "{calls}");
            bench.run(&exp, 1).unwrap();
            assert_eq!(bench.x[0].to_bits(), warmed.to_bits(), "{calls}");
        }
    }

    #[test]
    fn senseless_races_are_refused() {
        for (rows, len, rounds, sample_us) in [
            (1, 0, 1, 1.0),
            (0, 1, 1, 1.0),
            (1, MAX_LEN + 1, 1, 1.0),
            (2, MAX_LEN, 1, 1.0),
            (usize::MAX, 2, 1, 1.0),
            (1, 1, 0, 1.0),
            (1, 1, 1, f64::NAN),
            (1, 1, 1, -1.0),
            (1, 1, 1, 1e300),
        ] {
            assert!(race(&[Candidate::Memcpy], &request(rows, len, false, rounds, sample_us)).is_err());
        }
    }

    #[test]
    fn a_pass_is_not_timed_on_a_batch() {
        let pass = [candidate("f32_max__scalar_u1")];
        assert!(race(&pass, &request(1, 8, false, 1, 1.0)).is_ok());
        let error = race(&pass, &request(2, 8, false, 1, 1.0)).unwrap_err().to_string();
        assert_eq!(error, "a single pass is timed on one row, not on 2");
    }

    #[test]
    fn in_place_candidates_leave_no_trace_after_a_restore() {
        let mut bench = Bench::of([], 1, 100, true).unwrap();
        bench.run(&candidate(protocol::RTEN), 1).unwrap();
        assert_ne!(*bench.x, *bench.original);
        bench.restore();
        assert_eq!(*bench.x, *bench.original);
    }
}
