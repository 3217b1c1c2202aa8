//! How wrong a right kernel may be: the error that an exp core's design allows, stated as formulas.

use softmax_spec::{Accuracy, Exp, Isa, PassVariant, Plan, Reduction};

/// One rounding to nearest: relative error at most 2^-24.
pub const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// Error of one exponential in one pass.
///
/// relative(x, d) = polynomial + 2^-24 (8 + 2 |d| + [2 |x| without FMA]), d = x - max (or x where a pass knows no max)
///
/// - polynomial: the minimax error of its coefficients on its interval;
/// - 8: evaluating it and scaling the result, a handful of roundings near 1;
/// - 2 |d|: rounding d, or d log2 e, and rounding the constant log2 e (`fast` and `cody_waite`; `accurate` has less);
/// - 2 |x|: without FMA the product n ln 2 or x log2 e rounds as well.
#[derive(Debug, Clone, Copy)]
pub struct ExpTolerance {
    polynomial: f64,
    per_magnitude: f64,
}

impl ExpTolerance {
    /// The error of `exp` on `isa`.
    pub fn new(exp: Exp, isa: Isa) -> ExpTolerance {
        ExpTolerance {
            polynomial: exp.max_relative_error(isa),
            per_magnitude: if isa.has_fma() { 0.0 } else { 2.0 },
        }
    }

    /// The largest relative error of the exponential of an `x` that is `distance` from the maximum.
    pub fn relative(&self, x: f64, distance: f64) -> f64 {
        self.polynomial + ROUNDING * (8.0 + 2.0 * distance.abs() + self.per_magnitude * x.abs())
    }
}

/// Relative error of summing `len` positive terms with a variant's accumulators: one rounding per addition that a
/// term takes part in, 2^-24 (len / (lanes accumulators) + log2(lanes accumulators) + 2). Blocked sums have less.
pub fn summation(variant: &PassVariant, len: usize) -> f64 {
    let chains = variant.lanes() * variant.tile.accumulators;
    ROUNDING * (len.div_ceil(chains) as f64 + (chains as f64).log2() + 2.0)
}

/// How far a plan's outputs may be from the truth.
#[derive(Debug, Clone, Copy)]
pub struct PlanTolerance {
    /// On ordinary rows, ULP.
    pub ordinary_ulp: f64,
    /// On special rows, ULP.
    pub special_ulp: f64,
    /// On special rows, additional ULP per unit of |x - max|.
    pub ulp_per_distance: f64,
}

/// What a reduction of a huge |x| may cost where it is still right at all: the paper's kernels have 63 ULP at 2^20,
/// because rounding x log2 e there moves the remainder out of the polynomial's interval.
const HUGE_ARGUMENT_ULP: f64 = 80.0;

impl PlanTolerance {
    /// The tolerance of `plan`: `max_ulp` on ordinary rows, or what its exp core promises.
    pub fn new(plan: &Plan, max_ulp: Option<u32>) -> PlanTolerance {
        let ordinary_ulp = max_ulp.map_or_else(|| own_ulp(plan), f64::from);
        let Exp { reduction, .. } = plan.exp();
        let special_ulp = match reduction {
            Reduction::CodyWaite | Reduction::Fast => ordinary_ulp.max(HUGE_ARGUMENT_ULP),
            _ => 2.0 * ordinary_ulp,
        };
        // Rounding x - max, a relative error of 2^-24 in the exponent, is |x - max| 2^-24 in the result, and an ULP
        // is at least 2^-24; twice that for the rounding of log2 e.
        let rounds_distance = plan.algorithm().rounds_difference(reduction);
        PlanTolerance { ordinary_ulp, special_ulp, ulp_per_distance: if rounds_distance { 2.0 } else { 0.0 } }
    }
}

/// What rounding x - max costs on ordinary rows, where |x - max| < 64: up to 32 ULP, and as much again where the
/// product with log2 e rounds too.
const ROUNDED_DIFFERENCE_ULP: f64 = 64.0;

/// The tightest accuracy that the plan is meant to reach, or, for one that is meant for none, the loosest one plus
/// what keeps it from that: a rounded difference, and the polynomial's error in numerator and denominator.
fn own_ulp(plan: &Plan) -> f64 {
    let reached = Accuracy::ALL.into_iter().filter(|&accuracy| plan.reaches(accuracy));
    match reached.map(Accuracy::max_ulp).min() {
        Some(ulp) => f64::from(ulp),
        None => {
            let Exp { reduction, .. } = plan.exp();
            let rounds_difference = plan.algorithm().rounds_difference(reduction);
            let difference = if rounds_difference { ROUNDED_DIFFERENCE_ULP } else { 0.0 };
            let polynomial = plan.exp().max_relative_error(plan.isa());
            f64::from(Accuracy::Fast.max_ulp()) + difference + 2.0 * polynomial / ROUNDING
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tolerance(exp: &str, max_ulp: Option<u32>) -> PlanTolerance {
        let text =
            format!("three_pass_reload(f32_max__avx2_u8, f32_store_exp__avx2_{exp}_u8, f32_scale__avx2_u8)");
        PlanTolerance::new(&text.parse().unwrap(), max_ulp)
    }

    #[test]
    fn a_plan_is_held_to_what_it_promises_unless_the_request_says_otherwise() {
        assert_eq!(tolerance("a6", None).ordinary_ulp, 4.0);
        assert_eq!(tolerance("a5", None).ordinary_ulp, 20.0);
        assert!(tolerance("p6", None).ordinary_ulp > 20.0);
        assert!(tolerance("p3", None).ordinary_ulp > 100.0);
        assert_eq!(tolerance("p6", Some(7)).ordinary_ulp, 7.0);
    }

    #[test]
    fn only_plans_that_round_the_distance_get_an_allowance_for_it() {
        assert_eq!(tolerance("a6", None).ulp_per_distance, 0.0);
        assert!(tolerance("p6", None).ulp_per_distance > 0.0);
    }
}
