//! A reader that has gone away, as with `| head -1`, is no failure of the command, on stdout or on stderr.

use std::io;
use std::process::{Command, Output, Stdio};

fn xtask(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(line.split_whitespace());
    command
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn ended(command: &mut Command) -> (Option<i32>, Output) {
    let output = command.output().unwrap();
    (output.status.code(), output)
}

#[test]
fn commands_end_quietly_without_a_reader() {
    for line in [
        "list",
        "list --pruned",
        "list --json",
        "matrix --format list",
        "explain 64",
        "tune --dry-run",
        "--help",
    ] {
        let (code, output) = ended(xtask(line).stdout(closed()).stderr(Stdio::piped()));
        assert_eq!(code, Some(0), "{line}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{line}: {output:?}");
        let (code, output) = ended(xtask(line).stdout(Stdio::piped()).stderr(closed()));
        assert_eq!(code, Some(0), "{line}: {output:?}");
        assert!(!output.stdout.is_empty(), "{line} printed nothing");
        let (code, _) = ended(xtask(line).stdout(closed()).stderr(closed()));
        assert_eq!(code, Some(0), "{line} without readers at all");
    }
}

#[test]
fn errors_keep_their_exit_code_without_a_reader() {
    for line in ["lst", "show f32_mux__avx2_u32", "tune --output /"] {
        let (code, output) = ended(xtask(line).stdout(Stdio::piped()).stderr(closed()));
        assert_eq!(code, Some(2), "{line}: {output:?}");
    }
}
