//! What all races of a situation say together, of rows that nearly fill a cache or more, where samples are noisy.
//!
//! What a pass is worth beside others depends little on what runs before and after it, and little on whether rows are somewhat longer. So
//! every race of a plan that shares a pass with another says something about that one, too:
//!
//! ln time(race, plan) = level(race) + algorithm + (slope(algorithm) + slope(family)) octaves + passes + plan + noise
//!
//! Levels are free; the other effects are drawn around 0, each kind with its own deviation ([`Effect::deviation`]). The effects with the
//! least sum of squares, of what is left and their own in units of deviations, are the best linear unbiased predictions (C. R. Henderson,
//! "Best linear unbiased estimation and prediction under a selection model", Biometrics 31, 1975): what was raced rarely or in much noise
//! is drawn to what its passes say.

use super::compose::{Family, combinations, family};
use super::field::Field;
use super::race::{Finish, Row, members};
use crate::measuring::statistics::median;
use softmax_spec::{Algorithm, PassVariant, Plan};
use std::collections::{HashMap, HashSet};

/// One race: what the plans of a group took on a row.
#[derive(Debug)]
pub struct Heat {
    /// Where they were raced.
    pub row: Row,
    results: Vec<Raced>,
}

/// What a plan took.
#[derive(Debug)]
struct Raced {
    plan: Plan,
    /// Logarithm of its time by the level of those that ran to the end.
    log: f64,
    /// Of that.
    variance: f64,
}

/// Standard deviation of a sample, at the least: processes differ by 3 %, whatever their samples do, and each takes five.
const SPREAD: f64 = 0.07;

/// Plans that should take no more than so many times as long as the best are raced.
pub const CLOSE: f64 = 1.03;

/// And the best of every family that should take no more than so many times as long: on longer rows it may be the best of all.
const FAR: f64 = 2.0;

/// Octaves within which the weight of a race falls by the factor e.
const ALIKE: f64 = 1.0;

/// Races of less weight say nothing.
const LEAST_WEIGHT: f64 = 0.02;

impl Heat {
    /// Of the plans of a group that were raced.
    pub fn new(row: Row, field: &Field, group: usize, raced: &Finish) -> Heat {
        let logs = |i: usize| -> Vec<f64> { raced.samples[i].iter().map(|sample| sample.ln()).collect() };
        let logs: Vec<Vec<f64>> = members(&field.entries, group).map(logs).collect();
        let rounds = logs.iter().map(Vec::len).max().unwrap_or(0);
        let level = |round: usize| {
            let to_the_end = logs.iter().filter(|logs| logs.len() == rounds);
            median(&to_the_end.map(|logs| logs[round]).collect::<Vec<_>>())
        };
        let levels: Vec<f64> = (0..rounds).map(level).collect();
        let by_level = |logs: &Vec<f64>| -> Vec<f64> {
            logs.iter().zip(&levels).map(|(log, level)| log - level).collect()
        };
        let beside: Vec<Vec<f64>> = logs.iter().map(by_level).collect();
        let from_median = |logs: &Vec<f64>| {
            let median = median(logs);
            logs.iter().map(|log| (log - median).abs()).collect::<Vec<_>>()
        };
        // Of a normal distribution the deviation is 1.4826 times the median distance from the median.
        let spread = 1.4826 * median(&beside.iter().flat_map(from_median).collect::<Vec<_>>());
        let result = |(plan, logs): (&Plan, &Vec<f64>)| Raced {
            plan: plan.clone(),
            log: median(logs),
            variance: spread.max(SPREAD).powi(2) / logs.len() as f64,
        };
        Heat { row, results: field.of_group(group).zip(&beside).map(result).collect() }
    }

    /// Who was raced.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.results.iter().map(|raced| &raced.plan)
    }
}

/// What a plan's time depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Effect {
    Algorithm(Algorithm),
    /// By how much it is slower on rows that are longer by an octave.
    Slope(Algorithm),
    /// By how much its exp core and the last pass' way through memory make that more.
    FamilySlope(Family),
    Pass(Algorithm, PassVariant),
    /// What its passes do not explain.
    Plan(Plan),
}

