//! `--race`: the two plans of every difference, timed whole and interleaved on this machine.

use super::{Difference, Outcome, TableDiff};
use crate::check::Effort;
use crate::error::bad_input;
use crate::length::{self, Length};
use crate::measuring::bootstrap::bootstrap_interval;
use crate::measuring::contention::SharedTally;
use crate::measuring::statistics::{median, ratios};
use crate::measuring::{Child, Timings, child, preflight};
use crate::profiles::require_in_grid;
use crate::progress::Steps;
use crate::tune::gate::{Gate, Oracle};
use crate::{host, project, stderr};
use anyhow::Result;
use softmax_bench::protocol::TimeRequest;
use softmax_spec::profile::{Profile, Situation};
use softmax_spec::{Isa, Plan};
use std::fmt;
use std::path::Path;

/// Processes that share the rounds of a race, as memory lies elsewhere in each ([`Timings::anew`]).
const PROCESSES: usize = 12;

/// How A's plan fared against B's at a length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Elements of a row.
    pub len: usize,
    /// The median over rounds of B's time over A's: above 1 A is faster.
    pub ratio: f64,
    /// Its 95 % bootstrap interval.
    pub interval: (f64, f64),
}

/// Races what differs, of the tables whose ISA this CPU has, and notes the outcome with each difference.
pub fn run(effort: Effort, sides: [(&Path, &Profile); 2], tables: &mut [TableDiff]) -> Result<()> {
    preflight::require_cpu()?;
    let grid = project::grid()?;
    sides.iter().try_for_each(|(path, profile)| require_in_grid(path, profile, &grid))?;
    let available = host::isas();
    for table in tables.iter().filter(|table| !table.is_same() && !can_race(table.situation, &available)) {
        stderr::say(format_args!("not raced here: {}", table.situation));
    }
    let profiles = sides.map(|(_, profile)| profile);
    let pairs: Vec<Pair> = differences(tables, &available)
        .map(|(situation, difference)| Pair::new(situation, difference, profiles))
        .collect::<Result<_>>()?;
    if pairs.is_empty() {
        return Ok(());
    }
    preflight::warn();
    stderr::say("building the measuring process with the full grid");
    let process = child::build(&[])?;
    let tally = SharedTally::default();
    let mut child = Child::start_timing(&process, vec![])?.counting(&tally);
    require_right(&pairs, sides.map(|(path, _)| path), &mut child)?;
    let standings = standings(&pairs, effort, &mut child)?;
    for ((_, difference), standing) in differences(tables, &available).zip(standings) {
        difference.standing = Some(standing);
    }
    tally.get().say();
    Ok(())
}

/// The measuring process times a thread, on an ISA that is there.
fn can_race(situation: Situation, available: &[Isa]) -> bool {
    situation.threads == 1 && available.contains(&situation.isa)
}

/// The differences that can be raced.
fn differences<'t, 'p>(
    tables: &'t mut [TableDiff<'p>],
    available: &[Isa],
) -> impl Iterator<Item = (Situation, &'t mut Difference<'p>)> {
    let tables = tables.iter_mut().filter(|table| can_race(table.situation, available));
    tables.flat_map(|table| {
        let differences = match &mut table.outcome {
            Outcome::Differences(differences) => differences.as_mut_slice(),
            Outcome::OnlyIn(_) => &mut [],
        };
        let situation = table.situation;
        differences.iter_mut().map(move |difference| (situation, difference))
    })
}

/// What is raced for a difference.
#[derive(Debug, PartialEq)]
struct Pair {
    situation: Situation,
    len: usize,
    plans: [Plan; 2],
}

impl Pair {
    fn new(situation: Situation, difference: &Difference, profiles: [&Profile; 2]) -> Result<Pair> {
        let len = typical(difference).clamp(1, length::MAX / situation.rows.timed(length::MAX));
        let plans = profiles.map(|profile| profile.plan(situation, len));
        match plans.iter().find(|plan| plan.longest_row().is_some_and(|longest| longest < len)) {
            None => Ok(Pair { situation, len, plans }),
            Some(plan) => Err(bad_input(format!("{situation}: {plan} does not take rows of {len}"))),
        }
    }

