//! The search on one ISA: per length, screen passes, race plans, confirm finalists; then find the crossovers.

use super::classes::{self, Pick};
use super::clock::{Clock, Deadline};
use super::compose::{self, Shortlist};
use super::effort::Effort;
use super::field::{Field, conclude};
use super::gate::{Gate, Oracle};
use super::progress::Progress;
use super::race::{Entry, Finish, Row, Rules, race};
use crate::length::Length;
use crate::measuring::Timings;
use crate::measuring::statistics::median;
use crate::profiles;
use anyhow::{Result, bail};
use softmax_bench::protocol::{MEMCPY, READ_SUM};
use softmax_spec::profile::{Class, Profile, Table};
use softmax_spec::{Accuracy, Direction, Element, Exp, Isa, Pass, PassVariant, Plan};
use std::collections::{BTreeMap, HashMap};

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
    /// The ISA's variants that may be used.
    pub variants: Vec<PassVariant>,
    /// Nanoseconds per element of passes where they were timed last, filled by the search.
    pub known: HashMap<PassVariant, f64>,
}

/// Parts of a length's weight: screening is the most candidates, and the rest is done twice, in place or not.
const SCREENING: f64 = 0.4;
const RACING: f64 = 0.15;
const CONFIRMING: f64 = 0.15;
/// The crossovers' part of the weight of all lengths.
const CROSSOVERS: f64 = 0.15;
/// Weight of the gate on one ISA, in lengths: it takes seconds.
const GATE: f64 = 1.0;
/// Rows up to 2^16 cost what a sample costs; longer ones cost more with their length, but fewer candidates are raced.
const FREE_LENGTH_LOG2: f64 = 16.0;
const WEIGHT_PER_OCTAVE: f64 = 0.5;

/// What the work on one ISA weighs.
pub fn weight(sizes: &[usize]) -> f64 {
    GATE + sizes.iter().map(|&len| weight_of(len)).sum::<f64>() * (1.0 + CROSSOVERS)
}

fn weight_of(len: usize) -> f64 {
    1.0 + WEIGHT_PER_OCTAVE * ((len as f64).log2() - FREE_LENGTH_LOG2).max(0.0)
}

/// Generating a row and its parameters, which a request costs once.
const SETUP_NS_PER_ELEMENT: f64 = 25.0;
/// From one length to the next a pass may leave a cache; measured ratios stay below this.
const CACHE_STEP: f64 = 1.5;

/// Picks by accuracy (index) and in place or not, by ascending length.
type Picks = BTreeMap<(usize, bool), Vec<Pick>>;

