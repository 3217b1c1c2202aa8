//! `explain`: which plan a row length gets on this machine, and why.
//!
//! Follows the ladder of `softmax_kernels`' dispatch, and reads the profiles and the environment as they are now: what a
//! build has in it, `softmax_kernels::selected` tells.

use crate::error::bad_input;
use crate::host::FORCE_ISA;
use crate::length::Length;
use crate::{flags, host, project, stdout};
use anyhow::{Context, Result};
use softmax_codegen::PROFILE_VARIABLE;
use softmax_spec::profile::{Class, Evidence, Host, Profile, Situation, Table, Trust};
use softmax_spec::{Isa, PassVariant, Plan, Rows};
use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write;
use std::path::PathBuf;

/// Profiles of a build, in its order, each with its path.
type Profiles = Vec<(PathBuf, Profile)>;

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

/// What the choice is made of.
struct Question<'a> {
    flags: &'a flags::Explain,
    host: Host,
    profiles: Profiles,
    /// Those that a run considers.
    isas: Vec<Isa>,
    /// What the environment has to do with it.
    remarks: Vec<String>,
}

/// The table that is chosen.
struct Choice<'a> {
    path: &'a PathBuf,
    profile: &'a Profile,
    table: &'a Table,
    fit: Fit,
    /// What tables were looked through for: single rows also where a table for batches does not reach the length.
    rows: Rows,
}

/// Runs the command.
pub fn run(flags: &flags::Explain) -> Result<()> {
    let (profiles, of_build) = profiles(flags)?;
    let forced = std::env::var_os(FORCE_ISA).map(|word| word.to_string_lossy().into_owned());
    let (isas, of_run) = considered(flags, forced, host::isas(), &profiles);
    let remarks = of_build.into_iter().chain(of_run).collect();
    let question = Question { flags, host: host::host(), profiles, isas, remarks };
    let choice = question.answer();
    let choice = choice.with_context(|| format!("no profile has a table for {}", wanted(flags)))?;
    stdout::print(&question.explanation(&choice)?)
}

/// The profiles of a build, the user's before the shipped ones, and what became of `SOFTMAX_PROFILE`. What a build refuses
/// is refused.
fn profiles(flags: &flags::Explain) -> Result<(Profiles, Option<String>)> {
    let of_build = std::env::var_os(PROFILE_VARIABLE).filter(|path| !path.is_empty());
    let (path, fate) = match &flags.profile {
        Some(path) => (Some(path.clone()), " set aside: --profile goes before it"),
        None => (softmax_codegen::user_profile().map_err(bad_input)?, ": a build reads this profile first"),
    };
    let mut profiles = Vec::new();
    if let Some(path) = &path {
        let known = project::grid()?.variants.into_iter().collect();
        let profile = softmax_codegen::read_profile(path, &known);
        let profile = profile.map_err(|error| bad_input(format!("{}: {error}", path.display())))?;
        profiles.push((path.clone(), profile));
    }
    profiles.extend(project::shipped_profiles()?);
    Ok((profiles, of_build.map(|path| format!("{PROFILE_VARIABLE}={}{fate}", path.display()))))
}

/// The ISAs that a run considers, and what became of `SOFTMAX_FORCE_ISA`, `forced`. As the library reads it, but that a
/// flag goes before it.
fn considered(
    flags: &flags::Explain,
    forced: Option<String>,
    available: Vec<Isa>,
    profiles: &[(PathBuf, Profile)],
) -> (Vec<Isa>, Option<String>) {
    let Some(word) = forced else {
        return (flags.isa.map_or(available, |isa| vec![isa]), None);
    };
    let set = format!("{FORCE_ISA}={}", word.escape_debug());
    if let Some(isa) = flags.isa {
        return (vec![isa], Some(format!("{set} set aside: --isa goes before it")));
    }
    let mut tables = profiles.iter().flat_map(|(_, profile)| &profile.tables);
    let found = tables.find(|table| {
        let Situation { isa, threads, .. } = table.situation;
        isa.id() == word && threads == 1 && available.contains(&isa)
    });
    match found.map(|table| table.situation.isa) {
        Some(isa) => (vec![isa], Some(format!("{set}: a run considers this ISA alone"))),
        None => {
            let why = "no such ISA is compiled in and supported here";
            (available, Some(format!("{set} ignored: {why}")))
        }
    }
}

