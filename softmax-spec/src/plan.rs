//! A plan: an algorithm with a variant chosen for each of its passes. What a profile holds per size class.

use crate::exp_table;
use crate::{
    Accuracy, Algorithm, Element, Exp, InvalidVariant, Isa, Memory, Pass, PassVariant, Reduction, Tile,
    UnknownId,
};
use std::fmt;
use std::str::FromStr;

/// Up to here every exp core reduces its argument to within its polynomial's interval.
pub const REGULAR_MAX: f32 = 8192.0;

/// A runnable softmax. Written `two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u32)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    algorithm: Algorithm,
    passes: Vec<PassVariant>,
}

impl Plan {
    /// Checks that the variants are the algorithm's passes in order, on one ISA, and that those which
    /// exponentiate share one exp core: what one pass sums, another must scale by.
    ///
    /// # Errors
    /// What of this does not hold.
    pub fn new(algorithm: Algorithm, passes: Vec<PassVariant>) -> Result<Plan, InvalidPlan> {
        let kinds: Vec<_> = passes.iter().map(|variant| variant.pass).collect();
        if kinds != algorithm.passes() {
            return Err(InvalidPlan::Passes(algorithm));
        }
        if !all_equal(passes.iter().map(|variant| (variant.isa, variant.element))) {
            return Err(InvalidPlan::MixedIsas);
        }
        if !all_equal(passes.iter().filter_map(|variant| variant.exp)) {
            return Err(InvalidPlan::MixedExps);
        }
        let plan = Plan { algorithm, passes };
        match algorithm.suits(plan.exp(), plan.isa()) {
            true => Ok(plan),
            false => Err(InvalidPlan::Unsuited(algorithm)),
        }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The variants, in the order in which they run.
    pub fn passes(&self) -> &[PassVariant] {
        &self.passes
    }

    /// The ISA that all of it needs.
    pub fn isa(&self) -> Isa {
        self.passes[0].isa
    }

    /// The exp core that its passes share.
    pub fn exp(&self) -> Exp {
        self.passes.iter().find_map(|variant| variant.exp).expect("every algorithm exponentiates")
    }

    /// The largest |max(x)| of a row that it is right for. Beyond [`REGULAR_MAX`] only a subtraction of the maximum
    /// first keeps the reduction exact; other plans leave such rows to [`Plan::robust`].
    pub fn largest_max(&self) -> f32 {
        let subtracts_first = self.exp().reduction == Reduction::CodyWaite
            && matches!(self.algorithm, Algorithm::ThreePassRecompute | Algorithm::ThreePassReload);
        if subtracts_first { f32::MAX } else { REGULAR_MAX }
    }

    /// The plan of `isa` for rows that a sampling plan gives up: it knows the maximum.
    pub fn fallback(isa: Isa, element: Element, accuracy: Accuracy) -> Plan {
        let exp = match accuracy {
            Accuracy::Fast if isa.lookup_entries() >= exp_table::ENTRIES => {
                Exp { reduction: Reduction::Table, degree: exp_table::DEGREE }
            }
            Accuracy::Fast => Exp { reduction: Reduction::Direct, degree: 5 },
            Accuracy::Accurate => Exp { reduction: Reduction::Accurate, degree: 6 },
        };
        Plan::plain(Algorithm::ThreePassReload, isa, element, exp)
    }

    /// The longest row that it takes; `None` for any.
    pub fn longest_row(&self) -> Option<usize> {
        self.passes.iter().filter_map(PassVariant::longest_row).min()
    }

    /// The shortest row that it is worth timing on.
    pub fn shortest_row(&self) -> usize {
        self.passes.iter().map(PassVariant::shortest_row).max().unwrap_or(0)
    }

    /// The plan of `isa` that is right for every finite row.
    pub fn robust(isa: Isa, element: Element) -> Plan {
        Plan::plain(
            Algorithm::ThreePassRecompute,
            isa,
            element,
            Exp { reduction: Reduction::CodyWaite, degree: 6 },
        )
    }

    /// The Two-Pass plan of `isa` whose sum can be merged with those of other shards of a row.
    pub fn shardable(isa: Isa, element: Element) -> Plan {
        Plan::plain(Algorithm::TwoPass, isa, element, Exp { reduction: Reduction::CodyWaite, degree: 6 })
    }

    /// Four vectors, and four accumulators where one would wait for itself.
    fn plain(algorithm: Algorithm, isa: Isa, element: Element, exp: Exp) -> Plan {
        let plain = |pass: Pass| {
            let (exp, tile) = (pass.exponentiates().then_some(exp), Tile { unroll: 4, accumulators: 1 });
            let mut variant = PassVariant { pass, element, isa, exp, tile, memory: Memory::default() };
            if pass.reduces() && !variant.sums_exactly() {
                variant.tile.accumulators = 4;
            }
            variant
        };
        Plan { algorithm, passes: algorithm.passes().iter().copied().map(plain).collect() }
    }

    /// Whether it is meant to reach `accuracy`.
    pub fn reaches(&self, accuracy: Accuracy) -> bool {
        accuracy.admits(self.algorithm, self.exp())
    }
}

fn all_equal<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    match values.next() {
        Some(first) => values.all(|value| value == first),
        None => true,
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passes: Vec<String> = self.passes.iter().map(PassVariant::id).collect();
        write!(f, "{}({})", self.algorithm, passes.join(", "))
    }
}

