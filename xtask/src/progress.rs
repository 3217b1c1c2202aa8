//! Progress on stderr of the commands that take long: a bar on a terminal, plain lines elsewhere.

use crate::stderr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(250);

/// A bar of that many steps on stderr; `None` off a terminal, where it would fill a log.
pub fn bar(steps: u64, template: &'static str) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template(template);
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        bar.set_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(TICK);
        bar
    })
}

/// The progress of so many steps of about the same length.
pub struct Steps {
    /// `None` off a terminal.
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Steps {
    /// A bar if stderr is a terminal.
    pub fn new(steps: usize) -> Steps {
        let bar = bar(steps as u64, "{elapsed:>4} {bar:12.cyan/dim} {pos}/{len} {wide_msg}");
        Steps { bar, started: Instant::now() }
    }

    /// A step begins.
    pub fn begin(&self, what: &impl Display) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_string()),
            None => stderr::say(format_args!("[{:3.0} s] {what}", self.started.elapsed().as_secs_f64())),
        }
    }

    /// A step is done.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
