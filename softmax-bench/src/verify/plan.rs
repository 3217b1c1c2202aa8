//! Whole softmaxes against the oracle: ordinary rows for accuracy, special rows for meaning, out of place and in
//! place, unaligned and between canaries.

use super::{Batches, Softmax, Verdict};
use crate::oracle::{self, SMALLEST_NORMAL, SUBNORMAL_STEP};
use crate::rows::{self, Row};
use crate::tolerance::{PlanTolerance, ROUNDING};
use softmax_kernels::ComposedPlan;
use softmax_spec::{PassVariant, Plan};

/// Checks a plan.
pub(super) fn verify(plan: &Plan, compiled: &ComposedPlan, max_ulp: Option<u32>) -> Verdict {
    let tolerance = PlanTolerance::new(plan, max_ulp);
    let tiles: Vec<usize> = plan.passes().iter().map(PassVariant::tile_elements).collect();
    let widest = tiles.iter().copied().max().unwrap_or(1);
    let windows: Vec<usize> = plan.passes().iter().filter_map(rows::beyond_window).collect();
    let mut verdict = Verdict::clean();
    let lengths = [rows::lengths(tiles), windows.clone()].concat();
    for row in rows::ordinary(&lengths).chain(rows::dominated(&lengths)).chain(rows::constant(&windows)) {
        verdict.check(compiled, &row, &Allowance::ordinary(&tolerance));
    }
    let longest = plan.longest_row().unwrap_or(0);
    for row in rows::ordinary(&lengths).filter(|row| (1..=longest).contains(&row.x.len())) {
        verdict.check_batch(compiled, &row);
    }
    // A row without a full block, and one with blocks, a remainder and a tail.
    let special = [5, 4 * widest + 3].into_iter().flat_map(rows::special);
    // What a comparison can swallow in some lane of some loop: a NaN, an infinity, and the maximum, without which
    // e^200 overflows.
    let lanes = plan.passes().iter().map(PassVariant::lanes).max().unwrap_or(1);
    let len = 2 * widest + lanes + 1;
    let special =
        special.chain([f32::NAN, f32::INFINITY, 200.0].into_iter().flat_map(|v| rows::spikes(len, v)));
    let mut extremes = Verdict::clean();
    for row in special.chain(rows::rising(LONG)) {
        extremes.check(compiled, &row, &Allowance::special(&tolerance));
    }
    Verdict { max_ulp: verdict.max_ulp, failure: verdict.failure.or(extremes.failure) }
}

/// Rows of a batch: kernels that take whole rows have several in flight, and then some are left over.
const BATCH: usize = 11;

/// Elements of rows that blocked algorithms take in several blocks.
const LONG: usize = 50_000;

/// Checks a peer on ordinary rows alone: what it does with special ones is its own affair.
pub(super) fn verify_peer(peer: &dyn Softmax, max_ulp: Option<u32>) -> Verdict {
    let allowance = Allowance { ulp: max_ulp.map_or(f64::INFINITY, f64::from), per_distance: 0.0 };
    let mut verdict = Verdict::clean();
    for row in rows::ordinary(&rows::lengths([])) {
        verdict.check(peer, &row, &allowance);
    }
    verdict
}

/// ULP that an output may be off.
struct Allowance {
    ulp: f64,
    per_distance: f64,
}

/// Outputs below the normals may be off by this many steps of 2^-149 beside their relative error: the roundings of
/// the exponential, of the factor's product, and of the oracle's own value.
const SUBNORMAL_STEPS: f64 = 4.0;

impl Allowance {
    fn ordinary(tolerance: &PlanTolerance) -> Allowance {
        Allowance { ulp: tolerance.ordinary_ulp, per_distance: 0.0 }
    }

    fn special(tolerance: &PlanTolerance) -> Allowance {
        Allowance { ulp: tolerance.special_ulp, per_distance: tolerance.ulp_per_distance }
    }

    /// The error of `got` in ULP if `exact` is a normal float, and whether it is acceptable.
    fn judge(&self, distance: f64, exact: f64, got: f32) -> (Option<u32>, bool) {
        if exact.is_nan() {
            return (None, got.is_nan());
        }
        // Without this an infinite distance times a slope of 0 is NaN. A masked element is exactly 0.
        if distance == f64::INFINITY {
            return (None, got == 0.0);
        }
        let ulp = self.ulp + self.per_distance * distance;
        // Within the error above the border, a right result may already be subnormal, and thus 0; never more than
        // one binade above it, however generous the allowance is.
        let relative = (2.0 * ROUNDING * ulp).min(1.0);
        if exact < SMALLEST_NORMAL * (1.0 + relative) {
            let error = (f64::from(got) - exact).abs();
            return (None, got == 0.0 || error <= relative * exact + SUBNORMAL_STEPS * SUBNORMAL_STEP);
        }
        let error = oracle::ulp_distance(got, exact as f32);
        (Some(error), f64::from(error) <= ulp)
    }
}

