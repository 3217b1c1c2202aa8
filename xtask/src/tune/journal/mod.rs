//! The journal of a search: everything that was measured, as soon as it was, so that a kill costs one measurement.
//!
//! A file of JSON lines beside the profile. A search that goes on with it runs through the same code, and asks the same
//! questions, because its time goes on with answers alone (`tune::clock::Time`); what the journal knows takes no time.
//! Records are found by question, not by place: other lengths, flags or kernels cost only themselves.

mod code;
mod costs;
mod file;
mod identity;
pub mod reading;
mod record;
mod recording;
mod replay;

#[cfg(test)]
pub mod tests;

pub use code::Codes;
pub use costs::verification_seconds;
pub use file::{Journal, Opened};
pub use identity::header;
pub use record::{Header, Record};
pub use replay::Journaled;

use std::path::{Path, PathBuf};

/// Where the journal of a profile is unless it is said: beside it.
pub fn beside(profile: &Path) -> PathBuf {
    profile.with_extension("journal.jsonl")
}
