//! `merge A B...`: one profile of several for the same CPU model, such as one of AVX2 and one of AVX-512.
//!
//! A profile names one machine, and the library chooses among profiles by it; so profiles of other models are not for
//! merging, and each ships as a file of its own. Of several tables for one situation every range of lengths gets the
//! plan that [`choice`] finds safest.

mod choice;
mod tables;

use crate::error::bad_input;
use crate::explain::short;
use crate::length::Length;
use crate::output::Output;
use crate::profiles::{self, lengths, situations};
use crate::{flags, host, project, stderr, stdout};
use anyhow::{Context, Result, anyhow};
use choice::{Proposal, effort, same_origin};
use flags::Prefer;
use softmax_codegen::profile;
use softmax_spec::profile::{Host, Origin, Profile, SampleCounts};
use std::path::PathBuf;
use tables::{Conflict, Source};

/// A profile with its path.
type Input = (PathBuf, Profile);

/// Runs the command.
pub fn run(flags: &flags::Merge) -> Result<()> {
    let output = flags.output.as_deref().map(Output::new).transpose()?;
    let grid = project::grid()?;
    let mut inputs: Vec<Input> = Vec::new();
    for path in &flags.profiles {
        let profile = profiles::read(path)?;
        profiles::require_in_grid(path, &profile, &grid)?;
        inputs.push((path.clone(), profile));
    }
    require_one_model(&inputs)?;

    let (merged, conflicts) = merge(&inputs, grid.hash(), flags.prefer);
    let text = provenance(&inputs) + &profile::write(&merged);
    let read_back = profile::read(&text).map_err(|error| anyhow!("{error}"));
    read_back.context("the merged profile is not one, which is a bug")?;
    conflicts.iter().for_each(|conflict| stderr::say(conflict_text(conflict, &inputs).trim_end()));
    notes(&inputs, &merged).iter().for_each(|note| stderr::say(format_args!("note: {note}")));
    stderr::say(format_args!(
        "{} profiles make {} tables with {} conflicts",
        inputs.len(),
        merged.tables.len(),
        conflicts.len()
    ));
    let Some(output) = output else {
        return stdout::print(&text);
    };
    output.write(&text)?;
    stderr::say(format_args!("wrote {}", output.path().display()));
    stderr::say(format_args!("use it: SOFTMAX_PROFILE={} cargo build --release", output.path().display()));
    Ok(())
}

