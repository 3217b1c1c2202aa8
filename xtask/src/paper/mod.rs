//! `paper`: the experiments of The Two-Pass Softmax Algorithm (Dukhan and Ablavatski, arXiv 2001.04438) on this machine, and its
//! claims beside what comes out.
//!
//! ```text
//! reading -> caches -> per ISA: tiles of every pass, in cache and out of it -> the three algorithms at every length
//!         -> the passes beside STREAM's loops -> weak scaling -> claims
//! ```
//!
//! The kernels are this project's, with the paper's exp core: their sums are blocked and -inf is safe, so it is the algorithms
//! that are compared here, not the paper's code.

mod bandwidth;
mod caches;
mod claims;
mod contest;
mod curve;
mod effort;
mod estimate;
mod experiments;
mod finding;
mod ground;
mod lab;
#[cfg(test)]
mod model;
mod published;
mod report;
mod scaling;
#[cfg(test)]
mod tests;
mod tiles;
mod verdict;

use crate::error::interrupted;
use crate::measuring::contention::SharedTally;
use crate::measuring::{Child, Interrupted, child, preflight};
use crate::tune::clock::{Clock, Time};
use crate::tune::progress::Progress;
use crate::{flags, host, project, stderr, stdout};
use anyhow::Result;
use claims::{Absent, Evidence};
use effort::Effort;
use experiments::Experiments;
use finding::Finding;
use ground::Bound;
use lab::{Lab, Timed};
use serde_json::json;
use softmax_spec::Isa;
use softmax_spec::profile::Host;

/// Runs the command.
pub fn run(flags: &flags::Paper) -> Result<()> {
    preflight::require_cpu()?;
    let (isas, absent) = isas(flags, &host::isas())?;
    let mut effort = Effort::new(flags.effort);
    effort.budget = flags.budget.unwrap_or(effort.budget);
    let grid = project::grid()?.variants;
    preflight::warn();
    stderr::say("building the measuring process with the full grid");
    let tally = SharedTally::default();
    let process = Child::start_timing(&child::build(&[])?, vec![])?.counting(&tally);
    process.end_on_ctrl_c()?;

    let host = host::host();
    let run = Run { flags, host: &host, effort, isas: &isas, absent: &absent };
    let (time, progress) = (Time::default(), Progress::new());
    let clock = Clock::new(time.clone(), effort.budget, experiments::weight(isas.len()));
    let mut machine = Timed::new(process, time);
    let lab = Lab { machine: &mut machine, clock, progress: &progress, effort };
    let mut experiments = Experiments {
        lab,
        grid: &grid,
        lengths: &lengths(flags),
        cores: host.cores as usize,
        bound: Bound::new(
            effort.longest,
            host::available_memory(),
            u64::from(host.l3_kib.max(host.l2_kib)) << 10,
        ),
    };
    run.publish(|record| experiments.run(&isas, record), || progress.finish())?;
    tally.get().say();
    Ok(())
}

/// What is said about the whole run.
struct Run<'a> {
    flags: &'a flags::Paper,
    host: &'a Host,
    effort: Effort,
    isas: &'a [Isa],
    absent: &'a [Absent],
}

impl Run<'_> {
    /// Prints what `experiments` find: JSON as soon as it is found, tables at the end, or when ctrl-C comes.
    fn publish(
        &self,
        experiments: impl FnOnce(&mut dyn FnMut(Finding) -> Result<()>) -> Result<()>,
        finish: impl FnOnce(),
    ) -> Result<()> {
        if self.flags.json {
            stdout::print_json_line(&self.head())?;
        }
        let mut findings = Vec::new();
        let mut record = |finding: Finding| {
            if self.flags.json {
                stdout::print_json_line(&finding.json())?;
            }
            findings.push(finding);
            Ok(())
        };
        let done = experiments(&mut record);
        finish();
        let &Run { host, isas, absent, .. } = self;
        if !self.flags.json {
            stdout::print(&format!("{}\n{}", self.title(), report::findings(&findings, host, isas)))?;
        }
        done.map_err(early)?;
        let claims = Evidence { findings: &findings, host, isas, absent }.claims();
        if self.flags.json {
            return claims.iter().try_for_each(|claim| stdout::print_json_line(&claim.json()));
        }
        let losses: String = isas.iter().filter_map(|&isa| report::losses(&findings, isa)).collect();
        stdout::print(&format!("{}{losses}", report::claims(&claims, absent)))
    }

    fn title(&self) -> String {
        let Host { cores, vm, .. } = *self.host;
        let cpu = host::model_text(self.host);
        let vm = if vm { ", a virtual machine" } else { "" };
        let isas: Vec<&str> = self.isas.iter().map(|isa| isa.id()).collect();
        let absent =
            self.absent.iter().map(|Absent { isa, reason }| format!("{isa} is not measured: {reason}\n"));
        format!(
            "The Two-Pass Softmax Algorithm (arXiv 2001.04438) on {cpu}, {cores} cores{vm}\n\
             {}, exp core {}, effort {}; intervals are of 95 %\n{}",
            isas.join(", "),
            published::EXP,
            self.effort.name,
            absent.collect::<String>()
        )
    }

    fn head(&self) -> serde_json::Value {
        let absent =
            self.absent.iter().map(|absent| json!({ "isa": absent.isa.id(), "reason": absent.reason }));
        json!({
            "kind": "run",
            "paper": "arXiv 2001.04438",
            "cpu": self.host.brand,
            "vendor": self.host.vendor,
            "family": self.host.family,
            "model": self.host.model,
            "vm": self.host.vm,
            "cores": self.host.cores,
            "isas": self.isas.iter().map(|isa| isa.id()).collect::<Vec<_>>(),
            "absent": absent.collect::<Vec<_>>(),
            "exp": published::EXP.to_string(),
            "effort": self.effort.name,
            "budget_seconds": self.effort.budget.as_secs(),
        })
    }
}

/// The ISAs to measure, and those of the paper that are not, with the reason.
fn isas(flags: &flags::Paper, available: &[Isa]) -> Result<(Vec<Isa>, Vec<Absent>)> {
    flags.isa.iter().try_for_each(|&isa| host::require(isa, available))?;
    let is_wanted = |isa: &Isa| flags.isa.is_empty() || flags.isa.contains(isa);
    let papers = || published::ISAS.into_iter();
    let mut isas: Vec<Isa> = match flags.isa.is_empty() {
        true => papers().filter(|isa| available.contains(isa)).collect(),
        false => Isa::ALL.into_iter().filter(is_wanted).collect(),
    };
    if isas.is_empty() {
        isas.extend(available.last());
    }
    let reason = |isa: &Isa| match available.contains(isa) {
        true => "--isa leaves it out".to_owned(),
        false => format!("this CPU does not support {isa}"),
    };
    let absent = papers().filter(|isa| !isas.contains(isa));
    let absent = absent.map(|isa| Absent { isa, reason: reason(&isa) }).collect();
    Ok((isas, absent))
}

fn lengths(flags: &flags::Paper) -> Vec<usize> {
    let mut lengths: Vec<usize> = flags.sizes.iter().map(|len| len.0).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// After ctrl-C there is no more than what was printed.
fn early(error: anyhow::Error) -> anyhow::Error {
    match error.is::<Interrupted>() {
        true => interrupted("what was measured until then is above; claims need all of it"),
        false => error,
    }
}
