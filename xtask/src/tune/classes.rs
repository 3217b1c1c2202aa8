//! Size classes: from the best plans at some lengths to ranges of lengths, with measured bounds.

use super::clock::Deadline;
use super::race::{Entry, Row, Rules, race};
use crate::measuring::Timings;
use crate::measuring::statistics::{median, ratios};
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

/// Classes from picks by ascending length, made on rows like `row`. Bounds are bisected until `deadline`.
pub fn classes(
    timings: &mut impl Timings,
    picks: &[Pick],
    row: Row,
    rules: &Rules,
    deadline: &Deadline,
) -> Result<Vec<Class>> {
    let runs: Vec<&[Pick]> = picks.chunk_by(|a, b| a.plan == b.plan).collect();
    let mut classes = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        let middle = &run[run.len() / 2];
        let upper = match runs.get(i + 1) {
            Some(next) => Some(crossover(timings, &run[run.len() - 1], &next[0], row, rules, deadline)?),
            None => None,
        };
        classes.push(Class { upper, plan: middle.plan.clone(), evidence: Some(middle.evidence.clone()) });
    }
    Ok(classes)
}

/// The longest row for which the shorter's plan is to be used.
fn crossover(
    timings: &mut impl Timings,
    shorter: &Pick,
    longer: &Pick,
    row: Row,
    rules: &Rules,
    deadline: &Deadline,
) -> Result<usize> {
    let (mut low, mut high) = (shorter.evidence.len, longer.evidence.len);
    if let Some(longest) = shorter.plan.longest_row() {
        high = high.min(longest + 1);
    }
    let entries = [shorter, longer].map(|pick| Entry { id: pick.plan.to_string(), groups: vec![] });
    while high as f64 / low as f64 > PRECISION && high - low > 1 && !deadline.has_passed() {
        let len = between(low, high);
        let finish = race(timings, Row { len, ..row }, &entries, rules, deadline, |_| {})?;
        match median(&ratios(&finish.samples[0], &finish.samples[1])) <= 1.0 {
            true => low = len,
            false => high = len,
        }
    }
    Ok(if high - low > 1 { between(low, high) } else { low })
}

/// The geometric mean of two lengths that are more than 1 apart, strictly between them.
fn between(low: usize, high: usize) -> usize {
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

    fn run(crossing: usize, picks: &[Pick], seconds: u64) -> Vec<Class> {
        let rules = Rules { first: 7, batch: 7, rounds: 7, keep: 0, sample_us: 1.0 };
        let deadline = Time::default().after(Duration::from_secs(seconds));
        let row = Row { len: 64, in_place: false, rows: Rows::Single };
        classes(&mut Crossing(crossing), picks, row, &rules, &deadline).unwrap()
    }

    #[test]
    fn crossovers_are_found_within_the_precision() {
        for crossing in [64, 65, 100, 300, 1000, 2000, 4095] {
            let classes = run(crossing, &[pick(SHORT, 64), pick(LONG, 4096)], 60);
            let upper = classes[0].upper.unwrap();
            let off = (upper as f64 / crossing as f64).ln().abs();
            assert!(off <= PRECISION.ln(), "{upper} for {crossing}");
            assert!((64..4096).contains(&upper));
            assert_eq!(classes[1].upper, None);
        }
    }

    #[test]
    fn a_plan_for_short_rows_ends_where_it_can() {
        let resident = "resident(f32_softmax__avx2_d5_u96)";
        let classes = run(4096, &[pick(resident, 64), pick(LONG, 4096)], 60);
        assert!((64..=96).contains(&classes[0].upper.unwrap()), "{:?}", classes[0].upper);
        assert_eq!(run(4096, &[pick(resident, 96), pick(LONG, 4096)], 60)[0].upper, Some(96));
    }

    #[test]
    fn neighbours_with_the_same_plan_are_one_class() {
        let picks = [pick(SHORT, 16), pick(SHORT, 64), pick(SHORT, 256), pick(LONG, 257), pick(LONG, 4096)];
        let classes = run(256, &picks, 60);
        assert_eq!(classes.iter().map(|class| class.upper).collect::<Vec<_>>(), [Some(256), None]);
        assert_eq!(classes[0].evidence.as_ref().unwrap().len, 64);
    }

    #[test]
    fn without_time_a_bound_is_half_way() {
        assert_eq!(run(100, &[pick(SHORT, 64), pick(LONG, 4096)], 0)[0].upper, Some(512));
    }
}
