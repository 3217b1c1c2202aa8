//! Which of several plans to take where profiles conflict.
//!
//! Evidence from the present grid counts before that from another one, whose kernels may have been others. Of the rest
//! the plan is taken that is least slow at worst, as far as the evidence of all tells, and of those that it cannot tell
//! apart the better evidenced one.

use crate::flags::Prefer;
use crate::profiles::{Opinion, PROCESSES_DIFFER, TIE, opinion};
use softmax_spec::Plan;
use softmax_spec::profile::{Class, Evidence, Origin};
use std::cmp::Ordering;
use std::fmt;

/// What one profile has for a range of lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal<'a> {
    /// Its place on the command line.
    pub place: usize,
    /// How it was made.
    pub origin: Option<&'a Origin>,
    /// Whether that was from the present grid.
    pub is_current: bool,
    /// The class.
    pub class: &'a Class,
}

/// A range of row lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The shortest.
    pub from: usize,
    /// The longest; `None` without a bound.
    pub upper: Option<usize>,
}

impl Range {
    fn holds(self, len: usize) -> bool {
        len >= self.from && self.upper.is_none_or(|upper| len <= upper)
    }
}

/// Where a plan is to be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The lengths.
    pub range: Range,
    /// The plan for shorter rows.
    pub before: Option<&'a Plan>,
}

/// How thorough a search was; 0 if that is not known.
pub fn effort(origin: Option<&Origin>) -> u8 {
    match origin.map(|origin| origin.effort.as_str()) {
        Some("exhaustive") => 3,
        Some("standard") => 2,
        Some("quick") => 1,
        _ => 0,
    }
}

/// Whether two profiles were made with one compiler from one grid.
pub fn same_origin(a: &Origin, b: &Origin) -> bool {
    (&a.rustc, a.grid_hash) == (&b.rustc, b.grid_hash)
}

/// Why a plan was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// The caller said so.
    Preferred,
    /// Its time over that of the best plan, at worst; and that of the best of the other plans.
    Regret(f64, f64),
    /// Its evidence is better in this.
    Evidence(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        match *self {
            Reason::Preferred => write!(f, "it is preferred"),
            Reason::Regret(own, other) => {
                write!(f, "at worst {:.1} % slower than best, not {:.1} %", percent(own), percent(other))
            }
            Reason::Evidence(what) => write!(f, "{what}"),
        }
    }
}

/// The proposal to take, by index, for plans that are not all the same.
pub fn choose(proposals: &[Proposal], place: Place, prefer: Option<Prefer>) -> (usize, Reason) {
    match prefer {
        Some(Prefer::First) => return (0, Reason::Preferred),
        Some(Prefer::Last) => return (proposals.len() - 1, Reason::Preferred),
        None => {}
    }
    let all: Vec<usize> = (0..proposals.len()).collect();
    let current: Vec<usize> = all.iter().copied().filter(|&i| proposals[i].is_current).collect();
    let among = if current.is_empty() { &all } else { &current };
    if have_one_plan(proposals, among) {
        return (best_evidenced(proposals, among, place), Reason::Evidence(PRESENT_GRID));
    }
    let regrets = among.iter().map(|&i| Some((i, worst_regret(i, proposals, among)?)));
    let Some(regrets) = regrets.collect::<Option<Vec<(usize, f64)>>>() else {
        return better(proposals, among, place);
    };
    let least = regrets.iter().map(|(_, regret)| *regret).fold(f64::INFINITY, f64::min);
    let (best, others): (Vec<_>, Vec<_>) =
        regrets.into_iter().partition(|(_, regret)| *regret <= least * TIE);
    let best: Vec<usize> = best.into_iter().map(|(i, _)| i).collect();
    match have_one_plan(proposals, &best) {
        true => {
            let next = others.into_iter().map(|(_, regret)| regret).fold(f64::INFINITY, f64::min);
            (best_evidenced(proposals, &best, place), Reason::Regret(least, next))
        }
        false => better(proposals, &best, place),
    }
}

/// A reason.
const PRESENT_GRID: &str = "it was tuned on the present grid";

fn have_one_plan(proposals: &[Proposal], among: &[usize]) -> bool {
    among.windows(2).all(|pair| proposals[pair[0]].class.plan == proposals[pair[1]].class.plan)
}

/// How much slower a proposal's plan is than what each of the profiles would take, at worst; `None` if one does not tell.
fn worst_regret(of: usize, proposals: &[Proposal], among: &[usize]) -> Option<f64> {
    let regret = |&judge: &usize| regret(&proposals[of], &proposals[judge]);
    Some(among.iter().map(regret).collect::<Option<Vec<f64>>>()?.into_iter().fold(1.0, f64::max))
}

