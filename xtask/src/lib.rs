//! The workspace's commands, `cargo xtask COMMAND`: tune, check, compare, paper, verify, diff, merge, report, list, show, explain,
//! matrix. A library, so that fuzz targets can be linked with what reads files; the program is [`run`] alone.
//!
//! Light on purpose: what needs the compiled kernels runs in the `measure` process of `softmax-bench`, which
//! `tune`, `check`, `compare`, `paper`, `diff --race` and `verify` build and start, and `show` has the compiler make one function. Results go to stdout,
//! everything else to stderr, and an error is one line.

// These panic where their reader has gone away.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod compare;
#[cfg(test)]
mod damage;
mod diff;
mod error;
mod executable;
mod explain;
mod flags;
mod host;
mod length;
mod list;
mod matrix;
mod measuring;
mod merge;
mod output;
mod paper;
mod profiles;
mod progress;
mod project;
mod report;
mod show;
mod stderr;
mod stdout;
mod tune;
mod verify;

pub use error::line as error_line;
pub use merge::merge;
pub use tune::journal;

use flags::{Command, Flags};
use std::process::ExitCode;

/// Does what the command line says.
pub fn run() -> ExitCode {
    output::fail_beyond_size_limit();
    let flags = match Flags::from_args() {
        Ok(flags) => flags,
        Err(error) => return error::refuse(&error),
    };
    let done = match flags.command {
        Command::Tune(flags) => tune::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::Compare(flags) => compare::run(&flags),
        Command::Diff(flags) => return diff::run(&flags).unwrap_or_else(|error| error::report(&error)),
        Command::Merge(flags) => merge::run(&flags),
        Command::Paper(flags) => paper::run(&flags),
        Command::Verify(flags) => verify::run(&flags),
        Command::Report(flags) => report::run(&flags),
        Command::List(flags) => list::run(&flags),
        Command::Show(flags) => show::run(&flags),
        Command::Explain(flags) => explain::run(&flags),
        Command::Matrix(flags) => matrix::run(&flags),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::report(&error),
    }
}