/// Refuses profiles of several CPU models, and a profile for any machine beside one for a model.
fn require_one_model(inputs: &[Input]) -> Result<()> {
    let ((first_path, first), rest) = inputs.split_first().context("no profiles")?;
    let same = |other: &Profile| match (&first.host, &other.host) {
        (Some(a), Some(b)) => host::same_model(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let Some((path, other)) = rest.iter().find(|(_, other)| !same(other)) else {
        return Ok(());
    };
    let machine = |host: &Option<Host>| host.as_ref().map_or("any machine".to_owned(), host::model_text);
    Err(bad_input(format!(
        "{} is for {} and {} for {}, and a profile is for one model: put each into softmax-kernels/tuned/ as a file of \
         its own",
        first_path.display(),
        machine(&first.host),
        path.display(),
        machine(&other.host)
    )))
}

/// The merged profile and the conflicts, by situation and length; `present` is the grid's hash.
pub fn merge<'a>(inputs: &'a [Input], present: u64, prefer: Option<Prefer>) -> (Profile, Vec<Conflict<'a>>) {
    let (mut tables, mut conflicts) = (Vec::new(), Vec::new());
    for situation in situations(inputs.iter().map(|(_, profile)| profile)) {
        let source = |(place, (_, profile)): (usize, &'a Input)| {
            let origin = profile.origin.as_ref();
            let is_current = origin.is_some_and(|origin| origin.grid_hash == present);
            Some(Source { place, origin, is_current, table: profile.table(situation)? })
        };
        let sources: Vec<Source> = inputs.iter().enumerate().filter_map(source).collect();
        let (table, more) = tables::merge(situation, &sources, prefer);
        tables.push(table);
        conflicts.extend(more);
    }
    let first = &inputs[0].1;
    let merged =
        Profile { name: first.name.clone(), host: first.host.clone(), origin: origin(inputs), tables };
    (merged, conflicts)
}

/// That of all, if they were made with one compiler from one grid: the least effort, and the time and samples of all together;
/// complete if all are.
fn origin(inputs: &[Input]) -> Option<Origin> {
    let origins: Option<Vec<&Origin>> = inputs.iter().map(|(_, profile)| profile.origin.as_ref()).collect();
    let origins = origins?;
    let is_one = origins.iter().all(|origin| same_origin(origin, origins[0]));
    let least = *origins.iter().min_by_key(|origin| effort(Some(origin)))?;
    // Whatever they say, the merged profile must be one: no infinity, and no counts beyond the end of numbers.
    let seconds: f64 = origins.iter().map(|origin| origin.seconds).sum();
    let seconds = seconds.clamp(f64::MIN, f64::MAX);
    let complete: Option<Vec<bool>> = origins.iter().map(|origin| origin.complete).collect();
    let complete = complete.map(|all| all.into_iter().all(|complete| complete));
    let samples: Option<Vec<SampleCounts>> = origins.iter().map(|origin| origin.samples).collect();
    let samples = samples.map(|all| {
        all.into_iter().fold(SampleCounts::default(), |sum, counts| SampleCounts {
            taken: sum.taken.saturating_add(counts.taken),
            retaken: sum.retaken.saturating_add(counts.retaken),
            contended: sum.contended.saturating_add(counts.contended),
        })
    });
    is_one.then(|| Origin { seconds, complete, samples, ..least.clone() })
}

/// A comment that says what the profile was made of.
fn provenance(inputs: &[Input]) -> String {
    let line = |(path, profile): &Input| {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let origin = profile.origin.as_ref().map_or("of unknown origin".to_owned(), |origin| {
            let Origin { rustc, grid_hash, effort, seconds, .. } = origin;
            format!("{rustc}, grid {grid_hash:016x}, {effort}, {seconds:.0} s")
        });
        format!("# {}\n", format!("{file}: {}, {origin}", profile.name).escape_debug())
    };
    format!("# Merged from\n{}", inputs.iter().map(line).collect::<String>())
}

/// What the merged profile does not say any more.
fn notes(inputs: &[Input], merged: &Profile) -> Vec<String> {
    let hosts: Vec<&Host> = inputs.iter().filter_map(|(_, profile)| profile.host.as_ref()).collect();
    let differ = "the machines differ in stepping, brand, caches or cores: the profile names the first one";
    let had_origin = inputs.iter().any(|(_, profile)| profile.origin.is_some());
    let lost = "the profiles are of several grids or compilers: the profile says so in a comment alone";
    [
        hosts.windows(2).any(|pair| pair[0] != pair[1]).then_some(differ),
        (had_origin && merged.origin.is_none()).then_some(lost),
    ]
    .into_iter()
    .flatten()
    .map(str::to_owned)
    .collect()
}

/// A line for what is taken and one for each plan that is not.
fn conflict_text(conflict: &Conflict, inputs: &[Input]) -> String {
    let Conflict { situation, range, proposals, taken, reason } = conflict;
    let mut text = format!("{situation}, {}\n", lengths(range.from, range.upper));
    let taken = &proposals[*taken];
    text += &format!("  taken  {}: {reason}\n", proposal_text(taken, inputs));
    let others = proposals.iter().filter(|proposal| proposal.class.plan != taken.class.plan);
    others.for_each(|other| text += &format!("  not    {}\n", proposal_text(other, inputs)));
    text
}

fn proposal_text(proposal: &Proposal, inputs: &[Input]) -> String {
    let path = inputs[proposal.place].0.display();
    let plan = &proposal.class.plan;
    let plan = format!("{path}  {} {}", plan.algorithm(), short(plan));
    match &proposal.class.evidence {
        None => format!("{plan}, not measured"),
        Some(evidence) => {
            let (low, high) = evidence.interval;
            let half = (high - low) / 2.0 / evidence.ns_per_element * 100.0;
            let to_memcpy = evidence.ns_per_element / evidence.memcpy_ns_per_element;
            format!("{plan}, {to_memcpy:.2} x memcpy +- {half:.1} % at n={}", Length(evidence.len))
        }
    }
}

#[cfg(test)]
mod tests;
