//! `diff A B`: the lengths at which two profiles choose differently, and what either's evidence says about it.
//!
//! Compares choices, not timings: times of two runs do not compare, and profiles with the same choices are the same. With
//! `--race` the choices that differ are timed against each other, here and now.

mod race;
mod report;

use crate::check::Effort;
use crate::profiles::{self, Opinion, Span, opinion, spans};
use crate::{error, flags, stdout};
use anyhow::Result;
use race::Standing;
use softmax_spec::profile::{Class, Profile, Situation};
use std::process::ExitCode;

/// Runs the command. As with `diff`, differences are no error and still an exit code of their own.
pub fn run(flags: &flags::Diff) -> Result<ExitCode> {
    let (a, b) = (profiles::read(&flags.a)?, profiles::read(&flags.b)?);
    let mut tables = compare(&a, &b);
    let same = tables.iter().all(TableDiff::is_same);
    let sides = [(flags.a.as_path(), &a), (flags.b.as_path(), &b)];
    if flags.race {
        race::run(Effort::new(flags.effort), sides, &mut tables)?;
    }
    match flags.json {
        true => stdout::print_json(&report::json(sides, &tables))?,
        false => stdout::print(&report::text(sides, &tables))?,
    }
    Ok(if same { ExitCode::SUCCESS } else { error::negative() })
}

/// What differs in one situation.
struct TableDiff<'a> {
    situation: Situation,
    outcome: Outcome<'a>,
}

enum Outcome<'a> {
    /// Only this one of the two profiles has a table.
    OnlyIn(Side),
    /// Both have one; none if they choose alike.
    Differences(Vec<Difference<'a>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

impl<'a> TableDiff<'a> {
    fn is_same(&self) -> bool {
        matches!(&self.outcome, Outcome::Differences(differences) if differences.is_empty())
    }

    /// None where only one side has a table.
    fn differences(&self) -> &[Difference<'a>] {
        match &self.outcome {
            Outcome::Differences(differences) => differences,
            Outcome::OnlyIn(_) => &[],
        }
    }
}

/// A range of lengths with two plans, or with one that only one side has: then the other's table for batches has ended, and rows
/// are looked up as single ones.
struct Difference<'a> {
    from: usize,
    upper: Option<usize>,
    a: Option<&'a Class>,
    b: Option<&'a Class>,
    /// The outcome of a race of the two; `None` if there was none.
    standing: Option<Standing>,
}

impl Difference<'_> {
    /// What A's evidence says about B's plan, and B's about A's.
    fn opinions(&self) -> [Option<Opinion>; 2] {
        let of = |own: Option<&Class>, other: Option<&Class>| opinion(own?, &other?.plan);
        [of(self.a, self.b), of(self.b, self.a)]
    }

    /// Whether either could not tell the two apart.
    fn is_tie(&self) -> bool {
        self.opinions().contains(&Some(Opinion::Tie))
    }
}

fn compare<'a>(a: &'a Profile, b: &'a Profile) -> Vec<TableDiff<'a>> {
    let outcome = |situation: Situation| match (a.table(situation), b.table(situation)) {
        (Some(a), Some(b)) => Outcome::Differences(spans(&[a, b]).iter().filter_map(difference).collect()),
        (Some(_), None) => Outcome::OnlyIn(Side::A),
        (None, _) => Outcome::OnlyIn(Side::B),
    };
    let situations = profiles::situations([a, b]);
    situations.into_iter().map(|situation| TableDiff { situation, outcome: outcome(situation) }).collect()
}