impl Effect {
    /// How far from 0 such effects are, in logarithms: passes that are raced differ by some 5 %.
    fn deviation(&self) -> f64 {
        match self {
            Effect::Algorithm(_) => 0.5,
            Effect::Slope(_) => 0.1,
            Effect::FamilySlope(_) => 0.05,
            Effect::Pass(..) => 0.05,
            Effect::Plan(_) => 0.02,
        }
    }

    /// Those of a plan on rows longer by so many octaves, each with its factor.
    fn of(plan: &Plan, octaves: f64) -> Vec<(Effect, f64)> {
        let algorithm = plan.algorithm();
        let passes = plan.passes().iter().map(|pass| (Effect::Pass(algorithm, *pass), 1.0));
        let whole = [
            (Effect::Algorithm(algorithm), 1.0),
            (Effect::Slope(algorithm), octaves),
            (Effect::FamilySlope(family(plan)), octaves),
        ];
        whole.into_iter().chain(passes).chain([(Effect::Plan(plan.clone()), 1.0)]).collect()
    }
}

/// What plans take on rows of one length beside each other.
#[derive(Debug)]
pub struct Estimates {
    effects: HashMap<Effect, f64>,
    /// The passes of every algorithm, in the order in which they were raced.
    passes: Vec<(Algorithm, Vec<PassVariant>)>,
}

impl Estimates {
    /// From races of one situation, on rows of about that length; `None` if there are none.
    pub fn new<'h>(heats: impl Iterator<Item = &'h Heat>, len: usize) -> Option<Estimates> {
        let mut equations = Equations::default();
        for heat in heats {
            let octaves = (heat.row.len as f64 / len as f64).log2();
            let weight = (-octaves.abs() / ALIKE).exp();
            if weight > LEAST_WEIGHT {
                equations.add(heat, octaves, weight);
            }
        }
        if equations.seen.is_empty() {
            return None;
        }
        let mut passes: Vec<(Algorithm, Vec<PassVariant>)> = Vec::new();
        for effect in &equations.effects {
            match effect {
                Effect::Algorithm(algorithm) => passes.push((*algorithm, Vec::new())),
                Effect::Pass(algorithm, pass) => {
                    let of_algorithm = passes.iter_mut().find(|(other, _)| other == algorithm);
                    of_algorithm.into_iter().for_each(|(_, passes)| passes.push(*pass));
                }
                Effect::Slope(_) | Effect::FamilySlope(_) | Effect::Plan(_) => {}
            }
        }
        Some(Estimates { effects: equations.solve(), passes })
    }

    /// What a plan takes, in units that are the same for all; `None` if its algorithm or one of its passes was never raced.
    pub fn time(&self, plan: &Plan) -> Option<f64> {
        let effect = |(effect, factor): (Effect, f64)| match (self.effects.get(&effect), effect) {
            (Some(known), _) => Some(factor * known),
            (None, Effect::Plan(_) | Effect::FamilySlope(_)) => Some(0.0),
            (None, _) => None,
        };
        let log: Option<f64> = Effect::of(plan, 0.0).into_iter().map(effect).sum();
        log.map(f64::exp)
    }

    /// How many times as long as another a plan takes, if that is known of both.
    pub fn ratio(&self, plan: &Plan, other: &Plan) -> Option<f64> {
        Some(self.time(plan)? / self.time(other)?)
    }

    /// The best of every algorithm, however slow, so that it is known by how much, the best of every other family of plans that is not far
    /// behind, and so many others that may be the best of all, each in turn with the fastest first.
    pub fn worth_racing(&self, count: usize) -> Vec<Plan> {
        let all = self.ranking();
        let best = all.first().map_or(0.0, |(_, best)| *best);
        let (mut algorithms, mut families) = (HashSet::new(), HashSet::new());
        let mut tiers = [Vec::new(), Vec::new(), Vec::new()];
        for (plan, time) in all {
            let (first, first_of_family) =
                (algorithms.insert(plan.algorithm()), families.insert(family(&plan)));
            match () {
                () if first => tiers[0].push(plan),
                () if first_of_family && time / best <= FAR => tiers[1].push(plan),
                () if tiers[2].len() < count && time / best <= CLOSE => tiers[2].push(plan),
                () => {}
            }
        }
        tiers.concat()
    }

    /// Families of plans that were raced, none of which is among those that are [`Estimates::worth_racing`].
    pub fn far_behind(&self, worth_racing: &[Plan]) -> HashSet<Family> {
        let near: HashSet<Family> = worth_racing.iter().map(family).collect();
        let family = |effect: &Effect| match effect {
            Effect::FamilySlope(family) if !near.contains(family) => Some(*family),
            _ => None,
        };
        self.effects.keys().filter_map(family).collect()
    }

    /// Whether a plan of that family was raced.
    pub fn has_seen(&self, family: Family) -> bool {
        self.effects.contains_key(&Effect::FamilySlope(family))
    }

    /// Every plan of passes that were raced, if it takes no more than so many times as long as the best, the fastest first.
    pub fn promising(&self, most: f64) -> Vec<Plan> {
        let all = self.ranking();
        let limit = all.first().map_or(0.0, |(_, best)| most * best);
        all.into_iter().take_while(|&(_, time)| time <= limit).map(|(plan, _)| plan).collect()
    }

    /// Every plan of passes that were raced, with its time, the fastest first.
    fn ranking(&self) -> Vec<(Plan, f64)> {
        let of_algorithm = |(algorithm, passes): &(Algorithm, Vec<PassVariant>)| {
            combinations(*algorithm, |pass| {
                passes.iter().filter(|variant| variant.pass == pass).copied().collect()
            })
        };
        let mut all: Vec<(Plan, f64)> = self
            .passes
            .iter()
            .flat_map(of_algorithm)
            .filter_map(|plan| self.time(&plan).map(|time| (plan, time)))
            .collect();
        all.sort_by(|(a, one), (b, other)| {
            one.total_cmp(other).then_with(|| a.to_string().cmp(&b.to_string()))
        });
        all
    }
}

