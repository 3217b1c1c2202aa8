//! One class: its plan, checked, then raced against the default's and the runner-up, beside memcpy.

use super::claim::Claim;
use super::verdict::{Comparison, Verdict, judge};
use crate::compare::Machine;
use crate::flags;
use anyhow::{Result, bail};
use softmax_bench::protocol::{MEMCPY, TimeRequest};
use softmax_spec::{Accuracy, Plan};
use std::collections::HashMap;

/// What an effort level means.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Its name.
    pub name: &'static str,
    /// Samples of each plan of a class.
    pub rounds: usize,
    /// Least duration of a sample in microseconds. It is longer where one call is.
    pub sample_us: f64,
}

impl Effort {
    /// The level that the flag names. Odd numbers of rounds, so that the median is one of them; with 21 an interval
    /// still leaves out four samples at either end.
    pub fn new(level: flags::Effort) -> Effort {
        match level {
            flags::Effort::Quick => Effort { name: "quick", rounds: 21, sample_us: 300.0 },
            flags::Effort::Standard => Effort { name: "standard", rounds: 41, sample_us: 1000.0 },
            flags::Effort::Exhaustive => Effort { name: "exhaustive", rounds: 101, sample_us: 3000.0 },
        }
    }
}

/// What was found about a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// Time of memcpy over that of the pick; `None` if it was not raced.
    pub copying: Option<Comparison>,
    /// Time of the default's plan over that of the pick, if they are two.
    pub gain: Option<Comparison>,
    /// Time of the runner-up over that of the pick.
    pub margin: Option<Comparison>,
    /// What is wrong, or why something was not compared.
    pub note: Option<String>,
}

impl Finding {
    fn unraced(verdict: Verdict, note: Option<String>) -> Finding {
        Finding { verdict, copying: None, gain: None, margin: None, note }
    }
}

/// Races classes on one machine. Every plan is checked once.
pub struct Races<'a, M> {
    machine: &'a mut M,
    effort: Effort,
    failures: HashMap<(Plan, Accuracy), Option<String>>,
}

impl<'a, M: Machine> Races<'a, M> {
    /// On that machine.
    pub fn new(machine: &'a mut M, effort: Effort) -> Races<'a, M> {
        Races { machine, effort, failures: HashMap::new() }
    }

    /// What there is to say about a class.
    pub fn finding(&mut self, claim: &Claim) -> Result<Finding> {
        if let Some(what) = self.failure(claim, &claim.plan)? {
            return Ok(Finding::unraced(Verdict::Wrong, Some(what)));
        }
        let default = claim.other_default();
        if let Some(default) = default
            && let Some(what) = self.failure(claim, default)?
        {
            bail!("the default plan `{default}` cannot be raced: {what}");
        }
        let absent = claim.runner_up().map(|plan| self.failure(claim, plan)).transpose()?.flatten();
        let runner_up = claim.runner_up().filter(|_| absent.is_none());
        let note = absent.map(|what| format!("the runner-up is not raced: {what}"));
        match &claim.evidence {
            Some(evidence) if default.is_some() || runner_up.is_some() => {
                Ok(Finding { note, ..self.race(claim, evidence.len, default, runner_up)? })
            }
            _ => Ok(Finding::unraced(Verdict::Unclaimed, note)),
        }
    }

    /// Why the plan cannot be timed; `None` if it can.
    fn failure(&mut self, claim: &Claim, plan: &Plan) -> Result<Option<String>> {
        let accuracy = claim.situation.accuracy;
        if let Some(known) = self.failures.get(&(plan.clone(), accuracy)) {
            return Ok(known.clone());
        }
        let candidate = plan.to_string();
        let failure = match self.machine.find(&candidate)? {
            Ok(_) => self.machine.verdict(&candidate, Some(accuracy.max_ulp()))?.err(),
            Err(reason) => Some(reason),
        };
        self.failures.insert((plan.clone(), accuracy), failure.clone());
        Ok(failure)
    }

    /// All in the same rounds.
    fn race(
        &mut self,
        claim: &Claim,
        len: usize,
        default: Option<&Plan>,
        runner_up: Option<&Plan>,
    ) -> Result<Finding> {
        let rivals: Vec<String> = [default, runner_up].into_iter().flatten().map(Plan::to_string).collect();
        let request = TimeRequest {
            candidates: [claim.plan.to_string(), MEMCPY.to_owned()].into_iter().chain(rivals).collect(),
            rows: claim.situation.rows.timed(len),
            len,
            in_place: claim.situation.in_place,
            rounds: self.effort.rounds,
            sample_us: self.effort.sample_us,
        };
        let samples = self.machine.all_samples(&request)?;
        let (pick, memcpy) = (&samples[0], &samples[1]);
        let mut rivals = samples[2..].iter();
        let gain = default.and_then(|_| rivals.next()).and_then(|default| claim.gain(pick, default));
        let margin =
            runner_up.and_then(|_| rivals.next()).and_then(|runner_up| claim.margin(pick, runner_up));
        let copying = claim.beside_memcpy(pick, memcpy);
        let verdict = judge(gain, margin, copying);
        Ok(Finding { verdict, copying, gain, margin, note: None })
    }
}
