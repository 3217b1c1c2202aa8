//! Where the experiments are made: the measuring process with the time that it may take.

use super::effort::Effort;
use super::estimate::LEAST_ROUNDS;
use crate::compare::{Machine, Shape};
use crate::measuring::cost::{CALIBRATION, sample_seconds, setup_seconds};
use crate::measuring::{Child, Timings};
use crate::tune::clock::{Clock, Time};
use crate::tune::progress::Progress;
use anyhow::Result;
use softmax_bench::protocol::{Candidate, CoreRequest, ShownCore, TimeRequest};
use softmax_spec::PassVariant;
use softmax_spec::certificate::{Form, Worst};
use std::num::NonZeroUsize;
use std::time::Instant;

/// A machine whose answers make time pass.
pub struct Timed<M> {
    machine: M,
    time: Time,
}

impl<M> Timed<M> {
    /// From now on `time` goes on with its answers.
    pub fn new(machine: M, time: Time) -> Timed<M> {
        Timed { machine, time }
    }

    fn timed<T>(&mut self, ask: impl FnOnce(&mut M) -> T) -> T {
        let asked = Instant::now();
        let answer = ask(&mut self.machine);
        self.time.pass(asked.elapsed());
        answer
    }
}

impl<M: Machine> Timings for Timed<M> {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.timed(|machine| machine.samples(request))
    }
}

impl<M: Machine> Machine for Timed<M> {
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        self.timed(|machine| machine.find(candidate))
    }

    fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>> {
        self.timed(|machine| machine.verdict(candidate, max_ulp))
    }
}

/// What is asked of a machine beside timings.
pub trait Exactness {
    /// The error of the exp core of an `ext_scale` from one bound to the other, seen at every so many floats.
    fn core_error(&mut self, variant: &PassVariant, bounds: (f32, f32), every: NonZeroUsize)
    -> Result<Worst>;
}

impl Exactness for Timed<Child> {
    fn core_error(
        &mut self,
        variant: &PassVariant,
        bounds: (f32, f32),
        every: NonZeroUsize,
    ) -> Result<Worst> {
        let (low, high) = bounds;
        let core = ShownCore { variant: variant.id(), form: Form::Extended.id().to_owned() };
        let request = CoreRequest { cores: vec![core], low, high, every, threads: NonZeroUsize::MIN };
        let errors = self.timed(|child| child.core_errors(request))?;
        Ok(errors.into_iter().fold(Worst::NONE, Worst::merge))
    }
}

/// The machine, its time, and how thorough to be. `M` is the measuring process, or a model in tests.
pub struct Lab<'a, M> {
    /// Times and verifies.
    pub machine: &'a mut M,
    /// Wall time.
    pub clock: Clock,
    /// Where progress goes.
    pub progress: &'a Progress,
    /// The numbers.
    pub effort: Effort,
}

/// Candidates that are compared with each other.
#[derive(Debug, Clone)]
pub struct Race {
    /// What is said while it goes on.
    pub what: String,
    /// On what.
    pub shape: Shape,
    /// Whether output overwrites input.
    pub in_place: bool,
    /// Who.
    pub candidates: Vec<Candidate>,
    /// What one of them takes at most, in nanoseconds per element, as far as one can know before.
    pub ns: f64,
}

/// Rounds of a request. Each has buffers of its own, so that one place in memory does not decide a race.
const BATCH: usize = 7;

impl<M: Machine> Lab<'_, M> {
    /// Races all to the end, interleaved, for as many rounds as the step's time allows: nanoseconds per element,
    /// `[candidate][round]`. `None`, with a note, if there is no time for so many rounds that anything may be concluded.
    pub fn race(&mut self, race: &Race, weight: f64) -> Result<Option<Vec<Vec<f64>>>> {
        let deadline = self.clock.step(weight);
        self.progress.step(&self.clock, &race.what);
        let mut cost = Cost::expected(race, self.effort.sample_us);
        if cost.rounds(self.clock.remaining().as_secs_f64()) < LEAST_ROUNDS {
            self.leave_out(&race.what);
            return Ok(None);
        }
        let mut samples = vec![Vec::new(); race.candidates.len()];
        let mut done = 0;
        while done < self.effort.rounds {
            let wanted = BATCH.min(self.effort.rounds - done);
            let rounds = match cost.rounds(deadline.left().as_secs_f64()).min(wanted) {
                rounds if done == 0 => rounds.max(LEAST_ROUNDS),
                rounds if rounds < wanted => break,
                rounds => rounds,
            };
            let started = self.clock.elapsed();
            let new = self.machine.all_samples(&race.request(rounds, self.effort.sample_us))?;
            cost.learn(rounds, (self.clock.elapsed() - started).as_secs_f64());
            samples.iter_mut().zip(new).for_each(|(samples, new)| samples.extend(new));
            done += rounds;
        }
        Ok(Some(samples))
    }

    /// Says what there is no time for.
    pub fn leave_out(&self, what: &str) {
        self.progress.note(&format!("the budget is spent: left out: {what}"));
    }
}

impl Race {
    /// What all rounds take, in seconds.
    pub fn seconds(&self, effort: &Effort) -> f64 {
        let cost = Cost::expected(self, effort.sample_us);
        cost.setup + cost.round * (effort.rounds as f64 + CALIBRATION)
    }

    /// What a round takes.
    pub fn round_seconds(&self, effort: &Effort) -> f64 {
        Cost::expected(self, effort.sample_us).round
    }

    fn request(&self, rounds: usize, sample_us: f64) -> TimeRequest {
        let &Race { shape: Shape { rows, len }, in_place, .. } = self;
        TimeRequest { candidates: self.candidates.clone(), rows, len, in_place, rounds, sample_us }
    }
}

/// Seconds of a request.
struct Cost {
    setup: f64,
    round: f64,
}

impl Cost {
    fn expected(race: &Race, sample_us: f64) -> Cost {
        let elements = race.shape.elements();
        let sample = sample_seconds(sample_us * 1e-6, elements as f64 * race.ns * 1e-9);
        Cost { setup: setup_seconds(elements), round: sample * race.candidates.len() as f64 }
    }

    fn learn(&mut self, rounds: usize, seconds: f64) {
        self.round = (seconds - self.setup).max(0.1 * seconds) / (rounds as f64 + CALIBRATION);
    }

    /// How many there is time for.
    fn rounds(&self, seconds: f64) -> usize {
        ((seconds - self.setup) / self.round - CALIBRATION).max(0.0) as usize
    }
}