/// The normal equations, solved by going from one unknown to the next until none moves (Gauss-Seidel).
#[derive(Debug, Default)]
struct Equations {
    seen: Vec<Seen>,
    /// Effects with their places.
    places: HashMap<Effect, usize>,
    /// In that order.
    effects: Vec<Effect>,
    /// What was seen of each, by place, with its factor.
    seen_of: Vec<Vec<(usize, f64)>>,
    /// The same of each race's level.
    of_race: Vec<Vec<(usize, f64)>>,
}

/// What was seen of a plan in a race.
#[derive(Debug)]
struct Seen {
    /// By how much what is explained so far falls short.
    residual: f64,
    weight: f64,
}

impl Equations {
    /// Adds a race.
    fn add(&mut self, heat: &Heat, octaves: f64, weight: f64) {
        let first = self.seen.len();
        for Raced { plan, log, variance } in &heat.results {
            for (effect, factor) in Effect::of(plan, octaves) {
                let place = *self.places.entry(effect.clone()).or_insert_with(|| {
                    self.effects.push(effect);
                    self.seen_of.push(Vec::new());
                    self.effects.len() - 1
                });
                self.seen_of[place].push((self.seen.len(), factor));
            }
            self.seen.push(Seen { residual: *log, weight: weight / variance });
        }
        self.of_race.push((first..self.seen.len()).map(|at| (at, 1.0)).collect());
    }

    fn solve(mut self) -> HashMap<Effect, f64> {
        const SWEEPS: usize = 500;
        const STILL: f64 = 1e-5;
        let precision: Vec<f64> = self.effects.iter().map(|effect| effect.deviation().powi(-2)).collect();
        let mut values = vec![0.0; self.effects.len()];
        for _ in 0..SWEEPS {
            let mut largest: f64 = 0.0;
            for seen in &self.of_race {
                let mut level = 0.0;
                largest = largest.max(step(&mut self.seen, seen, &mut level, 0.0));
            }
            for ((seen, value), precision) in self.seen_of.iter().zip(&mut values).zip(&precision) {
                largest = largest.max(step(&mut self.seen, seen, value, *precision));
            }
            if largest < STILL {
                break;
            }
        }
        self.effects.into_iter().zip(values).collect()
    }
}

