//! What makes timings comparable: the machine, the toolchain, and the code that measures.

use super::record::{Header, VERSION};
use crate::project;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use softmax_spec::fingerprint;
use softmax_spec::profile::Host;
use std::fs;
use std::path::{Path, PathBuf};

/// Sources through which a kernel's time depends on more than the kernel.
const SOURCES: [&str; 5] = [
    "Cargo.toml",
    ".cargo/config.toml",
    "softmax-bench/src",
    "softmax-kernels/Cargo.toml",
    "softmax-kernels/src",
];
/// Not these: the grid adds kernels and changes none, and a tuner times no peers.
const WITHOUT: [&str; 3] = ["grid.rs", "peer.rs", "peer"];

/// What is measured here, by this compiler, from the sources as they are.
///
/// # Errors
/// Sources that cannot be read.
pub fn header(host: &Host, rustc: &str) -> Result<Header> {
    let code = fingerprint(sources()?.into_iter().chain(compiler_flags()));
    Ok(Header {
        version: VERSION,
        host: host_value(host),
        rustc: rustc.to_owned(),
        measuring: format!("{code:016x}"),
    })
}

fn host_value(host: &Host) -> Value {
    json!({
        "vendor": host.vendor, "family": host.family, "model": host.model, "stepping": host.stepping,
        "brand": host.brand, "isa": host.isa.id(), "cores": host.cores,
        "l1d_kib": host.l1d_kib, "l2_kib": host.l2_kib, "l3_kib": host.l3_kib, "vm": host.vm,
    })
}

/// Every source with its path.
fn sources() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for source in SOURCES.map(|source| project::root().join(source)) {
        let mut files = Vec::new();
        collect(&source, &mut files).with_context(|| format!("cannot read {}", source.display()))?;
        for file in files {
            let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let path = file.strip_prefix(project::root()).unwrap_or(&file);
            bytes.extend(path.to_string_lossy().bytes().chain([0]).chain(text).chain([0]));
        }
    }
    Ok(bytes)
}

/// The files of a directory and all below it, in a fixed order; or the file.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries: std::io::Result<Vec<_>> = fs::read_dir(path)?.collect();
    let mut paths: Vec<PathBuf> = entries?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let is_wanted =
        |path: &&PathBuf| !path.file_name().is_some_and(|name| WITHOUT.iter().any(|no| name == *no));
    paths.iter().filter(is_wanted).try_for_each(|path| collect(path, files))
}

/// Variables by which a build is told to compile otherwise.
fn compiler_flags() -> Vec<u8> {
    let matters = |name: &str| name.ends_with("RUSTFLAGS") || name.starts_with("CARGO_PROFILE_");
    let variables = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let mut flags: Vec<String> = variables
        .filter(|(name, _)| matters(name))
        .map(|(name, value)| format!("{name}={}\0", value.to_string_lossy()))
        .collect();
    flags.sort();
    flags.concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_is_the_timers_and_the_library_but_neither_grid_nor_peers() {
        let text = String::from_utf8(sources().unwrap()).unwrap();
        for path in ["softmax-bench/src/timer.rs\0", "softmax-kernels/src/steps.rs\0", "Cargo.toml\0"] {
            assert!(text.contains(path), "{path}");
        }
        for path in ["softmax-kernels/src/grid.rs\0", "softmax-bench/src/peer.rs\0", "peer/rten.rs\0"] {
            assert!(!text.contains(path), "{path}");
        }
    }

    #[test]
    fn a_header_repeats_and_tells_toolchains_apart() {
        let host = crate::host::host();
        let one = header(&host, "rustc 1.95.0").unwrap();
        assert_eq!(one, header(&host, "rustc 1.95.0").unwrap());
        assert_ne!(one, header(&host, "rustc 1.96.0").unwrap());
    }
}
