//! PNGs: a child process draws what is an SVG here, because a rasteriser is more to compile than all of this.

use crate::{executable, stderr};
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

/// The executable of `svg-to-png`.
pub struct Rasteriser {
    path: PathBuf,
}

impl Rasteriser {
    /// Builds it.
    pub fn build() -> Result<Rasteriser> {
        stderr::say("building the rasteriser");
        Ok(Rasteriser { path: executable::build("svg-to-png", "svg-to-png", &[])? })
    }

    /// The PNG of an SVG.
    pub fn png(&self, svg: &str) -> Result<Vec<u8>> {
        let mut command = executable::command(&self.path);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot start {}", self.path.display()))?;
        let mut stdin = child.stdin.take().context("the rasteriser has no stdin")?;
        // It reads everything before it writes; where it ends before that, its own message says why.
        let _ = stdin.write_all(svg.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().context("the rasteriser did not end")?;
        if !output.status.success() {
            bail!("no PNG: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(output.stdout)
    }
}
