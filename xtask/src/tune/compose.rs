//! From good passes to plans that are worth racing whole.

use super::known::Known;
use super::race::EQUAL;
use softmax_spec::{Accuracy, Algorithm, Exp, Memory, Pass, PassVariant, Plan, Streams};
use std::collections::{BTreeMap, BTreeSet};

/// The fastest variants of every (pass, exp core) with their times in nanoseconds per element.
pub type Shortlist = BTreeMap<(Pass, Option<Exp>), Vec<(PassVariant, f64)>>;

/// Passes in a plan warm the caches for each other, so the sum of their times only roughly predicts its time. Beyond
/// this factor of the best prediction, an exp core is not worth racing whole.
const PREDICTION_SLACK: f64 = 1.4;

/// A plan with the sum of its passes' times.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// The plan.
    pub plan: Plan,
    /// Nanoseconds per element, roughly.
    pub predicted: f64,
}

/// Plans that are meant to reach `accuracy`, in place if asked for, the most promising first: the best of every algorithm, then the best
/// of every exp core by every way through memory in its last pass, then the rest.
pub fn contenders(shortlist: &Shortlist, accuracy: Accuracy, in_place: bool) -> Vec<Contender> {
    let mut all: Vec<Contender> = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| !in_place || algorithm.runs_in_place())
        .flat_map(|algorithm| exps(shortlist).into_iter().map(move |exp| (algorithm, exp)))
        .filter(|&(algorithm, exp)| accuracy.admits(algorithm, exp))
        .flat_map(|(algorithm, exp)| product(shortlist, algorithm, exp))
        .collect();
    let best = all.iter().map(|contender| contender.predicted).fold(f64::INFINITY, f64::min);
    all.sort_by_cached_key(|Contender { plan, predicted }| {
        // Whatever is predicted to be as fast is in the same order in every search.
        let steps_slower = (predicted / best).ln() / EQUAL.ln();
        (steps_slower as u32, code_size(plan), plan.algorithm(), plan.to_string())
    });
    let limit = best * PREDICTION_SLACK;

    let (mut algorithms, mut cores) = (BTreeSet::new(), BTreeSet::new());
    let mut tiers = [Vec::new(), Vec::new(), Vec::new()];
    for contender in all {
        let algorithm = contender.plan.algorithm();
        let (first, first_of_core) = (algorithms.insert(algorithm), cores.insert(family(&contender.plan)));
        match () {
            () if first => tiers[0].push(contender),
            () if contender.predicted > limit => {}
            () if first_of_core => tiers[1].push(contender),
            () => tiers[2].push(contender),
        }
    }
    tiers.concat()
}

/// Plans for rows of about `len` elements that differ from this one in one of its passes, by tile or way through memory: for each pass in
/// turn the most promising that is left. In a plan a pass finds caches as the one before left them, so that another may be best there than
/// alone. None of a plan with a pass that was never timed.
pub fn neighbours(plan: &Plan, known: &Known, len: usize) -> Vec<Contender> {
    let Some(times) = known.near(len) else { return Vec::new() };
    let passes = plan.passes();
    let time = |pass| times.get(pass).copied().or_else(|| known.last(pass).map(|timed| timed.ns));
    let Some(own) = passes.iter().map(time).collect::<Option<Vec<f64>>>() else { return Vec::new() };
    let instead = |at: usize, other: PassVariant, time: f64| {
        let mut passes = passes.to_vec();
        passes[at] = other;
        let predicted = own.iter().sum::<f64>() - own[at] + time;
        Some(Contender { plan: Plan::new(plan.algorithm(), passes).ok()?, predicted })
    };
    let of_pass = |(at, pass): (usize, &PassVariant)| -> Vec<Contender> {
        let is_alike = |other: &&PassVariant| {
            (other.pass, other.exp, other.isa) == (pass.pass, pass.exp, pass.isa) && *other != pass
        };
        let mut others: Vec<&PassVariant> = times.keys().filter(is_alike).collect();
        others.sort_by(|a, b| times[a].total_cmp(&times[b]).then_with(|| a.id().cmp(&b.id())));
        others.into_iter().filter_map(|other| instead(at, *other, times[other])).collect()
    };
    let by_pass: Vec<Vec<Contender>> = passes.iter().enumerate().map(of_pass).collect();
    let deepest = by_pass.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..deepest).flat_map(|place| by_pass.iter().filter_map(move |others| others.get(place)));
    in_turn.cloned().collect()
}

/// Plans that differ in their tiles, and in the ways of passes before the last.
pub type Family = (Algorithm, Exp, Option<Memory>);