impl<M: Timings + Oracle> Search<'_, M> {
    /// Searches at every length that time allows and returns a table per accuracy, in place or not.
    pub fn run(&mut self, sizes: &[usize]) -> Result<Vec<Table>> {
        self.verify_variants()?;
        let mut picks = Picks::new();
        for (i, &len) in sizes.iter().enumerate() {
            if self.clock.remaining().as_secs_f64() < self.least_seconds(len) && !picks.is_empty() {
                let left: Vec<String> = sizes[i..].iter().map(|&len| Length(len).to_string()).collect();
                self.progress.note(&format!(
                    "the budget is spent: {} {} not measured",
                    self.isa,
                    left.join(", ")
                ));
                self.clock.skip(sizes[i..].iter().map(|&len| weight_of(len)).sum());
                break;
            }
            let shortlist = self.screen(len)?;
            for in_place in [false, true] {
                self.pick(Row { len, in_place }, &shortlist, &mut picks)?;
            }
        }
        self.tables(picks, sizes)
    }

    /// The correctness gate of the passes.
    fn verify_variants(&mut self) -> Result<()> {
        let what = format!("{}: verifying {} variants", self.isa, self.variants.len());
        self.clock.step(GATE);
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

    /// Races the passes and returns the fastest of each (pass, exp core), of those that go backward one: what that is
    /// worth shows only after another pass.
    fn screen(&mut self, len: usize) -> Result<Shortlist> {
        let deadline = self.clock.step(SCREENING * weight_of(len));
        let groups = grouped(self.affordable_variants(len, &deadline));
        let variants: Vec<(usize, PassVariant)> = groups
            .values()
            .enumerate()
            .flat_map(|(g, members)| members.iter().map(move |v| (g, *v)))
            .collect();
        let entries: Vec<Entry> = variants
            .iter()
            .map(|(group, variant)| Entry { id: variant.id(), groups: vec![*group] })
            .collect();
        let what = format!("{} n={}: screening {} passes", self.isa, Length(len), entries.len());
        self.progress.step(self.clock, &what);
        let finish = race(
            self.machine,
            Row { len, in_place: false },
            &entries,
            &self.effort.screening,
            &deadline,
            |id| {
                self.progress.leader(id);
            },
        )?;
        let timed = |i: usize| (variants[i].1, median(&finish.samples[i]));
        self.known.extend((0..entries.len()).map(timed));
        let mut shortlist = Shortlist::new();
        for (group, &(pass, exp, direction)) in groups.keys().enumerate() {
            let count = if direction == Direction::Backward { 1 } else { self.effort.tiles };
            let best = finish.ranking(&entries, group).into_iter().take(count);
            shortlist.entry((pass, exp)).or_default().extend(best.map(timed));
        }
        Ok(shortlist)
    }

    /// All variants for rows of this length, or if that takes too long as many of each group as there is time for: those
    /// that did well at the length before.
    fn affordable_variants(&self, len: usize, deadline: &Deadline) -> Vec<PassVariant> {
        let fits = |variant: &&PassVariant| suits(variant.shortest_row(), variant.longest_row(), len);
        let mut groups = grouped(self.variants.iter().filter(fits).copied());
        for group in groups.values_mut() {
            group.sort_by(|a, b| self.promise(a).partial_cmp(&self.promise(b)).expect("times are numbers"));
        }
        let mut seconds = deadline.left().as_secs_f64() - setup_seconds(len);
        let mut kept = Vec::new();
        let deepest = groups.values().map(Vec::len).max().unwrap_or(0);
        for place in 0..deepest {
            for variant in groups.values().filter_map(|group| group.get(place)) {
                let cost = self.seconds(&self.effort.screening, len, self.expected_ns(variant));
                seconds -= cost;
                if place == 0 || seconds > 0.0 {
                    kept.push(*variant);
                }
            }
        }
        kept
    }

    /// Smaller is more promising: the time where it was timed, else how far the tile is from the usual ones.
    fn promise(&self, variant: &PassVariant) -> (bool, f64, usize) {
        let known = self.known.get(variant);
        /// Published winners unroll by 4 to 9 vectors.
        const USUAL_UNROLL: usize = 6;
        (known.is_none(), known.copied().unwrap_or(0.0), variant.tile.unroll.abs_diff(USUAL_UNROLL))
    }

    /// What a pass probably takes at the next length, in nanoseconds per element.
    fn expected_ns(&self, variant: &PassVariant) -> f64 {
        /// Scalar exps take about 4 ns; vectors divide that until memory limits them.
        const SCALAR_NS: f64 = 4.0;
        const MEMORY_NS: f64 = 0.3;
        let unknown = SCALAR_NS / variant.lanes() as f64 + MEMORY_NS;
        self.known.get(variant).map_or(unknown, |known| known * CACHE_STEP)
    }

    /// What the first batch costs for one candidate: in every round a sample and a call that is not timed.
    fn seconds(&self, rules: &Rules, len: usize, ns_per_element: f64) -> f64 {
        /// Calibration, in rounds.
        const CALIBRATION: f64 = 2.0;
        let call = len as f64 * ns_per_element * 1e-9;
        (rules.first as f64 + CALIBRATION) * ((rules.sample_us * 1e-6).max(call) * 1.1 + call)
    }

    /// What a length costs at the very least: one variant of each (pass, exp core), a few plans, a confirmation.
    fn least_seconds(&self, len: usize) -> f64 {
        const CALLS: f64 = 300.0;
        let known: Vec<f64> = self.known.values().copied().collect();
        let call = len as f64 * median(&known) * CACHE_STEP * 1e-9;
        CALLS * call + 5.0 * setup_seconds(len)
    }

    /// Races plans on one row, confirms the finalists, and adds the picks.
    fn pick(&mut self, row: Row, shortlist: &Shortlist, picks: &mut Picks) -> Result<()> {
        let place = if row.in_place { " in place" } else { "" };
        let place = format!("{} n={}{place}", self.isa, Length(row.len));
        let weight = weight_of(row.len);
        let deadline = self.clock.step(RACING * weight);
        let mut field = Field::default();
        for (group, &accuracy) in self.accuracies.iter().enumerate() {
            let before = picks.get(&(group, row.in_place)).and_then(|picks| picks.last());
            self.add_contenders(
                &mut field,
                &Situation { group, accuracy, row },
                shortlist,
                before,
                &deadline,
            )?;
        }
        self.progress.step(self.clock, &format!("{place}: racing {} plans", field.entries.len()));
        let progress = self.progress;
        let leading = |id: &str| progress.leader(id);
        let raced = race(self.machine, row, &field.entries, &self.effort.racing, &deadline, leading)?;

        let deadline = self.clock.step(CONFIRMING * weight);
        let final_field = self.finalists(&field, &raced, row)?;
        self.progress.step(self.clock, &format!("{place}: confirming"));
        let confirmed =
            race(self.machine, row, &final_field.entries, &self.effort.confirmation, &deadline, leading)?;
        for (group, &accuracy) in self.accuracies.iter().enumerate() {
            let default = self.default_plan(accuracy, row);
            let picks = picks.entry((group, row.in_place)).or_default();
            let before = picks.last().map(|pick| pick.plan.clone());
            picks.extend(conclude(&final_field, &confirmed.samples, group, row, &default, before.as_ref()));
        }
        Ok(())
    }

    /// Adds the plans that reach the accuracy, as many as there is time for, to a race.
    fn add_contenders(
        &mut self,
        field: &mut Field,
        situation: &Situation,
        shortlist: &Shortlist,
        before: Option<&Pick>,
        deadline: &Deadline,
    ) -> Result<()> {
        let &Situation { group, accuracy, row } = situation;
        let contenders = compose::contenders(shortlist, accuracy, row.in_place);
        let mut seconds =
            (deadline.left().as_secs_f64() - setup_seconds(row.len)) / self.accuracies.len() as f64;
        let fastest = contenders.first().map_or(0.0, |contender| contender.predicted);
        let known = [before.map(|pick| pick.plan.clone()), Some(self.default_plan(accuracy, row))];
        let known: Vec<Plan> =
            known.into_iter().flatten().filter(|plan| self.may_win(plan, accuracy, row.len)).collect();
        let composed = contenders.into_iter().map(|contender| (contender.plan, contender.predicted));
        let mut added = 0;
        for (plan, predicted) in known.into_iter().map(|plan| (plan, fastest)).chain(composed) {
            let enough = added >= self.effort.plans || (added >= LEAST_PLANS && seconds <= 0.0);
            if enough {
                break;
            }
            if self.gate.admits(self.machine, &plan.to_string(), Some(accuracy.max_ulp()))? {
                seconds -= self.seconds(&self.effort.racing, row.len, predicted);
                added += usize::from(field.add(&plan, Some(group)));
            }
        }
        Ok(())
    }

    /// The best of every accuracy, the best of another algorithm than the leader's, the default, and the references.
    fn finalists(&mut self, field: &Field, raced: &Finish, row: Row) -> Result<Field> {
        let mut finalists = Field::default();
        finalists.add_reference(MEMCPY);
        finalists.add_reference(READ_SUM);
        for (group, &accuracy) in self.accuracies.iter().enumerate() {
            let default = self.default_plan(accuracy, row);
            let max_ulp = default.reaches(accuracy).then_some(accuracy.max_ulp());
            if !self.gate.admits(self.machine, &default.to_string(), max_ulp)? {
                bail!("the default plan `{default}` is wrong: mend softmax-kernels/tuned/default.toml first");
            }
            finalists.add(&default, self.may_win(&default, accuracy, row.len).then_some(group));
            let ranking = raced.ranking(&field.entries, group);
            let plan = |&i: &usize| field.plans[i].as_ref().expect("only plans are raced");
            let Some(leader) = ranking.first().map(plan) else { continue };
            let best = ranking.iter().filter(|&&i| raced.alive[i]).take(self.effort.finalists);
            let other = ranking.iter().find(|i| plan(i).algorithm() != leader.algorithm());
            for i in best.chain(other) {
                finalists.add(plan(i), Some(group));
            }
        }
        Ok(finalists)
    }

    /// Whether the plan is accurate enough, and the filter and the gate leave its passes.
    fn may_win(&self, plan: &Plan, accuracy: Accuracy, len: usize) -> bool {
        let fits = suits(plan.shortest_row(), plan.longest_row(), len);
        fits && plan.reaches(accuracy) && plan.passes().iter().all(|pass| self.variants.contains(pass))
    }

    /// What the default profile would use; where it says nothing, what the library falls back to.
    fn default_plan(&self, accuracy: Accuracy, row: Row) -> Plan {
        let (isa, in_place) = (self.isa, row.in_place);
        let situation = profiles::Situation { isa, element: Element::F32, accuracy, in_place, threads: 1 };
        situation.plan(self.default, row.len)
    }

    /// Size classes of every situation.
    fn tables(&mut self, picks: Picks, sizes: &[usize]) -> Result<Vec<Table>> {
        let weight = CROSSOVERS * sizes.iter().map(|&len| weight_of(len)).sum::<f64>();
        let count = picks.len();
        let mut tables = Vec::new();
        for ((group, in_place), picks) in picks {
            let accuracy = self.accuracies[group];
            let deadline = self.clock.step(weight / count as f64);
            let place = if in_place { " in place" } else { "" };
            self.progress
                .step(self.clock, &format!("{} {accuracy}{place}: finding the crossovers", self.isa));
            if picks.is_empty() {
                self.progress.note(&format!("{} {accuracy}{place}: no plan is right, so no table", self.isa));
                continue;
            }
            let mut classes =
                classes::classes(self.machine, &picks, in_place, &self.effort.crossover, &deadline)?;
            let longest = classes.last().and_then(|class| class.plan.longest_row());
            if let (Some(last), Some(longest)) = (classes.last_mut(), longest) {
                last.upper = Some(longest);
                let plan = Plan::fallback(self.isa, Element::F32, accuracy);
                classes.push(Class { upper: None, plan, evidence: None });
            }
            if classes.len() > 1 && deadline.has_passed() {
                let what = format!("{} {accuracy}{place}", self.isa);
                self.progress
                    .note(&format!("no time for the crossovers of {what}: some bounds are only estimates"));
            }
            tables.push(Table {
                isa: self.isa,
                element: Element::F32,
                accuracy,
                in_place,
                threads: 1,
                classes,
            });
        }
        Ok(tables)
    }
}

