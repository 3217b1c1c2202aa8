//! A measured number and how sure it is: a time, or the ratio of two times of the same rounds.

use crate::measuring::statistics::{median, median_bounds, ratios};
use serde_json::{Value, json};
use std::fmt;

/// Error probability of an interval.
const ALPHA: f64 = 0.05;

/// Rounds below which even the whole range of the samples is no interval of that probability: 2 (1/2)^6 = 0.03.
pub const LEAST_ROUNDS: usize = 6;

/// A median with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The median.
    pub middle: f64,
    /// Where the true median begins to be likely.
    pub low: f64,
    /// And where it ceases to be.
    pub high: f64,
}

impl Estimate {
    /// Of samples.
    pub fn of(samples: &[f64]) -> Estimate {
        let (low, high) = median_bounds(samples, ALPHA);
        Estimate { middle: median(samples), low, high }
    }

    /// Of a / b, round by round.
    pub fn ratio(a: &[f64], b: &[f64]) -> Estimate {
        Estimate::of(&ratios(a, b))
    }

    /// Half of the interval, relative to the median.
    pub fn uncertainty(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.middle
    }

    /// Times a positive number.
    pub fn times(self, factor: f64) -> Estimate {
        Estimate { middle: self.middle * factor, low: self.low * factor, high: self.high * factor }
    }

    /// Whether it is above a bound; `None` if the bound is in the interval.
    pub fn is_above(&self, bound: f64) -> Option<bool> {
        match () {
            () if self.low > bound => Some(true),
            () if self.high < bound => Some(false),
            () => None,
        }
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        json!({ "median": self.middle, "interval": [self.low, self.high] })
    }
}

/// As a ratio: `1.25 (1.21 to 1.30)`.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2} ({:.2} to {:.2})", self.middle, self.low, self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_in_the_interval_decides_nothing() {
        let estimate = Estimate { middle: 1.2, low: 1.1, high: 1.3 };
        assert_eq!([1.0, 1.2, 1.4].map(|bound| estimate.is_above(bound)), [Some(true), None, Some(false)]);
        assert_eq!(estimate.is_above(1.1), None);
        assert_eq!(estimate.to_string(), "1.20 (1.10 to 1.30)");
        assert!((estimate.uncertainty() - 0.1 / 1.2).abs() < 1e-12);
    }

    #[test]
    fn ratios_are_paired() {
        let slow = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let ratio = Estimate::ratio(&slow.map(|time| time * 1.5), &slow);
        assert_eq!((ratio.low, ratio.middle, ratio.high), (1.5, 1.5, 1.5));
    }

    #[test]
    fn the_least_rounds_are_the_fewest_whose_range_is_an_interval() {
        let chance = |rounds: usize| 2.0 * 0.5f64.powi(rounds as i32);
        assert!(chance(LEAST_ROUNDS) <= ALPHA && chance(LEAST_ROUNDS - 1) > ALPHA);
    }
}
