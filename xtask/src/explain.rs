//! `explain`: which plan a row length gets on this machine, and why.
//!
//! Follows the ladder of `softmax_kernels`' dispatch, and reads the profiles as they are now: what a build has in
//! it, `softmax_kernels::selected` tells.

use crate::error::bad_input;
use crate::length::Length;
use crate::{flags, host, project, stdout};
use anyhow::{Context, Result};
use softmax_spec::profile::{Class, Evidence, Host, Profile, Table};
use softmax_spec::{Isa, PassVariant, Plan};
use std::fmt;
use std::fmt::Write;
use std::path::PathBuf;

/// How well a profile's table fits this machine, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Default,
    CacheClass,
    Model,
    Fingerprint,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fit::Default => "for any machine",
            Fit::CacheClass => "tuned on another CPU with the same ISA and L2 cache size",
            Fit::Model => "tuned on the same CPU family and model, another stepping",
            Fit::Fingerprint => "tuned on the same CPU (vendor, family, model and stepping)",
        })
    }
}

/// Runs the command.
pub fn run(flags: &flags::Explain) -> Result<()> {
    let profiles = profiles(flags)?;
    let host = host::host();
    let isas = flags.isa.map_or_else(host::isas, |isa| vec![isa]);
    let best = choose(&profiles, flags, &host, &isas);
    let (place, profile, table, fit) =
        best.with_context(|| format!("no profile has a table for {}", wanted(flags)))?;
    let text = explanation(flags, &host, &profiles, place, profile, table, fit)?;
    stdout::print(&text)
}

/// The shipped profiles, after the one that the caller names: the order of a build with `SOFTMAX_PROFILE`.
fn profiles(flags: &flags::Explain) -> Result<Vec<(PathBuf, Profile)>> {
    let mut profiles = Vec::new();
    if let Some(path) = &flags.profile {
        let profile = project::read_profile(path).map_err(|error| bad_input(format!("{error:#}")))?;
        profiles.push((path.clone(), profile));
    }
    profiles.extend(project::shipped_profiles()?);
    Ok(profiles)
}

fn wanted(flags: &flags::Explain) -> String {
    format!("{}, {}", flags.accuracy, place_name(flags.in_place))
}

fn place_name(in_place: bool) -> &'static str {
    if in_place { "in place" } else { "out of place" }
}

/// Of the tables of the most capable ISA the one whose profile fits best; of equals the first. As the library chooses.
fn choose<'a>(
    profiles: &'a [(PathBuf, Profile)],
    flags: &flags::Explain,
    host: &Host,
    isas: &[Isa],
) -> Option<(&'a PathBuf, &'a Profile, &'a Table, Fit)> {
    let tables = profiles
        .iter()
        .flat_map(|(path, profile)| profile.tables.iter().map(move |table| (path, profile, table)));
    let eligible = tables.filter(|(_, _, table)| {
        let asked_for =
            (table.accuracy, table.in_place, table.threads) == (flags.accuracy, flags.in_place, 1);
        asked_for && isas.contains(&table.isa)
    });
    let fitting = eligible
        .filter_map(|(path, profile, table)| Some((path, profile, table, fit(profile, table, host)?)));
    fitting.reduce(|best, next| if (next.2.isa, next.3) > (best.2.isa, best.3) { next } else { best })
}

/// `None` if it is for another machine.
fn fit(profile: &Profile, table: &Table, host: &Host) -> Option<Fit> {
    let Some(tuned_on) = &profile.host else {
        return Some(Fit::Default);
    };
    match (host::same_model(tuned_on, host), tuned_on.stepping == host.stepping) {
        (true, true) => Some(Fit::Fingerprint),
        (true, false) => Some(Fit::Model),
        _ if tuned_on.l2_kib == host.l2_kib && host.l2_kib > 0 && table.isa > Isa::Scalar => {
            Some(Fit::CacheClass)
        }
        _ => None,
    }
}