fn wanted(flags: &flags::Explain) -> String {
    format!("{}, {}", flags.accuracy, place_name(flags.in_place))
}

fn place_name(in_place: bool) -> &'static str {
    if in_place { "in place" } else { "out of place" }
}

impl Question<'_> {
    /// The table that a call uses. One for batches may end; longer rows are looked up as single ones.
    fn answer(&self) -> Option<Choice<'_>> {
        let choice = self.choose(Rows::of(self.flags.rows.get()))?;
        match choice.table.class(self.flags.len.0) {
            Some(_) => Some(choice),
            None => self.choose(Rows::Single),
        }
    }

    /// Of the tables of the most capable ISA the one whose profile fits best; of equals the first. As the library chooses.
    fn choose(&self, rows: Rows) -> Option<Choice<'_>> {
        let candidates = self.profiles.iter().filter_map(|(path, profile)| {
            let (table, fit) = self.best_of(profile, rows)?;
            Some(Choice { path, profile, table, fit, rows })
        });
        candidates.reduce(|best, next| if next.rank() > best.rank() { next } else { best })
    }

    /// The table of a profile that would be chosen if there were no other profiles.
    fn best_of<'a>(&self, profile: &'a Profile, rows: Rows) -> Option<(&'a Table, Fit)> {
        let is_considered = |table: &&Table| self.isas.contains(&table.situation.isa);
        let considered = self.asked_for(profile, rows).filter(is_considered);
        let fitting = considered.filter_map(|table| Some((table, fit(profile, table, &self.host)?)));
        let rank = |(table, fit): &(&Table, Fit)| (table.situation.isa, *fit, table.situation.rows);
        fitting.reduce(|best, next| if rank(&next) > rank(&best) { next } else { best })
    }

    /// A profile's tables for the accuracy, and for in place or not: for batches also those for single rows.
    fn asked_for<'a>(&self, profile: &'a Profile, rows: Rows) -> impl Iterator<Item = &'a Table> {
        let wanted = (self.flags.accuracy, self.flags.in_place, 1);
        profile.tables.iter().filter(move |table| {
            let Situation { accuracy, in_place, threads, rows: of_table, .. } = table.situation;
            (accuracy, in_place, threads) == wanted && of_table <= rows
        })
    }

    fn explanation(&self, choice: &Choice) -> Result<String> {
        let Choice { path, profile, table, fit, .. } = *choice;
        let mut out = String::new();
        writeln!(out, "host      {}", host_text(&self.host))?;
        for remark in &self.remarks {
            writeln!(out, "variable  {remark}")?;
        }
        writeln!(out, "profile   {}: {fit}", profile.name)?;
        writeln!(out, "          {}", path.display())?;
        for (other_path, other) in self.profiles.iter().filter(|(_, other)| !std::ptr::eq(other, profile)) {
            writeln!(out, "  not     {}: {}", other.name, self.why_not(other, choice))?;
            writeln!(out, "          {}", other_path.display())?;
        }
        let Situation { isa, rows, .. } = table.situation;
        let of_rows = rows_text(Rows::of(self.flags.rows.get()), choice.rows, rows);
        writeln!(out, "table     {isa}, {}{of_rows}", wanted(self.flags))?;
        let class = table.class(self.flags.len.0);
        write_class(&mut out, table, class.context("a table for single rows has a class for every length")?)?;
        Ok(out)
    }

    fn why_not(&self, profile: &Profile, choice: &Choice) -> String {
        let isas: BTreeSet<Isa> =
            self.asked_for(profile, choice.rows).map(|table| table.situation.isa).collect();
        if isas.is_empty() {
            return format!("it has no table for {}", wanted(self.flags));
        }
        if !isas.iter().any(|isa| self.isas.contains(isa)) {
            let isas: Vec<&str> = isas.iter().map(|isa| isa.id()).collect();
            return format!("it is for {}, which is not considered here", isas.join(", "));
        }
        match self.best_of(profile, choice.rows) {
            None => format!("tuned on {}", profile.host.as_ref().map(host_text).unwrap_or_default()),
            Some((table, _)) if table.situation.isa < choice.table.situation.isa => {
                format!("its {} is less capable", table.situation.isa)
            }
            Some((_, fit)) if fit < choice.fit => format!("{fit}, which fits less well"),
            Some(_) => "it fits as well, and comes later".to_owned(),
        }
    }
}

