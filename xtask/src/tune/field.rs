//! The plans of a race, and the pick that its samples lead to.

use super::classes::Pick;
use super::compose::{Family, code_size};
use super::control;
use super::evidence::Confirmation;
use super::outcome::Outcome;
use super::race::{Entry, Row, members};
use crate::profiles::TIE;
use softmax_bench::protocol::{MEMCPY, READ_SUM};
use softmax_spec::{Accuracy, Plan, Rows};
use std::collections::HashSet;

/// The entries of a race with their plans; each plan once, however many accuracies it is raced for.
#[derive(Debug, Default)]
pub struct Field {
    /// What to time.
    pub entries: Vec<Entry>,
    /// In the same order; `None` for references.
    pub plans: Vec<Option<Plan>>,
    /// The places of the plan that is there twice.
    control: Option<[usize; 2]>,
}

/// Groups of one plan each are from this number on, beyond those of the accuracies.
const OWN_GROUPS: usize = Accuracy::ALL.len();

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

    /// Has a plan run to the end however slow it is, by a group of its own.
    pub fn keep(&mut self, plan: &Plan) {
        let at = self.index(plan).unwrap_or(self.entries.len());
        self.add(plan, Some(OWN_GROUPS + at));
    }

    /// Adds a plan once more, as the A/A control.
    pub fn add_control(&mut self, plan: &Plan) {
        self.keep(plan);
        let one = self.index(plan).expect("it was added");
        self.add_reference(&plan.to_string());
        self.control = Some([one, self.entries.len() - 1]);
    }

    /// The place of a plan.
    pub fn index(&self, plan: &Plan) -> Option<usize> {
        self.plans.iter().position(|known| known.as_ref() == Some(plan))
    }

    /// The plans of a group.
    pub fn of_group(&self, group: usize) -> impl Iterator<Item = &Plan> {
        members(&self.entries, group).filter_map(|i| self.plans[i].as_ref())
    }

    fn reference(&self, id: &str) -> usize {
        self.entries.iter().position(|entry| entry.id == id).expect("every confirmation has the references")
    }
}

/// What is to be chosen at a row for one accuracy.
#[derive(Debug, Clone)]
pub struct Choosing {
    /// Index of the accuracy, which is its group in races.
    pub group: usize,
    /// The accuracy.
    pub accuracy: Accuracy,
    /// The row, or the batch.
    pub row: Row,
    /// What the default profile has there; where it says nothing, what the library falls back to.
    pub default: Plan,
    /// The plan of the length before.
    pub before: Option<Plan>,
    /// Those that were nearly as good there.
    pub near: Vec<Plan>,
    /// Families of plans that need not be raced: they were far behind on a row that this one is like.
    pub behind: HashSet<Family>,
    /// For a batch, the plan of such a row alone.
    pub alone: Option<Plan>,
}

impl Choosing {
    /// Of plans that are as good the first is picked: the default's, which every build has, then that of the length before, which is
    /// no more code either, then the smallest code. Two searches that measure about the same thus pick the same.
    pub fn preference(&self, plan: &Plan) -> impl Ord + use<> {
        (*plan != self.default, Some(plan) != self.before.as_ref(), code_size(plan), plan.to_string())
    }
}

