//! What a journal says about costs, to a command that measures nothing.

use super::file::{read, whole_lines};
use super::record::Record;
use crate::error::bad_input;
use anyhow::Result;
use softmax_bench::protocol::Candidate;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

/// Seconds that verifying each candidate took, the last time. A torn last line does not count.
///
/// # Errors
/// A file that cannot be read, is no sound journal, or holds no verdict; it is bad input then.
pub fn verification_seconds(path: &Path) -> Result<HashMap<Candidate, f64>> {
    let refuse = |why: String| bad_input(format!("cannot read --journal {}: {why}", path.display()));
    let mut file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let bytes = read(&mut file, path).map_err(|error| bad_input(format!("{error:#}")))?;
    let mut seconds = HashMap::new();
    for (i, line) in whole_lines(&bytes, path)?.lines().enumerate() {
        let record = Record::read(line).map_err(|problem| {
            refuse(format!("line {}: {problem}; name a sound journal, or leave the flag out", i + 1))
        })?;
        if let Record::Verdict(verdict) = record {
            seconds.insert(verdict.candidate, verdict.seconds);
        }
    }
    match seconds.is_empty() {
        false => Ok(seconds),
        true => Err(refuse("nothing was verified in it: name another, or leave the flag out".to_owned())),
    }
}
