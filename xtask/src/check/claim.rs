//! What a profile claims: per class, how much faster its plan is than the default profile's and than the next best.

use super::verdict::Comparison;
use crate::error::bad_input;
use crate::length::{self, Length};
use crate::measuring::statistics::{median, median_bounds, ratios};
use anyhow::Result;
use softmax_spec::Plan;
use softmax_spec::profile::{Class, Evidence, Profile, Situation};
use std::fmt;

/// Error probability of a measured interval. Smaller than the usual 5 %, because a profile has tens of classes.
pub const ALPHA: f64 = 0.01;

/// A class with what it is to be measured against.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What its table is for.
    pub situation: Situation,
    /// The longest row of the class.
    pub upper: Option<usize>,
    /// Its plan.
    pub plan: Plan,
    /// `None` for a class that claims nothing.
    pub evidence: Option<Evidence>,
    /// What the default profile has for the length of the evidence.
    pub default: Option<Plan>,
}

impl Claim {
    /// The claims of a profile for one situation, by ascending length.
    pub fn all(profile: &Profile, situation: Situation, default: &Profile) -> Result<Vec<Claim>> {
        let classes = profile.table(situation).map(|table| table.classes.as_slice()).unwrap_or_default();
        classes.iter().map(|class| Claim::new(class, situation, default)).collect()
    }

    fn new(class: &Class, situation: Situation, default: &Profile) -> Result<Claim> {
        if let Some(evidence) = &class.evidence {
            require_sense(&class.plan, situation, evidence)
                .map_err(|what| bad_input(format!("{situation}, evidence for {}: {what}", class.plan)))?;
        }
        Ok(Claim {
            situation,
            upper: class.upper,
            plan: class.plan.clone(),
            evidence: class.evidence.clone(),
            default: class.evidence.as_ref().map(|evidence| default.plan(situation, evidence.len)),
        })
    }

    /// The plan of the default profile, if it is another one.
    pub fn other_default(&self) -> Option<&Plan> {
        self.default.as_ref().filter(|&default| *default != self.plan)
    }

    /// The best plan of another algorithm.
    pub fn runner_up(&self) -> Option<&Plan> {
        self.evidence.as_ref()?.runner_up.as_ref().map(|(plan, _)| plan)
    }

    /// Compares the gain over the default with samples of the same rounds.
    pub fn gain(&self, pick: &[f64], default: &[f64]) -> Option<Comparison> {
        let evidence = self.evidence.as_ref()?;
        Some(comparison(evidence, evidence.speedup_over_default, pick, default))
    }

    /// Compares the speed beside memcpy.
    pub fn beside_memcpy(&self, pick: &[f64], memcpy: &[f64]) -> Option<Comparison> {
        let evidence = self.evidence.as_ref()?;
        let claimed = evidence.memcpy_ns_per_element / evidence.ns_per_element;
        Some(comparison(evidence, claimed, pick, memcpy))
    }

    /// Compares the margin over the runner-up.
    pub fn margin(&self, pick: &[f64], runner_up: &[f64]) -> Option<Comparison> {
        let evidence = self.evidence.as_ref()?;
        let (_, ratio) = evidence.runner_up.as_ref()?;
        Some(comparison(evidence, *ratio, pick, runner_up))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.situation)?;
        self.evidence.iter().try_for_each(|evidence| write!(f, ", n={}", Length(evidence.len)))
    }
}

/// The claimed ratio has the relative interval of the pick's time. That of the ratio itself (`Trust`) is of one day, and
/// what else a machine does on another may change the ratio by more.
fn comparison(evidence: &Evidence, claimed: f64, pick: &[f64], rival: &[f64]) -> Comparison {
    let (low, high) = evidence.interval;
    let against = ratios(rival, pick);
    Comparison {
        claimed,
        claimed_interval: (claimed * evidence.ns_per_element / high, claimed * evidence.ns_per_element / low),
        measured: median(&against),
        interval: median_bounds(&against, ALPHA),
    }
}

/// Refuses numbers that no measurement gives.
fn require_sense(plan: &Plan, situation: Situation, evidence: &Evidence) -> Result<(), String> {
    let Evidence { len, ns_per_element: time, interval: (low, high), .. } = *evidence;
    let longest = length::MAX / situation.rows.timed(len);
    if !(1..=longest).contains(&len) {
        return Err(format!("a row length of {len} is not in 1..={longest}"));
    }
    let rivals = evidence.runner_up.as_ref();
    let too_short = |plan: &&Plan| plan.longest_row().is_some_and(|longest| longest < len);
    if let Some(plan) = std::iter::once(plan).chain(rivals.map(|(plan, _)| plan)).find(too_short) {
        return Err(format!("{plan} does not take rows of {len}"));
    }
    match 0.0 < low && low <= time && time <= high {
        true => Ok(()),
        false => Err("the time must be in its interval, above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::is_bad_input;
    use crate::profiles::samples::*;

    fn claim(text: &str, default: &str, gain: f64) -> Claim {
        let mut own = table(&[(None, text)]);
        own.classes[0] = class(None, text, 64, gain);
        own.classes[0].evidence.as_mut().unwrap().runner_up = Some((plan(Y), 1.1));
        let situation = own.situation;
        let default = profile(vec![table(&[(Some(32), W), (None, default)])]);
        Claim::all(&profile(vec![own]), situation, &default).unwrap().remove(0)
    }

    #[test]
    fn a_claim_is_about_the_default_plan_at_its_length_and_the_runner_up() {
        let claim = claim(X, Z, 1.25);
        assert_eq!((claim.other_default(), claim.runner_up()), (Some(&plan(Z)), Some(&plan(Y))));
        assert_eq!(claim.to_string(), "f32 avx2, fast, out of place, n=64");
        assert_eq!(super::tests::claim(X, X, 1.0).other_default(), None);
    }

    #[test]
    fn ratios_are_paired_and_claimed_as_surely_as_the_time() {
        // The machine is half as fast in the last rounds; ratios do not notice.
        let pick = [0.4, 0.4, 0.4, 0.8, 0.8];
        let gain = claim(X, Z, 1.25).gain(&pick, &pick.map(|time| time * 1.5)).unwrap();
        assert!((gain.measured - 1.5).abs() < 1e-12 && gain.claimed == 1.25);
        let (low, high) = gain.claimed_interval;
        assert!((low - 1.25 / 1.01).abs() < 1e-12 && (high - 1.25 / 0.99).abs() < 1e-12);
        let margin = claim(X, Z, 1.25).margin(&pick, &pick.map(|time| time * 1.1)).unwrap();
        assert!(margin.claimed == 1.1 && (margin.interval.0 - 1.1).abs() < 1e-12);
    }

    #[test]
    fn senseless_evidence_is_bad_input() {
        let broken: [fn(&mut Evidence); 5] = [
            |evidence| evidence.len = 0,
            |evidence| evidence.len = usize::MAX,
            |evidence| evidence.ns_per_element = f64::NAN,
            |evidence| evidence.interval = (0.5, 0.6),
            |evidence| evidence.runner_up = Some((plan("resident(f32_softmax__avx2_e3_u32)"), 1.1)),
        ];
        for breaks in broken {
            let mut own = table(&[(None, X)]);
            breaks(own.classes[0].evidence.as_mut().unwrap());
            let situation = own.situation;
            let error = Claim::all(&profile(vec![own]), situation, &profile(vec![])).unwrap_err();
            assert!(is_bad_input(&error) && error.to_string().contains("evidence for two_pass"), "{error}");
        }
    }
}