fn explanation(
    flags: &flags::Explain,
    host: &Host,
    profiles: &[(PathBuf, Profile)],
    place: &PathBuf,
    profile: &Profile,
    table: &Table,
    fit: Fit,
) -> Result<String> {
    let mut out = String::new();
    writeln!(out, "host      {}", host_text(host))?;
    writeln!(out, "profile   {}: {fit}", profile.name)?;
    writeln!(out, "          {}", place.display())?;
    for (path, other) in profiles.iter().filter(|(path, _)| path != place) {
        writeln!(out, "  not     {}: {}", other.name, why_not(other, flags, host, fit))?;
        writeln!(out, "          {}", path.display())?;
    }
    writeln!(out, "table     {}, {}", table.isa, wanted(flags))?;
    let class = table.class(flags.len.0);
    writeln!(out, "class     {}", class_text(table, class))?;
    writeln!(out, "plan      {}, exp core {}", class.plan.algorithm(), class.plan.exp())?;
    for pass in class.plan.passes() {
        writeln!(out, "          {:<36} {}", pass.id(), tile_text(pass))?;
    }
    match &class.evidence {
        Some(evidence) => write_evidence(&mut out, evidence)?,
        None => {
            writeln!(out, "evidence  none: written by hand; measure this machine with `cargo xtask tune`")?
        }
    }
    Ok(out)
}

fn host_text(host: &Host) -> String {
    let Host { vendor, family, model, stepping, brand, isa, l2_kib, .. } = host;
    format!("{brand} ({vendor} family {family} model {model} stepping {stepping}, {isa}, L2 {l2_kib} KiB)")
}

fn why_not(profile: &Profile, flags: &flags::Explain, host: &Host, chosen: Fit) -> String {
    let asked_for = |table: &&Table| (table.accuracy, table.in_place) == (flags.accuracy, flags.in_place);
    let tables: Vec<&Table> = profile.tables.iter().filter(asked_for).collect();
    if tables.is_empty() {
        return format!("it has no table for {}", wanted(flags));
    }
    match tables.iter().filter_map(|table| fit(profile, table, host)).max() {
        None => format!("tuned on {}", profile.host.as_ref().map(host_text).unwrap_or_default()),
        Some(fit) if fit < chosen => format!("{fit}, which fits less well"),
        Some(_) => "its ISA is less capable or not supported, or it comes later".to_owned(),
    }
}

fn class_text(table: &Table, class: &Class) -> String {
    let before = table.classes.iter().take_while(|other| *other != class).last();
    let from = before.and_then(|before| before.upper).map_or(1, |upper| upper + 1);
    match class.upper {
        Some(upper) => format!("{from} to {upper} elements"),
        None => format!("{from} elements and more"),
    }
}

fn tile_text(pass: &PassVariant) -> String {
    let PassVariant { tile, .. } = pass;
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let size = format!(
        "{} per iteration ({})",
        plural(pass.tile_elements(), "element"),
        plural(tile.unroll, "vector")
    );
    match pass.pass.reduces() {
        true => format!("{size}, {}", plural(tile.accumulators, "accumulator")),
        false => size,
    }
}

fn write_evidence(out: &mut String, evidence: &Evidence) -> fmt::Result {
    let Evidence { len, ns_per_element, interval: (low, high), .. } = evidence;
    let Evidence { memcpy_ns_per_element: memcpy, roofline, speedup_over_default, runner_up, ties, .. } =
        evidence;
    writeln!(
        out,
        "evidence  at n={}: {ns_per_element:.4} ns per element, 95 % {low:.4} to {high:.4}",
        Length(*len)
    )?;
    writeln!(
        out,
        "          {:.2} x the time of memcpy, {:.0} % of the roofline",
        ns_per_element / memcpy,
        roofline * 100.0
    )?;
    writeln!(out, "          {speedup_over_default:.2} x as fast as the default profile's plan")?;
    if let Some((plan, ratio)) = runner_up {
        writeln!(out, "          best of another algorithm: {plan}, {:+.1} % time", (ratio - 1.0) * 100.0)?;
    }
    for plan in ties {
        writeln!(out, "          not told apart from: {plan}")?;
    }
    Ok(())
}