/// The pick. A batch keeps the plan of a row alone unless that is slower by more than a tie: it is no more code, and has the same
/// results.
pub fn conclude(confirmed: &Outcome, choosing: &Choosing) -> Option<Pick> {
    let &Choosing { group, row, ref default, ref alone, .. } = choosing;
    let (field, samples) = (&confirmed.field, &confirmed.raced.samples);
    let decision = confirmed.decide(group, |i| choosing.preference(confirmed.plan(i)))?;
    let is_kept = |&i: &usize| {
        let is_alone = Some(confirmed.plan(i)) == alone.as_ref();
        is_alone && confirmed.ratio(group, i, decision.winner) <= TIE
    };
    let kept = members(&field.entries, group).find(is_kept).unwrap_or(decision.winner);
    let winner = confirmed.plan(kept);
    let [one, same] = field.control.expect("every confirmation has a control");
    let is_another = |&i: &usize| confirmed.plan(i).algorithm() != winner.algorithm();
    let others = members(&field.entries, group).filter(is_another);
    let confirmation = Confirmation {
        len: row.len,
        pick: &samples[kept],
        default: &samples[field.index(default)?],
        memcpy: &samples[field.reference(MEMCPY)],
        read_sum: (row.rows == Rows::Single).then(|| samples[field.reference(READ_SUM)].as_slice()),
        others: others.map(|i| (confirmed.plan(i).clone(), samples[i].as_slice())).collect(),
        noise: control::noise(&samples[one], &samples[same]),
        contended: confirmed.raced.contended,
    };
    let tied = decision.ties.into_iter().chain([decision.winner]).filter(|&i| i != kept);
    let ties = tied.map(|i| confirmed.plan(i).clone()).collect();
    Some(Pick { plan: winner.clone(), evidence: confirmation.evidence(ties) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::race::Finish;
    use std::collections::BTreeMap;

    const DEFAULT: &str = "two_pass(f32_ext_sum__avx2_a5_u64, f32_ext_scale__avx2_a5_u64)";
    const SMALLER: &str = "two_pass(f32_ext_sum__avx2_a5_u32, f32_ext_scale__avx2_a5_u32)";
    const ANOTHER: &str = "online(f32_online_sum__avx2_a5_u64, f32_scale_exp__avx2_a5_u64)";

    /// The pick among three plans with these times.
    fn pick(times: [f64; 3], rows: Rows, [before, alone]: [Option<&str>; 2]) -> Pick {
        let mut field = Field::default();
        field.add_reference(MEMCPY);
        field.add_reference(READ_SUM);
        let plans = [DEFAULT, SMALLER, ANOTHER].map(|text| text.parse::<Plan>().unwrap());
        assert!(plans.iter().all(|plan| field.add(plan, Some(0))));
        assert!(!field.add(&plans[0], Some(0)));
        field.add_control(&plans[1]);
        // The same plan seems to be slower by 3 %.
        let times = [0.1, 0.05].into_iter().chain(times).chain([1.03 * times[1]]);
        let samples = times.map(|time| vec![time; 9]).collect();
        let confirmed = Finish { samples, alive: vec![], contended: Some(0.125) };
        let choosing = Choosing {
            group: 0,
            accuracy: Accuracy::Fast,
            row: Row { len: 64, in_place: false, rows },
            default: plans[0].clone(),
            before: before.map(|text| text.parse().unwrap()),
            near: vec![],
            behind: HashSet::new(),
            alone: alone.map(|text| text.parse().unwrap()),
        };
        conclude(&Outcome::new(field, confirmed, BTreeMap::new()), &choosing).unwrap()
    }

    #[test]
    fn the_fastest_is_picked_and_compared_with_the_default() {
        let pick = pick([1.5, 1.0, 1.2], Rows::Single, [Some(ANOTHER), None]);
        assert_eq!(pick.plan.to_string(), SMALLER);
        assert_eq!((pick.evidence.speedup_over_default, pick.evidence.ties.len()), (1.5, 0));
        assert_eq!(pick.evidence.runner_up, Some((ANOTHER.parse().unwrap(), 1.2)));
        assert!((pick.evidence.roofline - 0.15).abs() < 1e-12);
        let trust = pick.evidence.trust.unwrap();
        assert!((trust.noise - 0.03).abs() < 0.001 && trust.contended == Some(0.125), "{trust:?}");
        assert_eq!((trust.speedup_interval, trust.runner_up_interval), ((1.5, 1.5), Some((1.2, 1.2))));
    }

    #[test]
    fn who_is_kept_is_in_a_group_of_its_own_beside_others() {
        let mut field = Field::default();
        let [one, two] = [DEFAULT, SMALLER].map(|text| text.parse::<Plan>().unwrap());
        field.add(&one, Some(1));
        field.keep(&one);
        field.keep(&two);
        let groups: Vec<&[usize]> = field.entries.iter().map(|entry| entry.groups.as_slice()).collect();
        assert_eq!(groups, [&[1, 2][..], &[3]]);
        field.add_control(&one);
        assert_eq!((field.entries.len(), field.control), (3, Some([0, 2])));
        assert_eq!((&field.entries[2].id, field.entries[2].groups.len()), (&field.entries[0].id, 0));
    }

    #[test]
    fn ties_go_to_the_default_then_the_plan_before_then_the_smaller_code() {
        let pick = |times, before| pick(times, Rows::Single, [before, None]);
        let picked = |times, before| pick(times, before).plan.to_string();
        assert_eq!(picked([1.0, 1.0, 1.0], Some(ANOTHER)), DEFAULT);
        assert_eq!(picked([2.0, 1.0, 1.0], Some(ANOTHER)), ANOTHER);
        assert_eq!(picked([2.0, 1.0, 1.0], None), SMALLER);
        assert_eq!(picked([1.009, 1.0, 2.0], None), DEFAULT);
        assert_eq!(picked([1.011, 1.0, 2.0], None), SMALLER);
        assert_eq!(pick([1.0, 1.0, 2.0], None).evidence.ties, [SMALLER.parse().unwrap()]);
    }

    #[test]
    fn a_batch_keeps_the_plan_of_a_row_alone_unless_another_is_clearly_faster() {
        let pick = |times, alone| pick(times, Rows::Batch, [Some(SMALLER), alone]);
        let picked = |times, alone| pick(times, alone).plan.to_string();
        assert_eq!(picked([1.0, 1.0, 1.019], Some(ANOTHER)), ANOTHER);
        assert_eq!(picked([1.03, 1.0, 1.03], Some(ANOTHER)), SMALLER);
        assert_eq!(picked([1.03, 1.0, 1.019], None), SMALLER);
        let evidence = pick([1.0, 1.5, 1.01], Some(ANOTHER)).evidence;
        // Its row is read once: the rest is copying.
        assert!((evidence.roofline - 0.1 / 1.01).abs() < 1e-12);
        assert_eq!(evidence.ties, [DEFAULT.parse().unwrap()]);
        assert!((evidence.speedup_over_default - 1.0 / 1.01).abs() < 1e-12);
    }
}
