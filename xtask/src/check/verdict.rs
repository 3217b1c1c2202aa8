//! Whether what was measured bears out what was claimed.
//!
//! A ratio to another plan's time has a floor below which it must not fall. It has fallen if its whole interval lies
//! below, it is well if its whole interval lies above, and between the two nothing can be said.
//!
//! A gain is lost if the pick got slower or if the other plan got faster. memcpy, which is not ours, tells which.

use crate::profiles::{PROCESSES_DIFFER, TIE};
use std::fmt;

/// What became of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It says nothing about another plan, so that there is nothing to compare with.
    Unclaimed,
    /// As claimed.
    Ok,
    /// Its gain is beyond what was claimed.
    Improved,
    /// As fast as claimed beside memcpy, but the other plan is faster than it was.
    CaughtUp,
    /// The timings are too noisy to say.
    Inconclusive,
    /// Its plan is slower than the default's or the runner-up, or it gains less than claimed and is slower beside memcpy.
    Regressed,
    /// Its plan is not compiled or computes something else.
    Wrong,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 7] = [
        Verdict::Ok,
        Verdict::Improved,
        Verdict::CaughtUp,
        Verdict::Regressed,
        Verdict::Wrong,
        Verdict::Inconclusive,
        Verdict::Unclaimed,
    ];

    /// As printed.
    pub fn id(self) -> &'static str {
        match self {
            Verdict::Unclaimed => "no evidence",
            Verdict::Ok => "ok",
            Verdict::Improved => "improved",
            Verdict::CaughtUp => "caught up",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Regressed => "regressed",
            Verdict::Wrong => "wrong",
        }
    }

    /// Whether a second look is called for.
    pub fn is_doubtful(self) -> bool {
        matches!(self, Verdict::Regressed | Verdict::Inconclusive)
    }

    /// What another process says about a doubtful class. How a process's memory lies holds for all of its life, so
    /// only a regression in each is one. What is wrong once is wrong.
    pub fn seen_again(self, again: Verdict) -> Verdict {
        match (self, again) {
            (_, Verdict::Wrong) => Verdict::Wrong,
            (Verdict::Regressed, Verdict::Regressed) => Verdict::Regressed,
            (Verdict::Inconclusive, Verdict::Ok | Verdict::Improved | Verdict::CaughtUp) => again,
            _ => Verdict::Inconclusive,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The time of another plan over that of the pick: claimed, and measured now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// As claimed.
    pub claimed: f64,
    /// What that was sure to.
    pub claimed_interval: (f64, f64),
    /// The median now.
    pub measured: f64,
    /// Its interval.
    pub interval: (f64, f64),
}

impl Comparison {
    /// Whether the pick is slower than the other plan, by more than a tie and more than it was.
    fn is_behind(&self) -> Verdict {
        self.above(self.claimed_interval.0.min(1.0) / TIE)
    }

    /// Whether the pick gains as much as claimed.
    fn is_kept(&self) -> Verdict {
        match self.interval.0 > self.claimed_interval.1 * PROCESSES_DIFFER {
            true => Verdict::Improved,
            false => self.above(self.claimed_interval.0 / PROCESSES_DIFFER),
        }
    }

    /// For the time of memcpy and a gain that is lost.
    fn who_changed(&self) -> Verdict {
        match self.above(self.claimed_interval.0 / PROCESSES_DIFFER) {
            Verdict::Ok => Verdict::CaughtUp,
            other => other,
        }
    }

    fn above(&self, floor: f64) -> Verdict {
        match self.interval {
            (_, high) if high < floor => Verdict::Regressed,
            (low, _) if low >= floor => Verdict::Ok,
            _ => Verdict::Inconclusive,
        }
    }
}

/// The verdict on a class: its plan must be behind neither plan, and its gain over the default must be kept. Where the
/// pick is the default, its margin over the runner-up must be; elsewhere a runner-up may catch up.
pub fn judge(gain: Option<Comparison>, margin: Option<Comparison>, copying: Option<Comparison>) -> Verdict {
    let behind = [gain, margin].into_iter().flatten().map(|comparison| comparison.is_behind());
    let kept = gain.or(margin).map(|comparison| match (comparison.is_kept(), copying) {
        (Verdict::Regressed, Some(copying)) => copying.who_changed(),
        (kept, _) => kept,
    });
    behind.chain(kept).max().unwrap_or(Verdict::Unclaimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(claimed: f64, low: f64, high: f64) -> Option<Comparison> {
        let claimed_interval = (claimed * 0.99, claimed * 1.01);
        Some(Comparison { claimed, claimed_interval, measured: (low + high) / 2.0, interval: (low, high) })
    }

    #[test]
    fn a_gain_is_judged_by_its_whole_interval() {
        for (claimed, low, high, expected) in [
            (1.30, 1.28, 1.32, Verdict::Ok),
            (1.30, 1.24, 1.26, Verdict::Ok),
            (1.30, 1.10, 1.20, Verdict::Regressed),
            (1.30, 1.10, 1.40, Verdict::Inconclusive),
            (1.30, 1.40, 1.50, Verdict::Improved),
            // As fast as the default, which is what was claimed; a tie that was lost by a little; clearly slower.
            (1.00, 0.99, 1.01, Verdict::Ok),
            (0.985, 0.98, 0.99, Verdict::Ok),
            (1.00, 0.90, 0.95, Verdict::Regressed),
            // Slower than the default, although the claim was so small that its own tolerance would allow it.
            (1.01, 0.955, 0.97, Verdict::Regressed),
        ] {
            let verdict = judge(against(claimed, low, high), None, None);
            assert_eq!(verdict, expected, "{claimed}: {low} to {high}");
        }
    }

    #[test]
    fn a_runner_up_may_catch_up_but_not_overtake() {
        let gain = against(1.3, 1.29, 1.31);
        assert_eq!(judge(gain, against(1.4, 1.05, 1.1), None), Verdict::Ok);
        assert_eq!(judge(gain, against(1.4, 0.9, 0.95), None), Verdict::Regressed);
        assert_eq!(judge(gain, against(1.4, 0.9, 1.2), None), Verdict::Inconclusive);
    }

    #[test]
    fn memcpy_tells_whether_the_pick_got_slower_or_the_other_faster() {
        let lost = against(1.3, 1.1, 1.2);
        for (low, high, expected) in [
            (0.25, 0.26, Verdict::CaughtUp),
            (0.20, 0.22, Verdict::Regressed),
            (0.20, 0.26, Verdict::Inconclusive),
        ] {
            assert_eq!(judge(lost, None, against(0.25, low, high)), expected, "{low} to {high}");
        }
        let slow_memcpy = against(0.25, 0.2, 0.22);
        assert_eq!(judge(against(1.3, 1.28, 1.32), None, slow_memcpy), Verdict::Ok);
        assert_eq!(judge(against(1.3, 0.9, 0.95), None, against(0.25, 0.25, 0.26)), Verdict::Regressed);
    }

    #[test]
    fn where_the_pick_is_the_default_its_margin_counts() {
        assert_eq!(judge(None, against(1.4, 1.05, 1.1), None), Verdict::Regressed);
        assert_eq!(judge(None, against(1.4, 1.39, 1.41), None), Verdict::Ok);
        assert_eq!(judge(None, None, None), Verdict::Unclaimed);
    }

    #[test]
    fn only_what_every_process_finds_is_a_regression() {
        use Verdict::{Improved, Inconclusive, Ok, Regressed, Wrong};
        for (first, second, expected) in [
            (Regressed, Regressed, Regressed),
            (Regressed, Ok, Inconclusive),
            (Regressed, Inconclusive, Inconclusive),
            (Inconclusive, Regressed, Inconclusive),
            (Inconclusive, Inconclusive, Inconclusive),
            (Inconclusive, Ok, Ok),
            (Inconclusive, Improved, Improved),
            (Regressed, Wrong, Wrong),
            (Inconclusive, Wrong, Wrong),
        ] {
            assert_eq!(first.seen_again(second), expected, "{first} {second}");
        }
    }
}