impl Choice<'_> {
    fn rank(&self) -> (Isa, Fit) {
        (self.table.situation.isa, self.fit)
    }
}

/// What there is to say about rows: that a table is for batches, or why that of single rows is used for one. `asked` is what
/// the caller has, `looked_up` what tables were looked through for, `found` what the table is for.
fn rows_text(asked: Rows, looked_up: Rows, found: Rows) -> &'static str {
    match (asked, looked_up, found) {
        (_, _, Rows::Batch) => ", batches",
        (Rows::Single, ..) => "",
        (Rows::Batch, Rows::Single, _) => {
            ": as single rows, for the table for batches ends before this length"
        }
        (Rows::Batch, Rows::Batch, _) => ": as single rows, for the profile has no table for batches",
    }
}

/// `None` if it is for another machine.
fn fit(profile: &Profile, table: &Table, host: &Host) -> Option<Fit> {
    let Some(tuned_on) = &profile.host else {
        return Some(Fit::Default);
    };
    match (host::same_model(tuned_on, host), tuned_on.stepping == host.stepping) {
        (true, true) => Some(Fit::Fingerprint),
        (true, false) => Some(Fit::Model),
        _ if tuned_on.l2_kib == host.l2_kib && host.l2_kib > 0 && table.situation.isa > Isa::Scalar => {
            Some(Fit::CacheClass)
        }
        _ => None,
    }
}

fn write_class(out: &mut String, table: &Table, class: &Class) -> fmt::Result {
    writeln!(out, "class     {}", class_text(table, class))?;
    writeln!(out, "plan      {}, exp core {}", class.plan.algorithm(), class.plan.exp())?;
    for pass in class.plan.passes() {
        writeln!(out, "          {:<36} {}", pass.id(), tile_text(pass))?;
    }
    match &class.evidence {
        Some(evidence) => write_evidence(out, evidence),
        None => {
            writeln!(out, "evidence  none: written by hand; measure this machine with `cargo xtask tune`")
        }
    }
}

fn host_text(host: &Host) -> String {
    let Host { vendor, family, model, stepping, brand, isa, l2_kib, .. } = host;
    format!("{brand} ({vendor} family {family} model {model} stepping {stepping}, {isa}, L2 {l2_kib} KiB)")
}