impl Verdict {
    fn check(&mut self, softmax: &dyn Softmax, row: &Row, allowance: &Allowance) {
        let exact = oracle::softmax(&row.x);
        let mut between = Canaries::around(&row.x);
        let run = softmax.run(&row.x, between.row());
        if let Err(error) = run {
            self.fail(|| format!("{}: refused: {error:#}", row.name));
            return;
        }
        self.compare(row, "out of place", &exact, &mut between, allowance);
        let mut between = Canaries::around(&row.x);
        if let Err(error) = softmax.run_in_place(between.row()) {
            self.fail(|| format!("{}: refused in place: {error:#}", row.name));
            return;
        }
        self.compare(row, "in place", &exact, &mut between, allowance);
    }

    /// Each row of a batch must be as it is alone, out of place and in place.
    fn check_batch(&mut self, softmax: &dyn Batches, row: &Row) {
        let len = row.x.len();
        let x: Vec<f32> = (0..BATCH).flat_map(|i| row.x.iter().map(move |x| x + i as f32)).collect();
        let mut between = [Canaries::around(&x), Canaries::around(&x)];
        let [out_of_place, in_place] = &mut between;
        let mut alone = x.clone();
        let run = softmax.run_rows(&x, out_of_place.row(), len);
        let run = run.and_then(|()| softmax.run_rows_in_place(in_place.row(), len));
        let run = run.and_then(|()| alone.chunks_mut(len).try_for_each(|x| softmax.run_in_place(x)));
        if let Err(error) = run {
            self.fail(|| format!("{}, in a batch: refused: {error:#}", row.name));
            return;
        }
        for (how, got) in ["out of place", "in place"].into_iter().zip(&mut between) {
            let differs =
                got.row().iter().zip(&alone).position(|(got, alone)| got.to_bits() != alone.to_bits());
            if let Some(i) = differs {
                self.fail(|| {
                    format!("{}, {how}: row {} of a batch is not what it is alone", row.name, i / len)
                });
            }
            if !got.untouched() {
                self.fail(|| format!("{}, {how}: wrote outside the batch", row.name));
            }
        }
    }

    fn compare(&mut self, row: &Row, how: &str, exact: &[f64], got: &mut Canaries, allowance: &Allowance) {
        if !got.untouched() {
            self.fail(|| format!("{}, {how}: wrote outside the row", row.name));
        }
        let max = row.x.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
        for (i, ((&x, &exact), &mut got)) in row.x.iter().zip(exact).zip(got.row()).enumerate() {
            let (ulp, acceptable) = allowance.judge(max - f64::from(x), exact, got);
            self.max_ulp = self.max_ulp.max(ulp.map_or(0.0, f64::from));
            if !acceptable {
                let off = ulp.map(|ulp| format!(", {ulp} ULP off")).unwrap_or_default();
                self.fail(|| {
                    format!(
                        "{}, {how}: element {i}: x = {x:e} gives {got:e} instead of {exact:e}{off}",
                        row.name
                    )
                });
            }
        }
    }
}

/// A copy of a row at an odd alignment between sentinels.
struct Canaries {
    values: Vec<f32>,
    len: usize,
}

impl Canaries {
    const MARGIN: usize = 67;
    const SENTINEL: f32 = -12345.678;

    fn around(x: &[f32]) -> Canaries {
        let mut values = vec![Canaries::SENTINEL; x.len() + 2 * Canaries::MARGIN];
        values[Canaries::MARGIN..][..x.len()].copy_from_slice(x);
        Canaries { values, len: x.len() }
    }

    fn row(&mut self) -> &mut [f32] {
        &mut self.values[Canaries::MARGIN..][..self.len]
    }

