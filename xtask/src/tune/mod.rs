//! `tune`: finds the fastest plan for every row length on this machine and writes a profile.
//!
//! ```text
//! grid -> gate -> screen passes -> compose plans -> gate -> race plans -> gate -> race neighbours -> confirm
//!                                                                          (per length, for single rows and batches)
//!      -> look back -> bisect crossovers -> size classes -> profile
//! ```
//!
//! Everything that is measured is measured by a child process ([`child`]); everything that is concluded is
//! concluded here, behind two traits ([`crate::measuring::Timings`], [`gate::Oracle`]), so that tests need no hardware.
//! Between the two stands the [`journal`], which makes a search that was killed go on where it was.

mod classes;
pub mod clock;
mod compose;
mod control;
mod effort;
mod evidence;
mod field;
#[cfg(test)]
mod fleet;
mod gap;
pub mod gate;
pub mod journal;
mod known;
mod look_back;
#[cfg(test)]
mod model;
mod outcome;
mod pooled;
pub mod progress;
pub mod race;
mod refine;
mod report;
#[cfg(test)]
pub mod sample;
mod screening;
mod search;
#[cfg(test)]
mod troubled;
mod weight;

use crate::error::{bad_input, interrupted};
use crate::length::{self, Length};
use crate::measuring::contention::Tally;
use crate::measuring::{Child, Interrupted, child, preflight};
use crate::output::Output;
use crate::{flags, host, project, stderr, stdout};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clock::Clock;
use effort::Effort;
use gate::Gate;
use journal::{Codes, Journal, Journaled, Opened};
use known::Known;
use progress::Progress;
use search::Search;
use softmax_codegen::profile;
use softmax_spec::profile::{Origin, Profile};
use softmax_spec::{Enumeration, Isa, PassVariant, Rows};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Runs the command.
pub fn run(flags: &flags::Tune) -> Result<()> {
    if !flags.dry_run {
        preflight::require_cpu()?;
    }
    let output = Output::new(&flags.output)?;
    let mut effort = Effort::new(flags.effort).on(&host::host());
    effort.budget = flags.budget.unwrap_or(effort.budget);
    effort.sizes = match flags.sizes.is_empty() {
        true => lengths(&effort, length::held_by(host::available_memory())),
        false => flags.sizes.iter().map(|len| len.0).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    require_batches(flags.rows, &effort.sizes)?;
    let grid = project::grid()?;
    let isas = isas(flags, &host::isas())?;
    let variants: Vec<(Isa, Vec<PassVariant>)> =
        isas.into_iter().map(|isa| Ok((isa, wanted(flags, &grid, isa)?))).collect::<Result<_>>()?;
    if flags.dry_run {
        return dry_run(flags, &effort, &variants);
    }

    let default = project::default_profile()?;
    let rustc = rustc_version()?;
    let mut codes = Codes::default();
    let opened = open_journal(flags, &output, &rustc, &mut codes)?;
    let journal = opened.journal.path().to_owned();
    preflight::warn();
    stderr::say("building the measuring process with the full grid");
    let mut child = Child::start_timing(&child::build(&[])?, vec![])?;
    check_child(&mut child, &variants)?;

    variants.iter().flat_map(|(_, list)| list).for_each(|variant| _ = codes.of(&variant.id()));
    child.end_on_ctrl_c()?;
    let started = Instant::now();
    let machine = Journaled::new(&mut child, opened, codes, Box::new(move || started.elapsed()));
    let mut found =
        search(flags, &effort, &default, variants, machine).map_err(|error| early(error, &journal))?;
    if found.profile.tables.is_empty() {
        bail!("no plan passed the correctness gate, so there is no profile: see the failures above");
    }
    found.profile.origin = Some(Origin {
        complete: Some(found.is_complete),
        samples: found.tally.counts(),
        ..origin(flags, &grid, rustc, found.seconds)
    });
    let doubts = control::doubts(&found.profile, &default).filter(|_| flags.strict);
    publish(flags, &output, doubts, found)
}

/// Writes the profile, unless there are doubts, and shows what was found, which is shown even if it is not written.
fn publish(flags: &flags::Tune, output: &Output, doubts: Option<String>, mut found: Found) -> Result<()> {
    let tuned = &found.profile;
    let written = match &doubts {
        Some(doubts) => Err(refused(doubts, found.journal.path())),
        None => output.write(profile::write(tuned)).map_err(|error| early(error, found.journal.path())),
    };
    let ended = match &written {
        Ok(()) => found.journal.complete(found.seconds).map_err(|error| early(error, found.journal.path())),
        Err(_) => Ok(()),
    };
    let journal = found.journal.path();
    if flags.json {
        let files = report::Files { profile: written.is_ok().then_some(output.path()), journal };
        let report = report::json(tuned, &files, found.seconds, found.gate.failures());
        return stdout::print_json_line(&report).and(written).and(ended);
    }
    stdout::print(&report::text(tuned))?;
    written?;
    stderr::say(format_args!("wrote {} after {:.0} s of measuring", output.path().display(), found.seconds));
    stderr::say(format_args!("every measurement is in {}", journal.display()));
    stderr::say(format_args!("use it: SOFTMAX_PROFILE={} cargo build --release", output.path().display()));
    ended
}

/// The error of `--strict`.
fn refused(doubts: &str, journal: &Path) -> anyhow::Error {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let without = resuming(args.filter(|arg| arg != "--strict"));
    anyhow!(
        "--strict wrote no profile, for these margins are below the A/A noise: {doubts}; what was measured is in {}; measure \
         again on a quieter machine, or write it as it is: {without}",
        journal.display()
    )
}

/// The lengths of an effort level on this machine, up to the longest that its memory holds.
fn lengths(effort: &Effort, longest: usize) -> Vec<usize> {
    let (held, others): (Vec<usize>, Vec<usize>) =
        effort.lengths(&host::host()).into_iter().partition(|&len| len <= longest);
    if !others.is_empty() {
        let others: Vec<String> = others.into_iter().map(|len| Length(len).to_string()).collect();
        stderr::say(format_args!(
            "warning: rows of {} are left out: half of the memory that is free does not hold them",
            others.join(", ")
        ));
    }
    held
}

/// How the profile was made.
fn origin(flags: &flags::Tune, grid: &Enumeration, rustc: String, seconds: f64) -> Origin {
    let effort = Effort::new(flags.effort);
    let budget = flags.budget.filter(|&budget| budget != effort.budget);
    Origin {
        rustc,
        grid_hash: grid.hash(),
        grid_variants: grid.variants.len(),
        effort: effort.name.to_owned(),
        budget_seconds: budget.map(|budget| budget.as_secs()),
        seconds,
        complete: None,
        samples: None,
    }
}

/// What a search ended with.
struct Found {
    profile: Profile,
    gate: Gate,
    is_complete: bool,
    tally: Tally,
    seconds: f64,
    journal: Journal,
}

fn search(
    flags: &flags::Tune,
    effort: &Effort,
    default: &Profile,
    variants: Vec<(Isa, Vec<PassVariant>)>,
    mut machine: Journaled<Child>,
) -> Result<Found> {
    let rows = flags.rows.list();
    let weight = weight::weight(&effort.sizes, rows) * variants.len() as f64;
    let mut clock = Clock::new(machine.time(), effort.budget, weight);
    let progress = Progress::new();
    let mut gate = Gate::default();
    let mut tables = Vec::new();
    for (isa, variants) in variants {
        let mut search = Search {
            machine: &mut machine,
            effort,
            clock: &mut clock,
            progress: &progress,
            gate: &mut gate,
            default,
            isa,
            accuracies: flags.accuracy.list(),
            rows,
            variants,
            known: Known::default(),
        };
        tables.extend(search.run(&effort.sizes)?);
    }
    progress.finish();
    report::failures(gate.failures()).iter().for_each(stderr::say);
    let host = host::host();
    let profile = Profile { name: host::profile_name(&host), host: Some(host), origin: None, tables };
    Ok(Found {
        profile,
        gate,
        is_complete: clock.is_complete(),
        tally: machine.tally(),
        seconds: clock.elapsed().as_secs_f64(),
        journal: machine.into_journal(),
    })
}

/// Opens the journal that the flags ask for, and says what came of it.
fn open_journal(flags: &flags::Tune, output: &Output, rustc: &str, codes: &mut Codes) -> Result<Opened> {
    let path = match &flags.journal {
        Some(path) => std::path::absolute(path).with_context(|| format!("no path: {}", path.display()))?,
        None => journal::beside(output.path()),
    };
    if output.replaces(&path) {
        return Err(bad_input("--journal and --output name the same file: give the journal one of its own"));
    }
    let header = journal::header(&host::host(), rustc)?;
    let opened = match flags.resume {
        true => Journal::resume(&path, header, codes)?,
        false => Journal::start(&path, header)?,
    };
    opened.notes.iter().for_each(stderr::say);
    Ok(opened)
}

/// What a search that ended early leaves, and how to go on.
fn early(error: anyhow::Error, journal: &Path) -> anyhow::Error {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let left = format!("what was measured is in {}; go on with: {}", journal.display(), resuming(args));
    match error.is::<Interrupted>() {
        true => interrupted(left),
        false => anyhow!("{error:#}; {left}"),
    }
}

/// The command line of these arguments with `--resume`.
fn resuming(args: impl Iterator<Item = String>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:^+".contains(c);
    let quoted = |arg: String| match !arg.is_empty() && arg.chars().all(is_plain) {
        true => arg,
        false => format!("'{}'", arg.replace('\'', r"'\''")),
    };
    let mut words: Vec<String> = ["cargo", "xtask"].map(str::to_owned).into();
    words.extend(args.filter(|arg| arg != "--resume").map(quoted));
    words.push("--resume".to_owned());
    words.join(" ")
}

/// Batches alone, of rows that are all too long for them, would be nothing.
fn require_batches(rows: flags::RowCounts, sizes: &[usize]) -> Result<()> {
    let longest = Rows::Batch.longest_row().unwrap_or(usize::MAX);
    match rows == flags::RowCounts::Batch && sizes.iter().all(|&len| len > longest) {
        true => Err(bad_input(format!(
            "--rows batch tunes rows of up to {longest} elements, and --sizes names none: longer ones have the plan of a \
             single row"
        ))),
        false => Ok(()),
    }
}

/// The ISAs to tune: those asked for, or the best available.
fn isas(flags: &flags::Tune, available: &[Isa]) -> Result<Vec<Isa>> {
    flags.isa.iter().try_for_each(|&isa| host::require(isa, available))?;
    let asked: BTreeSet<Isa> = flags.isa.iter().copied().collect();
    let best = available.last().copied();
    Ok(if asked.is_empty() { best.into_iter().collect() } else { asked.into_iter().collect() })
}

/// The variants of an ISA that the filter leaves and that plans can use; they must make at least one plan of every accuracy asked for.
fn wanted(flags: &flags::Tune, grid: &Enumeration, isa: Isa) -> Result<Vec<PassVariant>> {
    let matches = |id: String| flags.filter.is_empty() || flags.filter.iter().any(|text| id.contains(text));
    let of_isa = grid.variants.iter().filter(|variant| variant.isa == isa);
    let mut variants: Vec<PassVariant> = of_isa.filter(|variant| matches(variant.id())).copied().collect();
    variants.retain(|variant| compose::is_useful(variant, flags.accuracy.list()));
    let mut shortlist = compose::Shortlist::new();
    for variant in &variants {
        shortlist.entry((variant.pass, variant.exp)).or_insert_with(|| vec![(*variant, 1.0)]);
    }
    for &accuracy in flags.accuracy.list() {
        let plans = compose::contenders(&shortlist, accuracy, true);
        if plans.iter().all(|contender| contender.plan.longest_row().is_some()) {
            return Err(bad_input(format!(
                "--filter leaves {} useful variants of {isa}, which make no complete plan of accuracy `{accuracy}`: name every \
                 pass of an algorithm, such as --filter ext_sum,ext_scale",
                variants.len()
            )));
        }
    }
    Ok(variants)
}

fn dry_run(flags: &flags::Tune, effort: &Effort, variants: &[(Isa, Vec<PassVariant>)]) -> Result<()> {
    let counts: Vec<(String, usize)> =
        variants.iter().map(|(isa, list)| (isa.to_string(), list.len())).collect();
    let seconds = effort.budget.as_secs_f64();
    if flags.json {
        let counts: serde_json::Map<_, _> =
            counts.into_iter().map(|(isa, count)| (isa, count.into())).collect();
        return stdout::print_json_line(&serde_json::json!({
            "effort": effort.name, "variants": counts, "sizes": effort.sizes,
            "rows": flags.rows.list().iter().map(|rows| rows.id()).collect::<Vec<_>>(), "seconds": seconds,
        }));
    }
    stdout::print(&report::dry_run(effort, &counts, flags.rows.list()))
}

/// The measuring process must be able to run what it will be asked.
fn check_child(child: &mut Child, variants: &[(Isa, Vec<PassVariant>)]) -> Result<()> {
    let (isas, ids) = child.describe()?;
    let ids: HashSet<String> = ids.into_iter().collect();
    for (isa, variants) in variants {
        if !isas.contains(isa) {
            bail!("the measuring process cannot run {isa} here");
        }
        if let Some(missing) = variants.iter().map(PassVariant::id).find(|id| !ids.contains(id)) {
            bail!("the measuring process lacks {missing}: it was not built from this grid");
        }
    }
    Ok(())
}

fn rustc_version() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").current_dir(project::root()).output();
    let output = output.context("cannot run rustc --version")?;
    ensure!(output.status.success(), "rustc --version fails ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::typed;

    #[test]
    fn the_best_isa_is_tuned_unless_others_are_asked_for() {
        let available = [Isa::Scalar, Isa::Sse2, Isa::Avx2];
        assert_eq!(isas(&typed(""), &available).unwrap(), [Isa::Avx2]);
        assert_eq!(isas(&typed("--isa avx2,scalar,avx2"), &available).unwrap(), [Isa::Scalar, Isa::Avx2]);
        let error = isas(&typed("--isa avx512"), &available).unwrap_err().to_string();
        assert_eq!(error, "this CPU does not support avx512, it has scalar, sse2, avx2");
    }

    #[test]
    fn rows_that_memory_does_not_hold_are_left_out() {
        let effort = Effort::new(flags::Effort::Standard);
        let longest = |held| lengths(&effort, held).last().copied();
        assert_eq!([longest(length::MAX), longest(1 << 20)], [Some(1 << 25), Some(1 << 20)]);
    }

    #[test]
    fn batches_of_long_rows_alone_are_refused() {
        use flags::RowCounts::{Batch, Both, Single};
        for (rows, sizes) in [(Both, [1 << 16]), (Single, [1 << 16]), (Batch, [1 << 15])] {
            require_batches(rows, &sizes).unwrap();
        }
        let error = require_batches(Batch, &[1 << 16, 1 << 20]).unwrap_err();
        assert!(crate::error::is_bad_input(&error) && error.to_string().contains("up to 32768"), "{error}");
    }

    #[test]
    fn a_profile_tells_a_budget_that_is_not_the_efforts_own() {
        let told = |line: &str| {
            let origin = origin(&typed(line), &Enumeration::default(), String::new(), 1.0);
            (origin.effort, origin.budget_seconds)
        };
        assert_eq!(told("--budget 8s"), ("standard".to_owned(), Some(8)));
        assert_eq!(told("--effort quick --budget 2m"), ("quick".to_owned(), Some(120)));
        assert_eq!(told("--budget 570s"), ("standard".to_owned(), None));
        assert_eq!(told(""), ("standard".to_owned(), None));
    }

    #[test]
    fn how_to_go_on_is_the_same_command_with_one_flag_more() {
        let going_on = |line: &[&str]| resuming(line.iter().map(|&arg| arg.to_owned()));
        assert_eq!(going_on(&["tune", "--sizes", "2^18,4k"]), "cargo xtask tune --sizes 2^18,4k --resume");
        assert_eq!(going_on(&["tune", "--resume", "--json"]), "cargo xtask tune --json --resume");
        assert_eq!(
            going_on(&["tune", "--output", "it's a b"]),
            r"cargo xtask tune --output 'it'\''s a b' --resume"
        );
    }

    #[test]
    fn a_filter_that_leaves_no_plan_is_refused() {
        let grid = project::grid().unwrap();
        let left = wanted(&typed("--accuracy fast --filter ext_"), &grid, Isa::Avx2).unwrap();
        assert!(left.iter().all(|variant| variant.id().contains("ext_")));
        let accurate = wanted(&typed("--accuracy accurate"), &grid, Isa::Avx2).unwrap();
        assert!(accurate.iter().all(|variant| variant.exp.is_none_or(|exp| exp.degree == 6)));
        let error = wanted(&typed("--filter max,softmax"), &grid, Isa::Avx2).unwrap_err().to_string();
        assert!(error.contains("no complete plan"), "{error}");
    }
}
