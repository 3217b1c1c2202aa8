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
    /// After each candidate, whose instructions may have lowered the clock.
    after: Vec<Duration>,
    /// The candidate that ran last.
    last: usize,
}

impl Pace {
    /// For so many candidates, at least one.
    pub fn of(candidates: usize) -> Pace {
        Pace { best: Duration::MAX, after: vec![Duration::MAX; candidates], last: 0 }
    }

    /// Whether the core is slower, now that a candidate has run, than it was after that one at its best.
    pub fn is_slow_after(&mut self, candidate: usize) -> bool {
        let took = arithmetic();
        self.note(candidate, took);
        self.is_slow(took)
    }

    /// Until the core is as fast as it was at its best after the candidate that ran last, but no longer than that. What it took.
    pub fn wait(&self, at_most: Duration) -> Duration {
        let start = Instant::now();
        while start.elapsed() < at_most && self.is_slow(arithmetic()) {}
        start.elapsed()
    }

    /// Forgets how fast it was after a candidate: that will be run more often in a row, and leave another clock.
    pub fn forget(&mut self, candidate: usize) {
        self.after[candidate] = Duration::MAX;
    }

    fn note(&mut self, candidate: usize, took: Duration) {
        self.last = candidate;
        // A clock that was set back tells nothing.
        if !took.is_zero() {
            self.best = self.best.min(took);
            self.after[candidate] = self.after[candidate].min(took);
        }
    }

    fn is_slow(&self, took: Duration) -> bool {
        let own = self.after[self.last].as_secs_f64();
        took.as_secs_f64() > SLOW * own.min(LICENCE * self.best.as_secs_f64())
    }

    /// One to which every core is slow.
    #[cfg(test)]
    pub fn unreachable(candidates: usize) -> Pace {
        let shortest = Duration::from_nanos(1);
        Pace { best: shortest, after: vec![shortest; candidates], last: 0 }
    }
}

/// What a core is like at the moment: the arithmetic many times, 0.3 ms of it where nobody slows it.
pub fn look() -> Duration {
    const TIMES: usize = 200;
    (0..TIMES).map(|_| arithmetic()).sum()
}

/// What the arithmetic takes, 1 to 2 us. What is cold after a candidate, of this code and the clock's, is not of it.
fn arithmetic() -> Duration {
    const TURNS: usize = 600;
    turns(2);
    turns(TURNS)
}

/// What so many turns take, in eight chains of multiplications that do not wait for each other.
#[inline(never)]
fn turns(count: usize) -> Duration {
    /// 2^64 by the golden ratio: any odd number would do.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let start = Instant::now();
    let mut chains = black_box([1, 2, 3, 4, 5, 6, 7, 8]);
    for _ in 0..count {
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
        let mut pace = Pace::of(2);
        let mut slow = |candidate, ns| {
            let took = Duration::from_nanos(ns);
            pace.note(candidate, took);
            pace.is_slow(took)
        };
        assert!(!slow(0, 1500), "nothing is known");
        assert!(!slow(0, 1000) && !slow(0, 1050) && slow(0, 1070));
        // The other's vectors may lower the clock, and then that is its best, but not by so much.
        assert!(slow(1, 1400) && !slow(1, 1250) && !slow(1, 1300) && slow(1, 1350));
        assert!(!slow(0, 0) && !slow(0, 1050), "a clock that was set back");
        pace.forget(1);
        assert!(!pace.is_slow(Duration::from_nanos(1050)), "the other ran last");
        pace.note(1, Duration::from_nanos(1350));
        assert!(!pace.is_slow(Duration::from_nanos(1370)) && pace.is_slow(Duration::from_nanos(1390)));
    }

    #[test]
    fn waiting_ends() {
        let at_most = Duration::from_millis(2);
        assert!(Pace::unreachable(1).wait(at_most) >= at_most);
    }
}
