//! Refining: plans that differ in one pass from those that did best, raced beside them. Passes are screened alone, where they do not find
//! caches as the one before leaves them, and only the best tiles of each are put together.

use super::clock::Deadline;
use super::compose::{self, Contender, family};
use super::field::{Choosing, Field};
use super::gate::Oracle;
use super::outcome::Outcome;
use super::pooled::{CLOSE, Estimates};
use super::race::Row;
use super::search::{Search, of_another_algorithm};
use super::weight::{self, weight_of};
use crate::measuring::Timings;
use crate::measuring::statistics::median;
use anyhow::Result;
use softmax_spec::Plan;
use std::collections::HashSet;

/// How often the neighbours of leaders are raced: a plan that differs in two passes from one of another race is two steps away.
const STEPS: usize = 2;

/// Of an algorithm, or with an exp core, that is slower by less than this factor another plan may be the fastest of all.
const NEARLY: f64 = 1.1;

/// Seconds for the first rounds of plans around a crossover. Of long rows fewer are raced: there are many crossovers.
const LOOKING_AROUND: f64 = 0.25;

/// Plans of groups whose neighbours were raced.
type Centres = HashSet<(usize, Plan)>;

impl<M: Timings + Oracle> Search<'_, M> {
    /// Races the neighbours of the leaders, and those of what leads then. What was raced last, of which the finalists are taken.
    pub(super) fn refine(&mut self, row: Row, mut raced: Outcome, choices: &[Choosing]) -> Result<Outcome> {
        let deadline = self.clock.step(weight::REFINING * weight_of(row.len));
        let mut centres = Centres::new();
        for _ in 0..STEPS {
            let near = self.leaders_and_neighbours(&raced, choices, &mut centres, &deadline)?;
            let Some(near) = near else { break };
            let what = format!("{}: racing {} plans nearby", self.place(row), near.entries.len());
            self.progress.step(self.clock, &what);
            raced = self.race_plans(row, near, choices, &self.effort.racing(row), &deadline)?;
        }
        Ok(raced)
    }

    /// Of every accuracy those that did best, and plans not raced yet that differ in one pass from the leader, or from the best of another
    /// algorithm or with another exp core that is nearly as fast; `None` if there are none of these, or no time.
    fn leaders_and_neighbours(
        &mut self,
        raced: &Outcome,
        choices: &[Choosing],
        centres: &mut Centres,
        deadline: &Deadline,
    ) -> Result<Option<Field>> {
        let (mut near, mut found) = (Field::default(), 0);
        for choosing in choices {
            let Choosing { group, accuracy, row, .. } = choosing;
            let leaders = self.leaders(raced, choosing);
            let other_exp = of_another_exp(raced, &leaders, *group);
            let at = |plan: &Plan| raced.field.index(plan).expect("it was raced");
            let time = |plan: &Plan| median(&raced.raced.samples[at(plan)]);
            let mut seconds = self.seconds_each(*row, deadline);
            for plan in leaders.iter().chain(&other_exp) {
                near.add(plan, Some(*group));
                seconds -= self.seconds(&self.effort.racing(*row), *row, time(plan));
            }
            let (leader, pooled) = (leaders.first().map_or(0, at), raced.pooled(*group));
            let ratio = |plan: &Plan| raced.ratio(*group, at(plan), leader);
            let near_leaders = nearly_as_fast(&leaders, other_exp.as_ref(), ratio)
                .filter(|&plan| centres.insert((*group, plan.clone())));
            let around: Vec<Contender> =
                near_leaders.flat_map(|plan| self.not_raced_around(plan, pooled, choosing)).collect();
            let promising = self.promising(pooled, leaders.first().map_or(0.0, time), choosing);
            for Contender { plan, predicted } in promising.into_iter().chain(around) {
                seconds -= self.seconds(&self.effort.racing(*row), *row, predicted);
                if seconds <= 0.0 {
                    break;
                }
                if self.is_right(&plan, *accuracy)? {
                    found += usize::from(near.add(&plan, Some(*group)));
                }
            }
        }
        Ok((found > 0).then_some(near))
    }

    /// Plans that may win by what all races say of their passes, but were not raced yet.
    fn promising(&self, pooled: Option<&Estimates>, predicted: f64, choosing: &Choosing) -> Vec<Contender> {
        let plans = pooled.map(|estimates| estimates.promising(CLOSE)).into_iter().flatten();
        let wanted = plans.filter(|plan| {
            !self.known.was_raced(choosing.row, choosing.group, plan) && self.may_win(plan, choosing)
        });
        wanted.take(self.effort.neighbours / 2).map(|plan| Contender { plan, predicted }).collect()
    }

    /// Plans that differ from one in one pass and may win, but were not raced yet; where samples are noisy first of every family one that no
    /// race has seen: what a way through memory takes where passes are screened says nothing of longer rows. Plans of one pass have all been
    /// raced.
    fn not_raced_around(
        &self,
        plan: &Plan,
        pooled: Option<&Estimates>,
        choosing: &Choosing,
    ) -> Vec<Contender> {
        let Choosing { group, row, behind, .. } = choosing;
        if plan.passes().len() == 1 {
            return Vec::new();
        }
        let mut around = compose::neighbours(plan, &self.known, row.len);
        around.retain(|Contender { plan, .. }| {
            let is_known = self.known.was_raced(*row, *group, plan) || behind.contains(&family(plan));
            !is_known && self.may_win(plan, choosing)
        });
        if let Some(estimates) = pooled {
            unseen_first(&mut around, estimates);
        }
        around.truncate(self.effort.neighbours);
        around
    }

    /// Plans that differ from one of these in one pass, and are right: where no passes were screened, another may be the best. As many as
    /// do not take long.
    pub(super) fn around(&mut self, plans: [&Plan; 2], choosing: &Choosing) -> Result<Vec<Plan>> {
        let Choosing { accuracy, row, .. } = choosing;
        let mut around = Vec::new();
        for plan in plans {
            let neighbours = compose::neighbours(plan, &self.known, row.len).into_iter();
            let wanted = neighbours.filter(|neighbour| self.may_win(&neighbour.plan, choosing));
            around.extend(wanted.take(self.effort.around));
        }
        let (mut right, mut seconds) = (Vec::new(), LOOKING_AROUND);
        for Contender { plan, predicted } in around {
            seconds -= self.seconds(&self.effort.crossover(*row), *row, predicted);
            if seconds <= 0.0 {
                break;
            }
            if self.is_right(&plan, *accuracy)? {
                right.push(plan);
            }
        }
        Ok(right)
    }
}