/// Raced however little time there is: the plan of the length before, the default, and the best of some algorithms, the
/// most promising first.
const LEAST_PLANS: usize = 6;

/// Variants that are compared when passes are screened.
type Groups = BTreeMap<(Pass, Option<Exp>, Direction), Vec<PassVariant>>;

fn grouped(variants: impl IntoIterator<Item = PassVariant>) -> Groups {
    let mut groups = Groups::new();
    for variant in variants {
        groups.entry((variant.pass, variant.exp, variant.memory.direction)).or_default().push(variant);
    }
    groups
}

/// Whether rows of `len` elements are neither shorter than the shortest nor longer than the longest, where there is one.
fn suits(shortest: usize, longest: Option<usize>, len: usize) -> bool {
    shortest <= len && longest.is_none_or(|longest| len <= longest)
}

fn setup_seconds(len: usize) -> f64 {
    len as f64 * SETUP_NS_PER_ELEMENT * 1e-9
}

/// What a pick is for.
struct Situation {
    /// Index of the accuracy, which is its group in races.
    group: usize,
    accuracy: Accuracy,
    row: Row,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;
    use crate::tune::model::{CACHE, Model, WRONG};
    use softmax_spec::Algorithm;
    use std::time::Duration;

    fn default() -> Profile {
        Profile { name: "default".to_owned(), host: None, origin: None, tables: vec![] }
    }

