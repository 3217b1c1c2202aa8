//! `tune`: finds the fastest plan for every row length on this machine and writes a profile.
//!
//! ```text
//! grid -> gate -> screen passes -> compose plans -> gate -> race plans -> confirm   (per length)
//!      -> bisect crossovers -> size classes -> profile
//! ```
//!
//! Everything that is measured is measured by a child process ([`child`]); everything that is concluded is
//! concluded here, behind two traits ([`crate::measuring::Timings`], [`gate::Oracle`]), so that tests need no hardware.

mod classes;
mod clock;
mod compose;
mod effort;
mod evidence;
mod field;
mod gate;
mod progress;
mod race;
mod report;
mod search;

use crate::error::bad_input;
use crate::measuring::{Child, child, preflight};
use crate::output::Output;
use crate::{flags, host, project, stdout};
use anyhow::{Context, Result, bail};
use clock::Clock;
use effort::Effort;
use gate::Gate;
use progress::Progress;
use search::Search;
use softmax_codegen::profile;
use softmax_spec::profile::{Origin, Profile};
use softmax_spec::{Enumeration, Isa, PassVariant};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::process::Command;

/// Runs the command.
pub fn run(flags: &flags::Tune) -> Result<()> {
    let output = Output::new(&flags.output)?;
    let mut effort = Effort::new(flags.effort);
    effort.budget = flags.budget.unwrap_or(effort.budget);
    if !flags.sizes.is_empty() {
        effort.sizes = flags.sizes.iter().map(|len| len.0).collect::<BTreeSet<_>>().into_iter().collect();
    }
    let grid = project::grid()?;
    let isas = isas(flags, &host::isas())?;
    let variants: Vec<(Isa, Vec<PassVariant>)> =
        isas.into_iter().map(|isa| Ok((isa, wanted(flags, &grid, isa)?))).collect::<Result<_>>()?;
    if flags.dry_run {
        return dry_run(flags, &effort, &variants);
    }

    let default = project::default_profile()?;
    let rustc = rustc_version()?;
    preflight::warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    eprintln!("building the measuring process with the full grid");
    let mut child = Child::start(&child::build(&[])?, vec![])?;
    check_child(&mut child, &variants)?;

    let found = search(flags, &effort, &default, variants, &mut child)?;
    if found.profile.tables.is_empty() {
        bail!("no plan passed the correctness gate, so there is no profile: see the failures above");
    }
    let origin = Origin {
        rustc,
        grid_hash: grid.hash(),
        grid_variants: grid.variants.len(),
        effort: effort.name.to_owned(),
        seconds: found.seconds,
    };
    let tuned = Profile { origin: Some(origin), ..found.profile };
    // What was found is shown even if it cannot be written.
    let written = output.write(&profile::write(&tuned));
    if flags.json {
        let report = report::json(&tuned, output.path(), found.seconds, found.gate.failures());
        return stdout::print_json(&report).and(written);
    }
    stdout::print(&report::text(&tuned))?;
    written?;
    eprintln!("wrote {} after {:.0} s of measuring", output.path().display(), found.seconds);
    eprintln!("use it: SOFTMAX_PROFILE={} cargo build --release", output.path().display());
    Ok(())
}

/// What a search ended with.
struct Found {
    profile: Profile,
    gate: Gate,
    seconds: f64,
}

fn search(
    flags: &flags::Tune,
    effort: &Effort,
    default: &Profile,
    variants: Vec<(Isa, Vec<PassVariant>)>,
    child: &mut Child,
) -> Result<Found> {
    let mut clock = Clock::start(effort.budget, search::weight(&effort.sizes) * variants.len() as f64);
    let progress = Progress::new();
    let mut gate = Gate::default();
    let mut tables = Vec::new();
    for (isa, variants) in variants {
        let mut search = Search {
            machine: &mut *child,
            effort,
            clock: &mut clock,
            progress: &progress,
            gate: &mut gate,
            default,
            isa,
            accuracies: flags.accuracy.list(),
            variants,
            known: HashMap::new(),
        };
        tables.extend(search.run(&effort.sizes)?);
    }
    progress.finish();
    report::failures(gate.failures()).iter().for_each(|line| eprintln!("{line}"));
    let host = host::host();
    let profile = Profile { name: host::profile_name(&host), host: Some(host), origin: None, tables };
    Ok(Found { profile, gate, seconds: clock.elapsed().as_secs_f64() })
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
        return stdout::print_json(&serde_json::json!({
            "effort": effort.name, "variants": counts, "sizes": effort.sizes, "seconds": seconds,
        }));
    }
    stdout::print(&report::dry_run(effort.name, &counts, &effort.sizes, seconds))
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
