//! Whose rows are verified: typical plans of every algorithm, one per promise that they make, and the library as a whole.

use super::Wanted;
use softmax_bench::protocol::{Candidate, OURS_ACCURATE, OURS_FAST};
use softmax_spec::{Accuracy, Algorithm, Exp, Isa, PassVariant, Plan, typical_plan};

/// Exp cores by preference: the paper's, where it promises nothing; then the least exact of the fast ones; then the accurate one.
const EXPS: [&str; 8] = ["p5", "q2", "t2", "s3", "e3", "d5", "f5", "a6"];

/// Something that computes whole rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Contestant {
    /// How it is asked for.
    pub candidate: Candidate,
    /// The algorithm and its exp core, or the library's accuracy.
    pub name: String,
    /// What it must reach; `None` if it promises nothing.
    pub promise: Option<Accuracy>,
}

/// The plans of an ISA.
pub fn plans(grid: &[PassVariant], isa: Isa, wanted: &Wanted) -> Vec<Contestant> {
    Algorithm::ALL.into_iter().flat_map(|algorithm| of_algorithm(grid, algorithm, isa, wanted)).collect()
}

/// The first plan for each promise, and the one with the paper's core.
fn of_algorithm(grid: &[PassVariant], algorithm: Algorithm, isa: Isa, wanted: &Wanted) -> Vec<Contestant> {
    let exps = EXPS.into_iter().filter_map(|exp| exp.parse::<Exp>().ok()).filter(|&exp| wanted.core(exp));
    let mut chosen: Vec<Contestant> = Vec::new();
    for plan in exps.filter_map(|exp| typical_plan(grid, algorithm, isa, exp)) {
        let contestant = Contestant::of(&plan);
        let is_papers = |one: &Contestant| one.name.ends_with(EXPS[0]);
        if chosen.iter().all(|one| is_papers(one) || one.promise != contestant.promise) {
            chosen.push(contestant);
        }
    }
    chosen
}

/// The library at each accuracy.
pub fn ours() -> Vec<Contestant> {
    let candidate = |accuracy| match accuracy {
        Accuracy::Fast => OURS_FAST,
        Accuracy::Accurate => OURS_ACCURATE,
    };
    let ours = |accuracy: Accuracy| Contestant {
        candidate: candidate(accuracy).to_owned(),
        name: format!("Softmax, {accuracy}"),
        promise: Some(accuracy),
    };
    Accuracy::ALL.map(ours).to_vec()
}

impl Contestant {
    fn of(plan: &Plan) -> Contestant {
        let reached = Accuracy::ALL.into_iter().filter(|&accuracy| plan.reaches(accuracy));
        Contestant {
            candidate: plan.to_string(),
            name: format!("{} {}", plan.algorithm(), plan.exp()),
            promise: reached.min_by_key(|accuracy| accuracy.max_ulp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn every_algorithm_has_a_plan_for_each_promise_that_it_can_make() {
        let grid = project::grid().unwrap().variants;
        let wanted = Wanted { isas: vec![Isa::Avx512], cores: vec![] };
        let plans = plans(&grid, Isa::Avx512, &wanted);
        for algorithm in Algorithm::ALL {
            let of_algorithm = || plans.iter().filter(|plan| plan.name.starts_with(&format!("{algorithm} ")));
            assert!(of_algorithm().any(|plan| plan.promise == Some(Accuracy::Fast)), "{algorithm}");
            let is_accurate = |plan: &Contestant| plan.promise == Some(Accuracy::Accurate);
            let loses = matches!(algorithm, Algorithm::TwoPass | Algorithm::Online);
            assert_eq!(of_algorithm().any(is_accurate), !loses, "{algorithm}");
        }
        let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        assert!(names.contains(&"two_pass p5") && names.contains(&"three_pass_reload p5"), "{names:?}");
    }

    #[test]
    fn a_choice_of_cores_leaves_their_plans() {
        let grid = project::grid().unwrap().variants;
        let wanted = Wanted { isas: vec![Isa::Avx2], cores: vec!["a6".parse().unwrap()] };
        let plans = plans(&grid, Isa::Avx2, &wanted);
        assert!(!plans.is_empty() && plans.iter().all(|plan| plan.name.ends_with(" a6")));
    }
}
