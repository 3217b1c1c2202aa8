//! How commands fail: one line on stderr, and an exit code that scripts can tell apart.

use crate::{stderr, stdout};
use std::fmt;
use std::process::ExitCode;

/// Bad flags or bad input: nothing was tried.
const BAD_INPUT: u8 = 2;
/// The work itself failed, or the answer is no.
const FAILED: u8 = 1;
/// Ctrl-C: 128 and the number of the signal, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// An error that is the caller's to mend, exit code 2. Any other error is exit code 1.
#[derive(Debug)]
struct BadInput(String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// An error for bad flags or input.
pub fn bad_input(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(BadInput(message.into()))
}

/// Ctrl-C, with what is left and how to go on; exit code 130.
#[derive(Debug)]
struct Interrupted(String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// An error for ctrl-C.
pub fn interrupted(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Interrupted(message.into()))
}

/// Prints a failed command's error and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Interrupted(message)) = error.downcast_ref() {
        stderr::say(format_args!("interrupted: {}", one_line(message)));
        return ExitCode::from(INTERRUPTED);
    }
    stderr::say(format_args!("error: {}", line(error)));
    ExitCode::from(if is_bad_input(error) { BAD_INPUT } else { FAILED })
}

/// The error with its causes, on one line.
pub fn line(error: &anyhow::Error) -> String {
    one_line(&format!("{error:#}"))
}

/// Whether the error is the caller's to mend.
pub fn is_bad_input(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<BadInput>())
}

/// The exit code of a command that worked and whose answer is no.
pub fn negative() -> ExitCode {
    ExitCode::from(FAILED)
}

/// Prints what clap has to say: help in full, an error as one line.
pub fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match stdout::print(&error.render().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        };
    }
    stderr::say(format_args!("error: {}", usage_line(error)));
    ExitCode::from(BAD_INPUT)
}

/// clap's message without its usage paragraph.
pub fn usage_line(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no command given: see `cargo xtask --help`".to_owned();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let message = text.split("\nUsage:").next().unwrap_or(text);
    let message = message.split("\nFor more information").next().unwrap_or(message);
    format!("{}; see `cargo xtask --help`", one_line(message))
}

/// One line even of text from a file, which may hold what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    lines.join(" ").chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        assert_eq!(one_line("  a\n\n  b\r\nc\rd\u{1b}[2Je"), "a b c\\rd\\u{1b}[2Je");
    }
}
