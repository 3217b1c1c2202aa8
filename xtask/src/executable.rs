//! Executables of the workspace that commands start as children, so that `xtask` compiles without them.

use crate::project;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cargo, the one that started this.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(project::root());
    cargo
}

/// Builds an executable of a package, in release, with these features beside its own, and returns where it is. Cargo's own
/// progress goes to stderr.
///
/// As part of the workspace: of the package alone it would have other features below it than in tests, and the full grid would be
/// compiled once for each.
pub fn build(package: &str, name: &str, features: &[&str]) -> Result<PathBuf> {
    let features: Vec<String> = features.iter().map(|feature| format!("{package}/{feature}")).collect();
    let mut build = cargo();
    build.args(["build", "--release", "--workspace", "--bin", name]);
    build.arg(format!("--features={}", features.join(","))).arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("`{name}` of {package} does not build: see cargo's messages above");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut paths = messages.lines().filter_map(|line| executable(name, &serde_json::from_str(line).ok()?));
    paths.next_back().with_context(|| format!("cargo built no executable named `{name}`"))
}

/// A command that starts what was built, as cargo would start it.
pub fn command(path: &Path) -> Command {
    let variables = std::env::vars_os();
    let variables =
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    under(runner(variables), path)
}

/// What cargo is told to run programs of this architecture under, such as an emulator: `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER`
/// and the like.
fn runner(mut variables: impl Iterator<Item = (String, String)>) -> Option<String> {
    let target = format!("CARGO_TARGET_{}_", std::env::consts::ARCH.to_uppercase());
    let runner = variables.find(|(name, _)| name.starts_with(&target) && name.ends_with("_RUNNER"));
    runner.map(|(_, runner)| runner)
}

/// A runner may have arguments.
fn under(runner: Option<String>, path: &Path) -> Command {
    let runner = runner.unwrap_or_default();
    let mut words = runner.split_whitespace().map(OsStr::new);
    let Some(program) = words.next() else {
        return Command::new(path);
    };
    let mut command = Command::new(program);
    command.args(words).arg(path);
    command
}

/// The path of the executable, if that is what cargo's message is about.
fn executable(name: &str, message: &Value) -> Option<PathBuf> {
    let is_wanted = message["target"]["name"] == name;
    message["executable"].as_str().filter(|_| is_wanted).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_runs_as_cargo_runs_it() {
        let words = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
            let command = under(runner(variables), Path::new("a b"));
            let words = [command.get_program()].into_iter().chain(command.get_args());
            words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let name = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase());
        assert_eq!(words(&[]), ["a b"]);
        assert_eq!(words(&[(&name, " ")]), ["a b"]);
        assert_eq!(words(&[(&name, "qemu -cpu max")]), ["qemu", "-cpu", "max", "a b"]);
        assert_eq!(
            words(&[("CARGO_TARGET_PDP11_UNKNOWN_LINUX_GNU_RUNNER", "qemu"), ("RUNNER", "qemu")]),
            ["a b"]
        );
    }
}
