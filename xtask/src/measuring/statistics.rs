//! The statistics of timings: medians, paired ratios, and how sure one may be of them.
//!
//! Timings on a shared machine have outliers to one side and drift in time. So nothing here is a mean, and two
//! candidates are compared round by round, where whatever drifts has hit both.

/// The median; NaN of no samples.
pub fn median(samples: &[f64]) -> f64 {
    let sorted = sorted(samples);
    match sorted.len() {
        0 => f64::NAN,
        n if n.is_multiple_of(2) => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        n => sorted[n / 2],
    }
}

/// A sample that at least three quarters are not below; NaN of no samples.
pub fn lower_quartile(samples: &[f64]) -> f64 {
    sorted(samples).get(samples.len() / 4).copied().unwrap_or(f64::NAN)
}

/// Ascending.
pub fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// a / b, round by round, as far as both were sampled.
pub fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

/// An interval that holds the true median with probability of at least 1 - `alpha`, whatever the distribution.
///
/// From order statistics: the median lies below the j-th smallest of n samples with probability
/// P(Bin(n, 1/2) < j). Where n is too small for `alpha`, it is the whole range.
pub fn median_bounds(samples: &[f64], alpha: f64) -> (f64, f64) {
    let sorted = sorted(samples);
    let Some(last) = sorted.len().checked_sub(1) else {
        return (f64::NAN, f64::NAN);
    };
    let outside = outside(sorted.len(), alpha);
    (sorted[outside], sorted[last - outside])
}

/// How many of n sorted samples may be left out at either end: the largest k with P(Bin(n, 1/2) <= k) <= alpha / 2.
fn outside(n: usize, alpha: f64) -> usize {
    let mut term = 0.5f64.powi(n as i32); // P(Bin = 0)
    let mut up_to = term;
    let mut k = 0;
    loop {
        // C(n, k + 1) = C(n, k) (n - k) / (k + 1)
        term *= (n - k) as f64 / (k + 1) as f64;
        up_to += term;
        if up_to > alpha / 2.0 || 2 * (k + 1) >= n {
            return k;
        }
        k += 1;
    }
}

/// SplitMix64.
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 to 1 by [`next`].
#[cfg(test)]
pub fn uniform(state: &mut u64) -> f64 {
    next(state) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_ignore_outliers_and_order() {
        assert_eq!(median(&[3.0, 1.0, 1000.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert_eq!(lower_quartile(&[3.0, 1.0, 2.0]), 1.0);
        assert_eq!(lower_quartile(&[5.0, 4.0, 3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn bounds_leave_out_as_many_as_the_binomial_allows() {
        // From the tables of the sign test, two-sided 5 %.
        for (n, out) in [(1, 0), (2, 0), (3, 0), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5), (25, 7)] {
            assert_eq!(outside(n, 0.05), out, "n = {n}");
        }
        let samples: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(median_bounds(&samples, 0.05), (6.0, 15.0));
    }

    #[test]
    fn bounds_hold_the_true_median_as_often_as_promised() {
        let mut random = 7;
        let mut uniform = || uniform(&mut random);
        let held = (0..1000).filter(|_| {
            let samples: Vec<f64> = (0..15).map(|_| uniform()).collect();
            let (low, high) = median_bounds(&samples, 0.05);
            low <= 0.5 && 0.5 <= high
        });
        assert!(held.count() >= 940);
    }
}
