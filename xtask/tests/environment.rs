//! `explain` says what a build and a run with the variables of its environment would do.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn explain(flags: &[&str], variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["explain", "64"]).args(flags);
    command.env_remove("SOFTMAX_PROFILE").env_remove("SOFTMAX_FORCE_ISA");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_build_reads_the_users_profile_first() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../softmax-kernels/tuned/default.toml");
    let mine = fs::read_to_string(shipped).unwrap().replacen("\"default\"", "\"mine\"", 1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.toml");
    fs::write(&path, mine).unwrap();

    let (profile, isa) = (("SOFTMAX_PROFILE", path.as_path()), ("SOFTMAX_FORCE_ISA", Path::new("scalar")));
    let output = text(&explain(&[], &[profile, isa]).stdout);
    assert!(output.contains(&format!("SOFTMAX_PROFILE={}: a build reads", path.display())), "{output}");
    assert!(output.contains("SOFTMAX_FORCE_ISA=scalar: a run considers this ISA alone"), "{output}");
    assert!(output.contains("profile   mine: "), "{output}");
    assert!(output.contains("not     default: it fits as well, and comes later"), "{output}");
    assert!(output.contains("table     scalar, fast"), "{output}");
    assert!(!text(&explain(&[], &[]).stdout).contains("SOFTMAX_"), "no variable is set");
}

#[test]
fn what_a_build_refuses_is_refused() {
    let unknown =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../softmax-codegen/tests/profiles/no_such_variant.toml");
    for (path, reason) in [
        ("relative.toml", "must be an absolute path"),
        ("/absent.toml", "cannot be read"),
        ("/dev/zero", "must be a regular file"),
        (unknown, "ext_scala"),
    ] {
        let output = explain(&[], &[("SOFTMAX_PROFILE", Path::new(path))]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{path}: {error}");
        assert!(error.contains(reason) && error.lines().count() == 1, "{path}: {error}");
        assert!(output.stdout.is_empty(), "{path}");
    }
    let output = explain(&["--profile", unknown], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
