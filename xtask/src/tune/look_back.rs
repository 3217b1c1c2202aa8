//! Looking back. A search goes from short rows to long ones, so that every race knows what won at the length before; here what won at
//! the length after, and at the same length in place or not, in batches or alone, or for another accuracy, is raced where it was not.

use super::classes::Pick;
use super::clock::Deadline;
use super::field::{Choosing, Field};
use super::gate::Oracle;
use super::race::{EQUAL, Row};
use super::search::{Picks, Search, pick_at};
use super::weight::{self, takes, weight_of};
use crate::measuring::Timings;
use crate::profiles::TIE;
use anyhow::Result;
use softmax_spec::{Exp, PassVariant, Plan};

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
        let (field, challenged) = self.challengers(row, picks, &deadline)?;
        if challenged.is_empty() {
            return Ok(());
        }
        let what = format!("{}: looking back with {} plans", self.place(row), field.entries.len());
        self.progress.step(self.clock, &what);
        let choices: Vec<Choosing> = challenged.iter().map(|(choosing, _)| choosing.clone()).collect();
        let raced = self.race_plans(row, field, &choices, &self.effort.crossover(row), &deadline)?;
        let at = |plan: &Plan| raced.field.index(plan).expect("it was raced");
        let is_beaten = |(choosing, pick): &(Choosing, Pick)| {
            let group = choosing.group;
            let mut plans = raced.field.of_group(group);
            gives_way(pick, choosing) || plans.any(|plan| raced.is_beaten(group, at(&pick.plan), at(plan)))
        };
        let beaten: Vec<Choosing> =
            challenged.into_iter().filter(is_beaten).map(|(choosing, _)| choosing).collect();
        if beaten.is_empty() {
            return Ok(());
        }
        // Few are beaten: what that takes is missed by the crossovers alone.
        let deadline = self.clock.share(weight::CONFIRMING * weight_of(row.len));
        for (choosing, pick) in beaten.iter().zip(self.confirm(&raced, row, &beaten, &deadline)?) {
            let of_situation = picks.get_mut(&(choosing.group, row.in_place, row.rows));
            let before = of_situation.into_iter().flatten().find(|pick| pick.evidence.len == row.len);
            before.into_iter().zip(pick).for_each(|(before, pick)| *before = pick);
        }
        Ok(())
    }

    /// The best at a row with what was found elsewhere, as much as there is time for, and the picks for which that is something.
    fn challengers(
        &mut self,
        row: Row,
        picks: &Picks,
        deadline: &Deadline,
    ) -> Result<(Field, Vec<(Choosing, Pick)>)> {
        let (mut field, mut challenged) = (Field::default(), Vec::new());
        let rules = self.effort.crossover(row);
        for group in 0..self.accuracies.len() {
            let Some(pick) = pick_at(picks, (group, row.in_place, row.rows), row.len) else { continue };
            let choosing = self.choosing(group, row, picks);
            let cost = self.seconds(&rules, row, pick.evidence.ns_per_element);
            let seconds = self.seconds_each(row, deadline) - pick.best().count() as f64 * cost;
            let found = self.found_elsewhere(&choosing, pick, picks, (seconds / cost) as usize)?;
            if !found.is_empty() || (seconds > 0.0 && gives_way(pick, &choosing)) {
                pick.best().chain(&found).for_each(|plan| _ = field.add(plan, Some(group)));
                field.keep(&pick.plan);
                challenged.push((choosing, pick.clone()));
            }
        }
        Ok((field, challenged))
    }

    /// Plans that may win at the row of a pick, are right, and were not raced there, so many at most: those of the next longer rows, and of
    /// rows of this length in other situations, also with the pick's exp core, as it may be the tiles that are worth something. Where
    /// samples are noisy those as well that were close there.
    fn found_elsewhere(
        &mut self,
        choosing: &Choosing,
        pick: &Pick,
        picks: &Picks,
        most: usize,
    ) -> Result<Vec<Plan>> {
        let &Choosing { group, accuracy, row, .. } = choosing;
        let own = (group, row.in_place, row.rows);
        let longer = picks[&own].iter().find(|longer| longer.evidence.len > row.len);
        let longer = longer.into_iter().flat_map(Pick::tied);
        let others = picks.keys().filter_map(|&key| pick_at(picks, key, row.len)).map(|other| &other.plan);
        let with_own_exp = |plan: &Plan| with_exp(plan, pick.plan.exp());
        let pooled = self.estimates(row, group);
        let promising = pooled.iter().flat_map(|estimates| estimates.promising(EQUAL));
        let elsewhere = longer.chain(others).flat_map(|plan| [Some(plan.clone()), with_own_exp(plan)]);
        let mut found: Vec<Plan> = Vec::new();
        for plan in promising.chain(elsewhere.flatten()) {
            if found.len() >= most {
                break;
            }
            let is_open = match pooled.as_ref().and_then(|estimates| estimates.ratio(&plan, &pick.plan)) {
                Some(ratio) => ratio <= TIE,
                None => !self.known.was_raced(row, group, &plan),
            };
            let is_new = plan != pick.plan && !found.contains(&plan) && is_open;
            if is_new && self.may_win(&plan, choosing) && self.is_right(&plan, accuracy)? {
                found.push(plan);
            }
        }
        Ok(found)
    }
}

