//! Verdicts on claims. Error bars decide: a claim that something is above a bound agrees if the whole interval is, disagrees if
//! none of it is, and is untested otherwise.

use super::estimate::Estimate;
use serde_json::{Value, json};
use softmax_spec::Isa;
use std::fmt;

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds here.
    Agrees,
    /// It does not.
    Disagrees,
    /// It cannot be tested here, for this reason.
    Untested(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Agrees => "agrees",
            Verdict::Disagrees => "disagrees",
            Verdict::Untested(_) => "untested",
        })
    }
}

/// A claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// For scripts.
    pub id: &'static str,
    /// The ISA that it is tested on; `None` if it is about none.
    pub isa: Option<Isa>,
    /// What is claimed.
    pub what: &'static str,
    /// The paper's figure.
    pub paper: String,
    /// What was measured.
    pub here: String,
    /// Whether that agrees.
    pub verdict: Verdict,
}

impl Claim {
    /// A line for scripts.
    pub fn json(&self) -> Value {
        let reason = if let Verdict::Untested(reason) = &self.verdict { Some(reason) } else { None };
        json!({
            "kind": "claim",
            "id": self.id,
            "isa": self.isa.map(Isa::id),
            "what": self.what,
            "paper": self.paper,
            "here": self.here,
            "verdict": self.verdict.to_string(),
            "reason": reason,
        })
    }
}

/// Whether all are above a bound.
pub fn above(estimates: impl Iterator<Item = Estimate>, bound: f64) -> Verdict {
    let above: Vec<Option<bool>> = estimates.map(|estimate| estimate.is_above(bound)).collect();
    match () {
        () if above.is_empty() => unmeasured(),
        () if above.contains(&Some(false)) => Verdict::Disagrees,
        () if above.contains(&None) => noisy(),
        () => Verdict::Agrees,
    }
}

/// Nothing was measured that the claim is about.
pub fn unmeasured() -> Verdict {
    Verdict::Untested("not measured: a larger --budget may be needed, or longer rows".to_owned())
}

/// It may be so, or not.
pub fn noisy() -> Verdict {
    Verdict::Untested("error bars on both sides: stop what else runs, or raise --effort".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(intervals: &[(f64, f64)]) -> Verdict {
        let estimate = |&(low, high): &(f64, f64)| Estimate { middle: (low + high) / 2.0, low, high };
        above(intervals.iter().map(estimate), 1.0)
    }

    #[test]
    fn a_direction_needs_every_interval_on_its_side() {
        assert_eq!(of(&[(1.01, 1.2), (1.1, 1.3)]), Verdict::Agrees);
        assert_eq!(of(&[(1.01, 1.2), (0.99, 1.3)]), noisy());
        assert_eq!(of(&[(1.01, 1.2), (0.8, 0.99)]), Verdict::Disagrees);
        assert_eq!(of(&[(0.9, 1.2), (0.8, 0.99)]), Verdict::Disagrees);
        assert_eq!(of(&[]), unmeasured());
    }

    #[test]
    fn a_line_for_scripts_has_the_reason_of_what_is_untested() {
        let claim = Claim {
            id: "a",
            isa: Some(Isa::Avx2),
            what: "b",
            paper: "c".to_owned(),
            here: "d".to_owned(),
            verdict: Verdict::Agrees,
        };
        let line = claim.json();
        assert_eq!(
            (&line["isa"], &line["verdict"], &line["reason"]),
            (&json!("avx2"), &json!("agrees"), &Value::Null)
        );
        let line = Claim { isa: None, verdict: unmeasured(), ..claim }.json();
        assert_eq!((&line["isa"], &line["verdict"]), (&Value::Null, &json!("untested")));
        assert!(line["reason"].as_str().unwrap().contains("--budget"));
    }
}
