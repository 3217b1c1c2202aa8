//! The search on one ISA: per length, screen passes, race plans and the neighbours of the best, confirm finalists; then look back with what
//! was found later, and find the crossovers.

use super::classes::{Draft, Pick};
use super::clock::{Clock, Deadline};
use super::compose::{self, Shortlist, family};
use super::effort::Effort;
use super::field::{Choosing, Field, conclude};
use super::gap::{self, Found};
use super::gate::{Gate, Oracle};
use super::known::{Known, Timed};
use super::outcome::Outcome;
use super::pooled::{Estimates, Heat};
use super::progress::Progress;
use super::race::{Row, Rules, race};
use super::screening::{self, Screening};
use super::weight::{self, suits, takes, weight_at, weight_of, weight_of_crossovers};
use crate::length::Length;
use crate::measuring::Timings;
use crate::measuring::cost::{CALIBRATION, sample_seconds, setup_seconds};
use anyhow::{Context, Result, bail};
use softmax_bench::protocol::{MEMCPY, READ_SUM};
use softmax_spec::profile::{Class, Profile, Situation, Table};
use softmax_spec::{Accuracy, Element, Isa, PassVariant, Plan, Rows};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

/// A search on one ISA. `M` is the measuring process, or a model in tests.
pub struct Search<'a, M> {
    /// Times and verifies.
    pub machine: &'a mut M,
    /// The effort's numbers.
    pub effort: &'a Effort,
    /// Wall time.
    pub clock: &'a mut Clock,
    /// Where progress goes.
    pub progress: &'a Progress,
    /// Verdicts.
    pub gate: &'a mut Gate,
    /// The profile to beat.
    pub default: &'a Profile,
    /// The ISA.
    pub isa: Isa,
    /// The accuracies to find plans for.
    pub accuracies: &'a [Accuracy],
    /// Whether for rows alone, for batches, or both.
    pub rows: &'a [Rows],
    /// The ISA's variants that may be used.
    pub variants: Vec<PassVariant>,
    /// What passes took and where plans were raced, filled by the search.
    pub known: Known,
}

/// From one length to the next a pass may leave a cache; measured ratios stay below this.
const CACHE_STEP: f64 = 1.5;

/// Of a situation on the ISA: accuracy (index), in place or not, alone or in batches.
pub(super) type Key = (usize, bool, Rows);

/// Picks by ascending length.
pub(super) type Picks = BTreeMap<Key, Vec<Pick>>;

