//! Where things are in the workspace: the grid's source, the shipped profiles and the certificate.

use anyhow::{Context, Result, anyhow};
use softmax_codegen::{certificate, profile};
use softmax_spec::Enumeration;
use softmax_spec::certificate::Certificate;
use softmax_spec::profile::Profile;
use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// The project's grid.
pub fn grid() -> Result<Enumeration> {
    let path = root().join("softmax-kernels/src/grid.rs");
    let source = fs::read_to_string(&path).with_context(|| cannot_read(&path))?;
    let grid = softmax_codegen::grid_in(&source).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    Ok(grid.enumerate())
}

/// The directory of the shipped profiles.
pub fn profiles_dir() -> PathBuf {
    root().join("softmax-kernels/tuned")
}

/// Every shipped profile with its path, by name of file.
pub fn shipped_profiles() -> Result<Vec<(PathBuf, Profile)>> {
    let dir = profiles_dir();
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), read_profile(&path)?))).collect()
}

/// The certificate of the exp cores, beside the grid and the profiles that it vouches for.
pub fn certificate_path() -> PathBuf {
    root().join("softmax-kernels/certificate.toml")
}

/// That certificate.
pub fn certificate() -> Result<Certificate> {
    let path = certificate_path();
    certificate::read(&read(&path)?).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// The profile that is used where nothing better fits.
pub fn default_profile() -> Result<Profile> {
    read_profile(&profiles_dir().join("default.toml"))
}

/// The profile in a file.
pub fn read_profile(path: &Path) -> Result<Profile> {
    let text = profile::text(path).with_context(|| cannot_read(path))?;
    profile::read(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// The text of a file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| cannot_read(path))
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}
