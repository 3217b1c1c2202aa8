//! What commands over profiles have in common: reading those that the caller names, the
//! situations that tables are for, and the ranges of lengths in which each of several tables has one class.

#[cfg(test)]
pub mod samples;

use crate::error::bad_input;
use crate::project;
use anyhow::Result;
use serde_json::{Value, json};
use softmax_spec::profile::{Class, Profile, Situation, Table};
use softmax_spec::{Enumeration, PassVariant, Plan};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// A plan that is slower than the fastest by no more than this is a tie.
pub const TIE: f64 = 1.02;
/// By this factor the ratio of two times may differ from one process to the next on one machine.
pub const PROCESSES_DIFFER: f64 = 1.05;

/// What to do about a profile of another version.
const AGAIN: &str = "tune again";

/// Reads a profile that the caller named: one that cannot be read is bad input.
pub fn read(path: &Path) -> Result<Profile> {
    project::read_profile(path).map_err(|error| {
        let text = format!("{error:#}");
        let advice = if text.ends_with(AGAIN) { "" } else { ": name a profile that is whole, or tune again" };
        bad_input(text + advice)
    })
}

/// Refuses a profile with a plan that the grid lacks, which no build would take.
pub fn require_in_grid(path: &Path, profile: &Profile, grid: &Enumeration) -> Result<()> {
    let classes = profile.tables.iter().flat_map(|table| &table.classes);
    let known: HashSet<&PassVariant> = grid.variants.iter().collect();
    match classes.flat_map(|class| class.plan.passes()).find(|pass| !known.contains(pass)) {
        None => Ok(()),
        Some(missing) => Err(bad_input(format!(
            "{}: the grid has no {missing}, so it is a profile of another grid: tune again",
            path.display()
        ))),
    }
}

/// A situation, for scripts.
pub fn situation_json(situation: Situation) -> Value {
    let Situation { isa, element, accuracy, in_place, rows, threads } = situation;
    json!({
        "isa": isa.id(),
        "element": element.id(),
        "accuracy": accuracy.id(),
        "in_place": in_place,
        "rows": rows.id(),
        "threads": threads,
    })
}

/// Every situation that one of the profiles has a table for, the most portable ISA first.
pub fn situations<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> BTreeSet<Situation> {
    profiles.into_iter().flat_map(|profile| profile.tables.iter().map(|table| table.situation)).collect()
}

/// A range of lengths in which every table has one class, or none.
#[derive(Debug, PartialEq)]
pub struct Span<'a> {
    /// The shortest row.
    pub from: usize,
    /// The longest row; `None` without a bound.
    pub upper: Option<usize>,
    /// The class of each table; `None` beyond the end of one for batches.
    pub classes: Vec<Option<&'a Class>>,
}

/// The ranges between all bounds of all tables, by ascending length.
pub fn spans<'a>(tables: &[&'a Table]) -> Vec<Span<'a>> {
    let bounds = tables.iter().flat_map(|table| table.classes.iter().filter_map(|class| class.upper));
    let uppers: BTreeSet<usize> = bounds.filter(|&upper| upper > 0).collect();
    let mut from = 1;
    let mut span = |upper: Option<usize>| {
        let classes = tables.iter().map(|table| table.class(from)).collect();
        let span = Span { from, upper, classes };
        from = upper.map_or(from, |upper| upper.saturating_add(1));
        span
    };
    uppers.into_iter().map(Some).chain([None]).map(&mut span).collect()
}

/// `257 to 664`, `665 and more`.
pub fn lengths(from: usize, upper: Option<usize>) -> String {
    match upper {
        Some(upper) if upper == from => from.to_string(),
        Some(upper) => format!("{from} to {upper}"),
        None => format!("{from} and more"),
    }
}

/// What the evidence of a class says about a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Opinion {
    /// It is the pick.
    Same,
    /// It is slower than the pick by no more than [`TIE`].
    Tie,
    /// Its time over that of the pick.
    Ratio(f64),
}

/// `None` if the evidence does not mention the plan, or there is none.
pub fn opinion(class: &Class, plan: &Plan) -> Option<Opinion> {
    if class.plan == *plan {
        return Some(Opinion::Same);
    }
    let evidence = class.evidence.as_ref()?;
    if evidence.ties.contains(plan) {
        return Some(Opinion::Tie);
    }
    let (runner_up, ratio) = evidence.runner_up.as_ref()?;
    (runner_up == plan).then_some(Opinion::Ratio(*ratio))
}

#[cfg(test)]
mod tests {
    use super::samples::*;
    use super::*;
    use crate::damage;
    use softmax_spec::profile::SCHEMA;
    use softmax_spec::{Element, Isa, Rows};

    #[test]
    fn spans_lie_between_the_bounds_of_all_tables() {
        let (a, b) =
            (table(&[(Some(100), X), (None, Y)]), table(&[(Some(50), X), (Some(100), Z), (None, Y)]));
        let spans = spans(&[&a, &b]);
        let ranges: Vec<_> = spans.iter().map(|span| (span.from, span.upper)).collect();
        assert_eq!(ranges, [(1, Some(50)), (51, Some(100)), (101, None)]);
        let text = |class: &Option<&Class>| class.unwrap().plan.to_string();
        let plans = |span: &Span| span.classes.iter().map(text).collect::<Vec<_>>();
        assert_eq!(spans.iter().map(plans).collect::<Vec<_>>(), [[X, X], [X, Z], [Y, Y]]);
    }