impl<M: Timings + Oracle> Search<'_, M> {
    /// Searches at every length that time allows and returns a table per accuracy, in place or not, alone or in batches.
    pub fn run(&mut self, sizes: &[usize]) -> Result<Vec<Table>> {
        self.verify_variants()?;
        let mut picks = Picks::new();
        let measured = self.search_lengths(sizes, &mut picks)?;
        self.look_back(measured, &mut picks)?;
        self.tables(picks, sizes)
    }

    /// Searches at as many lengths as there is time for, and returns these.
    fn search_lengths<'s>(&mut self, sizes: &'s [usize], picks: &mut Picks) -> Result<&'s [usize]> {
        for (i, &len) in sizes.iter().enumerate() {
            if self.clock.remaining().as_secs_f64() < self.least_seconds(len) && !picks.is_empty() {
                let left: Vec<String> = sizes[i..].iter().map(|&len| Length(len).to_string()).collect();
                self.progress.note(&format!(
                    "the budget is spent: {} {} not measured",
                    self.isa,
                    left.join(", ")
                ));
                self.clock.skip(sizes[i..].iter().map(|&len| weight_at(len, self.rows)).sum());
                return Ok(&sizes[..i]);
            }
            self.search_at(len, picks)?;
        }
        Ok(sizes)
    }

    /// Searches at one length and adds the picks.
    fn search_at(&mut self, len: usize, picks: &mut Picks) -> Result<()> {
        let is_screened = !self.is_far(len);
        let screen = |search: &mut Self, row| match is_screened {
            true => search.screen(row),
            false => Ok(Shortlist::new()),
        };
        let racing = weight::racing(is_screened);
        if !is_screened {
            self.clock.step(weight::NOT_SCREENED * weight_of(len));
        }
        let alone = screen(self, Row { len, in_place: false, rows: Rows::Single })?;
        let rows = self.rows.iter().copied().filter(|&rows| takes(rows, len));
        for rows in rows.collect::<Vec<_>>() {
            let mut shortlist = alone.clone();
            let [row, in_place] = [false, true].map(|in_place| Row { len, in_place, rows });
            // Passes over parts of a row are the same everywhere; whole rows overlap in a batch, and in place wait for each other.
            if rows == Rows::Batch {
                shortlist.extend(screen(self, row)?);
            }
            self.pick(row, &shortlist, racing, picks)?;
            if rows == Rows::Single {
                let tiles = screen(self, in_place)?;
                self.add_tiles(&mut shortlist, tiles);
            }
            self.pick(in_place, &shortlist, racing, picks)?;
        }
        Ok(())
    }

    /// Adds tiles that did well in place, with the times that they had out of place, which compare with those of other passes.
    fn add_tiles(&self, shortlist: &mut Shortlist, tiles: Shortlist) {
        for (key, tiles) in tiles {
            let listed = shortlist.entry(key).or_default();
            for (variant, _) in tiles {
                let is_listed = listed.iter().any(|(other, _)| *other == variant);
                if let Some(Timed { ns, .. }) = self.known.last(&variant)
                    && !is_listed
                {
                    listed.push((variant, ns));
                }
            }
        }
    }

    /// The correctness gate of the passes.
    fn verify_variants(&mut self) -> Result<()> {
        let what = format!("{}: verifying {} variants", self.isa, self.variants.len());
        self.clock.step(weight::GATE);
        self.progress.step(self.clock, &what);
        let (gate, machine) = (&mut *self.gate, &mut *self.machine);
        let mut right = Vec::new();
        for variant in &self.variants {
            if gate.admits(machine, &variant.id(), None)? {
                right.push(*variant);
            }
        }
        self.variants = right;
        Ok(())
    }

    /// Races the passes and returns the best of each (pass, exp core) that go forward, and of every way through memory one: what a
    /// way is worth shows only beside other passes. In batches, and in place, those that take whole rows, which are plans by themselves.
    fn screen(&mut self, row: Row) -> Result<Shortlist> {
        let deadline = self.clock.step(weight::screening(row.rows, row.in_place) * weight_of(row.len));
        let mut screening = Screening::default();
        for variant in self.affordable_variants(row, &deadline) {
            screening.add(variant, row);
        }
        if screening.entries.is_empty() {
            return Ok(Shortlist::new());
        }
        let what = format!("{}: screening {} passes", self.place(row), screening.entries.len());
        self.progress.step(self.clock, &what);
        let rules = &self.effort.screening;
        let finish = race(self.machine, row, &screening.entries, rules, &deadline, |id| {
            self.progress.leader(id);
        })?;
        if row.times_passes() {
            self.known.note(row.len, screening.times(&finish));
        }
        Ok(screening.shortlist(&finish, self.effort.tiles))
    }

    /// Whether passes need not be screened, because plans were raced on rows that are not much shorter and rows are beyond the effort's
    /// longest, or passes were screened beyond the same cache. The few samples of screening are noise there; plans are raced that did
    /// well at the length before, and their neighbours.
    fn is_far(&self, len: usize) -> bool {
        const MUCH: usize = 8;
        let screened = Row { len: self.known.longest(), in_place: true, rows: Rows::Single };
        let needs_none = len > self.effort.screened || self.effort.is_beyond_cache(screened);
        needs_none && len <= MUCH * self.known.longest_raced()
    }

    /// Where the search is, for people.
    pub(super) fn place(&self, row: Row) -> String {
        let place = if row.in_place { " in place" } else { "" };
        let batch = match row.rows {
            Rows::Single => String::new(),
            Rows::Batch => format!("{}x", row.rows.timed(row.len)),
        };
        format!("{} n={batch}{}{place}", self.isa, Length(row.len))
    }

    /// All variants for rows of this length, or if that takes too long as many of each group as there is time for: those
    /// that did well at the length before.
    fn affordable_variants(&self, row: Row, deadline: &Deadline) -> Vec<PassVariant> {
        let fits = |variant: &&PassVariant| {
            (row.times_passes() || variant.pass.takes_whole_rows())
                && suits(variant.shortest_row(), variant.longest_row(), row.len)
        };
        let mut groups: BTreeMap<screening::Group, Vec<PassVariant>> = BTreeMap::new();
        for variant in self.variants.iter().filter(fits) {
            groups.entry(screening::tiles_of(variant)).or_default().push(*variant);
        }
        for group in groups.values_mut() {
            group.sort_by(|a, b| self.promise(a).partial_cmp(&self.promise(b)).expect("times are numbers"));
        }
        let mut seconds = deadline.left().as_secs_f64() - setup_seconds(row.elements());
        let mut kept = Vec::new();
        let deepest = groups.values().map(Vec::len).max().unwrap_or(0);
        for place in 0..deepest {
            for variant in groups.values().filter_map(|group| group.get(place)) {
                let cost = self.seconds(&self.effort.screening, row, self.expected_ns(variant));
                seconds -= cost;
                if place == 0 || seconds > 0.0 {
                    kept.push(*variant);
                }
            }
        }
        kept
    }

    /// Smaller is more promising: the time at the last length where it was timed, a longer one first, as times of shorter rows are those
    /// of a nearer cache; else how far the tile is from the usual ones.
    fn promise(&self, variant: &PassVariant) -> (Reverse<usize>, f64, usize) {
        /// Published winners unroll by 4 to 9 vectors.
        const USUAL_UNROLL: usize = 6;
        let unusual = variant.tile.unroll.abs_diff(USUAL_UNROLL);
        let known = self.known.last(variant);
        known.map_or((Reverse(0), 0.0, unusual), |known| (Reverse(known.len), known.ns, unusual))
    }

    /// What a pass probably takes at the next length, in nanoseconds per element.
    fn expected_ns(&self, variant: &PassVariant) -> f64 {
        /// Scalar exps take about 4 ns; vectors divide that until memory limits them.
        const SCALAR_NS: f64 = 4.0;
        const MEMORY_NS: f64 = 0.3;
        let unknown = SCALAR_NS / variant.lanes() as f64 + MEMORY_NS;
        self.known.last(variant).map_or(unknown, |known| known.ns * CACHE_STEP)
    }

    /// What the first batch costs for one candidate.
    pub(super) fn seconds(&self, rules: &Rules, row: Row, ns_per_element: f64) -> f64 {
        let call = row.elements() as f64 * ns_per_element * 1e-9;
        (rules.first as f64 + CALIBRATION) * sample_seconds(rules.sample_us * 1e-6, call)
    }

    /// What each accuracy's part of a race may cost.
    pub(super) fn seconds_each(&self, row: Row, deadline: &Deadline) -> f64 {
        (deadline.left().as_secs_f64() - setup_seconds(row.elements())) / self.accuracies.len() as f64
    }

    /// What a length costs at the very least: one variant of each (pass, exp core), a few plans, a confirmation.
    fn least_seconds(&self, len: usize) -> f64 {
        const CALLS: f64 = 300.0;
        let call = len as f64 * self.known.usual() * CACHE_STEP * 1e-9;
        CALLS * call + 5.0 * setup_seconds(len)
    }

    /// Races plans on one row, or on a batch, then those with their neighbours that did best, confirms the finalists, and adds the picks.
    /// The first race has that part of the length's weight.
    fn pick(&mut self, row: Row, shortlist: &Shortlist, racing: f64, picks: &mut Picks) -> Result<()> {
        let place = self.place(row);
        let weight = weight_of(row.len);
        let deadline = self.clock.step(racing * weight);
        let choices: Vec<Choosing> =
            (0..self.accuracies.len()).map(|group| self.informed(self.choosing(group, row, picks))).collect();
        let mut field = Field::default();
        for choosing in &choices {
            self.add_contenders(&mut field, choosing, shortlist, &deadline)?;
        }
        self.progress.step(self.clock, &format!("{place}: racing {} plans", field.entries.len()));
        let raced = self.race_plans(row, field, &choices, &self.effort.racing(row), &deadline)?;
        let raced = self.refine(row, raced, &choices)?;
        let deadline = self.clock.step(weight::CONFIRMING * weight);
        for (choosing, pick) in choices.iter().zip(self.confirm(&raced, row, &choices, &deadline)?) {
            picks.entry((choosing.group, row.in_place, row.rows)).or_default().extend(pick);
        }
        Ok(())
    }

    /// Races plans, and notes how they did.
    pub(super) fn race_plans(
        &mut self,
        row: Row,
        field: Field,
        choices: &[Choosing],
        rules: &Rules,
        deadline: &Deadline,
    ) -> Result<Outcome> {
        let progress = self.progress;
        let raced = race(self.machine, row, &field.entries, rules, deadline, |id| progress.leader(id))?;
        let mut pooled = BTreeMap::new();
        for &Choosing { group, .. } in choices {
            self.known.note_raced(group, Heat::new(row, &field, group, &raced));
            pooled.extend(self.estimates(row, group).map(|estimates| (group, estimates)));
        }
        Ok(Outcome::new(field, raced, pooled))
    }

    /// What all races on rows where samples are noisy say of plans on one of these. On shorter rows samples speak for themselves.
    pub(super) fn estimates(&self, row: Row, group: usize) -> Option<Estimates> {
        let is_noisy = |row| self.effort.is_noisy(row);
        is_noisy(row).then(|| self.known.estimates(row, group, is_noisy)).flatten()
    }

    /// Races the finalists once more, whole and to the end. A pick per choice, if there is a plan that is right.
    pub(super) fn confirm(
        &mut self,
        raced: &Outcome,
        row: Row,
        choices: &[Choosing],
        deadline: &Deadline,
    ) -> Result<Vec<Option<Pick>>> {
        let finalists = self.finalists(raced, row, choices)?;
        self.progress.step(self.clock, &format!("{}: confirming", self.place(row)));
        let confirmed = self.race_plans(row, finalists, choices, &self.effort.confirmation(row), deadline)?;
        Ok(choices.iter().map(|choosing| conclude(&confirmed, choosing)).collect())
    }

    /// What is to be chosen at a row for an accuracy.
    pub(super) fn choosing(&self, group: usize, row: Row, picks: &Picks) -> Choosing {
        let accuracy = self.accuracies[group];
        let key = |rows| (group, row.in_place, rows);
        let mut own = picks.get(&key(row.rows)).into_iter().flatten();
        let before = own.rfind(|pick| pick.evidence.len < row.len);
        let alone = pick_at(picks, key(Rows::Single), row.len).filter(|_| row.rows == Rows::Batch);
        let situation = self.situation(accuracy, row.in_place, row.rows);
        let ties = before.into_iter().flat_map(|pick| pick.evidence.ties.iter().cloned());
        Choosing {
            group,
            accuracy,
            row,
            default: self.default.plan(situation, row.len),
            before: before.map(|pick| pick.plan.clone()),
            near: ties.collect(),
            behind: HashSet::new(),
            alone: alone.map(|pick| pick.plan.clone()),
        }
    }

    /// The same with what all races say is worth racing, and what is not.
    fn informed(&self, choosing: Choosing) -> Choosing {
        let Some(pooled) = self.estimates(choosing.row, choosing.group) else { return choosing };
        let worth = pooled.worth_racing(self.effort.plans / 4);
        Choosing {
            behind: pooled.far_behind(&worth),
            near: worth.into_iter().chain(choosing.near).collect(),
            ..choosing
        }
    }

    /// Adds the plans that reach the accuracy, as many as there is time for, to a race.
    fn add_contenders(
        &mut self,
        field: &mut Field,
        choosing: &Choosing,
        shortlist: &Shortlist,
        deadline: &Deadline,
    ) -> Result<()> {
        let Choosing { group, accuracy, row, default, before, near, behind, alone } = choosing;
        let contenders = compose::contenders(shortlist, *accuracy, row.in_place);
        let mut seconds = self.seconds_each(*row, deadline);
        let fastest = contenders.first().map_or(0.0, |contender| contender.predicted);
        let known = [alone.as_ref(), before.as_ref(), Some(default)].into_iter().flatten().chain(near);
        let known: Vec<Plan> = known.filter(|plan| self.may_win(plan, choosing)).cloned().collect();
        let contenders =
            contenders.into_iter().filter(|contender| !behind.contains(&family(&contender.plan)));
        let composed = contenders.map(|contender| (contender.plan, contender.predicted));
        let mut added = 0;
        for (plan, predicted) in known.into_iter().map(|plan| (plan, fastest)).chain(composed) {
            let enough = added >= self.effort.plans || (added >= LEAST_PLANS && seconds <= 0.0);
            if enough {
                break;
            }
            if self.is_right(&plan, *accuracy)? {
                seconds -= self.seconds(&self.effort.racing(*row), *row, predicted);
                added += usize::from(field.add(&plan, Some(*group)));
            }
        }
        Ok(())
    }

    /// The best of every accuracy, the best of another algorithm than the leader's, the default, for a batch the plan of a
    /// row alone, the references, and the first leader once more. What margins are taken over runs to the end.
    fn finalists(&mut self, raced: &Outcome, row: Row, choices: &[Choosing]) -> Result<Field> {
        let (mut finalists, mut control) = (Field::default(), None);
        finalists.add_reference(MEMCPY);
        if row.rows == Rows::Single {
            finalists.add_reference(READ_SUM);
        }
        for choosing in choices {
            let Choosing { group, accuracy, default, alone, .. } = choosing;
            let max_ulp = default.reaches(*accuracy).then_some(accuracy.max_ulp());
            if !self.gate.admits(self.machine, &default.to_string(), max_ulp)? {
                bail!("the default plan `{default}` is wrong: mend softmax-kernels/tuned/default.toml first");
            }
            finalists.add(default, self.may_win(default, choosing).then_some(*group));
            finalists.keep(default);
            if let Some(alone) = alone {
                finalists.add(alone, Some(*group));
                finalists.keep(alone);
            }
            let leaders = self.leaders(raced, choosing);
            let Some(leader) = leaders.first() else { continue };
            for plan in &leaders {
                finalists.add(plan, Some(*group));
            }
            of_another_algorithm(&leaders).into_iter().for_each(|plan| finalists.keep(plan));
            control.get_or_insert_with(|| leader.clone());
        }
        // Where no plan is right, the default's.
        let control = control.or_else(|| Some(choices.first()?.default.clone()));
        control.iter().for_each(|control| finalists.add_control(control));
        Ok(finalists)
    }

    /// Those of a race that go on: the leader, others that were in contention to the end, and at last the best of another algorithm.
    pub(super) fn leaders(&self, raced: &Outcome, choosing: &Choosing) -> Vec<Plan> {
        let ranking = raced.ranking(choosing.group);
        let plan = |&i: &usize| raced.plan(i);
        let Some(leader) = ranking.first().map(plan) else { return Vec::new() };
        let best = raced.best(choosing.group, self.effort.finalists, |i| choosing.preference(raced.plan(i)));
        let other = ranking.iter().find(|i| plan(i).algorithm() != leader.algorithm());
        let others = best.iter().filter(|i| Some(*i) != other && plan(i) != leader);
        [leader].into_iter().chain(others.chain(other).map(plan)).cloned().collect()
    }

    /// Whether the gate admits the plan at an accuracy.
    pub(super) fn is_right(&mut self, plan: &Plan, accuracy: Accuracy) -> Result<bool> {
        self.gate.admits(self.machine, &plan.to_string(), Some(accuracy.max_ulp()))
    }

    /// Whether the plan takes the row, in place if asked for, is accurate enough, and the filter and the gate leave its passes.
    pub(super) fn may_win(&self, plan: &Plan, choosing: &Choosing) -> bool {
        let Row { len, in_place, .. } = choosing.row;
        let fits = suits(plan.shortest_row(), plan.longest_row(), len)
            && (!in_place || plan.algorithm().runs_in_place());
        let is_left = plan.passes().iter().all(|pass| self.variants.contains(pass));
        fits && plan.reaches(choosing.accuracy) && is_left
    }

    fn situation(&self, accuracy: Accuracy, in_place: bool, rows: Rows) -> Situation {
        Situation { isa: self.isa, element: Element::F32, accuracy, in_place, rows, threads: 1 }
    }

    /// Size classes of every situation.
    fn tables(&mut self, picks: Picks, sizes: &[usize]) -> Result<Vec<Table>> {
        let mut drafts = Vec::new();
        for ((group, in_place, rows), picks) in picks {
            let situation = self.situation(self.accuracies[group], in_place, rows);
            match picks.is_empty() {
                true => self.progress.note(&format!("{situation}: no plan is right, so no table")),
                false => drafts.push(Draft::new(group, situation, self.effort.screened, picks)),
            }
        }
        let weight = self.rows.iter().map(|&rows| weight_of_crossovers(sizes, rows)).sum();
        self.find_crossovers(&mut drafts, weight)?;
        let table = |draft: Draft| {
            let situation = draft.situation;
            if draft.bisections() > 0 {
                self.clock.cut_short();
                self.progress.note(&format!(
                    "no time for all crossovers of {situation}: some bounds are only estimates"
                ));
            }
            let mut classes = draft.classes();
            end(&mut classes, situation);
            Table { situation, classes }
        };
        Ok(drafts.into_iter().map(table).collect())
    }

    /// Bisects the widest gap of all, again and again: whenever time is up, all bounds are known about as well.
    fn find_crossovers(&mut self, drafts: &mut [Draft], weight: f64) -> Result<()> {
        /// Bisections' worth of time for one of them: of long rows one could take what many others need.
        const AT_MOST: f64 = 4.0;
        let deadline = self.clock.share(weight);
        let mut left = weight;
        while !deadline.has_passed()
            && let Some((i, place)) = widest(drafts)
        {
            let bisections: usize = drafts.iter().map(Draft::bisections).sum();
            let step = left / bisections as f64;
            let deadline = self.clock.share((AT_MOST * step).min(left));
            self.clock.step(step);
            left -= step;
            let draft = &mut drafts[i];
            let (group, situation) = (draft.group, draft.situation);
            let gap = draft.gap(place);
            let row = Row { len: gap.middle(), in_place: situation.in_place, rows: situation.rows };
            let choosing = Choosing {
                group,
                accuracy: situation.accuracy,
                row,
                default: self.default.plan(situation, row.len),
                before: Some(gap.plans()[0].clone()),
                near: vec![],
                behind: HashSet::new(),
                alone: None,
            };
            self.progress.step(self.clock, &format!("{situation}: what lies between {gap}"));
            let around = match gap.is_unknown() {
                true => self.around(gap.plans(), &choosing)?,
                false => vec![],
            };
            let (field, choices) = (gap.field(group, row.len, &around), [choosing]);
            let raced = self.race_plans(row, field, &choices, &self.effort.crossover(row), &deadline)?;
            if gap.narrow(group, row.len, &raced) == Found::Third {
                draft.insert(place, self.pick_third(&choices, &raced, &deadline)?);
            }
        }
        // What it weighs has been begun on, found or not.
        self.clock.step(left.max(0.0));
        Ok(())
    }

    /// The pick where a third plan was found, whose plans are known to be right.
    fn pick_third(&mut self, choices: &[Choosing; 1], raced: &Outcome, deadline: &Deadline) -> Result<Pick> {
        let [pick] = &mut self.confirm(raced, choices[0].row, choices, deadline)?[..] else {
            bail!("a choice has one pick");
        };
        pick.take().context("plans were raced and none was picked")
    }
}

