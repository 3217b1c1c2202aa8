//! Looking back. A search goes from short rows to long ones, so that every race knows what won before it; here what won after it is raced
//! where it was not: at longer rows, in place or not, in batches or alone, for another accuracy.

use super::classes::Pick;
use super::field::{Choosing, Field};
use super::gate::Oracle;
use super::race::{Row, race};
use super::search::{Picks, Search};
use super::weight::{self, takes, weight_of};
use crate::measuring::Timings;
use crate::profiles::TIE;
use anyhow::Result;
use softmax_spec::{Exp, PassVariant, Plan, Rows};

/// Of a situation: accuracy (index), in place or not, alone or in batches.
type Key = (usize, bool, Rows);

impl<M: Timings + Oracle> Search<'_, M> {
    /// Looks back at the lengths, the longest first, so that what is found goes on to the shorter ones.
    pub(super) fn look_back(&mut self, sizes: &[usize], picks: &mut Picks) -> Result<()> {
        for &len in sizes.iter().rev() {
            for &rows in self.rows.iter().filter(|&&rows| takes(rows, len)) {
                for in_place in [false, true] {
                    self.look_back_at(Row { len, in_place, rows }, picks)?;
                }
            }
        }
        Ok(())
    }

    /// Races what was found elsewhere beside the picks of a row. Where one is clearly faster, the pick is made anew.
    fn look_back_at(&mut self, row: Row, picks: &mut Picks) -> Result<()> {
        let deadline = self.clock.step(weight::LOOKING_BACK * weight_of(row.len));
        let (field, challenged) = self.challengers(row, picks)?;
        if challenged.is_empty() || deadline.has_passed() {
            return Ok(());
        }
        let what = format!("{}: looking back with {} plans", self.place(row), field.entries.len());
        self.progress.step(self.clock, &what);
        let (rules, progress) = (self.effort.crossover(row), self.progress);
        let raced = race(self.machine, row, &field.entries, &rules, &deadline, |id| progress.leader(id))?;
        let times = raced.relative();
        let time = |plan: &Plan| times[field.index(plan).expect("it was raced")];
        let is_beaten =
            |pick: &Pick, group| field.of_group(group).any(|plan| time(&pick.plan) > time(plan) * TIE);
        let beaten = challenged.into_iter().filter(|(choosing, pick)| is_beaten(pick, choosing.group));
        let beaten: Vec<Choosing> = beaten.map(|(choosing, _)| choosing).collect();
        if beaten.is_empty() {
            return Ok(());
        }
        let deadline = self.clock.share(weight::CONFIRMING * weight_of(row.len));
        for (choosing, pick) in beaten.iter().zip(self.confirm(&field, &raced, row, &beaten, &deadline)?) {
            let of_situation = picks.get_mut(&(choosing.group, row.in_place, row.rows));
            let before = of_situation.into_iter().flatten().find(|pick| pick.evidence.len == row.len);
            before.into_iter().zip(pick).for_each(|(before, pick)| *before = pick);
        }
        Ok(())
    }

    /// The best at a row with what was found elsewhere, and the picks for which that is something.
    fn challengers(&mut self, row: Row, picks: &Picks) -> Result<(Field, Vec<(Choosing, Pick)>)> {
        let (mut field, mut challenged) = (Field::default(), Vec::new());
        for group in 0..self.accuracies.len() {
            let Some(pick) = pick_at(picks, (group, row.in_place, row.rows), row.len) else { continue };
            let choosing = self.choosing(group, row, picks);
            let found = self.found_elsewhere(&choosing, pick, picks)?;
            if !found.is_empty() {
                pick.best().chain(&found).for_each(|plan| _ = field.add(plan, Some(group)));
                challenged.push((choosing, pick.clone()));
            }
        }
        Ok((field, challenged))
    }

    /// Plans that may win at the row of a pick, are right, and were not raced there: those of the next longer rows, and those of rows of
    /// this length in other situations. For another accuracy it may be the tiles alone that are worth something.
    fn found_elsewhere(&mut self, choosing: &Choosing, pick: &Pick, picks: &Picks) -> Result<Vec<Plan>> {
        let &Choosing { group, accuracy, row, .. } = choosing;
        let own = (group, row.in_place, row.rows);
        let longer = picks[&own].iter().find(|longer| longer.evidence.len > row.len);
        let longer =
            longer.into_iter().flat_map(|longer| [&longer.plan].into_iter().chain(&longer.evidence.ties));
        let others = picks.keys().filter_map(|&key| pick_at(picks, key, row.len)).map(|other| &other.plan);
        let with_own_exp = |plan: &Plan| with_exp(plan, pick.plan.exp());
        let mut found: Vec<Plan> = Vec::new();
        for plan in longer.chain(others).flat_map(|plan| [Some(plan.clone()), with_own_exp(plan)]).flatten() {
            let was_raced = plan == pick.plan || self.known.was_raced(row, group, &plan);
            let is_new = !was_raced && !found.contains(&plan);
            let fits = !row.in_place || plan.algorithm().runs_in_place();
            if is_new && fits && self.may_win(&plan, choosing) && self.is_right(&plan, accuracy)? {
                found.push(plan);
            }
        }
        Ok(found)
    }
}

