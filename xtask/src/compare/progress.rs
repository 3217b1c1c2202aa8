//! Progress on stderr, shape by shape: a bar on a terminal, plain lines elsewhere.

use super::Shape;
use crate::{progress, stderr};
use indicatif::ProgressBar;
use std::time::Instant;

/// Where progress goes.
pub struct Progress {
    /// `None` off a terminal.
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub fn new(shapes: usize) -> Progress {
        let bar = progress::bar(shapes as u64, "{elapsed:>4} {bar:12.cyan/dim} {pos}/{len} {wide_msg}");
        Progress { bar, started: Instant::now() }
    }

    /// A shape begins.
    pub fn begin(&self, shape: Shape) {
        match &self.bar {
            Some(bar) => bar.set_message(shape.to_string()),
            None => stderr::say(format_args!("[{:3.0} s] {shape}", self.started.elapsed().as_secs_f64())),
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
