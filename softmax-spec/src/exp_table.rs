//! The table of the table cores: e^x = 2^n e^t for n = i + j/32 next to x * log2 e, with 2^(j/32) looked up and a
//! quadratic for e^t on |t| <= ln 2 / 64.
//!
//! The quadratic is a square and a constant, c ((t + a)^2 + b), so that it takes one fused operation: c goes into the
//! table, and t + a = x - (n - a / ln 2) ln 2 costs nothing where a is a multiple of ln 2 / 32. The best a is close to
//! 1, and 46/32 ln 2 = 0.9964 close enough: the error is 1.8e-7, a third of it from rounding the table.

use crate::minimax::solve_linear;
use std::f64::consts::LN_2;

/// Entries of the table.
pub const ENTRIES: usize = 32;

/// Degree of the polynomial beside it.
pub const DEGREE: u8 = 2;

/// a / ln 2, exact in f32.
pub const SQUARE_SHIFT: f32 = 46.0 / ENTRIES as f32;

/// Rounding log2 e to f32 moves x * log2 e by up to 1/64 of half a step for |x| up to 2^13.
const MARGIN: f64 = 1.0 + 1.0 / 64.0;

/// The quadratic and the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quadratic {
    /// b.
    pub constant: f32,
    /// c 2^(j/32).
    pub table: [f32; ENTRIES],
    /// Largest |c ((t + a)^2 + b) / e^t - 1| on the interval in exact arithmetic, the rounding of the table included,
    /// rounded up.
    pub max_relative_error: f64,
}

/// Printed by `cargo run --release -p softmax-spec --example fit`.
#[rustfmt::skip]
pub static QUADRATIC: Quadratic = Quadratic { constant: 0.9999464, table: [0.50181717, 0.5128055, 0.5240345, 0.53550935, 0.5472355, 0.5592184, 0.57146364, 0.5839771, 0.5967645, 0.609832, 0.6231856, 0.6368315, 0.6507763, 0.6650265, 0.6795887, 0.6944697, 0.7096766, 0.7252165, 0.7410967, 0.7573246, 0.77390784, 0.7908542, 0.8081717, 0.8258683, 0.8439525, 0.86243266, 0.88131744, 0.9006158, 0.9203367, 0.9404895, 0.96108353, 0.9821285], max_relative_error: 1.78e-7 };

/// Remez exchange on c (t + a)^2 + d, whose relative error has three extrema, then b = d / c rounded to f32 and c
/// fitted again.
pub fn fit() -> Quadratic {
    let (mut c, mut d) = (0.5, 0.5);
    let mut reference = [-half_width(), 0.0, half_width()];
    for _ in 0..20 {
        let rows = reference
            .iter()
            .zip([1.0, -1.0, 1.0])
            .map(|(&t, sign)| vec![(t + shift()).powi(2) * (-t).exp(), (-t).exp(), sign, 1.0]);
        let solution = solve_linear(rows.collect());
        (c, d) = (solution[0], solution[1]);
        reference = extrema(c, d);
    }
    let constant = (d / c) as f32;
    let levels = points().map(|t| level(constant, t));
    let (low, high) = levels.fold((f64::MAX, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
    let c = 2.0 / (low + high);
    let table = std::array::from_fn(|j| (c * (j as f64 / ENTRIES as f64).exp2()) as f32);
    Quadratic { constant, table, max_relative_error: max_relative_error(constant, &table) * 1.005 }
}

/// The largest relative error over the interval and the table.
pub fn max_relative_error(constant: f32, table: &[f32; ENTRIES]) -> f64 {
    let factors =
        || table.iter().enumerate().map(|(j, &c)| f64::from(c) / (j as f64 / ENTRIES as f64).exp2());
    let errors = points().flat_map(|t| factors().map(move |c| (c * level(constant, t) - 1.0).abs()));
    errors.fold(0.0, f64::max)
}

/// ((t + a)^2 + b) / e^t, which c makes 1 as nearly as may be.
fn level(constant: f32, t: f64) -> f64 {
    ((t + shift()).powi(2) + f64::from(constant)) * (-t).exp()
}

/// a, with the ln 2 that the kernels multiply by.
fn shift() -> f64 {
    f64::from(SQUARE_SHIFT) * f64::from(std::f32::consts::LN_2)
}

fn half_width() -> f64 {
    LN_2 / (2.0 * ENTRIES as f64) * MARGIN
}

fn points() -> impl Iterator<Item = f64> {
    (0..=2000).map(|i| half_width() * (f64::from(i) / 1000.0 - 1.0))
}

/// Where the error of c (t + a)^2 + d is largest: the ends, and between them the point of the other sign.
fn extrema(c: f64, d: f64) -> [f64; 3] {
    let error = |t: f64| (c * (t + shift()).powi(2) + d) * (-t).exp() - 1.0;
    let sign = error(half_width()).signum();
    let inner = points().min_by(|&s, &t| (sign * error(s)).total_cmp(&(sign * error(t))));
    [-half_width(), inner.expect("the interval has points"), half_width()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refit_gives_the_same_table() {
        let fitted = fit();
        assert_eq!((fitted.constant, fitted.table), (QUADRATIC.constant, QUADRATIC.table));
    }

    #[test]
    fn the_stated_error_is_true_and_tight() {
        let error = max_relative_error(QUADRATIC.constant, &QUADRATIC.table);
        assert!(
            error <= QUADRATIC.max_relative_error && error >= 0.9 * QUADRATIC.max_relative_error,
            "{error:e}"
        );
    }
}
