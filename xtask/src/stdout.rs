//! The one place that writes results.

use anyhow::{Context, Result};
use std::io::{self, ErrorKind, Write};

/// Writes to stdout. A reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// Writes a value as a line of JSON.
pub fn print_json_line(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value}\n"))
}

/// Writes a value as indented JSON and a line end.
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}
