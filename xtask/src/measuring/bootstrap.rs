//! The bootstrap: how far a median would move if the same was measured again.

use super::statistics::{next, sorted};

/// Resamples: the ends of a 95 % interval then rest on 50 each.
const RESAMPLES: usize = 2000;

/// The 95 % bootstrap interval of the median (percentile method). The generator is seeded with a constant, so the
/// same samples give the same interval. NaN of no samples.
pub fn bootstrap_interval(samples: &[f64]) -> (f64, f64) {
    if samples.is_empty() {
        return (f64::NAN, f64::NAN);
    }
    let samples = sorted(samples);
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let mut drawn = vec![0; samples.len()];
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill(0);
            samples.iter().for_each(|_| drawn[(next(&mut random) % samples.len() as u64) as usize] += 1);
            (nth(&samples, &drawn, (samples.len() - 1) / 2) + nth(&samples, &drawn, samples.len() / 2)) / 2.0
        })
        .collect();
    let medians = sorted(&medians);
    (medians[RESAMPLES / 40], medians[RESAMPLES - 1 - RESAMPLES / 40])
}

/// The n-th smallest, from 0, of ascending samples each of which was drawn so many times.
fn nth(samples: &[f64], drawn: &[usize], n: usize) -> f64 {
    let mut below = 0;
    let at = drawn.iter().position(|times| {
        below += times;
        below > n
    });
    samples[at.expect("as many were drawn as there are")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measuring::statistics::{median, uniform};

    #[test]
    fn an_interval_holds_the_median_and_repeats_in_any_order() {
        let samples: Vec<f64> = (0..31).map(|i| 1.0 + 0.01 * f64::from(i % 7)).collect();
        let (low, high) = bootstrap_interval(&samples);
        assert!(low <= median(&samples) && median(&samples) <= high && low < high);
        let backwards: Vec<f64> = samples.iter().rev().copied().collect();
        assert_eq!(bootstrap_interval(&backwards), (low, high));
        assert_eq!(bootstrap_interval(&[2.0]), (2.0, 2.0));
        assert!(bootstrap_interval(&[]).0.is_nan());
    }

    #[test]
    fn a_resample_has_the_median_of_what_was_drawn() {
        let samples = [1.0, 2.0, 3.0, 4.0];
        for (drawn, expected) in
            [([1, 1, 1, 1], 2.5), ([0, 4, 0, 0], 2.0), ([2, 0, 0, 2], 2.5), ([0, 1, 0, 3], 4.0)]
        {
            assert_eq!((nth(&samples, &drawn, 1) + nth(&samples, &drawn, 2)) / 2.0, expected, "{drawn:?}");
        }
    }

    /// How many of 400 intervals hold the true median of such samples.
    fn held(truth: f64, mut sample: impl FnMut(&mut u64) -> f64) -> usize {
        let mut random = 11;
        let mut holds = || {
            let samples: Vec<f64> = (0..21).map(|_| sample(&mut random)).collect();
            let (low, high) = bootstrap_interval(&samples);
            low <= truth && truth <= high
        };
        (0..400).filter(|_| holds()).count()
    }

    #[test]
    fn intervals_hold_the_true_median_about_as_often_as_promised() {
        let noisy = held(1.5, |random| 1.0 + uniform(random));
        let outliers = held(1.5, |random| match next(random).is_multiple_of(20) {
            // One to either side, so that the median stays.
            true => 1.5 + 9.0 * (uniform(random) - 0.5),
            false => 1.0 + uniform(random),
        });
        // Two modes of one sample each, so that the median lies anywhere between them.
        let modes = held(1.5, |random| f64::from((next(random) % 2) as u8) + 1.0);
        assert!(noisy >= 360 && outliers >= 360 && modes >= 360, "{noisy} {outliers} {modes}");
    }

    #[test]
    fn two_modes_widen_an_interval_and_a_few_outliers_do_not() {
        let width = |samples: &[f64]| {
            let (low, high) = bootstrap_interval(samples);
            high - low
        };
        let mut random = 5;
        let clean: Vec<f64> = (0..41).map(|_| 1.0 + 0.01 * uniform(&mut random)).collect();
        let modes: Vec<f64> = clean.iter().enumerate().map(|(i, time)| time * [1.0, 1.3][i % 2]).collect();
        let outliers: Vec<f64> =
            clean.iter().enumerate().map(|(i, time)| if i % 10 == 0 { 5.0 * time } else { *time }).collect();
        assert!(width(&modes) > 0.25 && width(&outliers) < 0.01, "{} {}", width(&modes), width(&outliers));
    }
}