/// The pick of a situation at a length.
pub(super) fn pick_at(picks: &Picks, key: Key, len: usize) -> Option<&Pick> {
    picks.get(&key)?.iter().find(|pick| pick.evidence.len == len)
}

/// The best of another algorithm than the leader's, which [`Search::leaders`] puts last.
pub(super) fn of_another_algorithm(leaders: &[Plan]) -> Option<&Plan> {
    leaders.last().filter(|last| last.algorithm() != leaders[0].algorithm())
}

/// The widest gap of all that is not known well enough: whose, and its place there.
fn widest(drafts: &[Draft]) -> Option<(usize, usize)> {
    let of_draft = |(i, draft): (usize, &Draft)| draft.widest().map(|(place, width)| ((i, place), width));
    gap::widest(drafts.iter().enumerate().filter_map(of_draft)).map(|(at, _)| at)
}

/// The last class ends where its plan or its kind of rows does. Beyond it a single row takes the fallback, and a batch what a
/// single row takes.
fn end(classes: &mut Vec<Class>, situation: Situation) {
    let Situation { isa, element, accuracy, rows, .. } = situation;
    let Some(last) = classes.last_mut() else { return };
    let ends = [last.plan.longest_row(), rows.longest_row()];
    last.upper = ends.into_iter().flatten().min();
    if last.upper.is_some() && rows == Rows::Single {
        let plan = Plan::fallback(isa, element, accuracy);
        classes.push(Class { upper: None, plan, evidence: None });
    }
}

