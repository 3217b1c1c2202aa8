//! A machine for tests: planted caches, passes that take the longer of computing and of moving memory, and noise.

use super::lab::Exactness;
use crate::compare::Machine;
use crate::measuring::Timings;
use crate::measuring::statistics::uniform;
use crate::tune::clock::Time;
use anyhow::{Result, bail};
use softmax_bench::protocol::{Candidate, MEMCPY, READ_SUM, SCALE_LOOP, THREADS, TimeRequest};
use softmax_spec::certificate::Worst;
use softmax_spec::{Pass, PassVariant, Plan, fingerprint};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Bytes up to which reading an element takes so many nanoseconds.
pub const CACHES: [(usize, f64); 4] =
    [(32 << 10, 0.03), (512 << 10, 0.05), (4 << 20, 0.07), (usize::MAX, 0.35)];
/// Vectors per tile of the best kernels.
pub const BEST_UNROLL: usize = 6;
/// How much of its speed a thread keeps beside another.
pub const TOGETHER: f64 = 0.8;

/// The machine.
pub struct Model {
    /// The wall time that its answers have taken.
    pub time: Time,
    /// Relative noise, uniform.
    pub noise: f64,
    /// A kernel that is wrong.
    pub wrong: &'static str,
    /// What was timed.
    pub timed: Vec<TimeRequest>,
    /// Requests after which it is gone.
    pub dies_at: usize,
}

impl Model {
    /// A machine with little noise that answers every question.
    pub fn new() -> Model {
        Model { time: Time::default(), noise: 0.02, wrong: "none", timed: vec![], dies_at: usize::MAX }
    }

    /// Nanoseconds to read one element of a row that lies among so many bytes.
    fn reading(bytes: usize) -> f64 {
        CACHES.iter().find(|(up_to, _)| bytes <= *up_to).map_or(f64::NAN, |(_, ns)| *ns)
    }

    fn pass(variant: &PassVariant, len: usize) -> f64 {
        let compute = match variant.pass {
            Pass::Max | Pass::Scale => 0.04,
            Pass::ExtSum => 0.42,
            _ => 0.3,
        };
        let compute = compute * (1.0 + 0.03 * variant.tile.unroll.abs_diff(BEST_UNROLL) as f64);
        // One read, and for a row that is written also its cache lines.
        let (arrays, rows) = if variant.pass.stores() { (2, 3.0) } else { (1, 1.0) };
        compute.max(rows * Model::reading(arrays * 4 * len))
    }

    fn truth(candidate: &str, len: usize) -> f64 {
        if let Some((alone, threads)) = candidate.split_once(THREADS) {
            let threads: f64 = threads.parse().expect("a number of threads");
            let speedup = if threads > 1.0 { TOGETHER * threads } else { 1.0 };
            return Model::truth(alone, len) / speedup;
        }
        match candidate {
            READ_SUM => Model::reading(4 * len),
            MEMCPY | SCALE_LOOP => 3.0 * Model::reading(8 * len),
            text => match text.parse::<Plan>() {
                Ok(plan) => plan.passes().iter().map(|pass| Model::pass(pass, len)).sum(),
                Err(_) => Model::pass(&text.parse().expect("a variant"), len),
            },
        }
    }
}

impl Timings for Model {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        if self.timed.len() == self.dies_at {
            bail!("gone");
        }
        let &TimeRequest { rows, len, rounds, sample_us, .. } = request;
        let mut random = fingerprint(format!("{} {request:?}", self.timed.len()).into_bytes());
        let mut noisy = |ns: f64| ns * (1.0 + self.noise * uniform(&mut random));
        let truths = request.candidates.iter().map(|candidate| Model::truth(candidate, len));
        let samples: Vec<Vec<f64>> = truths.map(|ns| (0..rounds).map(|_| noisy(ns)).collect()).collect();
        let call = |ns: &f64| ns * (rows * len) as f64 * 1e-9;
        let spent = samples.iter().flatten().map(|ns| call(ns).max(sample_us * 1e-6) + call(ns));
        let setup = 25e-9 * (rows * len) as f64;
        self.time.pass(Duration::from_secs_f64(setup + spent.sum::<f64>()));
        self.timed.push(request.clone());
        Ok(samples)
    }
}

impl Machine for Model {
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        Ok(Ok(candidate.clone()))
    }

    fn verdict(&mut self, candidate: &Candidate, _: Option<u32>) -> Result<Result<f64, String>> {
        self.time.pass(Duration::from_micros(500));
        Ok(if candidate == self.wrong { Err("2 + 2 = 5".to_owned()) } else { Ok(1.0) })
    }
}

impl Exactness for Model {
    fn core_error(&mut self, _: &PassVariant, _: (f32, f32), every: NonZeroUsize) -> Result<Worst> {
        Ok(Worst { ulp: 1.9, at: 1.0, inputs: (1 << 32) / every.get() as u64, ..Worst::NONE })
    }
}
