//! Size classes: from the best plans at some lengths to ranges of lengths, with measured bounds.

use super::clock::Deadline;
use super::race::{Entry, Row, Rules, race};
use super::weight::suits;
use crate::measuring::Timings;
use crate::measuring::statistics::{median, ratios};
use crate::profiles::TIE;
use anyhow::Result;
use softmax_spec::Plan;
use softmax_spec::profile::{Class, Evidence};

/// The best plan at one length.
#[derive(Debug, Clone)]
pub struct Pick {
    /// The plan.
    pub plan: Plan,
    /// What was measured; its `len` is the length.
    pub evidence: Evidence,
}

/// A crossover is known well enough if it lies between lengths of this ratio: plans differ little near it.
const PRECISION: f64 = 1.2;

/// What lies between two lengths with different plans.
#[derive(Debug, Clone, PartialEq)]
pub enum Between {
    /// The longest row for which the shorter's plan is to be used.
    Crossover(usize),
    /// A length at which a third plan is clearly faster than either, and what was raced there.
    Third(usize, Vec<Plan>),
}

/// Bisects, until `deadline`, on rows like `row`. Beside the two plans those run that were close to them where they were
/// picked: between two lengths another may be best, such as one whose tile is just as long as the row.
pub fn between(
    timings: &mut impl Timings,
    shorter: &Pick,
    longer: &Pick,
    row: Row,
    rules: &Rules,
    deadline: &Deadline,
) -> Result<Between> {
    let (mut low, mut high) = (shorter.evidence.len, longer.evidence.len);
    while high as f64 / low as f64 > PRECISION && high - low > 1 && !deadline.has_passed() {
        let len = middle(low, high);
        let plans = contenders(shorter, longer, len);
        let entries: Vec<Entry> =
            plans.iter().map(|plan| Entry { id: plan.to_string(), groups: vec![] }).collect();
        let finish = race(timings, Row { len, ..row }, &entries, rules, deadline, |_| {})?;
        let time = |i: usize| median(&ratios(&finish.samples[i], &finish.samples[0]));
        let of = |pick: &Pick| plans.iter().position(|plan| *plan == pick.plan);
        let known = [of(shorter), of(longer)].map(|place| place.map_or(f64::INFINITY, time));
        let best = (0..plans.len()).map(time).fold(f64::INFINITY, f64::min);
        if known[0].min(known[1]) > best * TIE {
            return Ok(Between::Third(len, plans));
        }
        match known[0] <= known[1] {
            true => low = len,
            false => high = len,
        }
    }
    let bound = if high - low > 1 { middle(low, high) } else { low };
    Ok(Between::Crossover(bound.min(shorter.plan.longest_row().unwrap_or(usize::MAX))))
}

/// The longer's plan and, as far as they suit rows of that length, the shorter's and those that did about as well as either
/// or were the best of another algorithm.
fn contenders(shorter: &Pick, longer: &Pick, len: usize) -> Vec<Plan> {
    let others = [shorter, longer].into_iter().flat_map(|pick| {
        let runner_up = pick.evidence.runner_up.iter().map(|(plan, _)| plan);
        pick.evidence.ties.iter().chain(runner_up)
    });
    let mut plans = vec![longer.plan.clone()];
    for plan in [&shorter.plan].into_iter().chain(others) {
        if suits(plan.shortest_row(), plan.longest_row(), len) && !plans.contains(plan) {
            plans.push(plan.clone());
        }
    }
    plans
}

/// Classes from picks by ascending length and the bounds between neighbours with different plans.
pub fn classes(picks: &[Pick], bounds: &[usize]) -> Vec<Class> {
    let runs = picks.chunk_by(|a, b| a.plan == b.plan);
    let uppers = bounds.iter().copied().map(Some).chain([None]);
    let class = |(run, upper): (&[Pick], Option<usize>)| {
        let Pick { plan, evidence } = &run[run.len() / 2];
        Class { upper, plan: plan.clone(), evidence: Some(evidence.clone()) }
    };
    runs.zip(uppers).map(class).collect()
}