    fn search(model: &mut Model, gate: &mut Gate, sizes: &[usize]) -> Vec<Table> {
        let mut variants = crate::project::grid().unwrap().variants;
        variants.retain(|variant| variant.isa == Isa::Avx2);
        let mut clock = Clock::new(model.time.clone(), Duration::from_secs(3600), weight(sizes));
        Search {
            machine: model,
            effort: &Effort::new(flags::Effort::Quick),
            clock: &mut clock,
            progress: &Progress::silent(),
            gate,
            default: &default(),
            isa: Isa::Avx2,
            accuracies: &[Accuracy::Fast],
            variants,
            known: HashMap::new(),
        }
        .run(sizes)
        .unwrap()
    }

    #[test]
    fn the_right_plans_and_the_crossover_are_found_and_a_wrong_variant_is_never_timed() {
        let mut model = Model::new(3);
        let mut gate = Gate::default();
        let tables = search(&mut model, &mut gate, &[1 << 10, 1 << 14, 1 << 18, 1 << 22]);
        assert_eq!(tables.iter().map(|table| table.in_place).collect::<Vec<_>>(), [false, true]);
        for table in &tables {
            // Accumulators and stores are all alike here, so that neighbouring lengths may have different ones.
            let mut algorithms: Vec<Algorithm> =
                table.classes.iter().map(|class| class.plan.algorithm()).collect();
            algorithms.dedup();
            assert_eq!(algorithms, [Algorithm::ThreePassReload, Algorithm::TwoPass]);
            let in_cache = |class: &&Class| class.plan.algorithm() == Algorithm::ThreePassReload;
            let upper = table.classes.iter().rfind(in_cache).and_then(|class| class.upper).unwrap() as f64;
            assert!((upper / CACHE as f64).ln().abs() < 0.2, "{upper}");
            for class in &table.classes {
                assert!(class.plan.passes().iter().all(|pass| pass.tile.unroll == 8), "{}", class.plan);
                let evidence = class.evidence.as_ref().unwrap();
                assert!(evidence.speedup_over_default > 1.0, "{evidence:?}");
                assert_ne!(evidence.runner_up.as_ref().unwrap().0.algorithm(), class.plan.algorithm());
            }
        }
        assert!(model.timed.iter().all(|(candidate, _)| !candidate.contains(WRONG)));
        assert_eq!(gate.failures()[0].candidate, WRONG);
    }

