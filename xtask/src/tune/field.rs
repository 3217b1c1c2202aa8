//! The plans of a race, and the pick that its samples lead to.

use super::classes::Pick;
use super::compose::code_size;
use super::evidence::Confirmation;
use super::race::{Entry, Row, decide};
use softmax_bench::protocol::{MEMCPY, READ_SUM};
use softmax_spec::Plan;

/// The entries of a race with their plans; each plan once, however many accuracies it is raced for.
#[derive(Debug, Default)]
pub struct Field {
    /// What to time.
    pub entries: Vec<Entry>,
    /// In the same order; `None` for references.
    pub plans: Vec<Option<Plan>>,
}

impl Field {
    /// Adds a plan to a group. `false` if it was there already.
    pub fn add(&mut self, plan: &Plan, group: Option<usize>) -> bool {
        let at = self.index(plan).unwrap_or_else(|| {
            self.entries.push(Entry { id: plan.to_string(), groups: vec![] });
            self.plans.push(Some(plan.clone()));
            self.entries.len() - 1
        });
        let groups = &mut self.entries[at].groups;
        let new = group.is_some_and(|group| !groups.contains(&group));
        groups.extend(group.filter(|_| new));
        new
    }

    /// Adds a reference, which is in no group.
    pub fn add_reference(&mut self, id: &str) {
        self.entries.push(Entry { id: id.to_owned(), groups: vec![] });
        self.plans.push(None);
    }

    fn index(&self, plan: &Plan) -> Option<usize> {
        self.plans.iter().position(|known| known.as_ref() == Some(plan))
    }

    fn reference(&self, id: &str) -> usize {
        self.entries.iter().position(|entry| entry.id == id).expect("every confirmation has the references")
    }
}

/// The pick of an accuracy. A tie goes to the plan of the length before, then to the default, which are no more code,
/// then to the smaller code, then to the first id.
pub fn conclude(
    field: &Field,
    samples: &[Vec<f64>],
    group: usize,
    row: Row,
    default: &Plan,
    before: Option<&Plan>,
) -> Option<Pick> {
    let plan = |i: usize| field.plans[i].as_ref().expect("references are in no group");
    let contenders: Vec<usize> =
        (0..field.entries.len()).filter(|&i| field.entries[i].groups.contains(&group)).collect();
    let key = |i: usize| {
        let plan = plan(i);
        (Some(plan) != before, plan != default, code_size(plan), field.entries[i].id.clone())
    };
    let decision = decide(samples, &contenders, key)?;
    let winner = plan(decision.winner);
    let others = contenders.iter().filter(|&&i| plan(i).algorithm() != winner.algorithm());
    let confirmation = Confirmation {
        len: row.len,
        pick: &samples[decision.winner],
        default: &samples[field.index(default)?],
        memcpy: &samples[field.reference(MEMCPY)],
        read_sum: &samples[field.reference(READ_SUM)],
        others: others.map(|&i| (plan(i).clone(), samples[i].as_slice())).collect(),
    };
    let ties = decision.ties.iter().map(|&i| plan(i).clone()).collect();
    Some(Pick { plan: winner.clone(), evidence: confirmation.evidence(ties) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "two_pass(f32_ext_sum__avx2_a5_u64, f32_ext_scale__avx2_a5_u64)";
    const SMALLER: &str = "two_pass(f32_ext_sum__avx2_a5_u32, f32_ext_scale__avx2_a5_u32)";
    const ANOTHER: &str = "online(f32_online_sum__avx2_a5_u64, f32_scale_exp__avx2_a5_u64)";

    /// The pick among three plans with these times.
    fn pick(times: [f64; 3], before: Option<&str>) -> Pick {
        let mut field = Field::default();
        field.add_reference(MEMCPY);
        field.add_reference(READ_SUM);
        let plans = [DEFAULT, SMALLER, ANOTHER].map(|text| text.parse::<Plan>().unwrap());
        assert!(plans.iter().all(|plan| field.add(plan, Some(0))));
        assert!(!field.add(&plans[0], Some(0)));
        let samples: Vec<Vec<f64>> = [0.1, 0.05].into_iter().chain(times).map(|time| vec![time; 9]).collect();
        let before = before.map(|text| text.parse().unwrap());
        let row = Row { len: 64, in_place: false };
        conclude(&field, &samples, 0, row, &plans[0], before.as_ref()).unwrap()
    }

    #[test]
    fn the_fastest_is_picked_and_compared_with_the_default() {
        let pick = pick([1.5, 1.0, 1.2], Some(ANOTHER));
        assert_eq!(pick.plan.to_string(), SMALLER);
        assert_eq!((pick.evidence.speedup_over_default, pick.evidence.ties.len()), (1.5, 0));
        assert_eq!(pick.evidence.runner_up, Some((ANOTHER.parse().unwrap(), 1.2)));
    }

    #[test]
    fn ties_go_to_the_plan_before_then_the_default_then_the_smaller_code() {
        let picked = |times, before| pick(times, before).plan.to_string();
        assert_eq!(picked([1.0, 1.0, 1.0], Some(ANOTHER)), ANOTHER);
        assert_eq!(picked([1.0, 1.0, 1.0], None), DEFAULT);
        assert_eq!(picked([2.0, 1.0, 1.0], None), SMALLER);
        assert_eq!(pick([1.0, 1.0, 2.0], None).evidence.ties, [SMALLER.parse().unwrap()]);
    }
}
