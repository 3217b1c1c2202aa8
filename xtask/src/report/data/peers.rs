//! Other libraries' times, from what `compare --json` printed.

use crate::compare::lines::{Contest, Head};
use crate::error::bad_input;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// A run of `compare`.
#[derive(Debug)]
pub struct Peers {
    /// About the run.
    pub head: Head,
    /// A shape each.
    pub contests: Vec<Contest>,
}

/// Reads a file with what `compare --json` printed.
pub fn read(path: &Path) -> Result<Peers> {
    let shown = path.display();
    let how = "it is to hold what `cargo xtask compare --json` printed";
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| bad_input(format!("cannot read --compare {shown}: {error}; {how}")))?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let broken =
        |i: usize, error: serde_json::Error| bad_input(format!("{shown}, line {}: {error}; {how}", i + 1));
    let (i, first) = lines.next().ok_or_else(|| bad_input(format!("{shown} is empty; {how}")))?;
    let head: Head = serde_json::from_str(first).map_err(|error| broken(i, error))?;
    let contest = |(i, line): (usize, &str)| serde_json::from_str(line).map_err(|error| broken(i, error));
    let contests: Vec<Contest> = lines.map(contest).collect::<Result<_>>()?;
    if contests.iter().all(|contest| contest.peers.is_empty()) {
        return Err(bad_input(format!(
            "{shown} has no shape with a peer, so there is nothing to compare; {how}"
        )));
    }
    Ok(Peers { head, contests })
}