/// Why variants do not make a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidPlan {
    /// Not of the form `ALGORITHM(VARIANT, VARIANT, ...)`.
    Form(String),
    /// The algorithm is unknown.
    Algorithm(UnknownId),
    /// A variant is unknown.
    Variant(InvalidVariant),
    /// The variants are not the algorithm's passes.
    Passes(Algorithm),
    /// The variants need different ISAs or element types.
    MixedIsas,
    /// The variants use different exp cores.
    MixedExps,
    /// The algorithm does not work with that exp core or on that ISA ([`Algorithm::suits`]).
    Unsuited(Algorithm),
}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidPlan::Form(text) => {
                write!(f, "`{text}` is no plan: expected ALGORITHM(VARIANT, VARIANT, ...)")
            }
            InvalidPlan::Algorithm(error) => error.fmt(f),
            InvalidPlan::Variant(error) => error.fmt(f),
            InvalidPlan::Passes(algorithm) => {
                let passes: Vec<_> = algorithm.passes().iter().map(|pass| pass.id()).collect();
                write!(f, "{algorithm} takes the passes {}, in this order", passes.join(", "))
            }
            InvalidPlan::MixedIsas => write!(f, "the passes of a plan must share one ISA and element type"),
            InvalidPlan::MixedExps => write!(f, "the passes of a plan must share one exp core"),
            InvalidPlan::Unsuited(algorithm) if algorithm.samples() => {
                write!(
                    f,
                    "{algorithm} needs exponentials that do not wrap where they overflow: use the core `saturating`"
                )
            }
            InvalidPlan::Unsuited(algorithm) => {
                write!(f, "{algorithm} would not notice where the quick core fails; use a table core")
            }
        }
    }
}

impl std::error::Error for InvalidPlan {}

impl FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, InvalidPlan> {
        let inner = text.split_once('(').and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
        let (name, list) = inner.ok_or_else(|| InvalidPlan::Form(text.to_owned()))?;
        let algorithm = name.parse().map_err(InvalidPlan::Algorithm)?;
        let passes: Result<Vec<PassVariant>, _> = list.split(',').map(|id| id.trim().parse()).collect();
        Plan::new(algorithm, passes.map_err(InvalidPlan::Variant)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_parse_back() {
        let text = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u32)";
        assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
    }

    #[test]
    fn the_plans_that_every_isa_needs_are_plans() {
        for isa in Isa::ALL {
            let element = Element::F32;
            let fallbacks = Accuracy::ALL.map(|accuracy| Plan::fallback(isa, element, accuracy));
            assert!(fallbacks.iter().zip(Accuracy::ALL).all(|(plan, accuracy)| plan.reaches(accuracy)));
            let others = [Plan::robust(isa, element), Plan::shardable(isa, element)];
            for plan in fallbacks.into_iter().chain(others) {
                assert_eq!(Plan::new(plan.algorithm, plan.passes.clone()), Ok(plan.clone()));
                assert!(plan.passes.iter().all(|variant| variant.pruning_reason().is_none()));
            }
            assert_eq!(Plan::robust(isa, Element::F32).largest_max(), f32::MAX);
        }
    }

    #[test]
    fn variants_that_do_not_belong_together_are_refused() {
        for (text, reason) in [
            ("two_pass", "is no plan"),
            ("too_pass(f32_max__avx2_u8)", "did you mean `two_pass`?"),
            ("two_pass(f32_max__avx2_u8, f32_ext_scale__avx2_p5_u8)", "takes the passes ext_sum, ext_scale"),
            ("two_pass(f32_ext_sum__avx2_p5_u8, f32_ext_scale__sse2_p5_u4)", "share one ISA"),
            ("two_pass(f32_ext_sum__avx2_p5_u8, f32_ext_scale__avx2_p6_u8)", "share one exp core"),
            ("sampled_reload(f32_store_exp__avx2_d5_u8, f32_scale__avx2_u8)", "use the core `saturating`"),
            ("online(f32_online_sum__avx512_q2_u16, f32_scale_exp__avx512_q2_u16)", "use a table core"),
        ] {
            let error = text.parse::<Plan>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