    #[test]
    fn bounds_at_the_ends_of_the_numbers_make_no_empty_span() {
        let all = table(&[(Some(0), X), (Some(usize::MAX), Y), (None, Z)]);
        let spans = spans(&[&all]);
        assert_eq!((spans[0].from, spans[0].upper), (1, Some(usize::MAX)));
        assert_eq!(spans[0].classes[0].unwrap().plan.to_string(), Y);
    }

    #[test]
    fn a_table_for_batches_that_ends_has_no_class_beyond() {
        let (a, b) = (table(&[(None, X)]), batch(table(&[(Some(50), Y)])));
        let spans = spans(&[&a, &b]);
        let ranges: Vec<_> = spans.iter().map(|span| (span.from, span.upper)).collect();
        assert_eq!(ranges, [(1, Some(50)), (51, None)]);
        assert_eq!([0, 1].map(|i| spans[i].classes[1].map(|class| &class.plan)), [Some(&plan(Y)), None]);
    }

    #[test]
    fn evidence_has_an_opinion_on_the_plans_that_it_mentions() {
        let mut class = class(None, X, 64, 1.2);
        let evidence = class.evidence.as_mut().unwrap();
        evidence.ties = vec![plan(Y)];
        evidence.runner_up = Some((plan(Z), 1.3));
        let opinions = [X, Y, Z, W].map(|text| opinion(&class, &plan(text)));
        assert_eq!(opinions, [Some(Opinion::Same), Some(Opinion::Tie), Some(Opinion::Ratio(1.3)), None]);
        class.evidence = None;
        assert_eq!(opinion(&class, &plan(Y)), None);
    }

    #[test]
    fn a_situation_finds_its_table_and_what_is_used_without_one() {
        let profile = profile(vec![table(&[(None, X)]), batch(table(&[(Some(100), Y)]))]);
        let situation = profile.tables[0].situation;
        assert_eq!(situation.to_string(), "f32 avx2, fast, out of place");
        let other = Situation { isa: Isa::Sse2, threads: 2, ..situation };
        assert_eq!(other.to_string(), "f32 sse2, fast, out of place, 2 threads");
        assert_eq!(profile.plan(situation, 5), plan(X));
        assert_eq!(profile.plan(other, 5), Plan::robust(Isa::Sse2, Element::F32));
        assert_eq!((profile.table(situation), profile.table(other)), (profile.tables.first(), None));
        let batches = Situation { rows: Rows::Batch, ..situation };
        assert_eq!(batches.to_string(), "f32 avx2, fast, out of place, batches");
        assert_eq!([5, 100, 101].map(|len| profile.plan(batches, len)), [Y, Y, X].map(plan));
        let in_place = Situation { in_place: true, ..batches };
        assert_eq!(profile.plan(in_place, 5), Plan::robust(Isa::Avx2, Element::F32));
        assert_eq!(situation_json(batches)["rows"], "batch");
    }

    #[test]
    fn a_plan_that_the_grid_lacks_is_refused() {
        let grid = project::grid().unwrap();
        let path = Path::new("p.toml");
        require_in_grid(path, &project::default_profile().unwrap(), &grid).unwrap();
        let other = "two_pass(f32_ext_sum__avx2_a5_u72, f32_ext_scale__avx2_a5_u64)";
        let error = require_in_grid(path, &profile(vec![table(&[(None, other)])]), &grid).unwrap_err();
        assert!(crate::error::is_bad_input(&error));
        assert!(error.to_string().contains("p.toml: the grid has no f32_ext_sum__avx2_a5_u72"), "{error}");
    }

    #[test]
    fn a_profile_that_cannot_be_read_is_one_line_of_bad_input() {
        let dir = tempfile::tempdir().unwrap();
        let whole = softmax_codegen::profile::write(&profile(vec![table(&[(Some(64), X), (None, Y)])]));
        let truncated = &whole[..whole.len() - 30];
        let future = whole.replacen(&format!("schema = {SCHEMA}"), "schema = 99", 1);
        for (text, expected) in [
            (truncated, "line "),
            (future.as_str(), "schema 99 is not supported"),
            ("", "`schema` is missing"),
            ("[package]\nname = \"x\"\n", "`schema` is missing"),
            ("\0\u{1}", "line 1"),
        ] {
            let path = dir.path().join("p.toml");
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            assert!(crate::error::is_bad_input(&error));
        }
        let error = read(&dir.path().join("absent.toml")).unwrap_err();
        assert!(crate::error::is_bad_input(&error) && error.to_string().contains("cannot read"), "{error}");
    }

    #[test]
    fn a_damaged_profile_is_one_line_of_bad_input_or_a_profile() {
        let dir = tempfile::tempdir().unwrap();
        for (path, _) in project::shipped_profiles().unwrap() {
            let texts = damage::damaged(&std::fs::read_to_string(path).unwrap());
            let (whole, refused) = damage::read_each(&dir.path().join("p.toml"), &texts, read);
            assert!(
                refused > texts.len() / 5 && whole.len() > texts.len() / 20,
                "{refused}, {}",
                whole.len()
            );
        }
    }
}