fn difference<'a>(span: &Span<'a>) -> Option<Difference<'a>> {
    let [a, b] = span.classes[..] else { return None };
    let plan = |class: Option<&'a Class>| class.map(|class| &class.plan);
    (plan(a) != plan(b)).then_some(Difference { from: span.from, upper: span.upper, a, b, standing: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::typed;
    use crate::profiles::samples::*;
    use softmax_spec::profile::Table;
    use std::path::Path;

    fn differences<'a>(tables: &'a [TableDiff<'a>]) -> &'a [Difference<'a>] {
        match &tables[0].outcome {
            Outcome::Differences(differences) => differences,
            Outcome::OnlyIn(side) => panic!("only in {side:?}"),
        }
    }

    #[test]
    fn only_ranges_with_two_plans_differ() {
        let a = profile(vec![table(&[(Some(64), X), (Some(500), Y), (None, Z)])]);
        let b = profile(vec![table(&[(Some(64), X), (Some(300), Y), (None, Z)])]);
        let tables = compare(&a, &b);
        let [only] = differences(&tables) else { panic!("one range") };
        assert_eq!((only.from, only.upper), (301, Some(500)));
        assert_eq!([only.a, only.b].map(|class| &class.unwrap().plan), [&plan(Y), &plan(Z)]);
        assert!(!only.is_tie());
    }

    #[test]
    fn another_bound_without_another_plan_is_no_difference() {
        let a = profile(vec![table(&[(Some(64), X), (None, X)])]);
        let b = profile(vec![table(&[(None, X)])]);
        assert!(compare(&a, &b).iter().all(TableDiff::is_same));
    }

    #[test]
    fn a_tie_by_the_evidence_of_either_is_one() {
        for (says, expected) in [([Y, X], true), ([W, X], true), ([Y, W], true), ([W, W], false)] {
            let (mut a, mut b) = (class(None, X, 64, 1.0), class(None, Y, 64, 1.0));
            for (class, tie) in [&mut a, &mut b].into_iter().zip(says) {
                class.evidence.as_mut().unwrap().ties = vec![plan(tie)];
            }
            let difference = Difference { from: 1, upper: None, a: Some(&a), b: Some(&b), standing: None };
            assert_eq!(difference.is_tie(), expected, "{says:?}");
        }
    }

    #[test]
    fn a_table_that_one_lacks_is_a_difference() {
        let (a, b) = (profile(vec![table(&[(None, X)])]), profile(vec![]));
        assert!(matches!(compare(&a, &b)[0].outcome, Outcome::OnlyIn(Side::A)));
        assert!(matches!(compare(&b, &a)[0].outcome, Outcome::OnlyIn(Side::B)));
    }

    #[test]
    fn batches_are_a_situation_of_their_own_and_where_one_table_ends_they_differ() {
        let of = |upper| profile(vec![table(&[(None, X)]), batch(table(&[(upper, Y)]))]);
        let (a, b) = (of(Some(100)), of(Some(200)));
        assert!(compare(&a, &a).iter().all(TableDiff::is_same));
        let tables = compare(&a, &b);
        assert_eq!(tables.iter().map(TableDiff::is_same).collect::<Vec<_>>(), [true, false]);
        let [only] = differences(&tables[1..]) else { panic!("one range") };
        assert_eq!((only.from, only.upper, only.a.is_none(), only.is_tie()), (101, Some(200), true, false));
        let sides = [(Path::new("a.toml"), &a), (Path::new("b.toml"), &b)];
        let text = report::text(sides, &tables);
        assert!(text.contains("f32 avx2, fast, out of place, batches\n"), "{text}");
        assert!(text.contains("101 to 200") && text.contains("as single rows"), "{text}");
        let json = report::json(sides, &tables);
        assert_eq!(json["tables"][1]["rows"], "batch");
        assert_eq!(json["tables"][1]["differences"][0]["a"], serde_json::Value::Null);
        let single = profile(vec![table(&[(None, X)])]);
        assert!(matches!(compare(&single, &a)[1].outcome, Outcome::OnlyIn(Side::B)));
    }

    #[test]
    fn exit_codes_are_those_of_diff() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, tables: Vec<Table>| {
            let path = dir.path().join(name);
            std::fs::write(&path, softmax_codegen::profile::write(&profile(tables))).unwrap();
            path.display().to_string()
        };
        let (a, b) = (write("a", vec![table(&[(None, X)])]), write("b", vec![table(&[(None, Y)])]));
        let code = |a: &str, b: &str| run(&typed(&format!("{a} {b}")));
        assert_eq!(code(&a, &a).unwrap(), ExitCode::SUCCESS);
        assert_eq!(code(&a, &b).unwrap(), ExitCode::from(1));
        assert!(error::is_bad_input(&code(&a, &dir.path().join("c").display().to_string()).unwrap_err()));
    }

    #[test]
    fn the_report_names_both_plans_their_times_and_what_is_known() {
        let (mut a, b) = (profile(vec![table(&[(None, X)])]), profile(vec![table(&[(None, Y)])]));
        let evidence = a.tables[0].classes[0].evidence.as_mut().unwrap();
        evidence.runner_up = Some((plan(Y), 1.123));
        let sides = [(Path::new("a.toml"), &a), (Path::new("b.toml"), &b)];
        let tables = compare(&a, &b);
        let text = report::text(sides, &tables);
        for expected in ["1 and more", "two_pass a5 64/64", "online a5 64/64", "0.4000", "+12.3 %"] {
            assert!(text.contains(expected), "{text}");
        }
        let json = report::json(sides, &tables);
        assert_eq!(json["same"], false);
        let difference = &json["tables"][0]["differences"][0];
        assert_eq!((&difference["from"], &difference["upper"]), (&1.into(), &serde_json::Value::Null));
        assert_eq!((&difference["a"]["plan"], &difference["b"]["plan"]), (&X.into(), &Y.into()));
        assert_eq!(difference["a"]["ratio_of_other"], 1.123);
        let same = report::text([sides[0], sides[0]], &compare(&a, &a));
        assert!(same.ends_with("no differences\n"), "{same}");
    }

    #[test]
    fn a_race_is_two_more_columns_and_a_line_that_sums_up() {
        let (a, b) = (profile(vec![table(&[(None, X)])]), profile(vec![table(&[(None, Y)])]));
        let mut tables = compare(&a, &b);
        let Outcome::Differences(differences) = &mut tables[0].outcome else { panic!("one in both") };
        differences[0].standing = Some(Standing { len: 4096, ratio: 0.8, interval: (0.79, 0.82) });
        let sides = [(Path::new("a.toml"), &a), (Path::new("b.toml"), &b)];
        let text = report::text(sides, &tables);
        assert!(text.contains("4k  -20.0 % (-21.0 to -18.0)"), "{text}");
        assert!(
            text.ends_with("A is at most 25.0 % slower than B, B at most 0.0 % slower than A\n"),
            "{text}"
        );
        let race = &report::json(sides, &tables)["tables"][0]["differences"][0]["race"];
        assert_eq!((&race["len"], &race["time_of_b_over_a"]), (&4096.into(), &0.8.into()));
    }

    #[test]
    fn whatever_a_profile_says_it_can_be_compared() {
        let whole = crate::project::default_profile().unwrap();
        for other in damaged_profiles() {
            let tables = compare(&whole, &other);
            let sides = [(Path::new("a.toml"), &whole), (Path::new("b.toml"), &other)];
            assert!(!report::text(sides, &tables).is_empty());
            assert!(report::json(sides, &tables)["tables"].is_array());
        }
    }
}
