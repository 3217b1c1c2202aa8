//! Single passes against their f64 meaning.
//!
//! Passes that exponentiate against a maximum may scale all their results by one factor, which cancels in a softmax: 2^32, headroom
//! above what is subnormal, times one in [1/2, 4), because the `accurate` core subtracts exponents as integers and so refers to
//! 2^round(max log2 e), or half of it, instead of e^max. The factor is what the pass makes of the row's maximum, whose exponential is 1.

use super::Verdict;
use crate::oracle::SMALLEST_NORMAL;
use crate::parameters::Parameters;
use crate::rows::{self, Row};
use crate::tolerance::{self, ExpTolerance, ROUNDING};
use softmax_kernels::{Kernel, ShapeError};
use softmax_spec::{Exp, PassVariant, Reduction};

/// An f32 result, written as the f64 that it stands for, that should be `exact` within `relative`.
#[derive(Clone, Copy)]
struct Claim {
    got: f64,
    exact: f64,
    relative: f64,
}

/// The longest row that a pass of one stream is checked on; longer ones are sums of blocks, which is a plan's work.
const LONGEST: usize = 8192;

/// Checks one pass on ordinary rows, on rows where every element counts, and on partly masked ones. `max_ulp`
/// replaces the variant's own tolerance.
pub(super) fn verify(variant: &PassVariant, kernel: Kernel, max_ulp: Option<u32>) -> Verdict {
    let tile = variant.tile_elements();
    let mut lengths = rows::lengths([tile]);
    // Plans give a pass neither an empty row nor, to sum, more than a block.
    lengths.retain(|len| (1..=LONGEST).contains(len));
    lengths.extend(rows::beyond_window(variant));
    verify_lengths(variant, kernel, &lengths, max_ulp)
}

/// The same on rows of these lengths.
pub(super) fn verify_lengths(
    variant: &PassVariant,
    kernel: Kernel,
    lengths: &[usize],
    max_ulp: Option<u32>,
) -> Verdict {
    let tile = variant.tile_elements();
    let masked = [5, 4 * tile + 3].into_iter().flat_map(rows::partly_masked);
    let finds_max = matches!(kernel, Kernel::Max(_) | Kernel::OnlineSum(_));
    let spikes = finds_max.then(|| rows::spikes(2 * tile + variant.lanes() + 1, -1.0)).into_iter().flatten();

    let mut verdict = Verdict::clean();
    for row in rows::ordinary(lengths).chain(rows::constant(lengths)).chain(spikes).chain(masked) {
        match claims(variant, kernel, &row) {
            Ok(claims) => verdict.hold(&row, &claims, max_ulp),
            Err(what) => verdict.fail(|| format!("{}: {what}", row.name)),
        }
    }
    verdict
}

impl Verdict {
    fn hold(&mut self, row: &Row, claims: &[Claim], max_ulp: Option<u32>) {
        for (i, &Claim { got, exact, relative }) in claims.iter().enumerate() {
            let relative = max_ulp.map_or(relative, |ulp| 2.0 * ROUNDING * f64::from(ulp));
            let error = if got == exact { 0.0 } else { (got / exact - 1.0).abs() };
            if error.is_finite() {
                self.max_ulp = self.max_ulp.max(error / (2.0 * ROUNDING));
            }
            // Not `error > relative`: a NaN must fail.
            let holds = error <= relative;
            if !holds {
                self.fail(|| {
                    format!("{}: result {i}: {got:e} instead of {exact:e} within {relative:.1e}", row.name)
                });
            }
        }
    }
}

