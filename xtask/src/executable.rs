//! Executables of the workspace that commands start as children, so that `xtask` compiles without them.

use crate::project;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
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

/// The path of the executable, if that is what cargo's message is about.
fn executable(name: &str, message: &Value) -> Option<PathBuf> {
    let is_wanted = message["target"]["name"] == name;
    message["executable"].as_str().filter(|_| is_wanted).map(PathBuf::from)
}
