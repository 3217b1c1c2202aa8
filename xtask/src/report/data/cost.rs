//! What a variant costs the compiler, by building `softmax-kernels` twice: its shortlist, then the whole grid.
//!
//! What both builds have in common (the macro, the library around the kernels) drops out of the difference, and the
//! machine code is that of the functions in the library that the second leaves.

use crate::measuring::statistics::median;
use crate::{executable, project, stderr};
use anyhow::{Context, Result, bail};
use object::read::archive::ArchiveFile;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSymbol};
use serde_json::Value;
use softmax_spec::{Isa, Pass, PassVariant};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What building the grid costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Bytes of machine code of the functions of each pass on each ISA, ascending.
    pub bytes: BTreeMap<(Isa, Pass), Vec<u64>>,
    /// The build of the shortlist.
    pub shortlist: Build,
    /// The build of the grid.
    pub grid: Build,
    /// Threads that the compiler may use.
    pub cores: usize,
}

/// One build of the crate without its dependencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Build {
    /// Variants in it.
    pub variants: usize,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Cost {
    /// Wall time per variant, in milliseconds.
    pub fn ms_per_variant(&self) -> f64 {
        let variants = self.grid.variants as f64 - self.shortlist.variants as f64;
        (self.grid.seconds - self.shortlist.seconds) / variants * 1e3
    }

    /// Bytes of machine code of the median function of a pass on an ISA.
    pub fn median_bytes(&self, isa: Isa, pass: Pass) -> Option<f64> {
        let bytes = self.bytes.get(&(isa, pass))?;
        Some(median(&bytes.iter().map(|&bytes| bytes as f64).collect::<Vec<_>>()))
    }

    /// Bytes of all functions.
    pub fn total_bytes(&self) -> u64 {
        self.bytes.values().flatten().sum()
    }
}

/// Builds both, in a directory of their own.
pub fn measure() -> Result<Cost> {
    stderr::say("building softmax-kernels twice, with its shortlist and with the full grid");
    // With dependencies, which are not timed.
    build(&[])?;
    let (library, seconds) = timed(&[])?;
    let variants = project::grid()?.variants;
    let shortlist = Build { variants: sizes(&library, &variants)?.len(), seconds };
    let (library, seconds) = timed(&["--features=full-grid"])?;
    let sizes = sizes(&library, &variants)?;
    let grid = Build { variants: sizes.len(), seconds };
    if grid.variants <= shortlist.variants {
        bail!("the library of the full grid has {} functions with a size: only ELF tells it", grid.variants);
    }
    let mut bytes: BTreeMap<(Isa, Pass), Vec<u64>> = BTreeMap::new();
    for (variant, size) in sizes {
        bytes.entry((variant.isa, variant.pass)).or_default().push(size);
    }
    bytes.values_mut().for_each(|sizes| sizes.sort_unstable());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Cost { bytes, shortlist, grid, cores })
}

/// Builds the crate afresh.
fn timed(flags: &[&str]) -> Result<(PathBuf, f64)> {
    let mut clean = executable::cargo();
    clean.args(["clean", "--quiet", "--release", "--package", "softmax-kernels"]).args(target());
    if !clean.status().context("cannot run cargo")?.success() {
        bail!("cargo clean failed: see cargo's messages above");
    }
    let started = Instant::now();
    let library = build(flags)?;
    let seconds = Duration::as_secs_f64(&started.elapsed());
    Ok((library, seconds))
}

/// Builds the crate and returns where its library is.
fn build(flags: &[&str]) -> Result<PathBuf> {
    let mut build = executable::cargo();
    build.args(["build", "--release", "--package", "softmax-kernels", "--lib"]).args(target()).args(flags);
    build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = build.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("softmax-kernels does not build: see cargo's messages above");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let library = messages.lines().filter_map(|line| library(&serde_json::from_str(line).ok()?)).next_back();
    library.context("cargo built no library softmax-kernels")
}

/// Apart from what commands use, which would be built again after it.
fn target() -> [String; 2] {
    ["--target-dir".to_owned(), project::root().join("target/report").display().to_string()]
}

/// The path of the library, if that is what cargo's message is about.
fn library(message: &Value) -> Option<PathBuf> {
    let is_wanted = message["target"]["name"] == "softmax_kernels";
    let files = message["filenames"].as_array().filter(|_| is_wanted)?;
    files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".rlib")).map(PathBuf::from)
}

/// Bytes of the functions of variants in a library.
fn sizes(library: &Path, variants: &[PassVariant]) -> Result<HashMap<PassVariant, u64>> {
    let context = || format!("cannot read {}", library.display());
    let bytes = fs::read(library).with_context(context)?;
    let archive = ArchiveFile::parse(&*bytes).with_context(context)?;
    let known: HashSet<&PassVariant> = variants.iter().collect();
    let mut sizes = HashMap::new();
    for member in archive.members() {
        let data = member.with_context(context)?.data(&*bytes).with_context(context)?;
        // Not the crate's metadata.
        let Ok(object) = ElfFile64::<Endianness>::parse(data) else { continue };
        for symbol in object.symbols().filter(|symbol| symbol.size() > 0) {
            if let Some(variant) =
                symbol.name().ok().and_then(variant).filter(|variant| known.contains(variant))
            {
                sizes.insert(variant, symbol.size());
            }
        }
    }
    Ok(sizes)
}

/// The variant whose function a symbol is.
fn variant(symbol: &str) -> Option<PassVariant> {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    name.rsplit("::").next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_name_their_variants_however_they_are_mangled() {
        let legacy = "_ZN15softmax_kernels4grid17f32_max__avx2_u3217h0123456789abcdefE";
        assert_eq!(variant(legacy).unwrap().id(), "f32_max__avx2_u32");
        let v0 = "_RNvNtCs1234_15softmax_kernels4grid17f32_max__avx2_u32";
        assert_eq!(variant(v0).unwrap().id(), "f32_max__avx2_u32");
        assert_eq!(variant("_ZN15softmax_kernels4grid7softmax17h0123456789abcdefE"), None);
    }

    #[test]
    fn the_cost_of_a_variant_is_what_more_of_them_cost() {
        let build = |variants, seconds| Build { variants, seconds };
        let bytes = BTreeMap::from([((Isa::Avx2, Pass::Max), vec![100, 200, 900])]);
        let cost = Cost { bytes, shortlist: build(50, 2.0), grid: build(1050, 17.0), cores: 2 };
        assert!((cost.ms_per_variant() - 15.0).abs() < 1e-9);
        assert_eq!(cost.median_bytes(Isa::Avx2, Pass::Max), Some(200.0));
        assert_eq!((cost.median_bytes(Isa::Avx2, Pass::Scale), cost.total_bytes()), (None, 1200));
    }
}
