//! The one place that writes what is no result: errors, warnings, counts, progress off a terminal.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to stderr. Nobody can be told that stderr is closed, and a command does its work without a reader, so a
/// failure is ignored; `eprintln!` would panic.
pub fn say(line: impl Display) {
    // One write, lest lines of several processes mix.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
