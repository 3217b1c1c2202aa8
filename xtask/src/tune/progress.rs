//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use super::clock::Clock;
use crate::{progress, stderr};
use indicatif::ProgressBar;

/// Steps of the bar; finer than it is wide.
const STEPS: u64 = 1000;

/// Where progress goes.
pub struct Progress {
    /// `None` off a terminal.
    bar: Option<ProgressBar>,
    silent: bool,
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub fn new() -> Progress {
        let bar = progress::bar(STEPS, "{elapsed:>4} {bar:12.cyan/dim} {prefix} {wide_msg:.dim}");
        Progress { bar, silent: false }
    }

    /// No output at all.
    #[cfg(test)]
    pub fn silent() -> Progress {
        Progress { bar: None, silent: true }
    }

    /// A step begins.
    pub fn step(&self, clock: &Clock, what: &str) {
        let done = clock.progress();
        match &self.bar {
            Some(bar) => {
                bar.set_position((done * STEPS as f64) as u64);
                bar.set_prefix(format!("{what}, {}", eta(clock)));
                bar.set_message("");
            }
            None if self.silent => {}
            None => stderr::say(format_args!("[{:3.0} s] {what}", clock.elapsed().as_secs_f64())),
        }
    }

    /// Who leads at the moment. Only a bar shows it.
    pub fn leader(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("({what})"));
        }
    }

    /// A line that stays.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| stderr::say(text)),
            None if self.silent => {}
            None => stderr::say(text),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Before this much is done, an extrapolation says nothing.
const TOO_EARLY: f64 = 0.2;

/// Steps may end before their time is up, so the budget is only the upper limit of what is left.
fn eta(clock: &Clock) -> String {
    let (elapsed, done) = (clock.elapsed().as_secs_f64(), clock.progress());
    let limit = clock.remaining().as_secs_f64();
    match done < TOO_EARLY {
        true => format!("at most {limit:.0} s left"),
        false => format!("about {:.0} s left", (elapsed / done * (1.0 - done)).min(limit)),
    }
}
