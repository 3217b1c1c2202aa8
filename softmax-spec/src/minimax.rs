//! The minimax fit that made the tables of [`crate::polynomial`], kept here so that they can be made again
//! (`cargo run --release -p softmax-spec --example fit`) and so that a test can compare.
//!
//! Remez exchange in f64 on the relative error p(t)/f(t) - 1. The coefficients are rounded to f32 one after the
//! other, the lowest degree first, and those not yet rounded are fitted again each time, so that they absorb
//! what rounding changed. The constant is 1, so that the fit is exact at t = 0.
//!
//! With c_0 .. c_{j-1} fixed, what is left is to approximate (f - sum c_i t^i) / t^j by a polynomial under the
//! weight |t|^j / f: a Chebyshev problem like the first one, because the weight is positive away from 0.

use crate::polynomial::Family;

/// Points on which the error is looked at. Its maximum between them is larger by less than 10^-5 of itself.
const GRID_POINTS: usize = 8_001;

/// Exchanges until the reference stops moving; it takes at most ten.
const MAX_EXCHANGES: usize = 40;

/// Coefficients c_0 ..= c_degree of the minimax polynomial for `family`, rounded to f32, c_0 = 1.
pub fn fit(family: Family, degree: usize) -> Vec<f32> {
    let mut rounded = vec![1.0f32];
    while rounded.len() <= degree {
        let free = degree + 1 - rounded.len();
        let coefficients = Problem::new(family, &rounded).solve(free);
        rounded.push(coefficients[0] as f32);
    }
    rounded
}

/// The largest |p(t)/f(t) - 1| over the family's interval, p evaluated in f64.
pub fn max_relative_error(family: Family, coefficients: &[f32]) -> f64 {
    let error = |t: f64| {
        let p = coefficients.iter().rev().fold(0.0, |p, &c| p * t + f64::from(c));
        (p / family.eval(t) - 1.0).abs()
    };
    grid(family, 100_001).map(error).fold(0.0, f64::max)
}

fn grid(family: Family, points: usize) -> impl Iterator<Item = f64> {
    let (low, high) = family.interval();
    (0..points).map(move |i| low + (high - low) * i as f64 / (points - 1) as f64)
}

/// One weighted Chebyshev problem: the points, the target times the weight, and the weight.
struct Problem {
    points: Vec<f64>,
    weighted_target: Vec<f64>,
    weight: Vec<f64>,
}

impl Problem {
    fn new(family: Family, fixed: &[f32]) -> Problem {
        let order = fixed.len() as i32;
        let points: Vec<f64> = grid(family, GRID_POINTS).filter(|&t| t != 0.0).collect();
        let weight: Vec<f64> = points.iter().map(|&t| t.powi(order).abs() / family.eval(t)).collect();
        let weighted_target = points.iter().map(|&t| {
            let known = fixed.iter().rev().fold(0.0, |p, &c| p * t + f64::from(c));
            (1.0 - known / family.eval(t)) * t.powi(order).signum()
        });
        Problem { weighted_target: weighted_target.collect(), points, weight }
    }

    /// The `count` coefficients that minimise the largest weighted error.
    fn solve(&self, count: usize) -> Vec<f64> {
        let mut coefficients = self.least_squares(count);
        let mut reference = Vec::new();
        for _ in 0..MAX_EXCHANGES {
            let exchanged = self.extrema(&coefficients, count + 1);
            if exchanged == reference {
                break;
            }
            coefficients = self.level(&exchanged, count);
            reference = exchanged;
        }
        coefficients
    }

    /// The weighted least-squares fit: a start whose error changes sign at least `count` times, and so has
    /// enough extrema for a first reference.
    fn least_squares(&self, count: usize) -> Vec<f64> {
        let basis = |i: usize, k: usize| self.weight[i] * self.points[i].powi(k as i32);
        let indices = 0..self.points.len();
        let inner = |f: &dyn Fn(usize) -> f64| indices.clone().map(f).sum::<f64>();
        let row = |j: usize| {
            let mut row: Vec<f64> = (0..count).map(|k| inner(&|i| basis(i, j) * basis(i, k))).collect();
            row.push(inner(&|i| basis(i, j) * self.weighted_target[i]));
            row
        };
        solve_linear((0..count).map(row).collect())
    }

    /// The coefficients whose weighted error has the same size and alternating signs on the reference.
    fn level(&self, reference: &[usize], count: usize) -> Vec<f64> {
        let rows = reference.iter().enumerate().map(|(row, &i)| {
            let mut equation: Vec<f64> =
                (0..count).map(|k| self.weight[i] * self.points[i].powi(k as i32)).collect();
            equation.push(if row % 2 == 0 { 1.0 } else { -1.0 });
            equation.push(self.weighted_target[i]);
            equation
        });
        let mut solution = solve_linear(rows.collect());
        solution.truncate(count);
        solution
    }

    fn error(&self, coefficients: &[f64], i: usize) -> f64 {
        let q = coefficients.iter().rev().fold(0.0, |q, c| q * self.points[i] + c);
        self.weighted_target[i] - self.weight[i] * q
    }

    /// `count` points of alternating sign where the error is largest: the extremum of each run of one sign. Of too
    /// many runs the smallest go (rounded coefficients leave tiny ones around 0), an inner one together with a
    /// neighbour, so that signs still alternate.
    fn extrema(&self, coefficients: &[f64], count: usize) -> Vec<usize> {
        let errors: Vec<f64> = (0..self.points.len()).map(|i| self.error(coefficients, i)).collect();
        let mut extrema: Vec<usize> = Vec::new();
        for (i, error) in errors.iter().enumerate() {
            match extrema.last_mut() {
                Some(last) if errors[*last].signum() == error.signum() => {
                    if error.abs() > errors[*last].abs() {
                        *last = i;
                    }
                }
                _ => extrema.push(i),
            }
        }
        while extrema.len() > count {
            let size = |position: usize| errors[extrema[position]].abs();
            let last = extrema.len() - 1;
            let smallest = (0..=last).min_by(|&a, &b| size(a).total_cmp(&size(b))).expect("not empty");
            let interior = smallest > 0 && smallest < last;
            if interior && extrema.len() >= count + 2 {
                // Its neighbours have one sign; only the larger of them stays.
                let neighbour = if size(smallest - 1) < size(smallest + 1) { smallest - 1 } else { smallest };
                extrema.drain(neighbour..neighbour + 2);
            } else {
                extrema.remove(if size(0) < size(last) { 0 } else { last });
            }
        }
        extrema
    }
}

/// Gaussian elimination with row pivoting; each row is its coefficients and the right-hand side.
pub(crate) fn solve_linear(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for column in 0..n {
        let largest = |a: &usize, b: &usize| rows[*a][column].abs().total_cmp(&rows[*b][column].abs());
        let pivot = (column..n).max_by(largest).expect("at least one row is left");
        rows.swap(column, pivot);
        let pivot_row = rows[column].clone();
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot_row[column];
            row.iter_mut().zip(&pivot_row).for_each(|(entry, pivot)| *entry -= factor * pivot);
        }
    }
    let mut solution = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| rows[i][k] * solution[k]).sum();
        solution[i] = (rows[i][n] - known) / rows[i][i];
    }
    solution
}