/// The family of a plan. What the last pass' way through memory is worth shows only after another pass, whose lines are in a cache or
/// not, so times of passes do not tell.
pub fn family(plan: &Plan) -> Family {
    (plan.algorithm(), plan.exp(), plan.passes().last().map(|pass| pass.memory))
}

fn exps(shortlist: &Shortlist) -> BTreeSet<Exp> {
    shortlist.keys().filter_map(|(_, exp)| *exp).collect()
}

/// Every combination of the shortlisted variants of the algorithm's passes.
fn product(shortlist: &Shortlist, algorithm: Algorithm, exp: Exp) -> Vec<Contender> {
    let listed = |pass: Pass| {
        let key = (pass, pass.exponentiates().then_some(exp));
        shortlist.get(&key).map_or(&[][..], Vec::as_slice)
    };
    let time = |variant: &PassVariant| {
        let mut listed = listed(variant.pass).iter();
        listed.find(|(other, _)| other == variant).expect("plans are of listed passes").1
    };
    let of_pass = |pass| listed(pass).iter().map(|(variant, _)| *variant).collect();
    let contender = |plan: Plan| Contender { predicted: plan.passes().iter().map(time).sum(), plan };
    combinations(algorithm, of_pass).into_iter().map(contender).collect()
}

/// Every plan of an algorithm with one of these variants for each of its passes.
pub fn combinations(algorithm: Algorithm, of_pass: impl Fn(Pass) -> Vec<PassVariant>) -> Vec<Plan> {
    let mut partial: Vec<Vec<PassVariant>> = vec![Vec::new()];
    for variants in algorithm.passes().iter().map(|&pass| of_pass(pass)) {
        let extended = |begun: &Vec<PassVariant>| {
            variants.iter().map(|variant| [&begun[..], &[*variant]].concat()).collect::<Vec<_>>()
        };
        partial = partial.iter().flat_map(extended).collect();
    }
    partial.into_iter().filter_map(|passes| Plan::new(algorithm, passes).ok()).collect()
}

/// Whether some plan that reaches one of the accuracies could use the variant; others need not be timed.
pub fn is_useful(variant: &PassVariant, accuracies: &[Accuracy]) -> bool {
    let algorithms =
        Algorithm::ALL.into_iter().filter(|algorithm| algorithm.passes().contains(&variant.pass));
    let admitted = |algorithm| {
        let admits = |exp| accuracies.iter().any(|accuracy| accuracy.admits(algorithm, exp));
        variant.exp.is_none_or(admits)
    };
    algorithms.into_iter().any(admitted)
}

/// The plan that is this pass alone, if it takes whole rows.
pub fn of_one_pass(variant: &PassVariant) -> Option<Plan> {
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.passes() == [variant.pass])?;
    Plan::new(algorithm, vec![*variant]).ok()
}

