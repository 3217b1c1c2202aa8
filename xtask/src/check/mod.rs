//! `check PROFILE`: whether a profile still holds on this machine, for CI.
//!
//! A profile's times are those of another day, so what is checked is what it says about plans relative to each other:
//! each class's gain over the default profile's plan and its margin over the runner-up, raced again at the length at
//! which they were measured. Doubtful classes are raced again, in other processes.

mod claim;
mod race;
mod report;
mod verdict;

pub use race::Effort;

use crate::compare::Machine;
use crate::error::bad_input;
use crate::measuring::contention::SharedTally;
use crate::measuring::{Child, child, preflight};
use crate::profiles::{self, situations};
use crate::progress::Steps;
use crate::{flags, host, project, stderr, stdout};
use anyhow::{Result, bail};
use claim::Claim;
use race::{Finding, Races};
use softmax_spec::Isa;
use softmax_spec::profile::{Host, Profile, Situation};
use std::path::Path;
use verdict::Verdict;

/// Runs the command.
pub fn run(flags: &flags::Check) -> Result<()> {
    preflight::require_cpu()?;
    let profile = profiles::read(&flags.profile)?;
    let here = host::host();
    require_host(flags, &profile, &here)?;
    profiles::require_in_grid(&flags.profile, &profile, &project::grid()?)?;
    let default = project::default_profile()?;
    let claims = claims(flags, &profile, &default, &host::isas())?;

    preflight::warn();
    stderr::say("building the measuring process with the full grid");
    let process = child::build(&[])?;
    let effort = Effort::new(flags.effort);
    let tally = SharedTally::default();
    let start = || Ok(Child::start_timing(&process, vec![])?.counting(&tally));
    let findings = examine(&claims, effort, start)?;

    let run = report::Run { path: &flags.profile, profile: &profile, cpu: &here.brand, effort: effort.name };
    match flags.json {
        true => stdout::print_json(&report::json(&run, &claims, &findings))?,
        false => stdout::print(&report::text(&run, &claims, &findings))?,
    }
    tally.get().say();
    conclude(flags, &findings)
}

/// A profile of another model says nothing about this machine.
fn require_host(flags: &flags::Check, profile: &Profile, here: &Host) -> Result<()> {
    match &profile.host {
        Some(tuned_on) if !flags.any_host && !host::same_model(tuned_on, here) => Err(bad_input(format!(
            "{} was tuned on {} and this is {}: check it there, or pass --any-host",
            flags.profile.display(),
            host::model_text(tuned_on),
            host::model_text(here)
        ))),
        _ => Ok(()),
    }
}

/// What is to be checked, of the tables that the flags and this CPU leave.
fn claims(
    flags: &flags::Check,
    profile: &Profile,
    default: &Profile,
    available: &[Isa],
) -> Result<Vec<Claim>> {
    flags.isa.iter().try_for_each(|&isa| host::require(isa, available))?;
    let wanted = |situation: &Situation| {
        (flags.isa.is_empty() || flags.isa.contains(&situation.isa))
            && flags.accuracy.list().contains(&situation.accuracy)
            && flags.rows.list().contains(&situation.rows)
    };
    let (here, elsewhere): (Vec<Situation>, Vec<Situation>) = situations([profile])
        .into_iter()
        .filter(wanted)
        .partition(|situation| available.contains(&situation.isa) && situation.threads == 1);
    for situation in elsewhere {
        stderr::say(format_args!("skipped: {situation}: {}", why_skipped(situation)));
    }
    let claims = here.into_iter().map(|situation| {
        Claim::all(profile, situation, default).map_err(|error| in_file(&flags.profile, &error))
    });
    let claims: Vec<Claim> = claims.collect::<Result<Vec<_>>>()?.concat();
    if claims.iter().all(|claim| claim.evidence.is_none()) {
        return Err(bad_input(format!(
            "{} has nothing to check: no table with evidence that --isa, --accuracy, --rows and this CPU leave",
            flags.profile.display()
        )));
    }
    Ok(claims)
}

fn why_skipped(situation: Situation) -> String {
    match situation.threads {
        1 => format!("this CPU does not support {}", situation.isa),
        _ => "only tables for one thread can be checked".to_owned(),
    }
}

fn in_file(path: &Path, error: &anyhow::Error) -> anyhow::Error {
    bad_input(format!("{}: {error:#}", path.display()))
}

/// Processes in which a class must have regressed. Where memory lies makes some plans slower by up to 40 % in some
/// processes, and the tuner may have seen the others. If it were half of them, four would agree once in sixteen times.
const PROCESSES: usize = 4;

/// A finding per claim. What is doubtful in one process is raced again in the next, as long as they agree.
fn examine<M: Machine>(
    claims: &[Claim],
    effort: Effort,
    mut start: impl FnMut() -> Result<M>,
) -> Result<Vec<Finding>> {
    let mut findings = race(claims.iter(), effort, &mut start()?)?;
    let mut doubtful: Vec<usize> = (0..claims.len()).filter(|&i| findings[i].verdict.is_doubtful()).collect();
    for _ in 1..PROCESSES {
        if doubtful.is_empty() {
            break;
        }
        stderr::say(format_args!(
            "{} of {} classes are raced again, in another process",
            doubtful.len(),
            claims.len()
        ));
        let again = race(doubtful.iter().map(|&i| &claims[i]), effort, &mut start()?)?;
        let mut still = Vec::new();
        for (i, again) in doubtful.into_iter().zip(again) {
            let (before, now) = (findings[i].verdict, again.verdict);
            still.extend((before == now).then_some(i));
            findings[i] = Finding { verdict: before.seen_again(now), ..again };
        }
        doubtful = still;
    }
    Ok(findings)
}

fn race<'a, M: Machine>(
    claims: impl ExactSizeIterator<Item = &'a Claim>,
    effort: Effort,
    machine: &mut M,
) -> Result<Vec<Finding>> {
    let progress = Steps::new(claims.len());
    let mut races = Races::new(machine, effort);
    let one = |claim: &Claim| {
        progress.begin(claim);
        let finding = races.finding(claim);
        progress.end();
        finding
    };
    claims.map(one).collect()
}

/// Fails if a class does not hold; under `--strict` also if that cannot be told.
fn conclude(flags: &flags::Check, findings: &[Finding]) -> Result<()> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (wrong, regressed) = (count(Verdict::Wrong), count(Verdict::Regressed));
    let (unclear, path, all) = (count(Verdict::Inconclusive), flags.profile.display(), findings.len());
    if wrong + regressed > 0 {
        bail!(
            "{path} does not hold here: {regressed} of {all} classes regressed, {wrong} are wrong: tune again if that \
             is meant"
        );
    }
    if flags.strict && unclear > 0 {
        bail!(
            "{unclear} of {all} classes of {path} are inconclusive: stop what else runs, raise --effort, or leave out \
             --strict"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