    #[test]
    fn ways_through_memory_are_raced_on_long_rows_alone_and_backward_ones_in_plans() {
        let mut model = Model::new(7);
        search(&mut model, &mut Gate::default(), &[1 << 10, 1 << 18]);
        let passes =
            model.timed.iter().filter_map(|(text, len)| Some((text.parse::<PassVariant>().ok()?, *len)));
        let (long, short): (Vec<_>, Vec<_>) = passes.partition(|&(_, len)| len > 1 << 10);
        assert!(short.iter().all(|(variant, _)| variant.shortest_row() == 0));
        assert!(long.iter().any(|(variant, _)| variant.shortest_row() > 0));
        let backward = model.timed.iter().filter(|(text, _)| text.contains('(') && text.contains("_back"));
        assert!(backward.count() > 0);
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
            effort: &Effort::new(flags::Effort::Quick),
            clock: &mut Clock::new(time, Duration::ZERO, weight(&sizes)),
            progress: &Progress::silent(),
            gate: &mut Gate::default(),
            default: &default(),
            isa: Isa::Avx2,
            accuracies: &[Accuracy::Fast],
            variants,
            known: HashMap::new(),
        }
        .run(&sizes)
        .unwrap();
        assert_eq!(tables.len(), 2);
        assert!(model.timed.len() < 200, "{} timed", model.timed.len());
        assert!(tables.iter().all(|table| table.classes.len() == 1));
    }
}
