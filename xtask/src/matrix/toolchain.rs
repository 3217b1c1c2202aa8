//! Which toolchain a job runs with.

use crate::project;
use anyhow::{Context, Result};
use toml::de::DeTable;

/// The toolchain that `rust-toolchain.toml` pins, and `cargo` without further words is.
pub fn pinned() -> Result<String> {
    let file = "rust-toolchain.toml";
    let text = std::fs::read_to_string(project::root().join(file));
    let text = text.with_context(|| format!("cannot read {file}"))?;
    let document = DeTable::parse(&text).with_context(|| format!("cannot read {file}"))?;
    let toolchain = document.get_ref().get("toolchain").and_then(|value| value.get_ref().as_table());
    let channel =
        toolchain.and_then(|toolchain| toolchain.get("channel")).and_then(|value| value.get_ref().as_str());
    channel.map(str::to_owned).with_context(|| format!("{file} names no channel"))
}

/// A word that rustup may know, and a shell leaves alone.
pub fn parse(word: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(is_plain) {
        true => Ok(word.to_owned()),
        false => Err(format!("`{word}` is no toolchain, such as 1.95.0 or stable")),
    }
}