/// Raced however little time there is: the plan of the length before, the default, and the best of some algorithms, the
/// most promising first.
const LEAST_PLANS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;
    use crate::profiles::samples;
    use crate::tune::compose;
    use crate::tune::model::{CACHE, Model, WRONG};
    use crate::tune::race::EQUAL;
    use softmax_spec::profile::Host;
    use softmax_spec::{Algorithm, Tile};
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn default() -> Profile {
        Profile { name: "default".to_owned(), host: None, origin: None, tables: vec![] }
    }

    fn quick() -> Effort {
        Effort::new(flags::Effort::Quick)
    }

    fn search(model: &mut Model, gate: &mut Gate, sizes: &[usize]) -> Vec<Table> {
        search_with(quick(), model, gate, sizes)
    }

    fn search_with(effort: Effort, model: &mut Model, gate: &mut Gate, sizes: &[usize]) -> Vec<Table> {
        let mut variants = crate::project::grid().unwrap().variants;
        variants.retain(|variant| variant.isa == Isa::Avx2);
        let weight = weight::weight(sizes, &Rows::ALL);
        let mut clock = Clock::new(model.time.clone(), Duration::from_secs(3600), weight);
        let tables = Search {
            machine: model,
            effort: &effort,
            clock: &mut clock,
            progress: &Progress::silent(),
            gate,
            default: &default(),
            isa: Isa::Avx2,
            accuracies: &[Accuracy::Fast],
            rows: &Rows::ALL,
            variants,
            known: Known::default(),
        }
        .run(sizes)
        .unwrap();
        assert!(
            clock.left().abs() < 1e-9,
            "steps do not add up to what was announced: {} left",
            clock.left()
        );
        tables
    }

    #[test]
    fn the_right_plans_and_the_crossover_are_found_and_a_wrong_variant_is_never_timed() {
        let mut model = Model::new(3);
        let mut gate = Gate::default();
        let tables = search(&mut model, &mut gate, &[1 << 10, 1 << 14, 1 << 18, 1 << 22]);
        let (single, batches) = split(&tables);
        for table in single {
            // Accumulators and stores are all alike here, so that neighbouring lengths may have different ones.
            let mut algorithms: Vec<Algorithm> =
                table.classes.iter().map(|class| class.plan.algorithm()).collect();
            algorithms.dedup();
            assert_eq!(algorithms, [Algorithm::ThreePassReload, Algorithm::TwoPass]);
            let in_cache = |class: &&Class| class.plan.algorithm() == Algorithm::ThreePassReload;
            let upper = table.classes.iter().rfind(in_cache).and_then(|class| class.upper).unwrap() as f64;
            assert!((upper / CACHE as f64).ln().abs() < 0.2, "{upper}");
            for class in &table.classes {
                let evidence = class.evidence.as_ref().unwrap();
                let [time, best] = [&class.plan, &unrolled_by_8(&class.plan)]
                    .map(|plan| model.truth(&plan.to_string(), 1, evidence.len));
                assert!(
                    time <= best * EQUAL,
                    "{} takes {time} and not {best} at {}",
                    class.plan,
                    evidence.len
                );
                assert!(evidence.speedup_over_default > 1.0, "{evidence:?}");
                assert_ne!(evidence.runner_up.as_ref().unwrap().0.algorithm(), class.plan.algorithm());
            }
        }
        for table in batches {
            let [class] = &table.classes[..] else { panic!("{} classes", table.classes.len()) };
            assert_eq!(class.plan.algorithm(), Algorithm::Online);
            assert_eq!(class.upper, Rows::Batch.longest_row());
            assert!(class.evidence.as_ref().unwrap().speedup_over_default > 1.0);
        }
        assert!(model.timed.iter().all(|timed| !timed.candidate.contains(WRONG)));
        assert_eq!(gate.failures()[0].candidate, WRONG);
    }

    /// The plan with the tile that is the model's best in every pass.
    fn unrolled_by_8(plan: &Plan) -> Plan {
        let tile = Tile { unroll: 8, accumulators: 1 };
        let unrolled = |pass: &PassVariant| PassVariant { tile, ..*pass };
        Plan::new(plan.algorithm(), plan.passes().iter().map(unrolled).collect()).unwrap()
    }

    /// Tables for single rows and for batches, each out of place and in place.
    fn split(tables: &[Table]) -> ([&Table; 2], [&Table; 2]) {
        let of = |rows| {
            let tables: Vec<&Table> = tables.iter().filter(|table| table.situation.rows == rows).collect();
            let in_place: Vec<bool> = tables.iter().map(|table| table.situation.in_place).collect();
            assert_eq!(in_place, [false, true]);
            tables.try_into().expect("two tables")
        };
        (of(Rows::Single), of(Rows::Batch))
    }

    #[test]
    fn batches_are_of_short_rows_alone_and_fill_the_same_share_of_a_cache() {
        let mut model = Model::new(3);
        search(&mut model, &mut Gate::default(), &[1 << 6, 1 << 10, 1 << 18]);
        // 2^8 is where the middle of a class is looked at.
        let batches: BTreeSet<(usize, usize)> =
            model.timed.iter().map(|timed| (timed.rows, timed.len)).filter(|&(rows, _)| rows > 1).collect();
        assert_eq!(batches.into_iter().collect::<Vec<_>>(), [(32, 1 << 10), (128, 1 << 8), (512, 1 << 6)]);
        let in_batches = model.timed.iter().filter(|timed| timed.rows > 1);
        assert!(in_batches.clone().all(|timed| !timed.candidate.starts_with("f32_")), "a pass has one row");
        // Those that take whole rows are screened in batches, too.
        let timed: BTreeSet<&str> = in_batches.map(|timed| timed.candidate.as_str()).collect();
        let variants = crate::project::grid().unwrap().variants.into_iter();
        let whole = variants.filter(|variant| {
            let fits = variant.longest_row().is_some_and(|longest| longest >= 1 << 6);
            variant.isa == Isa::Avx2 && fits && compose::is_useful(variant, &[Accuracy::Fast])
        });
        let plans: Vec<String> =
            whole.map(|variant| compose::of_one_pass(&variant).unwrap().to_string()).collect();
        assert!(!plans.is_empty() && plans.iter().all(|plan| timed.contains(plan.as_str())), "{timed:?}");
    }

    #[test]
    fn where_nothing_differs_a_batch_takes_the_plan_of_a_row_alone() {
        let mut model = Model { batches_differ: false, ..Model::new(3) };
        let tables = search(&mut model, &mut Gate::default(), &[1 << 10, 1 << 14]);
        let (single, batches) = split(&tables);
        for (single, batches) in single.into_iter().zip(batches) {
            for len in [1 << 10, 1 << 14] {
                let [single, batches] = [single, batches].map(|table| &table.class(len).unwrap().plan);
                assert_eq!(single, batches, "{len}");
            }
        }
    }

    #[test]
    fn ways_through_memory_are_raced_on_long_rows_alone_and_backward_ones_in_plans() {
        let mut model = Model::new(7);
        search(&mut model, &mut Gate::default(), &[1 << 10, 1 << 18]);
        let passes = model
            .timed
            .iter()
            .filter_map(|timed| Some((timed.candidate.parse::<PassVariant>().ok()?, timed.len)));
        let (long, short): (Vec<_>, Vec<_>) = passes.partition(|&(_, len)| len > 1 << 10);
        assert!(short.iter().all(|(variant, _)| variant.shortest_row() == 0));
        assert!(long.iter().any(|(variant, _)| variant.shortest_row() > 0));
        let texts = model.timed.iter().map(|timed| &timed.candidate);
        let backward = texts.filter(|text| text.contains('(') && text.contains("_back"));
        assert!(backward.count() > 0);
    }

    #[test]
    fn far_rows_are_raced_by_what_did_well_before_unless_nothing_was_screened_near_them() {
        let passes_at = |sizes: &[usize], len: usize| {
            let mut model = Model::new(3);
            let mut effort = quick();
            effort.screened = 1 << 14;
            let tables = search_with(effort, &mut model, &mut Gate::default(), sizes);
            assert!(tables.iter().any(|table| table.classes.last().unwrap().upper.is_none()));
            let timed = model.timed.iter().filter(|timed| timed.len == len);
            let (passes, plans): (Vec<_>, Vec<_>) =
                timed.partition(|timed| timed.candidate.starts_with("f32_"));
            assert!(!plans.is_empty());
            passes.len()
        };
        assert!(passes_at(&[1 << 14, 1 << 17], 1 << 14) > 0);
        assert_eq!(passes_at(&[1 << 14, 1 << 17], 1 << 17), 0);
        assert!(passes_at(&[1 << 14, 1 << 18], 1 << 18) > 0);
        assert!(passes_at(&[1 << 18], 1 << 18) > 0);
    }

    #[test]
    fn passes_are_screened_until_rows_are_beyond_the_cache_in_place_too() {
        let sizes = [1 << 18, 1 << 19, 1 << 20, 1 << 21];
        let screened = |l2_kib| {
            let mut model = Model::new(3);
            let effort = quick().on(&Host { l2_kib, ..samples::host() });
            search_with(effort, &mut model, &mut Gate::default(), &sizes);
            let passes = model.timed.iter().filter(|timed| timed.candidate.starts_with("f32_"));
            passes.map(|timed| timed.len).collect::<BTreeSet<_>>().len()
        };
        assert_eq!([512, 1024, 2048, 4096, 8192].map(screened), [1, 2, 3, 4, 4]);
    }

    #[test]
    fn without_time_a_reduced_field_still_gives_a_table() {
        let mut model = Model::new(5);
        let sizes = [1 << 10, 1 << 14];
        let mut variants = crate::project::grid().unwrap().variants;
        variants.retain(|variant| variant.isa == Isa::Avx2);
        let time = model.time.clone();
        let tables = Search {
            machine: &mut model,
            effort: &quick(),
            clock: &mut Clock::new(time, Duration::ZERO, weight::weight(&sizes, &Rows::ALL)),
            progress: &Progress::silent(),
            gate: &mut Gate::default(),
            default: &default(),
            isa: Isa::Avx2,
            accuracies: &[Accuracy::Fast],
            rows: &Rows::ALL,
            variants,
            known: Known::default(),
        }
        .run(&sizes)
        .unwrap();
        split(&tables);
        assert!(model.timed.len() < 400, "{} timed", model.timed.len());
        assert!(tables.iter().all(|table| table.classes.len() == 1));
    }
}
