//! Timing: candidates against each other, interleaved.
//!
//! Every round samples each candidate once, and the one that goes first rotates, so that what drifts (frequency,
//! neighbours on the memory bus) hits all of them alike. A sample is one untimed call, which brings caches and
//! branch predictors into the state that the candidate itself leaves behind, and then as many calls as were
//! calibrated to fill the sample. Statistics are deliberately elsewhere: with the tuner.

use crate::buffer::Buffer;
use crate::candidate::Candidate;
use crate::parameters::Parameters;
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The longest row that is measured: 2 GiB for input and output.
pub const MAX_LEN: usize = 1 << 28;
/// The longest sample.
pub const MAX_SAMPLE: Duration = Duration::from_secs(10);
/// The most rounds.
pub const MAX_ROUNDS: usize = 100_000;

/// Two rows that candidates are timed on.
pub struct Bench {
    original: Buffer,
    x: Buffer,
    y: Buffer,
    parameters: Parameters,
    in_place: bool,
}

impl Bench {
    /// Rows of `len` elements, x ~ U(-10, 10); `in_place` for the candidates that have such a form.
    pub fn new(len: usize, in_place: bool) -> Result<Bench> {
        ensure!((1..=MAX_LEN).contains(&len), "a row length of {len} is not in 1..={MAX_LEN}");
        let row = |len| Buffer::uniform(len, 42).with_context(|| format!("a row of {len} elements"));
        let x = row(len)?;
        Ok(Bench {
            parameters: Parameters::of(&x),
            original: row(if in_place { len } else { 0 })?,
            x,
            y: Buffer::zeroed(len)?,
            in_place,
        })
    }

    /// Puts the row back as it was before the candidate that ran last worked on it in place.
    pub fn restore(&mut self) {
        if self.in_place {
            self.x.copy_from_slice(&self.original);
        }
    }

    /// Runs `candidate` once.
    #[inline]
    pub fn call(&mut self, candidate: &Candidate) -> Result<()> {
        if self.in_place && candidate.has_in_place_form() {
            candidate.run_in_place(&self.parameters, black_box(&mut self.x));
        } else {
            candidate.run(&self.parameters, black_box(&self.x), black_box(&mut self.y))?;
        }
        Ok(())
    }

    /// Time of `calls` calls, after an untimed one on a fresh row.
    pub fn sample(&mut self, candidate: &Candidate, calls: u64) -> Result<Duration> {
        self.restore();
        self.call(candidate)?;
        let start = Instant::now();
        for _ in 0..calls {
            self.call(candidate)?;
        }
        Ok(start.elapsed())
    }

    /// Calls that make a sample last at least `target`.
    pub fn calibrate(&mut self, candidate: &Candidate, target: Duration) -> Result<u64> {
        let mut calls = 1;
        loop {
            let took = self.sample(candidate, calls)?;
            if took >= target {
                return Ok(calls);
            }
            // Aim 10 % past the target; at most 100 times more at once, as short samples are inexact.
            let growth = 1.1 * target.as_secs_f64() / took.as_secs_f64().max(1e-9);
            calls = (calls as f64 * growth.clamp(1.1, 100.0)).ceil() as u64;
        }
    }
}

/// Races candidates: nanoseconds per element, `[candidate][round]`.
pub fn race(
    candidates: &[Candidate],
    len: usize,
    in_place: bool,
    rounds: usize,
    sample_us: f64,
) -> Result<Vec<Vec<f64>>> {
    ensure!((1..=MAX_ROUNDS).contains(&rounds), "{rounds} rounds are not in 1..={MAX_ROUNDS}");
    let longest = MAX_SAMPLE.as_secs_f64() * 1e6;
    ensure!((0.0..=longest).contains(&sample_us), "a sample of {sample_us} us is not in 0..={longest}");
    let target = Duration::from_secs_f64(sample_us / 1e6);

    let mut bench = Bench::new(len, in_place)?;
    let calls: Vec<u64> =
        candidates.iter().map(|candidate| bench.calibrate(candidate, target)).collect::<Result<_>>()?;
    let mut samples = vec![Vec::with_capacity(rounds); candidates.len()];
    for round in 0..rounds {
        for turn in 0..candidates.len() {
            let i = (round + turn) % candidates.len();
            let took = bench.sample(&candidates[i], calls[i])?;
            samples[i].push(took.as_secs_f64() * 1e9 / calls[i] as f64 / len as f64);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_samples_every_candidate_in_every_round() {
        let candidates = [Candidate::Memcpy, Candidate::ReadSum, Candidate::Rten];
        for in_place in [false, true] {
            let samples = race(&candidates, 1000, in_place, 4, 20.0).unwrap();
            assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4]);
            assert!(samples.iter().flatten().all(|ns| ns.is_finite() && *ns > 0.0));
        }
    }

    #[test]
    fn calibrated_samples_last_as_long_as_asked() {
        let target = Duration::from_micros(200);
        let mut bench = Bench::new(256, false).unwrap();
        let calls = bench.calibrate(&Candidate::Memcpy, target).unwrap();
        assert!(calls > 100, "{calls}");
    }

    #[test]
    fn senseless_races_are_refused() {
        for (len, rounds, sample_us) in
            [(0, 1, 1.0), (MAX_LEN + 1, 1, 1.0), (1, 0, 1.0), (1, 1, f64::NAN), (1, 1, -1.0), (1, 1, 1e300)]
        {
            assert!(race(&[Candidate::Memcpy], len, false, rounds, sample_us).is_err());
        }
    }

    #[test]
    fn in_place_candidates_leave_no_trace_after_a_restore() {
        let mut bench = Bench::new(100, true).unwrap();
        bench.call(&Candidate::Rten).unwrap();
        assert_ne!(*bench.x, *bench.original);
        bench.restore();
        assert_eq!(*bench.x, *bench.original);
    }
}
