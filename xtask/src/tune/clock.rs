//! Wall time, shared out among the steps of a search so that it ends in time and no step starves a later one.

use std::time::{Duration, Instant};

/// A budget and the weight of what is still to be done with it.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    budget: Duration,
    total: f64,
    left: f64,
}

impl Clock {
    /// Starts a budget for steps that weigh `total` together.
    pub fn start(budget: Duration, total: f64) -> Clock {
        Clock { started: Instant::now(), budget, total, left: total }
    }

    /// When a step of that weight must be through. What earlier steps did not need is shared among all that follow.
    pub fn step(&mut self, weight: f64) -> Instant {
        let share = (weight / self.left.max(weight)).clamp(0.0, 1.0);
        self.left -= weight;
        Instant::now() + self.remaining().mul_f64(share)
    }

    /// Leaves out steps of that weight.
    pub fn skip(&mut self, weight: f64) {
        self.left -= weight;
    }

    /// Time that has passed.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time that is left of the budget.
    pub fn remaining(&self) -> Duration {
        self.budget.saturating_sub(self.elapsed())
    }

    /// The part of the work that has been started on, 0 to 1.
    pub fn progress(&self) -> f64 {
        (1.0 - self.left / self.total).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_share_what_is_left() {
        let mut clock = Clock::start(Duration::from_secs(100), 4.0);
        let allowed =
            |deadline: Instant| deadline.saturating_duration_since(Instant::now()).as_secs_f64().round();
        assert_eq!(allowed(clock.step(1.0)), 25.0);
        assert_eq!(allowed(clock.step(1.0)), 33.0);
        clock.skip(1.0);
        assert_eq!(clock.progress(), 0.75);
        assert_eq!(allowed(clock.step(1.0)), 100.0);
        assert_eq!(clock.progress(), 1.0);
    }
}
