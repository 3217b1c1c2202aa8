//! `cargo xtask COMMAND`. What it does is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