/// Whether a batch would have kept the plan of a row alone, had that been it already when the batch was raced.
fn gives_way(pick: &Pick, choosing: &Choosing) -> bool {
    choosing.alone.as_ref().is_some_and(|alone| pick.evidence.ties.contains(alone))
}

/// The plan with another exp core in all its passes that have one.
fn with_exp(plan: &Plan, exp: Exp) -> Option<Plan> {
    let with_exp = |pass: &PassVariant| PassVariant { exp: pass.exp.map(|_| exp), ..*pass };
    Plan::new(plan.algorithm(), plan.passes().iter().map(with_exp).collect()).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::flags;
    use crate::tune::clock::{Clock, Time};
    use crate::tune::effort::Effort;
    use crate::tune::gap::tests::{LONG, SHORT, pick};
    use crate::tune::gate::Gate;
    use crate::tune::known::Known;
    use crate::tune::pooled::Heat;
    use crate::tune::progress::Progress;
    use crate::tune::race::Finish;
    use crate::tune::search::Key;
    use softmax_bench::protocol::{Candidate, TimeRequest};
    use softmax_spec::profile::Profile;
    use softmax_spec::{Accuracy, Isa, Rows};
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// A machine on which plans with the tiles of `LONG` are the fastest everywhere, and one may be wrong.
    #[derive(Default)]
    struct Machine {
        wrong: Candidate,
        timed: Vec<Candidate>,
        verified: usize,
    }

    impl Timings for Machine {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            self.timed.extend_from_slice(&request.candidates);
            let time = |id: &Candidate| vec![if id.contains("u64,") { 0.9 } else { 1.0 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    impl Oracle for Machine {
        fn failure(&mut self, candidate: &Candidate, _: Option<u32>) -> Result<Option<String>> {
            self.verified += 1;
            Ok((*candidate == self.wrong).then(|| "2 + 2 = 5".to_owned()))
        }
    }

    /// What there is beside picks when a search looks back.
    struct Setting<'s> {
        machine: Machine,
        known: Known,
        accuracies: &'s [Accuracy],
        budget: Duration,
    }

    impl Default for Setting<'_> {
        fn default() -> Self {
            let machine = Machine::default();
            let budget = Duration::from_secs(3600);
            Setting { machine, known: Known::default(), accuracies: &[Accuracy::Fast], budget }
        }
    }

    impl Setting<'_> {
        /// Looks back at all lengths of these picks. What the machine was asked.
        fn look_back(mut self, picks: &mut Picks) -> Machine {
            let lengths = picks.values().flatten().map(|pick| pick.evidence.len);
            let sizes: Vec<usize> = lengths.collect::<BTreeSet<_>>().into_iter().collect();
            Search {
                machine: &mut self.machine,
                effort: &Effort::new(flags::Effort::Quick),
                clock: &mut Clock::new(Time::default(), self.budget, weight::weight(&sizes, &Rows::ALL)),
                progress: &Progress::silent(),
                gate: &mut Gate::default(),
                default: &Profile { name: "default".to_owned(), host: None, origin: None, tables: vec![] },
                isa: Isa::Avx2,
                accuracies: self.accuracies,
                rows: &Rows::ALL,
                variants: crate::project::grid().unwrap().variants,
                known: self.known,
            }
            .look_back(&sizes, picks)
            .unwrap();
            self.machine
        }
    }

    /// A race in which all did about as well.
    pub fn even(field: &Field) -> Finish {
        let samples = vec![vec![1.0]; field.entries.len()];
        Finish { alive: vec![true; samples.len()], samples, contended: None }
    }

    /// A pick that no other plan tied with.
    fn won(plan: &str, len: usize) -> Pick {
        let mut pick = pick(plan, len);
        pick.evidence.ties.clear();
        pick
    }

    const ALONE: Key = (0, false, Rows::Single);
    const IN_PLACE: Key = (0, true, Rows::Single);
    const BATCH: Key = (0, false, Rows::Batch);

    fn plans(picks: &Picks, key: Key) -> Vec<String> {
        picks[&key].iter().map(|pick| pick.plan.to_string()).collect()
    }

    fn three_picks() -> Picks {
        Picks::from([(ALONE, vec![won(SHORT, 64), won(SHORT, 128), won(LONG, 256)])])
    }

    #[test]
    fn what_won_at_the_longest_rows_goes_down_as_far_as_it_is_faster_and_was_not_raced() {
        let mut picks = three_picks();
        Setting::default().look_back(&mut picks);
        assert_eq!(plans(&picks, ALONE), [LONG; 3]);
        assert_eq!(picks[&ALONE].iter().map(|pick| pick.evidence.len).collect::<Vec<_>>(), [64, 128, 256]);

        let (mut picks, mut field, mut known) = (three_picks(), Field::default(), Known::default());
        field.add(&LONG.parse().unwrap(), Some(0));
        let row = Row { len: 128, in_place: false, rows: Rows::Single };
        known.note_raced(0, Heat::new(row, &field, 0, &even(&field)));
        let machine = Setting { known, ..Setting::default() }.look_back(&mut picks);
        assert_eq!(plans(&picks, ALONE), [SHORT, SHORT, LONG]);
        assert!(machine.timed.is_empty());
    }

    #[test]
    fn without_time_nothing_is_asked() {
        let mut picks = three_picks();
        let machine = Setting { budget: Duration::ZERO, ..Setting::default() }.look_back(&mut picks);
        assert_eq!(plans(&picks, ALONE), [SHORT, SHORT, LONG]);
        assert_eq!((machine.timed.len(), machine.verified), (0, 0));
    }

    #[test]
    fn what_is_wrong_or_does_not_fit_takes_no_place() {
        let mut picks = three_picks();
        let machine = Machine { wrong: LONG.to_owned(), ..Machine::default() };
        Setting { machine, ..Setting::default() }.look_back(&mut picks);
        assert_eq!(plans(&picks, ALONE), [SHORT, SHORT, LONG]);

        let streaming = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u32_nt)";
        let blocked = "blocked_reload(f32_max__avx2_u64, f32_store_exp__avx2_a5_u64, f32_scale__avx2_u32)";
        let mut picks = Picks::from([
            (ALONE, vec![won(blocked, 64), won(streaming, 1 << 17)]),
            (IN_PLACE, vec![won(SHORT, 64)]),
        ]);
        Setting::default().look_back(&mut picks);
        assert_eq!([plans(&picks, ALONE), plans(&picks, IN_PLACE)], [vec![blocked, streaming], vec![SHORT]]);
    }

    #[test]
    fn what_won_in_place_or_for_another_accuracy_is_raced_with_the_own_exp_core() {
        let mut picks = Picks::from([(ALONE, vec![won(SHORT, 64)]), (IN_PLACE, vec![won(LONG, 64)])]);
        Setting::default().look_back(&mut picks);
        assert_eq!([plans(&picks, ALONE), plans(&picks, IN_PLACE)], [[LONG]; 2]);

        let accurate = (1, false, Rows::Single);
        let reload = |exp: &str| {
            format!("three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_{exp}, f32_scale__avx2_u32)")
        };
        let of = |exp| vec![won(&reload(exp), 64)];
        let mut picks = Picks::from([(ALONE, of("a5_u64")), (accurate, of("a6_u8"))]);
        let accuracies = &[Accuracy::Fast, Accuracy::Accurate];
        Setting { accuracies, ..Setting::default() }.look_back(&mut picks);
        assert_eq!([plans(&picks, ALONE), plans(&picks, accurate)], [[reload("a5_u64")], [reload("a6_u64")]]);
    }

    #[test]
    fn a_batch_takes_the_plan_of_a_row_alone_that_tied_there() {
        let tied = LONG.replace("p5_u64)", "p5_u32)");
        let mut of_batch = won(LONG, 64);
        of_batch.evidence.ties = vec![tied.parse().unwrap()];
        let mut picks = Picks::from([(ALONE, vec![won(&tied, 64)]), (BATCH, vec![of_batch])]);
        let (mut field, mut known) = (Field::default(), Known::default());
        for plan in [LONG, &tied] {
            field.add(&plan.parse().unwrap(), Some(0));
        }
        for rows in Rows::ALL {
            let row = Row { len: 64, in_place: false, rows };
            known.note_raced(0, Heat::new(row, &field, 0, &even(&field)));
        }
        Setting { known, ..Setting::default() }.look_back(&mut picks);
        assert_eq!([plans(&picks, ALONE), plans(&picks, BATCH)], [[tied.clone()], [tied]]);
    }
}
