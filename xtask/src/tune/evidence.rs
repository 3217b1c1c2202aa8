//! What the confirmation round says about a pick, in the words of a profile.

use crate::measuring::bootstrap::bootstrap_interval;
use crate::measuring::statistics::{median, ratios};
use softmax_spec::Plan;
use softmax_spec::profile::{Evidence, Trust};

/// Samples of one confirmation round, in nanoseconds per element, all from the same rounds.
pub struct Confirmation<'a> {
    /// Row length in elements.
    pub len: usize,
    /// Of the pick.
    pub pick: &'a [f64],
    /// Of the plan that was the default before.
    pub default: &'a [f64],
    /// Of copying the row.
    pub memcpy: &'a [f64],
    /// Of reading the row; `None` for a batch, whose rows are still in a cache when they are read again.
    pub read_sum: Option<&'a [f64]>,
    /// Of plans of other algorithms.
    pub others: Vec<(Plan, &'a [f64])>,
    /// By how much two equal plans seemed to differ.
    pub noise: f64,
    /// The share of all samples that others had a part in.
    pub contended: Option<f64>,
}

impl Confirmation<'_> {
    /// The evidence for the pick.
    pub fn evidence(&self, ties: Vec<Plan>) -> Evidence {
        let memcpy = median(self.memcpy);
        let time = median(self.pick);
        let gains = ratios(self.default, self.pick);
        let others = self.others.iter().map(|(plan, samples)| (plan, ratios(samples, self.pick)));
        let runner_up = others.min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)));
        Evidence {
            len: self.len,
            ns_per_element: time,
            interval: bootstrap_interval(self.pick),
            memcpy_ns_per_element: memcpy,
            roofline: (self.read_sum.map_or(0.0, median) + memcpy) / time,
            speedup_over_default: median(&gains),
            ties,
            trust: Some(Trust {
                speedup_interval: bootstrap_interval(&gains),
                runner_up_interval: runner_up.as_ref().map(|(_, margins)| bootstrap_interval(margins)),
                noise: self.noise,
                contended: self.contended,
            }),
            runner_up: runner_up.map(|(plan, margins)| (plan.clone(), median(&margins))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_paired_and_the_roofline_is_reading_plus_copying() {
        let plan = |text: &str| text.parse::<Plan>().unwrap();
        let (online, recompute) = (
            plan("online(f32_online_sum__avx2_f5_u32, f32_scale_exp__avx2_f5_u32)"),
            plan(
                "three_pass_recompute(f32_max__avx2_u32, f32_sum_exp__avx2_f5_u32, f32_scale_exp__avx2_f5_u32)",
            ),
        );
        // The machine slows down by half in the last two rounds; ratios do not notice.
        let pick = [0.4, 0.4, 0.4, 0.8, 0.8];
        let scaled = |factor: f64| pick.map(|time| time * factor);
        let (default, slower, slowest) = (scaled(1.5), scaled(1.1), scaled(2.0));
        let confirmation = |read_sum| Confirmation {
            len: 64,
            pick: &pick,
            default: &default,
            memcpy: &[0.1; 5],
            read_sum,
            others: vec![(recompute.clone(), &slowest), (online.clone(), &slower)],
            noise: 0.01,
            contended: None,
        };
        let evidence = confirmation(Some(&[0.06; 5])).evidence(vec![]);
        assert!((confirmation(None).evidence(vec![]).roofline - 0.25).abs() < 1e-12);
        assert_eq!((evidence.len, evidence.ns_per_element, evidence.memcpy_ns_per_element), (64, 0.4, 0.1));
        assert!((evidence.roofline - 0.4).abs() < 1e-12);
        assert!((evidence.speedup_over_default - 1.5).abs() < 1e-12);
        let (plan, ratio) = evidence.runner_up.unwrap();
        assert_eq!(plan, online);
        assert!((ratio - 1.1).abs() < 1e-12);
        // As sure as can be, where the time itself is not.
        let Trust { speedup_interval, runner_up_interval, noise, contended } = evidence.trust.unwrap();
        let is_about =
            |(low, high): (f64, f64), ratio: f64| (low - ratio).abs() + (high - ratio).abs() < 1e-9;
        assert!(is_about(speedup_interval, 1.5) && is_about(runner_up_interval.unwrap(), 1.1));
        assert_eq!((noise, contended), (0.01, None));
        assert!(evidence.interval.0 >= 0.4 && evidence.interval.1 <= 0.8);
    }
}
