//! Places that cannot be written, and disks that are full in the middle of a file: one line, the old file whole, and no
//! other file left.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../softmax-kernels/tuned/default.toml");

fn xtask(line: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(line.split_whitespace()).current_dir(dir);
    command
}

/// The same where no file may have more bytes than 512 or 1024, by shell.
fn xtask_on_a_full_disk(line: &str, dir: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -f 1; exec '{}' {line}", env!("CARGO_BIN_EXE_xtask"))])
        .current_dir(dir);
    shell
}

#[track_caller]
fn fails(command: &mut Command, code: i32, expected: &str) -> Output {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {error}");
    let errors: Vec<&str> = error.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && error.ends_with(&format!("{}\n", errors[0])), "{command:?}: {error}");
    assert!(errors[0].contains(expected), "{command:?}: {expected} is not in {error}");
    output
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(DEFAULT, dir.path().join("a.toml")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    dir
}

#[test]
fn outputs_that_cannot_be_are_refused_before_the_work() {
    let dir = directory();
    for (path, expected) in [
        ("absent/p.toml", "does not exist; create it first"),
        ("file/p.toml", "is a file; name a directory"),
        (".", "is a directory; name a file in it"),
        ("/dev/full", "no regular file"),
        // Where nobody may create a file, root neither.
        ("/proc/p.toml", "is not writable"),
    ] {
        for line in [format!("merge a.toml a.toml --output {path}"), format!("tune --output {path}")] {
            fails(&mut xtask(&line, dir.path()), 2, expected);
        }
        let line = format!("tune --journal {path}");
        let expected = match expected {
            "is a directory; name a file in it" => "no regular file; name another",
            "is not writable" | "no regular file" => "name another",
            _ => "is no directory; create it, or name another",
        };
        fails(&mut xtask(&line, dir.path()), 2, expected);
    }
    assert_eq!(names(dir.path()), ["a.toml", "file"]);
}

#[test]
fn a_disk_that_is_full_leaves_the_old_profile() {
    let dir = directory();
    fs::write(dir.path().join("merged.toml"), "old").unwrap();
    let line = "merge a.toml a.toml --output merged.toml";
    fails(&mut xtask_on_a_full_disk(line, dir.path()), 1, "merged.toml: File too large");
    assert_eq!(fs::read_to_string(dir.path().join("merged.toml")).unwrap(), "old");
    assert_eq!(names(dir.path()), ["a.toml", "file", "merged.toml"]);
}

#[test]
fn outputs_of_other_steps_are_whole_where_a_matrix_has_no_room() {
    let dir = directory();
    let line = "matrix --format github --github-output";
    let output = dir.path().join("output");
    fs::write(&output, "a=1\n").unwrap();
    fails(xtask_on_a_full_disk(line, dir.path()).env("GITHUB_OUTPUT", &output), 1, "output: File too large");
    assert_eq!(fs::read_to_string(&output).unwrap(), "a=1\n");
    for (path, expected) in
        [("/dev/full", "No space left"), ("absent/output", "No such file"), (".", "s a directory")]
    {
        fails(xtask(line, dir.path()).env("GITHUB_OUTPUT", path), 1, expected);
    }
    fails(xtask(line, dir.path()).env_remove("GITHUB_OUTPUT"), 2, "which is not set");
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let dir = directory();
    for line in [
        "explain 64",
        "list",
        "list --json",
        "diff a.toml a.toml",
        "merge a.toml a.toml",
        "matrix --format github",
        "matrix --format list",
        "tune --dry-run",
        "tune --dry-run --json",
        "--help",
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        fails(xtask(line, dir.path()).stdout(full), 1, "cannot write to stdout: No space left");
    }
}
