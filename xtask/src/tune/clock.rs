//! Time, shared out among the steps of a search so that it ends in time and no step starves a later one.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How long a search has taken. It goes on with every answer of the machine and stands still between them, so that
/// what a search does depends on answers alone: replayed from its journal it asks the same questions again.
#[derive(Debug, Clone, Default)]
pub struct Time(Rc<Cell<Duration>>);

impl Time {
    /// Since the search began.
    pub fn now(&self) -> Duration {
        self.0.get()
    }

    /// An answer has taken that long.
    pub fn pass(&self, duration: Duration) {
        self.0.set(self.now() + duration);
    }

    /// What is that far ahead.
    pub fn after(&self, duration: Duration) -> Deadline {
        Deadline { time: self.clone(), at: Cell::new(self.now() + duration), grace: Cell::new(GRACE) }
    }
}

/// When something must be through.
#[derive(Debug, Clone)]
pub struct Deadline {
    time: Time,
    at: Cell<Duration>,
    /// By how much it may still be put off.
    grace: Cell<Duration>,
}

/// The most that a deadline is put off by, so that a search whose last steps are kept from their work ends in time all the same.
const GRACE: Duration = Duration::from_secs(5);

impl Deadline {
    /// The time that it is about.
    pub fn time(&self) -> &Time {
        &self.time
    }

    /// What is left until then.
    pub fn left(&self) -> Duration {
        self.at.get().saturating_sub(self.time.now())
    }

    /// Puts it off by what others kept the work from, within reason.
    pub fn put_off(&self, by: Duration) {
        let by = by.min(self.grace.get());
        self.grace.set(self.grace.get() - by);
        self.at.set(self.at.get() + by);
    }

    /// Whether nothing is left.
    pub fn has_passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// A budget and the weight of what is still to be done with it.
#[derive(Debug)]
pub struct Clock {
    time: Time,
    budget: Duration,
    total: f64,
    left: f64,
    is_complete: bool,
}

impl Clock {
    /// A budget of `time` for steps that weigh `total` together.
    pub fn new(time: Time, budget: Duration, total: f64) -> Clock {
        Clock { time, budget, total, left: total, is_complete: true }
    }

    /// When steps that weigh so much together must be through. What earlier ones did not need is shared among all that follow.
    pub fn share(&self, weight: f64) -> Deadline {
        let share = if weight > 0.0 { weight / self.left.max(weight) } else { 0.0 };
        self.time.after(self.remaining().mul_f64(share))
    }

    /// Begins a step of that weight. When it must be through.
    pub fn step(&mut self, weight: f64) -> Deadline {
        let deadline = self.share(weight);
        self.left -= weight;
        deadline
    }

    /// Leaves out steps of that weight.
    pub fn skip(&mut self, weight: f64) {
        self.left -= weight;
        self.cut_short();
    }

    /// Notes that a step was not done in full.
    pub fn cut_short(&mut self) {
        self.is_complete = false;
    }

    /// Whether every step so far was done in full.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Time that has passed.
    pub fn elapsed(&self) -> Duration {
        self.time.now()
    }

    /// Time that is left of the budget.
    pub fn remaining(&self) -> Duration {
        self.budget.saturating_sub(self.elapsed())
    }

    /// The weight of what has not been started on.
    #[cfg(test)]
    pub fn left(&self) -> f64 {
        self.left
    }

    /// The part of the work that has been started on, 0 to 1.
    pub fn progress(&self) -> f64 {
        (1.0 - self.left / self.total).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn steps_share_what_is_left() {
        let time = Time::default();
        let mut clock = Clock::new(time.clone(), 100 * SECOND, 4.0);
        assert_eq!(clock.share(2.0).left(), 50 * SECOND);
        assert_eq!(clock.step(1.0).left(), 25 * SECOND);
        time.pass(10 * SECOND);
        assert_eq!(clock.step(1.0).left(), 30 * SECOND);
        assert!(clock.is_complete());
        clock.skip(1.0);
        assert!(!clock.is_complete());
        assert_eq!(clock.progress(), 0.75);
        let last = clock.step(1.0);
        assert_eq!((last.left(), clock.progress()), (90 * SECOND, 1.0));
        time.pass(89 * SECOND);
        assert!(!last.has_passed());
        time.pass(SECOND);
        assert!(last.has_passed() && clock.remaining().is_zero());
        last.put_off(3 * SECOND);
        assert_eq!(last.left(), 3 * SECOND);
        last.put_off(3 * SECOND);
        assert_eq!(last.left(), GRACE);
    }
}