fn class_text(table: &Table, class: &Class) -> String {
    let before = table.classes.iter().take_while(|other| *other != class).last();
    let from = before.and_then(|before| before.upper).map_or(1, |upper| upper.saturating_add(1));
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
    let trust = evidence.trust.as_ref();
    let gain = trust.map(|trust| trust.speedup_interval).filter(|(low, high)| low < high);
    let gain = gain.map(|(low, high)| format!(", 95 % {low:.2} to {high:.2}")).unwrap_or_default();
    writeln!(out, "          {speedup_over_default:.2} x as fast as the default profile's plan{gain}")?;
    if let Some((plan, ratio)) = runner_up {
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        let interval = trust.and_then(|trust| trust.runner_up_interval);
        let interval = interval
            .map(|(low, high)| format!(", 95 % {:+.1} to {:+.1} %", percent(low), percent(high)))
            .unwrap_or_default();
        writeln!(
            out,
            "          best of another algorithm: {plan}, {:+.1} % time{interval}",
            percent(*ratio)
        )?;
    }
    if let Some(Trust { noise, contended, .. }) = trust {
        let contended = match contended {
            Some(share) => format!("{:.1} % of the samples contended by others", share * 100.0),
            None => "whether samples were contended is not known".to_owned(),
        };
        writeln!(out, "          two equal plans differed by up to {:.1} %; {contended}", noise * 100.0)?;
    }
    for plan in ties {
        writeln!(out, "          slower by 2 % at most: {plan}")?;
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
    use std::num::NonZeroUsize;

    fn profile(name: &str, host: Option<Host>, isas: &[Isa]) -> (PathBuf, Profile) {
        let table = |&isa: &Isa| Table {
            situation: Situation {
                isa,
                element: Element::F32,
                accuracy: Accuracy::Fast,
                in_place: false,
                rows: Rows::Single,
                threads: 1,
            },
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
            rows: NonZeroUsize::MIN,
            isa: None,
            profile: None,
        }
    }

    fn question<'a>(
        flags: &'a flags::Explain,
        profiles: &[(PathBuf, Profile)],
        isas: &[Isa],
    ) -> Question<'a> {
        Question { flags, host: here(), profiles: profiles.to_vec(), isas: isas.to_vec(), remarks: vec![] }
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
            let flags = flags();
            let question = question(&flags, &all[..last], isas);
            let Choice { profile, table, fit, .. } = question.answer().unwrap();
            (profile.name.clone(), table.situation.isa, fit)
        };
        assert_eq!(chosen(5, &Isa::ALL), ("model".to_owned(), Isa::Avx512, Fit::Model));
        assert_eq!(chosen(5, &[Isa::Scalar, Isa::Avx2]), ("same".to_owned(), Isa::Avx2, Fit::Fingerprint));
        assert_eq!(chosen(4, &Isa::ALL), ("model".to_owned(), Isa::Avx512, Fit::Model));
        assert_eq!(chosen(3, &Isa::ALL), ("cache".to_owned(), Isa::Avx512, Fit::CacheClass));
        assert_eq!(chosen(2, &Isa::ALL), ("default".to_owned(), Isa::Avx512, Fit::Default));
        assert_eq!(chosen(5, &[Isa::Scalar]), ("default".to_owned(), Isa::Scalar, Fit::Default));
        assert!(question(&flags(), &all[1..2], &Isa::ALL).answer().is_none());
    }

    #[test]
    fn a_forced_isa_restricts_the_choice_as_in_the_library() {
        let all = [profile("default", None, &[Isa::Scalar, Isa::Avx2])];
        let available = || vec![Isa::Scalar, Isa::Sse2, Isa::Avx2];
        let considered = |flags: &flags::Explain, word: Option<&str>| {
            considered(flags, word.map(str::to_owned), available(), &all)
        };
        assert_eq!(considered(&flags(), None), (available(), None));
        let (isas, remark) = considered(&flags(), Some("scalar"));
        assert_eq!(isas, [Isa::Scalar]);
        assert!(remark.unwrap().contains("SOFTMAX_FORCE_ISA=scalar: a run considers this ISA alone"));
        // Without a table, without the CPU, without meaning, and empty.
        for word in ["sse2", "avx512", "AVX2", ""] {
            let (isas, remark) = considered(&flags(), Some(word));
            assert_eq!(isas, available(), "{word}");
            assert!(remark.unwrap().contains("ignored"), "{word}");
        }
        let (isas, remark) = considered(&flags::Explain { isa: Some(Isa::Avx2), ..flags() }, Some("scalar"));
        assert_eq!(isas, [Isa::Avx2]);
        assert!(remark.unwrap().contains("--isa goes before it"));
    }

    #[test]
    fn every_other_profile_has_its_own_reason() {
        let all = [
            profile("default", None, &[Isa::Scalar, Isa::Avx2]),
            profile("again", None, &[Isa::Avx2]),
            profile("less", Some(here()), &[Isa::Scalar]),
            profile("more", Some(here()), &[Isa::Avx512]),
            profile("other", Some(Host { model: 1, l2_kib: 1, ..here() }), &[Isa::Avx2]),
        ];
        let flags = flags();
        let question = question(&flags, &all, &[Isa::Scalar, Isa::Avx2]);
        let text = question.explanation(&question.answer().unwrap()).unwrap();
        for reason in [
            "profile   default: for any machine",
            "not     again: it fits as well, and comes later",
            "not     less: its scalar is less capable",
            "not     more: it is for avx512, which is not considered here",
            "not     other: tuned on A CPU (GenuineIntel",
        ] {
            assert!(text.contains(reason), "{reason} is not in:\n{text}");
        }
    }

    #[test]
    fn evidence_says_how_sure_it_is_where_a_profile_tells() {
        use crate::profiles::samples::{X, Y, class, plan};
        let mut evidence = class(None, X, 64, 1.5).evidence.unwrap();
        evidence.runner_up = Some((plan(Y), 1.1));
        let said = |evidence: &Evidence| {
            let mut text = String::new();
            write_evidence(&mut text, evidence).unwrap();
            text
        };
        let older = said(&evidence);
        assert!(older.contains("1.50 x as fast as the default profile's plan\n"), "{older}");
        assert!(older.ends_with(", +10.0 % time\n"), "{older}");
        let trust = Trust {
            speedup_interval: (1.48, 1.53),
            runner_up_interval: Some((1.09, 1.12)),
            noise: 0.004,
            contended: None,
        };
        evidence.trust = Some(trust.clone());
        let text = said(&evidence);
        assert!(text.contains("profile's plan, 95 % 1.48 to 1.53\n"), "{text}");
        assert!(text.contains(", +10.0 % time, 95 % +9.0 to +12.0 %\n"), "{text}");
        assert!(
            text.contains("differed by up to 0.4 %; whether samples were contended is not known"),
            "{text}"
        );
        evidence.trust = Some(Trust { contended: Some(0.25), ..trust });
        assert!(said(&evidence).contains("; 25.0 % of the samples contended by others\n"));
    }

    #[test]
    fn a_class_states_its_bounds() {
        let (_, mut profile) = profile("p", None, &[Isa::Avx2]);
        let table = &mut profile.tables[0];
        let bounded = Class { upper: Some(100), ..table.classes[0].clone() };
        table.classes.insert(0, bounded);
        let text = |len| class_text(table, table.class(len).unwrap());
        assert_eq!([text(100), text(101)], ["1 to 100 elements", "101 elements and more"]);
    }

    /// `name` with a table for batches of rows up to 100.
    fn with_batches(name: &str, host: Option<Host>) -> (PathBuf, Profile) {
        let (path, mut profile) = profile(name, host, &[Isa::Avx2]);
        let mut batches = profile.tables[0].clone();
        batches.situation.rows = Rows::Batch;
        batches.classes[0].upper = Some(100);
        profile.tables.push(batches);
        (path, profile)
    }

    #[test]
    fn a_batch_gets_the_table_for_batches_as_in_the_library() {
        let explained = |rows: usize, len: usize, all: &[(PathBuf, Profile)]| {
            let flags =
                flags::Explain { rows: NonZeroUsize::new(rows).unwrap(), len: Length(len), ..flags() };
            let question = question(&flags, all, &[Isa::Avx2]);
            question.explanation(&question.answer().unwrap()).unwrap()
        };
        let own = [with_batches("own", Some(here()))];
        for (rows, len, table, class) in [
            (1, 100, "table     avx2, fast, out of place\n", "class     1 elements and more"),
            (2, 100, "table     avx2, fast, out of place, batches\n", "class     1 to 100 elements"),
            (512, 100, "table     avx2, fast, out of place, batches\n", "class     1 to 100 elements"),
            (512, 101, "out of place: as single rows, for the table for batches ends", "1 elements and more"),
        ] {
            let text = explained(rows, len, &own);
            assert!(text.contains(table) && text.contains(class), "{rows} rows of {len}:\n{text}");
        }
        // A profile from before there were batches means what it meant, and only its own table goes before it.
        let old = [profile("old", Some(here()), &[Isa::Avx2]), with_batches("new", Some(here()))];
        let text = explained(2, 64, &old);
        assert!(text.contains("profile   old:") && text.contains("new: it fits as well"), "{text}");
        assert!(text.contains("as single rows, for the profile has no table for batches"), "{text}");
        // One for batches alone leaves single rows to the next.
        let (path, mut batches) = with_batches("batches", Some(here()));
        batches.tables.remove(0);
        let both = [(path, batches), with_batches("default", None)];
        assert!(explained(2, 64, &both).contains("profile   batches:"));
        let text = explained(1, 64, &both);
        assert!(
            text.contains("profile   default:") && text.contains("batches: it has no table for"),
            "{text}"
        );
    }

    #[test]
    fn whatever_a_profile_says_it_can_be_explained() {
        for damaged in crate::profiles::samples::damaged_profiles() {
            let all = [(PathBuf::from("p.toml"), Profile { host: None, ..damaged })];
            for (rows, len) in [(1, 1), (1, 4096), (512, 64), (512, crate::length::MAX)] {
                let rows = NonZeroUsize::new(rows).unwrap();
                let flags = flags::Explain { len: Length(len), rows, ..flags() };
                let question = question(&flags, &all, &Isa::ALL);
                let answer = question.answer();
                answer
                    .into_iter()
                    .for_each(|choice| assert!(!question.explanation(&choice).unwrap().is_empty()));
            }
        }
    }
}