/// Runs `kernel` on `row` and pairs what comes out with what should.
fn claims(variant: &PassVariant, kernel: Kernel, row: &Row) -> Result<Vec<Claim>, String> {
    let truth = Truth::new(variant, &row.x);
    let unit = |factor| unit(factor, variant.exp);
    let (x, Parameters { max, factor, sum }) = (&row.x, truth.parameters);
    Ok(match kernel {
        Kernel::Max(kernel) => vec![Claim::equal(kernel.run(x), max)],
        Kernel::SumExp(kernel) => {
            let unit = unit(kernel.run(&[max], max) as f32)?;
            vec![truth.sum(kernel.run(x, max) / unit)]
        }
        Kernel::OnlineSum(kernel) => {
            let unit = unit(kernel.run(&[max]).1)?;
            let (got_max, got_sum) = kernel.run(x);
            vec![Claim::equal(got_max, max), truth.sum(f64::from(got_sum) / unit)]
        }
        Kernel::ExtSum(kernel) => {
            let got = kernel.run(x);
            // m 2^n / e^max, with the exponents subtracted first so that f64 holds it
            let exponent = f64::from(got.exponent) - f64::from(max) * std::f64::consts::LOG2_E;
            vec![truth.sum(f64::from(got.mantissa) * exponent.exp2())]
        }
        Kernel::StoreExp(kernel) => {
            let (y, total) = stored(x, |x, y| kernel.run(x, y, max), |x| kernel.run_in_place(x, max))?;
            let unit = unit(y[truth.argmax])?;
            let mut claims = vec![truth.sum(total / unit)];
            claims.extend(truth.exponentials(&y, unit));
            claims
        }
        Kernel::ScaleExp(kernel) => {
            let (y, ()) =
                stored(x, |x, y| kernel.run(x, y, max, factor), |x| kernel.run_in_place(x, max, factor))?;
            let scale = unit((f64::from(y[truth.argmax]) / factor) as f32)? * factor;
            truth.exponentials(&y, scale)
        }
        Kernel::ExtScale(kernel) => {
            let (y, ()) = stored(x, |x, y| kernel.run(x, y, sum), |x| kernel.run_in_place(x, sum))?;
            // e^max / (m 2^n)
            let exponent = f64::from(max) * std::f64::consts::LOG2_E - f64::from(sum.exponent);
            truth.exponentials(&y, exponent.exp2() / f64::from(sum.mantissa))
        }
        Kernel::Softmax(kernel) => {
            // Rows that it leaves to other plans are theirs to prove, and it must leave them alone.
            let mut left = x.clone();
            match kernel.run_in_place(&mut left) {
                true => {
                    let (y, _) = stored(x, |x, y| kernel.run(x, y), |x| kernel.run_in_place(x))?;
                    truth.exponentials(&y, factor)
                }
                false => left.iter().zip(x).map(|(&left, &x)| Claim::same(left, x)).collect(),
            }
        }
        Kernel::Scale(kernel) => {
            // Exponentials are finite and not negative; what becomes of other elements is not defined.
            let x: Vec<f32> = x.iter().map(|x| x.abs()).collect();
            let (y, ()) = stored(&x, |x, y| kernel.run(x, y, factor), |x| kernel.run_in_place(x, factor))?;
            let finite = y.iter().zip(&x).filter(|(_, x)| x.is_finite());
            finite.map(|(&y, &x)| Claim::rounded(y, f64::from(x) * factor)).collect()
        }
    })
}

/// Runs a pass that stores, both ways, and returns what it stored; the two ways must agree to the bit.
fn stored<T: PartialEq>(
    x: &[f32],
    run: impl FnOnce(&[f32], &mut [f32]) -> Result<T, ShapeError>,
    run_in_place: impl FnOnce(&mut [f32]) -> T,
) -> Result<(Vec<f32>, T), String> {
    let mut y = vec![f32::NAN; x.len()];
    let returned = run(x, &mut y).map_err(|error| format!("refused: {error}"))?;
    let mut in_place = x.to_vec();
    let returned_in_place = run_in_place(&mut in_place);
    let bits = |row: &[f32]| row.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
    match bits(&y) == bits(&in_place) && returned == returned_in_place {
        true => Ok((y, returned)),
        false => Err("in place differs from out of place".to_owned()),
    }
}

/// Checks that the factor common to a pass's results, beside the headroom of its exp core, is one that cancels.
fn unit(factor: f32, exp: Option<Exp>) -> Result<f64, String> {
    let headroom = exp.map_or(0, |_| Reduction::HEADROOM);
    let factor = f64::from(factor);
    // Half a per mille for the error of the one exponential that it is read from.
    match (0.4995..4.002).contains(&(factor / f64::from(headroom).exp2())) {
        true => Ok(factor),
        false => {
            let expected = "not in [0.5, 4) times the core's headroom";
            Err(format!("the exponential of the maximum is {factor:e}, {expected}"))
        }
    }
}

impl Claim {
    fn equal(got: f32, exact: f32) -> Claim {
        Claim { got: f64::from(got), exact: f64::from(exact), relative: 0.0 }
    }