    fn untouched(&self) -> bool {
        let (before, rest) = self.values.split_at(Canaries::MARGIN);
        before.iter().chain(&rest[self.len..]).all(|&value| value == Canaries::SENTINEL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;

    /// The oracle rounded to f32, spoilt by a function of (index, length, value).
    struct Spoilt<F: Fn(usize, usize, f32) -> f32>(F);

    impl<F: Fn(usize, usize, f32) -> f32> Softmax for Spoilt<F> {
        fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
            y.copy_from_slice(x);
            self.run_in_place(y)
        }

        fn run_in_place(&self, x: &mut [f32]) -> Result<()> {
            let (exact, len) = (oracle::softmax(x), x.len());
            for (i, (x, exact)) in x.iter_mut().zip(exact).enumerate() {
                *x = (self.0)(i, len, exact as f32);
            }
            Ok(())
        }
    }

    const STRICT: Allowance = Allowance { ulp: 4.0, per_distance: 0.0 };

    fn verdict(softmax: &dyn Softmax) -> Verdict {
        let mut verdict = Verdict::clean();
        for row in rows::ordinary(&[1, 17, 1000]).chain(rows::special(67)) {
            verdict.check(softmax, &row, &STRICT);
        }
        verdict
    }

    #[test]
    fn the_truth_passes() {
        assert_eq!(verdict(&Spoilt(|_, _, y| y)), Verdict::clean());
    }

    #[test]
    fn flushing_subnormals_passes() {
        let flush = |_, _, y: f32| if y.is_subnormal() { 0.0 } else { y };
        assert_eq!(verdict(&Spoilt(flush)).failure, None);
    }

    #[test]
    fn every_kind_of_mistake_is_caught() {
        let failure = |spoilt: &dyn Softmax| verdict(spoilt).failure.expect("a failure");
        let last = failure(&Spoilt(|i, len, y| if i + 1 == len && len == 1000 { y * 1.001 } else { y }));
        assert!(last.contains("n = 1000, out of place: element 999"), "{last}");
        assert!(last.contains("ULP off"), "{last}");
        let scaled = failure(&Spoilt(|_, _, y| f32::from_bits(y.to_bits() + 5)));
        assert!(scaled.contains("5 ULP off"), "{scaled}");
        let zeros = failure(&Spoilt(|_, _, y| if y.is_nan() { 0.0 } else { y }));
        assert!(zeros.contains("NaN"), "{zeros}");
        let positive = failure(&Spoilt(|_, _, y| if y == 0.0 { f32::from_bits(1) } else { y }));
        assert!(positive.contains("-inf"), "{positive}");
        let coarse = failure(&Spoilt(|_, _, y| if y.is_subnormal() { y * 1.25 } else { y }));
        assert!(coarse.contains("e-"), "{coarse}");
    }

    /// The oracle, but that in one row of a batch an element is off.
    struct SpoiltIn {
        row: usize,
    }

    const TRUTH: Spoilt<fn(usize, usize, f32) -> f32> = Spoilt(|_, _, y| y);

    impl Batches for SpoiltIn {
        fn run_rows(&self, x: &[f32], y: &mut [f32], row_len: usize) -> Result<()> {
            y.copy_from_slice(x);
            self.run_rows_in_place(y, row_len)
        }

        fn run_rows_in_place(&self, x: &mut [f32], row_len: usize) -> Result<()> {
            for (i, row) in x.chunks_mut(row_len).enumerate() {
                TRUTH.run_in_place(row)?;
                if i == self.row {
                    row[row_len - 1] = row[row_len - 1].next_up();
                }
            }
            Ok(())
        }
    }

    impl Softmax for SpoiltIn {
        fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
            TRUTH.run(x, y)
        }

        fn run_in_place(&self, x: &mut [f32]) -> Result<()> {
            TRUTH.run_in_place(x)
        }
    }

    #[test]
    fn a_row_that_is_another_in_a_batch_is_caught() {
        let failure = |row: usize| {
            let mut verdict = Verdict::clean();
            verdict.check_batch(&SpoiltIn { row }, &rows::ordinary(&[17]).next().unwrap());
            verdict.failure
        };
        assert_eq!(failure(BATCH), None);
        for row in [0, 3, BATCH - 1] {
            assert!(failure(row).unwrap().contains(&format!("row {row} of a batch is not what it is alone")));
        }
    }

    #[test]
    fn the_verdict_counts_ulp() {
        assert_eq!(verdict(&Spoilt(|_, _, y| if y == 1.0 { y.next_down() } else { y })).max_ulp, 1.0);
    }

    #[test]
    fn an_unlimited_allowance_still_counts_ulp() {
        let peer = verify_peer(&Spoilt(|_, _, y| f32::from_bits(y.to_bits() + 1000)), None);
        assert_eq!(peer, Verdict { max_ulp: 1000.0, failure: None });
    }

    #[test]
    fn writing_outside_the_row_is_seen() {
        let mut canaries = Canaries::around(&[1.0, 2.0]);
        assert!(canaries.untouched());
        canaries.row().fill(0.0);
        assert!(canaries.untouched());
        canaries.values[Canaries::MARGIN + 2] = 0.0;
        assert!(!canaries.untouched());
    }
}
