//! What a row must give (docs/SEMANTICS.md), and whether that is what came out.

use softmax_bench::oracle;
use softmax_kernels::{Accuracy, ExtSum, MaskedRow, OnlineSumKernel};

/// The relative error that any row may have: twice what is promised of ordinary ones.
pub fn promised(accuracy: Accuracy) -> f64 {
    let spec = match accuracy {
        Accuracy::Fast => softmax_spec::Accuracy::Fast,
        Accuracy::Accurate => softmax_spec::Accuracy::Accurate,
    };
    2.0 * f64::from(spec.max_ulp()) * f64::from(f32::EPSILON)
}

/// A row's exact results.
pub struct Truth {
    x: Vec<f32>,
    exact: Vec<f64>,
}

/// Subnormal outputs may be off by a few steps of 2^-149, or 0.
const SUBNORMAL: f64 = 4.0 * oracle::SUBNORMAL_STEP;

impl Truth {
    pub fn of(x: Vec<f32>) -> Truth {
        Truth { exact: oracle::softmax(&x), x }
    }

    pub fn x(&self) -> &[f32] {
        &self.x
    }

    /// The first output that is not NaN where that is the answer, exactly 0 for -inf, within `relative` elsewhere; `None` if
    /// all are.
    pub fn wrong(&self, y: &[f32], masked: MaskedRow, relative: f64) -> Option<String> {
        let zero = masked == MaskedRow::Zero && self.is_masked();
        let elements = self.x.iter().zip(&self.exact).zip(y).enumerate();
        let expected = |exact: f64| if zero { 0.0 } else { exact };
        let mut elements = elements.map(|(i, ((&x, &exact), &got))| (i, x, expected(exact), got));
        let (i, x, exact, got) = elements.find(|&(_, x, exact, got)| !is_right(x, exact, got, relative))?;
        let n = self.x.len();
        let row = if n <= 70 { format!(" in {:?}", self.x) } else { String::new() };
        Some(format!("n = {n}, element {i}: {x:e} gave {got:e} instead of {exact:e}{row}"))
    }

    /// Only -inf.
    fn is_masked(&self) -> bool {
        self.x.iter().all(|&x| x == f32::NEG_INFINITY)
    }

    /// Whether [`ExtSum`] promises anything: its elements are up to 8192, and those below -8192 count as nothing, which they
    /// are beside a maximum far enough above. `None` where that is not so; else what it gives.
    pub fn of_ext_sum(&self) -> Option<Truth> {
        const BOUND: f32 = -OnlineSumKernel::START;
        let max = self.x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let is_regular = !self.x.iter().any(|x| x.is_nan()) && max.abs() <= BOUND;
        let exact = match is_regular {
            true if max < 200.0 - BOUND && self.x.iter().any(|&x| x < -BOUND) => return None,
            true => self.exact.clone(),
            false => vec![f64::NAN; self.x.len()],
        };
        Some(Truth { x: self.x.clone(), exact })
    }
}

fn is_right(x: f32, exact: f64, got: f32, relative: f64) -> bool {
    let got = f64::from(got);
    match exact {
        exact if exact.is_nan() => got.is_nan(),
        _ if x == f32::NEG_INFINITY => got == 0.0,
        exact if exact < oracle::SMALLEST_NORMAL * (1.0 + relative) => {
            got == 0.0 || (got - exact).abs() <= relative * exact + SUBNORMAL
        }
        exact => (got / exact - 1.0).abs() <= relative,
    }
}

/// Both functions of [`ExtSum`], on a row in two shards.
pub fn ext_sum(x: &[f32]) -> Vec<f32> {
    let (left, right) = x.split_at(x.len() / 3);
    let mut y = vec![0.5; x.len()];
    ExtSum::of(right).merge(ExtSum::of(left)).normalize(x, &mut y).expect("one length");
    y
}

/// What is right passes, and one output that is wrong does not.
pub fn mistakes_are_seen() -> Result<(), String> {
    const INF: f32 = f32::INFINITY;
    let nan = vec![f32::NAN; 2];
    let rows = [
        (vec![1.0, 1.0], vec![0.5, 0.5], vec![0.5, 0.5001]),
        (vec![1.0, -INF], vec![1.0, 0.0], vec![1.0, 1e-45]),
        (vec![1.0, -100.0], vec![1.0, 0.0], vec![1.0, 2e-44]),
        (vec![1.0, f32::NAN], nan.clone(), vec![f32::NAN, 0.0]),
        (vec![1.0, INF], nan.clone(), vec![f32::NAN, 1.0]),
        (vec![-INF, -INF], nan.clone(), vec![0.0, 0.0]),
        (vec![3.4e38, 3.4e38], vec![0.5, 0.5], nan),
    ];
    for (x, right, wrong) in rows {
        let truth = Truth::of(x.clone());
        let seen = [&right, &wrong].map(|y| truth.wrong(y, MaskedRow::Nan, 1e-5).is_some());
        if seen != [false, true] {
            return Err(format!("{right:?} and {wrong:?} for {x:?}: {seen:?}"));
        }
    }
    let masked = Truth::of(vec![-INF; 2]);
    match masked.wrong(&[0.0; 2], MaskedRow::Zero, 1e-5).or(masked.wrong(
        &[0.0, f32::NAN],
        MaskedRow::Nan,
        1e-5,
    )) {
        Some(what) if what.contains("instead of NaN") => Ok(()),
        other => Err(format!("a masked row: {other:?}")),
    }
}
