//! The A/A control: a plan is raced against itself, and by how much it seems to win is how far margins can be trusted.
//!
//! Every confirmation round has its leader twice. Whatever makes one of two equal candidates seem faster, such as chance, the
//! order in a round, or a neighbour on the machine, is in that ratio as it is in all others.

use crate::length::Length;
use crate::measuring::bootstrap::bootstrap_interval;
use crate::measuring::statistics::ratios;
use softmax_spec::Plan;
use softmax_spec::profile::{Class, Evidence, Profile, Situation, Trust};
use std::collections::BTreeMap;

/// By how much the ratio of two equal candidates' times may differ from 1: the farther end of its 95 % interval.
pub fn noise(one: &[f64], same: &[f64]) -> f64 {
    let (low, high) = bootstrap_interval(&ratios(one, same));
    (high - 1.0).max(1.0 - low)
}

/// The largest noise that a profile knows of.
pub fn worst(tuned: &Profile) -> Option<f64> {
    let classes = tuned.tables.iter().flat_map(|table| &table.classes);
    let trust = classes.filter_map(|class| class.evidence.as_ref()?.trust.as_ref());
    trust.map(|trust| trust.noise).max_by(f64::total_cmp)
}

/// Whether a gain over the default, or a margin over the runner-up, is less than the noise.
pub fn is_doubtful(trust: &Trust, ratio: f64) -> bool {
    ratio.is_nan() || ratio - 1.0 < trust.noise
}

/// Classes of which a margin is below the noise, in a line; `None` if there are none. A tie claims no margin, nor does a pick
/// that is the default's plan, `default` being the profile that it was measured against.
pub fn doubts(tuned: &Profile, default: &Profile) -> Option<String> {
    let mut doubts: BTreeMap<Situation, Vec<String>> = BTreeMap::new();
    for table in &tuned.tables {
        let situation = table.situation;
        for Class { plan, evidence, .. } in &table.classes {
            let Some(evidence) = evidence else { continue };
            let before = default.plan(situation, evidence.len);
            let doubtful = doubtful(plan, evidence, &before);
            doubts.entry(situation).or_default().extend(doubtful);
        }
    }
    doubts.retain(|_, classes| !classes.is_empty());
    let text =
        |(situation, classes): (&Situation, &Vec<String>)| format!("{situation}: {}", classes.join(", "));
    let lines: Vec<String> = doubts.iter().map(text).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// What is doubtful about a pick, beside the plan that was the default before.
fn doubtful(plan: &Plan, evidence: &Evidence, before: &Plan) -> Option<String> {
    let trust = evidence.trust.as_ref()?;
    let claims = |other: &Plan| other != plan && !evidence.ties.contains(other);
    let runner_up = evidence.runner_up.as_ref().filter(|(other, _)| claims(other)).map(|(_, ratio)| *ratio);
    let gain = claims(before).then_some(evidence.speedup_over_default);
    let margin = |ratio: Option<f64>, over: &str| {
        let ratio = ratio.filter(|&ratio| is_doubtful(trust, ratio))?;
        Some(format!("{:+.2} % over {over}", (ratio - 1.0) * 100.0))
    };
    let margins: Vec<String> =
        [margin(gain, "the default"), margin(runner_up, "the runner-up")].into_iter().flatten().collect();
    let (len, noise) = (Length(evidence.len), trust.noise * 100.0);
    (!margins.is_empty()).then(|| format!("n={len} ({}, noise {noise:.2} %)", margins.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measuring::statistics::uniform;
    use crate::profiles::samples::*;

    /// The noise of a control on a machine that makes each sample longer by `trouble(random, round)`.
    fn control(mut trouble: impl FnMut(&mut u64, usize) -> f64) -> f64 {
        let mut random = 3;
        let mut samples = || -> Vec<f64> { (0..42).map(|round| 0.4 * trouble(&mut random, round)).collect() };
        noise(&samples(), &samples())
    }

    #[test]
    fn noise_is_what_two_equals_differ_by() {
        assert_eq!(control(|_, _| 1.0), 0.0);
        let clean = control(|random, _| 1.0 + 0.01 * uniform(random));
        let noisy = control(|random, _| 1.0 + 0.2 * uniform(random));
        assert!(clean < 0.005 && (0.02..0.2).contains(&noisy), "{clean} {noisy}");
        // Drift hits both, and a few outliers move no median.
        let drifting = control(|random, round| (1.0 + 0.02 * round as f64) * (1.0 + 0.01 * uniform(random)));
        let outliers =
            control(|random, round| if round % 10 == 0 { 5.0 } else { 1.0 + 0.01 * uniform(random) });
        assert!(drifting < 0.006 && outliers < 0.006, "{drifting} {outliers}");
        // Two modes that come by chance for a sample are the same for both in half of the rounds.
        let modes = control(|random, _| if uniform(random) < 0.5 { 1.0 } else { 1.3 });
        assert!(modes < 0.01, "{modes}");
        // For all of a race, they are a difference.
        assert!((noise(&[1.3; 42], &[1.0; 42]) - 0.3).abs() < 1e-12);
    }

    #[test]
    fn a_difference_to_either_side_is_noise() {
        let (one, other) = (vec![1.0; 9], vec![1.25; 9]);
        assert!((noise(&one, &other) - 0.2).abs() < 1e-12);
        assert!((noise(&other, &one) - 0.25).abs() < 1e-12);
    }

    /// What is doubtful about `X` for all rows, at a noise of 2 %: beside the default's `Z`, with a runner-up `Y` and ties.
    fn of(gain: f64, margin: f64, ties: &[&str], default: &str) -> Option<String> {
        let mut own = table(&[(None, X)]);
        let evidence = own.classes[0].evidence.as_mut().unwrap();
        (evidence.speedup_over_default, evidence.runner_up) = (gain, Some((plan(Y), margin)));
        evidence.ties = ties.iter().map(|text| plan(text)).collect();
        evidence.trust = Some(Trust {
            speedup_interval: (gain, gain),
            runner_up_interval: Some((margin, margin)),
            noise: 0.02,
            contended: None,
        });
        doubts(&profile(vec![own]), &profile(vec![table(&[(None, default)])]))
    }

    #[test]
    fn margins_below_the_noise_are_named_with_their_class() {
        assert_eq!(of(1.5, 1.1, &[], Z), None);
        assert_eq!(
            of(1.01, 1.1, &[], Z).unwrap(),
            "f32 avx2, fast, out of place: n=1m (+1.00 % over the default, noise 2.00 %)"
        );
        assert_eq!(
            of(0.99, 1.015, &[], Z).unwrap(),
            "f32 avx2, fast, out of place: n=1m (-1.00 % over the default and +1.50 % over the runner-up, noise 2.00 %)"
        );
        assert!(of(f64::NAN, 1.1, &[], Z).is_some());
    }

    #[test]
    fn where_nothing_is_claimed_nothing_is_doubtful() {
        assert_eq!(of(1.0, 1.1, &[], X), None, "the default's own plan");
        assert_eq!(of(1.01, 1.01, &[Y, Z], Z), None, "ties");
        assert!(of(1.01, 1.01, &[Y], Z).unwrap().contains("(+1.00 % over the default, noise"));
        let older = profile(vec![table(&[(None, X)])]);
        assert_eq!((doubts(&older, &profile(vec![])), worst(&older)), (None, None));
    }
}
