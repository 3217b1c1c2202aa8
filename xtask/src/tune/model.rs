//! A machine for tests: known times, noise that depends on the question alone, and time that passes with the answers.

use super::clock::Time;
use super::gate::Oracle;
use crate::measuring::Timings;
use crate::measuring::statistics::{next, uniform};
use anyhow::{Result, bail};
use softmax_bench::protocol::{Candidate, TimeRequest};
use softmax_spec::{Algorithm, Exp, Pass, PassVariant, Plan, fingerprint};
use std::time::Duration;

/// A machine on which reloading wins in cache and Two-Pass beyond, in batches online, unroll 8 is best for every pass, and one
/// variant, the fastest of all, is wrong.
pub struct Model {
    /// The wall time that its answers have taken.
    pub time: Time,
    /// Other seeds, other noise.
    pub seed: u64,
    /// Whether a batch takes other times than a row.
    pub batches_differ: bool,
    /// What was timed, in this order.
    pub timed: Vec<Timed>,
    /// What was verified.
    pub verified: Vec<Candidate>,
    /// Questions asked so far.
    pub questions: usize,
    /// The question that is not answered any more.
    pub dies_at: usize,
}

/// A candidate in a batch of rounds.
pub struct Timed {
    /// What it is.
    pub candidate: Candidate,
    /// Rows of the batch.
    pub rows: usize,
    /// Elements of a row.
    pub len: usize,
}

/// Up to this length rows are in the cache.
pub const CACHE: usize = 100_000;
/// The variant that is wrong.
pub const WRONG: &str = "f32_store_exp__avx2_a5_u64_acc2";
const CLASSIC: [Algorithm; 4] =
    [Algorithm::TwoPass, Algorithm::ThreePassRecompute, Algorithm::ThreePassReload, Algorithm::Online];

impl Model {
    /// A machine that answers every question.
    pub fn new(seed: u64) -> Model {
        Model {
            time: Time::default(),
            seed,
            batches_differ: true,
            timed: Vec::new(),
            verified: Vec::new(),
            questions: 0,
            dies_at: usize::MAX,
        }
    }

    fn asked(&mut self) -> Result<()> {
        if self.questions == self.dies_at {
            bail!("killed");
        }
        self.questions += 1;
        Ok(())
    }

    fn pass(variant: &PassVariant, len: usize) -> f64 {
        let cached = len <= CACHE;
        let work = match variant.pass {
            Pass::Max | Pass::Scale => 0.05,
            Pass::ExtSum | Pass::ExtScale => 0.25,
            Pass::OnlineSum => 0.4,
            _ => 0.2,
        };
        // No two cores are alike, so that there is one right answer.
        let core = |exp: Exp| 0.005 * f64::from(exp.degree) + 0.02 * f64::from(exp.reduction as u8);
        let core = variant.exp.map_or(0.0, core);
        let tile = 1.0 + 0.1 * (variant.tile.unroll as f64 / 8.0).log2().abs();
        let lucky = if variant.id() == WRONG { 0.5 } else { 1.0 };
        ((work + core) * tile + if cached { 0.0 } else { 0.3 }) * lucky
    }

    /// Nanoseconds per element without noise.
    pub fn truth(&self, candidate: &str, rows: usize, len: usize) -> f64 {
        let in_batch = self.batches_differ && rows > 1;
        match candidate.parse::<Plan>() {
            Ok(plan) if in_batch && plan.algorithm() == Algorithm::Online => {
                0.3 * plan.passes().iter().map(|pass| Model::pass(pass, len)).sum::<f64>()
            }
            // Nothing is gained by blocks or registers here, so that the crossover is one of the classic algorithms.
            Ok(plan) if !CLASSIC.contains(&plan.algorithm()) => 9.0,
            Ok(plan) => plan.passes().iter().map(|pass| Model::pass(pass, len)).sum(),
            Err(_) => candidate.parse().map_or(0.1, |variant| Model::pass(&variant, len)),
        }
    }
}

impl Timings for Model {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.asked()?;
        let &TimeRequest { rows, len, rounds, .. } = request;
        let timed = |candidate: &Candidate| Timed { candidate: candidate.clone(), rows, len };
        self.timed.extend(request.candidates.iter().map(timed));
        let mut random = self.seed ^ fingerprint(format!("{request:?}").into_bytes());
        let mut noisy = |truth: f64| {
            let uniform = uniform(&mut random);
            let outlier = if next(&mut random).is_multiple_of(15) { 3.0 } else { 1.0 };
            truth * (1.0 + 0.01 * uniform) * outlier
        };
        let mut times = |id: &Candidate| {
            let truth = self.truth(id, rows, len);
            (0..rounds).map(|_| noisy(truth)).collect()
        };
        let samples: Vec<Vec<f64>> = request.candidates.iter().map(&mut times).collect();
        let calls =
            samples.iter().flatten().map(|ns| (ns * (rows * len) as f64 * 1e-3).max(request.sample_us));
        self.time.pass(Duration::from_secs_f64(calls.sum::<f64>() * 1e-6));
        Ok(samples)
    }
}

impl Oracle for Model {
    fn failure(&mut self, candidate: &Candidate, _: Option<u32>) -> Result<Option<String>> {
        self.asked()?;
        self.verified.push(candidate.clone());
        self.time.pass(Duration::from_micros(500));
        Ok(candidate.contains(WRONG).then(|| "2 + 2 = 5".to_owned()))
    }
}