    /// The same bits, also of a NaN.
    fn same(got: f32, exact: f32) -> Claim {
        Claim::equal(if got.to_bits() == exact.to_bits() { 1.0 } else { 0.0 }, 1.0)
    }

    /// The exact value rounded, to either side.
    fn rounded(got: f32, exact: f64) -> Claim {
        Claim { got: f64::from(got), exact, relative: 2.0 * ROUNDING }
    }
}

/// What the passes of a row mean.
struct Truth<'a> {
    x: &'a [f32],
    argmax: usize,
    parameters: Parameters,
    exp: Option<ExpTolerance>,
    /// Relative error of adding the row up.
    summation: f64,
}

impl<'a> Truth<'a> {
    fn new(variant: &PassVariant, x: &'a [f32]) -> Truth<'a> {
        let parameters = Parameters::of(x);
        Truth {
            x,
            argmax: x.iter().position(|&x| x == parameters.max).unwrap_or(0),
            parameters,
            exp: variant.exp.map(|exp| ExpTolerance::new(exp, variant.isa)),
            summation: tolerance::summation(variant, x.len()),
        }
    }

    /// e^(x - max), and its tolerance relative to the exponential of the maximum, which is inexact too.
    fn exponential(&self, x: f32) -> (f64, f64) {
        let (x, max) = (f64::from(x), f64::from(self.parameters.max));
        let relative = match &self.exp {
            // -inf: e^-inf is 0 and must be met exactly.
            Some(exp) if x.is_finite() => exp.relative(x, x - max) + exp.relative(max, 0.0),
            _ => 0.0,
        };
        ((x - max).exp(), relative)
    }

    /// The sum of e^(x - max); the exponentials' tolerances add up in proportion to their values.
    fn sum(&self, got: f64) -> Claim {
        let (mut exact, mut error) = (0.0, 0.0);
        for &x in self.x {
            let (value, relative) = self.exponential(x);
            exact += value;
            error += value * relative;
        }
        Claim { got, exact, relative: error / exact + self.summation }
    }

    /// e^(x - max) for every element, stored as `y` in units of `unit`. What is so small that its quotient is 0 counts as that.
    fn exponentials(&self, y: &[f32], unit: f64) -> Vec<Claim> {
        let claim = |(&y, &x)| {
            let (exact, relative) = self.exponential(x);
            let got = f64::from(y) / unit;
            Claim { got: if got < SMALLEST_NORMAL { 0.0 } else { got }, exact, relative }
        };
        y.iter().zip(self.x).map(claim).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(claim: Claim, max_ulp: Option<u32>) -> Verdict {
        let mut verdict = Verdict::clean();
        verdict.hold(&Row { name: "row".to_owned(), x: vec![] }, &[claim], max_ulp);
        verdict
    }

    #[test]
    fn a_claim_holds_within_its_tolerance_only() {
        let claim = Claim { got: 1.0 + 1e-5, exact: 1.0, relative: 2e-5 };
        assert_eq!(held(claim, None).failure, None);
        assert!(held(claim, Some(4)).failure.is_some());
        assert!(held(Claim { relative: 0.5e-5, ..claim }, None).failure.is_some());
        assert!(held(Claim { got: f64::NAN, ..claim }, None).failure.is_some());
        assert!(held(Claim { got: 1e-30, exact: 0.0, ..claim }, None).failure.is_some());
        assert!((held(claim, None).max_ulp - 83.9).abs() < 0.1);
    }

    #[test]
    fn a_truth_for_the_wrong_maximum_contradicts_a_right_sum() {
        let variant: PassVariant = "f32_sum_exp__avx2_p5_u8".parse().unwrap();
        let truth = Truth::new(&variant, &[1.0, 2.0, 3.0]);
        let right = 1.0 + (-1f64).exp() + (-2f64).exp();
        assert_eq!(held(truth.sum(right), None).failure, None);
        assert!(held(truth.sum(right * 1.0001), None).failure.is_some());
    }

    #[test]
    fn a_common_factor_must_cancel() {
        let exp: Exp = "d5".parse().unwrap();
        let (ok, alone) = (|factor| unit(factor, Some(exp)).is_ok(), |factor| unit(factor, None).is_ok());
        assert!(ok(2.2e9) && ok(1.7e10) && alone(0.5) && alone(3.99));
        assert!(!ok(1.0) && !ok(1.0e9) && !ok(3.5e10) && !ok(f32::NAN) && !alone(0.25) && !alone(4.3e9));
    }
}