/// The time of a proposal's plan over that of the judge's: as the judge measured it, or else as both compare with memcpy, if
/// they were measured at one length and made alike.
fn regret(proposal: &Proposal, judge: &Proposal) -> Option<f64> {
    match opinion(judge.class, &proposal.class.plan) {
        Some(Opinion::Same | Opinion::Tie) => return Some(1.0),
        Some(Opinion::Ratio(ratio)) => return Some(ratio.max(1.0)),
        None => {}
    }
    let (theirs, own) = (proposal.class.evidence.as_ref()?, judge.class.evidence.as_ref()?);
    let comparable = theirs.len == own.len && same_origin(proposal.origin?, judge.origin?);
    let ratio = to_memcpy(theirs) / to_memcpy(own);
    comparable.then_some(if ratio <= PROCESSES_DIFFER { 1.0 } else { ratio })
}

fn to_memcpy(evidence: &Evidence) -> f64 {
    evidence.ns_per_element / evidence.memcpy_ns_per_element
}

/// What makes evidence good, in this order, each smaller where it is better.
const QUALITIES: [(&str, Quality); 7] = [
    (PRESENT_GRID, |proposal, _| from_bool(!proposal.is_current)),
    ("its plan was measured", |proposal, _| from_bool(proposal.class.evidence.is_none())),
    ("its search was more thorough", |proposal, _| -f64::from(effort(proposal.origin))),
    ("it was measured at a length in the range", |proposal, place| {
        let is_in_range = |evidence: &Evidence| place.range.holds(evidence.len);
        from_bool(!proposal.class.evidence.as_ref().is_some_and(is_in_range))
    }),
    // As in the tuner, for less code.
    ("it is the plan of shorter rows, too", |proposal, place| {
        from_bool(place.before != Some(&proposal.class.plan))
    }),
    ("its interval is narrower", |proposal, _| {
        let width =
            |evidence: &Evidence| (evidence.interval.1 - evidence.interval.0) / evidence.ns_per_element;
        proposal.class.evidence.as_ref().map_or(f64::INFINITY, width)
    }),
    ("it is named first", |proposal, _| proposal.place as f64),
];

type Quality = fn(&Proposal, Place) -> f64;