/// The pick of a situation at a length.
fn pick_at(picks: &Picks, key: Key, len: usize) -> Option<&Pick> {
    picks.get(&key)?.iter().find(|pick| pick.evidence.len == len)
}

/// The plan with another exp core in all its passes that have one.
fn with_exp(plan: &Plan, exp: Exp) -> Option<Plan> {
    let with_exp = |pass: &PassVariant| PassVariant { exp: pass.exp.map(|_| exp), ..*pass };
    Plan::new(plan.algorithm(), plan.passes().iter().map(with_exp).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;
    use crate::tune::clock::{Clock, Time};
    use crate::tune::effort::Effort;
    use crate::tune::gap::tests::{LONG, SHORT, pick};
    use crate::tune::gate::Gate;
    use crate::tune::known::Known;
    use crate::tune::progress::Progress;
    use softmax_bench::protocol::{Candidate, TimeRequest};
    use softmax_spec::profile::Profile;
    use softmax_spec::{Accuracy, Isa};
    use std::time::Duration;

    /// Plans with the tiles of `LONG` are the fastest everywhere.
    #[derive(Default)]
    struct Machine(Vec<Candidate>);

    impl Timings for Machine {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            self.0.extend_from_slice(&request.candidates);
            let time = |id: &Candidate| vec![if id.contains("u64,") { 0.9 } else { 1.0 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    impl Oracle for Machine {
        fn failure(&mut self, _: &Candidate, _: Option<u32>) -> Result<Option<String>> {
            Ok(None)
        }
    }

    /// The plans by ascending length that picks for one accuracy end as, and what was timed for that.
    fn look_back(picks: &mut Picks, accuracies: &[Accuracy], raced: &[(Row, usize, &str)]) -> Vec<Candidate> {
        let sizes: Vec<usize> = picks.values().next().unwrap().iter().map(|pick| pick.evidence.len).collect();
        let variants = crate::project::grid().unwrap().variants;
        let mut known = Known::default();
        for &(row, group, plan) in raced {
            let mut field = Field::default();
            field.add(&plan.parse().unwrap(), Some(group));
            known.note_raced(row, group, &field);
        }
        let mut machine = Machine::default();
        let weight = weight::weight(&sizes, &[Rows::Single]);
        Search {
            machine: &mut machine,
            effort: &Effort::new(flags::Effort::Quick),
            clock: &mut Clock::new(Time::default(), Duration::from_secs(3600), weight),
            progress: &Progress::silent(),
            gate: &mut Gate::default(),
            default: &Profile { name: "default".to_owned(), host: None, origin: None, tables: vec![] },
            isa: Isa::Avx2,
            accuracies,
            rows: &[Rows::Single],
            variants,
            known,
        }
        .look_back(&sizes, picks)
        .unwrap();
        machine.0
    }

    fn won(plan: &str, len: usize) -> Pick {
        let mut pick = pick(plan, len);
        pick.evidence.ties.clear();
        pick
    }

    fn texts(picks: &[Pick]) -> Vec<String> {
        picks.iter().map(|pick| pick.plan.to_string()).collect()
    }

    const ALONE: Key = (0, false, Rows::Single);

    #[test]
    fn what_won_at_the_longest_rows_goes_down_as_far_as_it_is_faster_and_was_not_raced() {
        let all = || vec![won(SHORT, 64), won(SHORT, 128), won(LONG, 256)];
        let mut picks = Picks::from([(ALONE, all())]);
        look_back(&mut picks, &[Accuracy::Fast], &[]);
        assert_eq!(texts(&picks[&ALONE]), [LONG; 3]);
        assert_eq!(picks[&ALONE].iter().map(|pick| pick.evidence.len).collect::<Vec<_>>(), [64, 128, 256]);

        let mut picks = Picks::from([(ALONE, all())]);
        let row = Row { len: 128, in_place: false, rows: Rows::Single };
        let timed = look_back(&mut picks, &[Accuracy::Fast], &[(row, 0, LONG)]);
        assert_eq!(
            (texts(&picks[&ALONE]), timed.len()),
            ([SHORT, SHORT, LONG].map(str::to_owned).to_vec(), 0)
        );
    }

    #[test]
    fn what_won_in_place_or_for_another_accuracy_is_raced_with_the_own_exp_core() {
        let in_place = (0, true, Rows::Single);
        let mut picks = Picks::from([(ALONE, vec![won(SHORT, 64)]), (in_place, vec![won(LONG, 64)])]);
        look_back(&mut picks, &[Accuracy::Fast], &[]);
        assert_eq!([texts(&picks[&ALONE]), texts(&picks[&in_place])], [[LONG], [LONG]]);

        let accurate = (1, false, Rows::Single);
        let reload = |exp: &str| {
            format!("three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_{exp}, f32_scale__avx2_u32)")
        };
        let picks_of = |fast, of_accurate| {
            [(ALONE, fast), (accurate, of_accurate)].map(|(key, exp)| (key, vec![won(&reload(exp), 64)]))
        };
        let mut picks = Picks::from(picks_of("a5_u64", "a6_u8"));
        look_back(&mut picks, &[Accuracy::Fast, Accuracy::Accurate], &[]);
        let expected = ["a5_u64", "a6_u64"].map(|exp| [reload(exp)]);
        assert_eq!([texts(&picks[&ALONE]), texts(&picks[&accurate])], expected);
    }
}