/// The tiles and the exp core of a plan in one short word: `f5 128x4/64x2/32nt`; `32nt_pf1024` where there is more to say
/// about memory.
pub fn short(plan: &Plan) -> String {
    let tile = |pass: &PassVariant| {
        let accumulators = match pass.tile.accumulators {
            1 => String::new(),
            accumulators => format!("x{accumulators}"),
        };
        format!("{}{accumulators}{}", pass.tile_elements(), pass.memory)
    };
    let tiles: Vec<String> = plan.passes().iter().map(tile).collect();
    format!("{} {}", plan.exp(), tiles.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::{Accuracy, Element};

    fn profile(name: &str, host: Option<Host>, isas: &[Isa]) -> (PathBuf, Profile) {
        let table = |&isa: &Isa| Table {
            isa,
            element: Element::F32,
            accuracy: Accuracy::Fast,
            in_place: false,
            threads: 1,
            classes: vec![Class { upper: None, plan: Plan::robust(isa, Element::F32), evidence: None }],
        };
        let tables = isas.iter().map(table).collect();
        (PathBuf::from(name), Profile { name: name.to_owned(), host, origin: None, tables })
    }

    fn here() -> Host {
        let text = |text: &str| text.to_owned();
        Host {
            vendor: text("GenuineIntel"),
            family: 6,
            model: 85,
            stepping: 7,
            brand: text("A CPU"),
            isa: Isa::Avx512,
            cores: 2,
            l1d_kib: 32,
            l2_kib: 1024,
            l3_kib: 0,
            vm: false,
        }
    }

    fn flags() -> flags::Explain {
        flags::Explain {
            len: Length(64),
            accuracy: Accuracy::Fast,
            in_place: false,
            isa: None,
            profile: None,
        }
    }

    #[test]
    fn the_ladder_prefers_the_best_isa_then_the_closest_machine() {
        let all = [
            profile("default", None, &[Isa::Scalar, Isa::Avx2, Isa::Avx512]),
            profile("stranger", Some(Host { model: 1, l2_kib: 1, ..here() }), &[Isa::Avx512]),
            profile("cache", Some(Host { model: 1, ..here() }), &[Isa::Avx512]),
            profile("model", Some(Host { stepping: 1, ..here() }), &[Isa::Avx512]),
            profile("same", Some(here()), &[Isa::Avx2]),
        ];
        let chosen = |last: usize, isas: &[Isa]| {
            let (_, profile, table, fit) = choose(&all[..last], &flags(), &here(), isas).unwrap();
            (profile.name.clone(), table.isa, fit)
        };
        assert_eq!(chosen(5, &Isa::ALL), ("model".to_owned(), Isa::Avx512, Fit::Model));
        assert_eq!(chosen(5, &[Isa::Scalar, Isa::Avx2]), ("same".to_owned(), Isa::Avx2, Fit::Fingerprint));
        assert_eq!(chosen(4, &Isa::ALL), ("model".to_owned(), Isa::Avx512, Fit::Model));
        assert_eq!(chosen(3, &Isa::ALL), ("cache".to_owned(), Isa::Avx512, Fit::CacheClass));
        assert_eq!(chosen(2, &Isa::ALL), ("default".to_owned(), Isa::Avx512, Fit::Default));
        assert_eq!(chosen(5, &[Isa::Scalar]), ("default".to_owned(), Isa::Scalar, Fit::Default));
        assert!(choose(&all[1..2], &flags(), &here(), &Isa::ALL).is_none());
    }

    #[test]
    fn a_class_states_its_bounds() {
        let (_, mut profile) = profile("p", None, &[Isa::Avx2]);
        let table = &mut profile.tables[0];
        let bounded = Class { upper: Some(100), ..table.classes[0].clone() };
        table.classes.insert(0, bounded);
        assert_eq!(class_text(table, table.class(100)), "1 to 100 elements");
        assert_eq!(class_text(table, table.class(101)), "101 elements and more");
    }
}