/// How much code a plan is, for ties: the elements of its tiles, which several streams have twice.
pub fn code_size(plan: &Plan) -> usize {
    let loops = |pass: &PassVariant| if pass.memory.streams == Streams::ONE { 1 } else { 2 };
    plan.passes().iter().map(|pass| loops(pass) * pass.tile_elements()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortlist(variants: &[(&str, f64)]) -> Shortlist {
        let mut shortlist = Shortlist::new();
        for (id, time) in variants {
            let variant: PassVariant = id.parse().unwrap();
            shortlist.entry((variant.pass, variant.exp)).or_default().push((variant, *time));
        }
        shortlist
    }

    #[test]
    fn plans_share_an_exp_core_and_reach_the_accuracy() {
        let shortlist = shortlist(&[
            ("f32_max__avx2_u32", 0.1),
            ("f32_store_exp__avx2_d5_u32", 0.2),
            ("f32_store_exp__avx2_a6_u32", 0.3),
            ("f32_scale__avx2_u32", 0.1),
            ("f32_scale__avx2_u64", 0.11),
        ]);
        let texts = |accuracy| {
            contenders(&shortlist, accuracy, false).iter().map(|c| c.plan.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            texts(Accuracy::Accurate),
            [
                "three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_a6_u32, f32_scale__avx2_u32)",
                "blocked_reload(f32_max__avx2_u32, f32_store_exp__avx2_a6_u32, f32_scale__avx2_u32)",
                "three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_a6_u32, f32_scale__avx2_u64)",
                "blocked_reload(f32_max__avx2_u32, f32_store_exp__avx2_a6_u32, f32_scale__avx2_u64)",
            ]
        );
        assert_eq!(
            texts(Accuracy::Fast)[0],
            "three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_d5_u32, f32_scale__avx2_u32)"
        );
        let in_place = contenders(&shortlist, Accuracy::Fast, true);
        assert!(in_place.iter().all(|contender| contender.plan.algorithm() == Algorithm::ThreePassReload));
    }

    #[test]
    fn neighbours_differ_in_one_pass_alone_and_those_of_every_pass_have_their_turn() {
        let times = [
            ("f32_max__avx2_u32", 0.1),
            ("f32_max__avx2_u64", 0.2),
            ("f32_max__avx2_u96", 0.1),
            ("f32_store_exp__avx2_d5_u32", 0.2),
            ("f32_store_exp__avx2_d5_u48", 0.25),
            ("f32_store_exp__avx2_a6_u32", 0.1),
            ("f32_scale__avx2_u32", 0.1),
            ("f32_scale__avx2_u32_nt", 0.08),
            ("f32_fused_softmax__avx2_e3_u16", 0.3),
            ("f32_fused_softmax__avx2_e3_u32", 0.2),
        ];
        let mut known = Known::default();
        known.note(1 << 10, times.into_iter().map(|(id, time)| (id.parse().unwrap(), time)));
        let of = |plan: &str| {
            let neighbours = neighbours(&plan.parse().unwrap(), &known, 1 << 12);
            neighbours.iter().map(|neighbour| neighbour.plan.to_string()).collect::<Vec<_>>()
        };
        let plan = |[max, exp, scale]: [&str; 3]| {
            format!(
                "three_pass_reload(f32_max__avx2_{max}, f32_store_exp__avx2_{exp}, f32_scale__avx2_{scale})"
            )
        };
        assert_eq!(
            of(&plan(["u32", "d5_u32", "u32"])),
            [
                ["u96", "d5_u32", "u32"],
                ["u32", "d5_u48", "u32"],
                ["u32", "d5_u32", "u32_nt"],
                ["u64", "d5_u32", "u32"]
            ]
            .map(plan)
        );
        assert!(of(&plan(["u32", "d5_u64", "u32"])).is_empty(), "a pass was not timed");
        let fused = |tile: &str| format!("fused(f32_fused_softmax__avx2_e3_{tile})");
        assert_eq!(of(&fused("u16")), [fused("u32")]);
    }

    #[test]
    fn passes_that_take_whole_rows_are_plans() {
        let plan = |id: &str| of_one_pass(&id.parse().unwrap()).map(|plan| plan.to_string());
        for (id, expected) in [
            ("f32_softmax__avx2_e3_u32", Some("resident(f32_softmax__avx2_e3_u32)")),
            ("f32_fused_softmax__avx2_e3_u16", Some("fused(f32_fused_softmax__avx2_e3_u16)")),
            ("f32_max__avx2_u32", None),
        ] {
            assert_eq!(plan(id).as_deref(), expected);
        }
    }

    #[test]
    fn the_best_of_every_way_through_memory_is_raced_before_other_tiles() {
        let shortlist = shortlist(&[
            ("f32_ext_sum__avx2_d5_u32", 0.2),
            ("f32_ext_scale__avx2_d5_u32", 0.20),
            ("f32_ext_scale__avx2_d5_u16", 0.21),
            ("f32_ext_scale__avx2_d5_u64_back", 0.22),
            ("f32_ext_scale__avx2_d5_u64_nt_st4", 0.23),
        ]);
        let contenders = contenders(&shortlist, Accuracy::Fast, false);
        let last: Vec<String> = contenders.iter().map(|c| c.plan.passes()[1].id()).collect();
        assert_eq!(
            last[..3],
            [
                "f32_ext_scale__avx2_d5_u32",
                "f32_ext_scale__avx2_d5_u64_back",
                "f32_ext_scale__avx2_d5_u64_nt_st4"
            ]
        );
    }

    #[test]
    fn every_algorithm_is_raced_however_slow_it_looks() {
        let shortlist = shortlist(&[
            ("f32_max__avx2_u32", 0.1),
            ("f32_store_exp__avx2_a5_u32", 0.1),
            ("f32_store_exp__avx2_a5_u64", 0.1),
            ("f32_scale__avx2_u32", 0.1),
            ("f32_online_sum__avx2_a5_u32", 5.0),
            ("f32_scale_exp__avx2_a5_u32", 5.0),
            ("f32_scale_exp__avx2_a5_u64", 5.0),
        ]);
        let algorithms: Vec<Algorithm> =
            contenders(&shortlist, Accuracy::Fast, false).iter().map(|c| c.plan.algorithm()).collect();
        let (first, others) = algorithms.split_at(3);
        assert_eq!(first, [Algorithm::ThreePassReload, Algorithm::BlockedReload, Algorithm::Online]);
        let slow = others.contains(&Algorithm::Online);
        assert!(!others.is_empty() && !slow, "slow plans beyond the first: {others:?}");
    }
}