/// Moves an unknown to where the sum of squares is least while all others stay. By how much.
fn step(all: &mut [Seen], of_unknown: &[(usize, f64)], value: &mut f64, precision: f64) -> f64 {
    let (mut slope, mut curvature) = (-precision * *value, precision);
    for &(at, factor) in of_unknown {
        slope += all[at].weight * factor * all[at].residual;
        curvature += all[at].weight * factor * factor;
    }
    let by = if curvature > 0.0 { slope / curvature } else { 0.0 };
    *value += by;
    of_unknown.iter().for_each(|&(at, factor)| all[at].residual -= factor * by);
    by.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measuring::statistics::uniform;
    use softmax_spec::Rows;

    /// A machine on which plans take what their passes take, more or less.
    struct Machine {
        random: u64,
        /// Samples are longer by up to this share.
        noise: f64,
    }

    const TILES: [usize; 6] = [8, 16, 32, 48, 64, 96];

    fn plan(sum: usize, scale: usize) -> Plan {
        format!("two_pass(f32_ext_sum__avx2_p5_u{sum}, f32_ext_scale__avx2_p5_u{scale})").parse().unwrap()
    }

    fn online(sum: usize, scale: usize) -> Plan {
        format!("online(f32_online_sum__avx2_p5_u{sum}, f32_scale_exp__avx2_p5_u{scale})").parse().unwrap()
    }

    /// The first pass is best with tiles of 48, the second with tiles of 16.
    fn truth(plan: &Plan) -> f64 {
        let loss =
            |(pass, best): (&PassVariant, f64)| 0.04 * (pass.tile_elements() as f64 / best).log2().abs();
        1.0 + plan.passes().iter().zip([48.0, 16.0]).map(loss).sum::<f64>()
    }

    impl Machine {
        /// A race of so many rounds, in which the second half of plans drops out half-way.
        fn race(&mut self, len: usize, plans: &[Plan], rounds: usize, time: impl Fn(&Plan) -> f64) -> Heat {
            let mut field = Field::default();
            let mut samples = Vec::new();
            for (i, plan) in plans.iter().enumerate() {
                if !field.add(plan, Some(0)) {
                    continue;
                }
                let rounds = if 2 * i < plans.len() { rounds } else { rounds / 2 };
                let mut sample = || time(plan) * (1.0 + self.noise * uniform(&mut self.random));
                samples.push((0..rounds).map(|_| sample()).collect());
            }
            let raced = Finish { alive: vec![true; samples.len()], samples, contended: None };
            Heat::new(Row { len, in_place: false, rows: Rows::Single }, &field, 0, &raced)
        }

        /// Plans by chance.
        fn draw(&mut self, count: usize) -> Vec<Plan> {
            let mut tile = || TILES[(uniform(&mut self.random) * TILES.len() as f64) as usize % TILES.len()];
            (0..count).map(|_| plan(tile(), tile())).collect()
        }
    }

    fn estimates(heats: &[Heat], len: usize) -> Estimates {
        Estimates::new(heats.iter(), len).unwrap()
    }

    #[test]
    fn in_noise_all_races_together_find_what_none_of_them_does() {
        const NOISE: f64 = 0.3;
        let (mut alone, mut pooled) = (0.0, 0.0);
        for random in 0..20 {
            let mut machine = Machine { random, noise: NOISE };
            let heats: Vec<Heat> = (20..24)
                .map(|log2| {
                    let plans = machine.draw(12);
                    machine.race(1 << log2, &plans, 6, truth)
                })
                .collect();
            let loss = |plan: &Plan| truth(plan) - truth(&plan_of_least_time());
            let first = heats[1].results.iter().min_by(|one, other| one.log.total_cmp(&other.log)).unwrap();
            alone += loss(&first.plan) / 20.0;
            pooled += loss(&estimates(&heats, 1 << 21).promising(1.0)[0]) / 20.0;
        }
        assert!(pooled < 0.6 * alone, "{pooled} and {alone}");
    }

    fn plan_of_least_time() -> Plan {
        plan(48, 16)
    }

    #[test]
    fn without_noise_times_are_right_for_plans_that_were_never_raced_too() {
        let mut machine = Machine { random: 1, noise: 0.0 };
        let plans: Vec<Plan> = TILES.iter().flat_map(|&tile| [plan(tile, 32), plan(32, tile)]).collect();
        let estimates = estimates(&[machine.race(1 << 20, &plans, 40, truth)], 1 << 20);
        let best = plan_of_least_time();
        assert!(!plans.contains(&best));
        let first = &estimates.promising(1.0)[0];
        assert!(truth(first) < 1.025 * truth(&best), "{first}");
        for other in &plans {
            let ratio = estimates.ratio(other, &best).unwrap();
            assert!((ratio - truth(other) / truth(&best)).abs() < 0.02, "{other}: {ratio}");
        }
        assert!(estimates.promising(1.05).len() > 1);
        assert!(estimates.promising(9.0).len() == TILES.len() * TILES.len());
        assert!(estimates.time(&online(8, 8)).is_none(), "the algorithm was not raced");
        assert!(estimates.time(&plan(24, 8)).is_none(), "a pass was not raced");
    }

    #[test]
    fn a_plan_that_was_raced_often_may_be_better_than_its_passes() {
        let lucky = plan(8, 96);
        let time = |plan: &Plan| truth(plan) * if *plan == lucky { 0.7 } else { 1.0 };
        let all: Vec<Plan> = TILES.iter().flat_map(|&sum| TILES.map(|scale| plan(sum, scale))).collect();
        let of_rounds = |rounds| {
            let mut machine = Machine { random: 1, noise: 0.02 };
            let estimates = estimates(&[machine.race(1 << 20, &all, rounds, time)], 1 << 20);
            estimates.ratio(&lucky, &plan_of_least_time()).unwrap()
        };
        let [few, many] = [2, 200].map(of_rounds);
        let ratio = time(&lucky) / time(&plan_of_least_time());
        assert!(many < few && (many - ratio).abs() < 0.03, "{few} and {many} for {ratio}");
    }

    #[test]
    fn the_best_of_every_algorithm_is_worth_racing_and_of_every_family_that_is_not_far_behind() {
        let way = |tile: usize, way: &str| -> Plan {
            format!("two_pass(f32_ext_sum__avx2_p5_u{tile}, f32_ext_scale__avx2_p5_u{tile}{way})")
                .parse()
                .unwrap()
        };
        let timed = [
            (way(16, ""), 1.0),
            (way(32, ""), 1.01),
            (way(48, ""), 1.5),
            (way(64, "_nt"), 1.4),
            (way(96, "_nt"), 1.3),
            (online(64, 64), 2.3),
            (online(64, 64).to_string().replace("p5", "d5").parse().unwrap(), 2.5),
        ];
        let plans: Vec<Plan> = timed.iter().map(|(plan, _)| plan.clone()).collect();
        let time = |plan: &Plan| timed.iter().find(|(other, _)| other == plan).unwrap().1;
        let heat = Machine { random: 1, noise: 0.0 }.race(1 << 20, &plans, 40, time);
        let estimates = estimates(&[heat], 1 << 20);
        let worth = estimates.worth_racing(1);
        let families: Vec<Family> = worth.iter().map(family).collect();
        let [temporal, streaming, online, slow] = [0, 4, 5, 6].map(|i| family(&plans[i]));
        assert_eq!(families, [temporal, online, streaming, temporal], "{worth:?}");
        assert_eq!(worth[0], plans[0]);
        assert_eq!(estimates.far_behind(&worth), HashSet::from([slow]));
        let never = family(&way(64, "_nt_back"));
        assert_eq!([slow, never].map(|family| estimates.has_seen(family)), [true, false]);
    }

    #[test]
    fn what_an_algorithm_is_worth_depends_on_the_length() {
        let mut machine = Machine { random: 1, noise: 0.02 };
        let [one, other] = [plan(8, 8), online(8, 8)];
        let heats: Vec<Heat> = (20..26)
            .map(|log2| {
                let ratio = 1.0 + 0.06 * (f64::from(log2) - 23.1);
                let time = |plan: &Plan| if *plan == one { 1.0 } else { ratio };
                machine.race(1 << log2, &[one.clone(), other.clone()], 30, time)
            })
            .collect();
        for log2 in 20..26 {
            let best = &estimates(&heats, 1 << log2).promising(1.0)[0];
            assert_eq!(*best, if log2 < 24 { other.clone() } else { one.clone() }, "2^{log2}");
        }
        assert!(Estimates::new(heats.iter(), 1 << 10).is_none(), "those are too far away");
    }
}
