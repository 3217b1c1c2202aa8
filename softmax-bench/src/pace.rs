//! Pace: how fast a core is for the same arithmetic, from moment to moment.
//!
//! The other thread of an SMT core, and other guests of a hypervisor, slow a thread that keeps its core, and no system counts that. A
//! little arithmetic in registers, which waits for no memory, takes the same time whenever the core is a thread's own. On a virtual Zen 4,
//! where 14 to 27 % of a minute went by with kernels 1.2 to 1.6 times as slow, in bursts of 0.1 to 60 ms, 1.3 us of it before and after a
//! sample of 100 us told of 80 % of the slow ones, and of 4 % of the others; of additions or of multiplications of floats less.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// By this factor slower than at its best the core is not a thread's own: on one that is, 99 of 100 are within 1 %.
const SLOW: f64 = 1.06;

/// Where wide vectors lower the clock, it stays lower after them for up to a millisecond, but not by more than this factor.
const LICENCE: f64 = 1.3;

/// The shortest times that the arithmetic has taken.
#[derive(Debug)]
pub struct Pace {
    best: Duration,
    /// Beside each candidate: the clock is that which its instructions leave.
    beside: Vec<Duration>,
}

impl Pace {
    /// Beside so many candidates.
    pub fn beside(candidates: usize) -> Pace {
        Pace { best: Duration::MAX, beside: vec![Duration::MAX; candidates] }
    }

    /// Whether the core is slower now than it was at its best beside a candidate.
    pub fn is_slow(&mut self, candidate: usize) -> bool {
        // What is cold after a candidate, of this code and the clock's, is not to be timed.
        time(2);
        self.is_slower(candidate, time(TURNS))
    }

    /// Until the core is as fast as at its best beside a candidate, but no longer than that. What it took.
    pub fn wait(&mut self, candidate: usize, at_most: Duration) -> Duration {
        let start = Instant::now();
        while start.elapsed() < at_most && self.is_slow(candidate) {}
        start.elapsed()
    }

    fn is_slower(&mut self, candidate: usize, took: Duration) -> bool {
        self.best = self.best.min(took);
        self.beside[candidate] = self.beside[candidate].min(took);
        let own = self.beside[candidate].as_secs_f64();
        took.as_secs_f64() > SLOW * own.min(LICENCE * self.best.as_secs_f64())
    }
}

/// Of the arithmetic: 1 to 2 us, of which the clock tells 2 %.
const TURNS: usize = 600;

/// What so many turns take, in eight chains of multiplications that do not wait for each other.
#[inline(never)]
fn time(turns: usize) -> Duration {
    /// 2^64 by the golden ratio: any odd number would do.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let start = Instant::now();
    let mut chains = black_box([1, 2, 3, 4, 5, 6, 7, 8]);
    for _ in 0..turns {
        chains = chains.map(|value: u64| value.wrapping_mul(FACTOR).rotate_left(13) ^ 1);
    }
    black_box(chains);
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_what_a_lower_clock_does_not_explain() {
        let mut pace = Pace::beside(2);
        let mut is_slower = |candidate, ns| pace.is_slower(candidate, Duration::from_nanos(ns));
        assert!(!is_slower(0, 1500), "nothing is known");
        assert!(!is_slower(0, 1000) && !is_slower(0, 1050) && is_slower(0, 1070));
        // The other's vectors may lower the clock; then that is its best.
        assert!(!is_slower(1, 1250) && !is_slower(1, 1300) && is_slower(1, 1350));
        let mut pace = Pace::beside(2);
        let mut is_slower = |candidate, ns| pace.is_slower(candidate, Duration::from_nanos(ns));
        assert!(!is_slower(0, 1000) && is_slower(1, 1400) && !is_slower(1, 1100) && is_slower(1, 1200));
    }

    #[test]
    fn waiting_ends() {
        let mut pace = Pace::beside(1);
        assert!(pace.wait(0, Duration::from_secs(60)) < Duration::from_secs(60), "nothing is known");
        (pace.best, pace.beside[0]) = (Duration::ZERO, Duration::ZERO);
        let at_most = Duration::from_millis(2);
        assert!(pace.wait(0, at_most) >= at_most);
    }
}