/// The geometric mean of two lengths that are more than 1 apart, strictly between them.
fn middle(low: usize, high: usize) -> usize {
    let mean = (low as f64 * high as f64).sqrt().round() as usize;
    mean.clamp(low + 1, high - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::clock::Time;
    use softmax_bench::protocol::TimeRequest;
    use softmax_spec::Rows;
    use std::time::Duration;

    const SHORT: &str = "two_pass(f32_ext_sum__avx2_p5_u8, f32_ext_scale__avx2_p5_u8)";
    const RESIDENT: &str = "resident(f32_softmax__avx2_d5_u96)";
    const LONG: &str = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u64)";

    /// `SHORT` is faster up to this length.
    struct Crossing(usize);

    impl Timings for Crossing {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let faster = |id: &str| (id == SHORT) == (request.len <= self.0);
            let time = |id: &String| vec![if faster(id) { 1.0 } else { 1.1 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    fn pick(plan: &str, len: usize) -> Pick {
        let evidence = Evidence {
            len,
            ns_per_element: 1.0,
            interval: (1.0, 1.0),
            memcpy_ns_per_element: 0.1,
            roofline: 0.1,
            speedup_over_default: 1.0,
            runner_up: None,
            ties: vec![],
            trust: None,
        };
        Pick { plan: plan.parse().unwrap(), evidence }
    }

    const ROW: Row = Row { len: 64, in_place: false, rows: Rows::Single };
    const RULES: Rules = Rules { first: 7, batch: 7, rounds: 7, keep: 0, sample_us: 1.0 };

    fn found(timings: &mut impl Timings, shorter: &Pick, longer: &Pick, seconds: u64) -> Between {
        let deadline = Time::default().after(Duration::from_secs(seconds));
        between(timings, shorter, longer, ROW, &RULES, &deadline).unwrap()
    }

    fn crossover(crossing: usize, shorter: &Pick, longer: &Pick, seconds: u64) -> usize {
        match found(&mut Crossing(crossing), shorter, longer, seconds) {
            Between::Crossover(bound) => bound,
            third => panic!("{third:?}"),
        }
    }

    #[test]
    fn crossovers_are_found_within_the_precision() {
        for crossing in [64, 65, 100, 300, 1000, 2000, 4095] {
            let bound = crossover(crossing, &pick(SHORT, 64), &pick(LONG, 4096), 60);
            let off = (bound as f64 / crossing as f64).ln().abs();
            assert!(off <= PRECISION.ln(), "{bound} for {crossing}");
            assert!((64..4096).contains(&bound));
        }
    }

    #[test]
    fn a_plan_for_short_rows_ends_where_it_can() {
        let bound = |len| crossover(4096, &pick(RESIDENT, len), &pick(LONG, 4096), 60);
        assert!((64..=96).contains(&bound(64)), "{}", bound(64));
        assert_eq!(bound(96), 96);
    }

    /// `RESIDENT` is by far the fastest as long as it takes rows.
    struct Resident;

    impl Timings for Resident {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let time = |id: &String| vec![if id == RESIDENT { 0.5 } else { 1.0 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    #[test]
    fn a_third_plan_that_tied_at_an_end_is_found_between() {
        let (mut short, long) = (pick(SHORT, 64), pick(LONG, 128));
        assert_eq!(found(&mut Resident, &short, &long, 60), Between::Crossover(118));
        short.evidence.ties = vec![RESIDENT.parse().unwrap()];
        let raced = [LONG, SHORT, RESIDENT].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(found(&mut Resident, &short, &long, 60), Between::Third(91, raced));
        // A tile that ends below the first length to be raced changes nothing.
        let further = pick(LONG, 1 << 10);
        assert!(matches!(found(&mut Resident, &short, &further, 60), Between::Crossover(_)));
    }

    #[test]
    fn neighbours_with_the_same_plan_are_one_class() {
        let picks = [pick(SHORT, 16), pick(SHORT, 64), pick(SHORT, 256), pick(LONG, 257), pick(LONG, 4096)];
        let classes = classes(&picks, &[256]);
        assert_eq!(classes.iter().map(|class| class.upper).collect::<Vec<_>>(), [Some(256), None]);
        assert_eq!(classes[0].evidence.as_ref().unwrap().len, 64);
    }

    #[test]
    fn without_time_a_bound_is_half_way() {
        assert_eq!(crossover(100, &pick(SHORT, 64), &pick(LONG, 4096), 0), 512);
    }
}
