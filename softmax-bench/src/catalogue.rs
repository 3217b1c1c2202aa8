//! Which of the compiled variants stand for the rest where nothing has been tuned: what the benches run.

use softmax_kernels::{ComposedPlan, Variant, variants};
use softmax_spec::{Algorithm, Element, Exp, Isa, Memory, Pass, PassVariant, Plan, Tile, typical_pass};
use std::sync::LazyLock;

/// Exp cores by preference: the paper's first, because most algorithms have it, and one last for those that sample.
const USUAL_EXPS: [&str; 4] = ["p5", "a6", "f5", "s3"];

/// The best ISA that this CPU supports and that has variants.
pub fn best_isa() -> Option<Isa> {
    let supported = |isa: &Isa| variants().iter().any(|row| row.isa == isa.id() && row.is_supported());
    Isa::ALL.into_iter().rev().find(supported)
}

/// What is compiled, in the words of the spec.
fn compiled() -> &'static [PassVariant] {
    static COMPILED: LazyLock<Vec<PassVariant>> =
        LazyLock::new(|| variants().iter().filter_map(|row| row.id.parse().ok()).collect());
    &COMPILED
}

fn usual_exps() -> impl Iterator<Item = Exp> {
    USUAL_EXPS.into_iter().filter_map(|exp| exp.parse().ok())
}

/// A sensible plan of `algorithm`, as the text of a candidate, with the first usual exp core that its passes have; `None`
/// where no core suits the algorithm on `isa`.
pub fn typical_plan(algorithm: Algorithm, isa: Isa) -> Option<String> {
    let plan = |exp| softmax_spec::typical_plan(compiled(), algorithm, isa, exp);
    usual_exps().find_map(plan).map(|plan| plan.to_string())
}

/// One plan per algorithm, ISA and exp core that the grid has and this CPU supports, with its text: of few vectors, so that
/// short rows reach every loop. What tests run.
pub fn small_plans() -> Vec<(String, ComposedPlan)> {
    let of_isa = |isa| Algorithm::ALL.into_iter().map(move |algorithm| (isa, algorithm));
    let with_exp = |(isa, algorithm)| Exp::all().filter_map(move |exp| small_plan(algorithm, isa, exp));
    Isa::ALL.into_iter().flat_map(of_isa).flat_map(with_exp).collect()
}

/// One of [`small_plans`].
pub fn small_plan(algorithm: Algorithm, isa: Isa, exp: Exp) -> Option<(String, ComposedPlan)> {
    let variant = |&pass: &Pass| {
        let exp = pass.exponentiates().then_some(exp);
        if pass.is_resident() {
            // Of whatever tile: all have the arms for short rows.
            let has_core =
                |variant: &&PassVariant| (variant.pass, variant.isa, variant.exp) == (pass, isa, exp);
            return compiled().iter().find(has_core).copied();
        }
        let tile = Tile { unroll: 2, accumulators: 1 };
        let mut variant =
            PassVariant { pass, element: Element::F32, isa, exp, tile, memory: Memory::default() };
        if pass.reduces() && !variant.sums_exactly() {
            variant.tile.accumulators = 2;
        }
        Some(variant)
    };
    let passes: Option<Vec<PassVariant>> = algorithm.passes().iter().map(variant).collect();
    let plan = Plan::new(algorithm, passes?).ok()?;
    let ids: Vec<String> = plan.passes().iter().map(PassVariant::id).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    Some((plan.to_string(), ComposedPlan::compose(algorithm.id(), &ids).ok()?))
}

/// One variant per pass, with the first usual exp core that it has.
pub fn typical_passes(isa: Isa) -> impl Iterator<Item = &'static Variant> {
    let typical = move |pass| usual_exps().find_map(|exp| typical_pass(compiled(), pass, isa, exp));
    let ids = Pass::ALL.into_iter().filter_map(typical).map(|variant| variant.id());
    ids.filter_map(|id| variants().iter().find(|row| row.id == id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Candidate;

    #[test]
    fn every_algorithm_and_pass_has_a_typical_candidate_that_runs() {
        let isa = best_isa().expect("an ISA");
        let suits = |algorithm: &Algorithm| Exp::all().any(|exp| algorithm.suits(exp, isa));
        for algorithm in Algorithm::ALL.into_iter().filter(suits) {
            let text = typical_plan(algorithm, isa).unwrap_or_else(|| panic!("no plan for {algorithm}"));
            assert!(text.parse::<Candidate>().is_ok(), "{text}");
        }
        assert_eq!(typical_passes(isa).count(), Pass::ALL.len());
    }
}
