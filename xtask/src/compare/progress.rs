//! Progress on stderr, shape by shape: a bar on a terminal, plain lines elsewhere.

use super::Shape;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(250);

/// Where progress goes.
pub struct Progress {
    /// `None` off a terminal.
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub fn new(shapes: usize) -> Progress {
        let style = ProgressStyle::with_template("{elapsed:>4} {bar:12.cyan/dim} {pos}/{len} {wide_msg}");
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(shapes as u64), ProgressDrawTarget::stderr());
            bar.set_style(style.expect("the template is a constant"));
            bar.enable_steady_tick(TICK);
            bar
        });
        Progress { bar, started: Instant::now() }
    }

    /// A shape begins.
    pub fn begin(&self, shape: Shape) {
        match &self.bar {
            Some(bar) => bar.set_message(shape.to_string()),
            None => eprintln!("[{:3.0} s] {shape}", self.started.elapsed().as_secs_f64()),
        }
    }

    /// A shape is done.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