    fn request(&self, effort: Effort) -> TimeRequest {
        TimeRequest {
            candidates: self.plans.iter().map(Plan::to_string).collect(),
            rows: self.situation.rows.timed(self.len),
            len: self.len,
            in_place: self.situation.in_place,
            rounds: effort.rounds.div_ceil(PROCESSES),
            sample_us: effort.sample_us,
        }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, n={}", self.situation, Length(self.len))
    }
}

/// Refuses plans that are wrong here: how fast these are says nothing.
fn require_right(pairs: &[Pair], paths: [&Path; 2], oracle: &mut impl Oracle) -> Result<()> {
    let mut gate = Gate::default();
    for Pair { situation, plans, .. } in pairs {
        for (path, plan) in paths.into_iter().zip(plans) {
            let max_ulp = Some(situation.accuracy.max_ulp());
            if !gate.admits(oracle, &plan.to_string(), max_ulp)? {
                let what = gate.failures().last().map_or("", |failure| &failure.what);
                return Err(bad_input(format!("{}: `{plan}` is wrong here: {what}", path.display())));
            }
        }
    }
    Ok(())
}

/// A length at which one of the two was chosen if there is one in the range, else its geometric middle.
fn typical(difference: &Difference) -> usize {
    let Difference { from, upper, .. } = *difference;
    let classes = [difference.a, difference.b].into_iter().flatten();
    let mut measured = classes.filter_map(|class| Some(class.evidence.as_ref()?.len));
    let is_within = |len: &usize| *len >= from && upper.is_none_or(|upper| *len <= upper);
    let middle =
        || upper.map_or(from.saturating_mul(2), |upper| (from as f64 * upper as f64).sqrt() as usize);
    measured.find(is_within).unwrap_or_else(middle)
}

/// One per pair, each from rounds in several processes.
fn standings(pairs: &[Pair], effort: Effort, machine: &mut impl Timings) -> Result<Vec<Standing>> {
    let mut rounds: Vec<Vec<f64>> = vec![vec![]; pairs.len()];
    let progress = Steps::new(PROCESSES * pairs.len());
    for _ in 0..PROCESSES {
        machine.anew();
        for (pair, rounds) in pairs.iter().zip(&mut rounds) {
            progress.begin(pair);
            let samples = machine.all_samples(&pair.request(effort))?;
            rounds.extend(ratios(&samples[1], &samples[0]));
            progress.end();
        }
    }
    let standing = |(pair, rounds): (&Pair, &Vec<f64>)| Standing {
        len: pair.len,
        ratio: median(rounds),
        interval: bootstrap_interval(rounds),
    };
    Ok(pairs.iter().zip(&rounds).map(standing).collect())
}

#[cfg(test)]
mod tests {
    use super::super::compare;
    use super::*;
    use crate::flags;
    use crate::profiles::samples::*;
    use softmax_bench::protocol::Candidate;
    use softmax_spec::Accuracy;

    /// A machine on which a plan takes as long as its text is, and slower from process to process.
    struct Model {
        processes: u32,
    }

    impl Timings for Model {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let time = |plan: &String| vec![plan.len() as f64 * f64::from(self.processes); request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }

        fn anew(&mut self) {
            self.processes += 1;
        }
    }

    #[test]
    fn a_difference_is_raced_where_it_was_measured_or_in_the_middle() {
        let a = profile(vec![table(&[(Some(64), X), (Some(500), Y), (None, Z)])]);
        let b = profile(vec![table(&[(Some(64), X), (Some(300), Y), (Some(9000), W), (None, Y)])]);
        let mut tables = compare(&a, &b);
        let lens: Vec<usize> = differences(&mut tables, &Isa::ALL).map(|(_, found)| typical(found)).collect();
        // 301 to 500 by A's evidence, 501 to 9000 by B's, from 9001 on by A's.
        assert_eq!(lens, [500, 9000, 1 << 20]);
        let c = profile(vec![table(&[(Some(64), X), (Some(400), Y), (Some(450), Z), (None, Y)])]);
        let mut tables = compare(&a, &c);
        let lens: Vec<usize> = differences(&mut tables, &Isa::ALL).map(|(_, found)| typical(found)).collect();
        assert_eq!(lens, [450, 1 << 20]);
        let narrow = Difference { from: 100, upper: Some(400), a: None, b: None, standing: None };
        assert_eq!(typical(&narrow), 200);
    }