fn from_bool(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// Of these proposals the best evidenced, and in what it is better than the best of the other plans.
fn better(proposals: &[Proposal], among: &[usize], place: Place) -> (usize, Reason) {
    let best = best_evidenced(proposals, among, place);
    let is_other = |&&i: &&usize| proposals[i].class.plan != proposals[best].class.plan;
    let others: Vec<usize> = among.iter().filter(is_other).copied().collect();
    let next = best_evidenced(proposals, &others, place);
    let differs = |(_, quality): &&(&str, Quality)| {
        quality(&proposals[best], place) != quality(&proposals[next], place)
    };
    let what = QUALITIES.iter().find(differs).map_or("", |(what, _)| what);
    (best, Reason::Evidence(what))
}

/// Of these proposals the best evidenced.
pub fn best_evidenced(proposals: &[Proposal], among: &[usize], place: Place) -> usize {
    let compare = |a: &Proposal, b: &Proposal| {
        let qualities = QUALITIES.iter().map(|(_, quality)| quality(a, place).total_cmp(&quality(b, place)));
        qualities.fold(Ordering::Equal, Ordering::then)
    };
    let best = among.iter().copied().min_by(|&a, &b| compare(&proposals[a], &proposals[b]));
    best.expect("a range has a proposal for each plan")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::samples::*;

    const PLACE: Place = Place { range: Range { from: 33, upper: Some(256) }, before: None };

    /// A class for `text`, measured at 64, with this time beside a memcpy of 0.1.
    fn at(text: &str, time: f64) -> Class {
        let mut class = class(None, text, 64, 1.0);
        let evidence = class.evidence.as_mut().unwrap();
        evidence.ns_per_element = time;
        evidence.interval = (time * 0.99, time * 1.01);
        class
    }

    fn with(mut class: Class, change: impl Fn(&mut Evidence)) -> Class {
        change(class.evidence.as_mut().unwrap());
        class
    }

    /// Leaked: a test is over soon.
    fn origin(effort: &str, grid_hash: u64) -> &'static Origin {
        let origin = profile(vec![]).origin.unwrap();
        Box::leak(Box::new(Origin { effort: effort.to_owned(), grid_hash, ..origin }))
    }

    fn chosen(classes: &[Class]) -> (usize, Reason) {
        choose(&proposals(classes), PLACE, None)
    }

    fn proposals(classes: &[Class]) -> Vec<Proposal<'_>> {
        let origin = Some(origin("standard", 1));
        let proposal = |(place, class)| Proposal { place, origin, is_current: true, class };
        classes.iter().enumerate().map(proposal).collect()
    }

    #[test]
    fn the_plan_with_the_least_regret_at_worst_is_taken() {
        // The first could not tell the two apart, the second could.
        let both = [
            with(at(X, 0.4), |evidence| evidence.ties = vec![plan(Y)]),
            with(at(Y, 0.4), |evidence| evidence.runner_up = Some((plan(X), 1.3))),
        ];
        assert_eq!(chosen(&both), (1, Reason::Regret(1.0, 1.3)));
        // Both saw the other's plan as slower, the second by less.
        let both = [
            with(at(X, 0.4), |evidence| evidence.runner_up = Some((plan(Y), 1.2))),
            with(at(Y, 0.4), |evidence| evidence.runner_up = Some((plan(X), 1.05))),
        ];
        assert_eq!(chosen(&both), (0, Reason::Regret(1.05, 1.2)));
    }

    #[test]
    fn plans_that_never_met_are_compared_by_memcpy_at_one_length() {
        assert_eq!(chosen(&[at(X, 0.5), at(Y, 0.4)]), (1, Reason::Regret(1.0, 1.25)));
        // A machine that was slower on that day is slower at copying, too.
        let slow_day = with(at(X, 0.6), |evidence| evidence.memcpy_ns_per_element = 0.2);
        assert_eq!(chosen(&[slow_day, at(Y, 0.4)]).0, 0);
        let elsewhere = with(at(Y, 0.4), |evidence| evidence.len = 65);
        assert!(matches!(chosen(&[at(X, 0.5), elsewhere]).1, Reason::Evidence(_)));
    }

    #[test]
    fn what_regrets_do_not_tell_better_evidence_does() {
        let near = || at(Y, 0.405);
        let mut unmeasured = at(X, 0.4);
        unmeasured.evidence = None;
        let outside = with(at(X, 0.4), |evidence| evidence.len = 1024);
        let sure = with(near(), |evidence| evidence.interval = (0.404, 0.406));
        for (classes, winner, why) in [
            ([unmeasured, near()], 1, "its plan was measured"),
            ([outside, near()], 1, "it was measured at a length in the range"),
            ([at(X, 0.4), sure], 1, "its interval is narrower"),
        ] {
            assert_eq!(chosen(&classes), (winner, Reason::Evidence(why)));
        }
        let same = [at(X, 0.4), at(Y, 0.4)];
        assert_eq!(chosen(&same), (0, Reason::Evidence("it is named first")));
        let mut proposals = proposals(&same);
        proposals[0].origin = Some(origin("quick", 1));
        let more = (1, Reason::Evidence("its search was more thorough"));
        assert_eq!(choose(&proposals, PLACE, None), more);
    }

    #[test]
    fn of_equals_the_plan_of_shorter_rows_is_taken() {
        let same = [at(X, 0.4), at(Y, 0.4)];
        let before = plan(Y);
        let choice = choose(&proposals(&same), Place { before: Some(&before), ..PLACE }, None);
        assert_eq!(choice, (1, Reason::Evidence("it is the plan of shorter rows, too")));
    }

    #[test]
    fn the_present_grid_counts_before_another_and_times_of_two_grids_do_not_compare() {
        let both = [at(X, 0.3), at(Y, 0.4)];
        let mut proposals = proposals(&both);
        (proposals[0].origin, proposals[0].is_current) = (Some(origin("exhaustive", 2)), false);
        assert_eq!(
            choose(&proposals, PLACE, None),
            (1, Reason::Evidence("it was tuned on the present grid"))
        );
        proposals[1].is_current = false;
        let more = (0, Reason::Evidence("its search was more thorough"));
        assert_eq!(choose(&proposals, PLACE, None), more);
    }

    #[test]
    fn a_plan_that_all_find_as_good_as_theirs_is_safe() {
        let tie = |class: Class| with(class, |evidence| evidence.ties = vec![plan(Z)]);
        let three = [tie(at(X, 0.4)), tie(at(Y, 0.4)), at(Z, 0.2)];
        assert_eq!(chosen(&three), (2, Reason::Regret(1.0, 2.0)));
    }

    #[test]
    fn the_caller_may_prefer() {
        let both = [at(X, 0.5), at(Y, 0.4)];
        let preferred = |prefer| choose(&proposals(&both), PLACE, Some(prefer));
        assert_eq!(preferred(Prefer::First), (0, Reason::Preferred));
        assert_eq!(preferred(Prefer::Last), (1, Reason::Preferred));
    }
}