/// Puts the first of every family that no race has seen before all others.
fn unseen_first(plans: &mut [Contender], estimates: &Estimates) {
    let mut unseen = HashSet::new();
    plans.sort_by_cached_key(|Contender { plan, .. }| {
        let family = family(plan);
        estimates.has_seen(family) || !unseen.insert(family)
    });
}

/// The leader and, as far as they are nearly as fast, the best of another algorithm and the best with another exp core.
fn nearly_as_fast<'p>(
    leaders: &'p [Plan],
    other_exp: Option<&'p Plan>,
    ratio_to_leader: impl Fn(&Plan) -> f64,
) -> impl Iterator<Item = &'p Plan> {
    let centres = [leaders.first(), of_another_algorithm(leaders), other_exp];
    centres.into_iter().flatten().filter(move |plan| ratio_to_leader(plan) <= NEARLY)
}

/// The best of a group with another exp core than the leader's.
fn of_another_exp(raced: &Outcome, leaders: &[Plan], group: usize) -> Option<Plan> {
    let leader = leaders.first()?;
    let mut plans = raced.ranking(group).into_iter().map(|i| raced.plan(i));
    plans.find(|plan| plan.exp() != leader.exp()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::look_back::tests::even;
    use crate::tune::pooled::Heat;
    use softmax_spec::Rows;

    #[test]
    fn of_every_way_through_memory_that_was_never_raced_one_plan_comes_first() {
        let plan = |last: &str| -> Plan {
            format!("two_pass(f32_ext_sum__avx2_d5_u64, f32_ext_scale__avx2_d5_{last})").parse().unwrap()
        };
        let mut field = Field::default();
        field.add(&plan("u8"), Some(0));
        let row = Row { len: 1 << 20, in_place: false, rows: Rows::Single };
        let heat = Heat::new(row, &field, 0, &even(&field));
        let estimates = Estimates::new([heat].iter(), row.len).unwrap();
        let contender = |last| Contender { plan: plan(last), predicted: 1.0 };
        let mut around = ["u16", "u32", "u16_nt", "u32_nt", "u64_back"].map(contender);
        unseen_first(&mut around, &estimates);
        assert_eq!(around, ["u16_nt", "u64_back", "u16", "u32", "u32_nt"].map(contender));
    }
}