    #[test]
    fn ratios_are_of_rounds_in_several_processes() {
        let (a, b) = (profile(vec![table(&[(None, X)])]), profile(vec![table(&[(None, Y)])]));
        let mut tables = compare(&a, &b);
        let pairs: Vec<Pair> = differences(&mut tables, &Isa::ALL)
            .map(|(situation, difference)| Pair::new(situation, difference, [&a, &b]).unwrap())
            .collect();
        let mut machine = Model { processes: 0 };
        let found = standings(&pairs, Effort::new(flags::Effort::Quick), &mut machine).unwrap();
        let ratio = Y.len() as f64 / X.len() as f64;
        assert_eq!(found, [Standing { len: 1 << 20, ratio, interval: (ratio, ratio) }]);
        assert_eq!(machine.processes as usize, PROCESSES);
    }

    /// Of its plans one is wrong.
    impl Oracle for Model {
        fn failure(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Option<String>> {
            assert_eq!(max_ulp, Some(Accuracy::Fast.max_ulp()));
            Ok((candidate == Y).then(|| "2 + 2 = 5".to_owned()))
        }
    }

    #[test]
    fn a_plan_that_is_wrong_here_is_bad_input() {
        let of = |plan| profile(vec![table(&[(None, plan)])]);
        let judged = |a, b| {
            let (a, b) = (of(a), of(b));
            let mut tables = compare(&a, &b);
            let (situation, difference) = differences(&mut tables, &Isa::ALL).next().unwrap();
            let pairs = [Pair::new(situation, difference, [&a, &b]).unwrap()];
            require_right(&pairs, ["a.toml", "b.toml"].map(Path::new), &mut Model { processes: 0 })
        };
        judged(X, Z).unwrap();
        let error = judged(X, Y).unwrap_err();
        assert!(crate::error::is_bad_input(&error));
        assert_eq!(error.to_string(), format!("b.toml: `{Y}` is wrong here: 2 + 2 = 5"));
    }

    #[test]
    fn where_a_table_for_batches_has_ended_rows_are_raced_as_single_ones_plan() {
        let of = |upper| profile(vec![table(&[(None, X)]), batch(table(&[(upper, Y)]))]);
        let (a, b) = (of(Some(100)), of(Some(200)));
        let mut tables = compare(&a, &b);
        let (situation, difference) = differences(&mut tables, &Isa::ALL).next().unwrap();
        let pair = Pair::new(situation, difference, [&a, &b]).unwrap();
        assert_eq!((pair.len, pair.plans), (200, [plan(X), plan(Y)]));
    }

    #[test]
    fn a_plan_that_does_not_take_the_rows_is_bad_input() {
        let short = profile(vec![table(&[(None, "resident(f32_softmax__avx2_e3_u32)")])]);
        let long = profile(vec![table(&[(None, X)])]);
        let mut tables = compare(&short, &long);
        let (situation, difference) = differences(&mut tables, &Isa::ALL).next().unwrap();
        let error = Pair::new(situation, difference, [&short, &long]).unwrap_err();
        assert!(
            crate::error::is_bad_input(&error) && error.to_string().contains("does not take rows"),
            "{error}"
        );
    }

    #[test]
    fn tables_of_an_absent_isa_are_left_out() {
        let (a, b) = (profile(vec![table(&[(None, X)])]), profile(vec![table(&[(None, Y)])]));
        assert_eq!(differences(&mut compare(&a, &b), &[Isa::Scalar]).count(), 0);
    }
}
