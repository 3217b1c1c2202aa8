//! The lines of a journal: one JSON value each, in the order in which things were measured.

use anyhow::{Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use softmax_bench::protocol::{Candidate, Contention, TimeRequest};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Version of the format that is read and written here.
pub const VERSION: u64 = 1;
/// How a journal begins, whatever its version.
pub const BEGINNING: &str = "{\"softmax_journal\":{\"version\":";

/// What a record may have taken, in seconds: years, and still less than what a sum of them may be.
const LASTS: RangeInclusive<f64> = 0.0..=1e9;
/// What an element may take, in nanoseconds: more than nothing, less than a quarter of an hour.
const PER_ELEMENT: RangeInclusive<f64> = 1e-9..=1e12;

/// How many samples of a record may have been taken again: years of them, and a sum of them is still a number.
const MOST_RETAKEN: usize = 1 << 40;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// What follows was measured by this machine, toolchain and code.
    #[serde(rename = "softmax_journal")]
    Header(Header),
    /// The answer to a request for timings.
    #[serde(rename = "samples")]
    Samples(Samples),
    /// The answer to a question about correctness.
    #[serde(rename = "verdict")]
    Verdict(Verdict),
    /// The search has ended, and its profile is written.
    #[serde(rename = "complete")]
    Complete {
        /// What the search has taken.
        seconds: f64,
    },
}

/// Who measures. Timings of another are of no use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `VERSION`; first, see `BEGINNING`.
    pub version: u64,
    /// The machine.
    pub host: Value,
    /// `rustc --version`.
    pub rustc: String,
    /// Fingerprint of what is between a kernel and its time: the timers, and the library around the kernels.
    pub measuring: String,
}

/// A batch of rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// What was asked.
    pub request: TimeRequest,
    /// Fingerprints of the candidates' code, in their order.
    pub code: Vec<String>,
    /// Nanoseconds per element, `[candidate][round]`.
    pub samples: Vec<Vec<f64>>,
    /// What others had a part in; `None` where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contention: Option<Contention>,
    /// What it has taken, with what the search did since the answer before.
    pub seconds: f64,
    /// The line of the batch that some or all of these samples were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
}

impl Samples {
    /// Whether there are rows, every candidate has a code, and a sample of every round that is a time; those contended among them, no more
    /// taken again than can be, and no more set aside than was measured.
    pub fn is_sound(&self) -> bool {
        let count = self.request.candidates.len();
        let is_sound = |samples: &Vec<f64>| {
            samples.len() == self.request.rounds && samples.iter().all(|time| PER_ELEMENT.contains(time))
        };
        let is_there =
            |&(candidate, round): &(usize, usize)| candidate < count && round < self.request.rounds;
        let is_possible = |contention: &Contention| {
            let set_aside = Duration::from_micros(contention.set_aside_us).as_secs_f64();
            let is_timely = set_aside <= self.seconds;
            contention.retaken <= MOST_RETAKEN && contention.contended.iter().all(is_there) && is_timely
        };
        let is_complete = self.code.len() == count && self.samples.len() == count;
        let is_of_rows = self.request.rows > 0 && self.request.len > 0;
        is_of_rows
            && is_complete
            && self.samples.iter().all(is_sound)
            && self.contention.iter().all(is_possible)
    }
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was verified.
    pub candidate: Candidate,
    /// The error that it was allowed, for plans.
    pub max_ulp: Option<u32>,
    /// Fingerprint of its code.
    pub code: String,
    /// What is wrong; `None` if nothing is.
    pub failure: Option<String>,
    /// What it has taken.
    pub seconds: f64,
}

impl Record {
    /// The record of a line, or what is wrong with it.
    ///
    /// # Errors
    /// One line that says what is wrong: no JSON, no record, another version, or what cannot have been measured.
    pub fn read(line: &str) -> Result<Record> {
        let value: Value = serde_json::from_str(line).map_err(|error| anyhow!("no JSON ({error})"))?;
        let version = value["softmax_journal"]["version"].as_u64();
        if let Some(version) = version.filter(|&version| version != VERSION) {
            return Err(anyhow!("it has format {version}, and this version of tune reads format {VERSION}"));
        }
        // From the text: a value's numbers need not be exact.
        let record: Record = serde_json::from_str(line).map_err(|error| anyhow!("no record ({error})"))?;
        if let Record::Samples(samples) = &record {
            ensure!(samples.is_sound(), "samples are missing, or are no times");
        }
        ensure!(LASTS.contains(&record.seconds()), "it has taken {} seconds", record.seconds());
        Ok(record)
    }

    /// What it has taken.
    fn seconds(&self) -> f64 {
        match self {
            Record::Header(_) => 0.0,
            Record::Samples(Samples { seconds, .. }) | Record::Verdict(Verdict { seconds, .. }) => *seconds,
            Record::Complete { seconds } => *seconds,
        }
    }

    /// The record as a line.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("records have no maps with keys that are no strings") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_begins_as_every_journal_does() {
        let header =
            Header { version: VERSION, host: Value::Null, rustc: String::new(), measuring: String::new() };
        let line = Record::Header(header).line();
        assert!(line.starts_with(BEGINNING), "{line}");
    }

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        let mut state = 1;
        for _ in 0..10_000 {
            let bits = crate::measuring::statistics::next(&mut state) >> 2;
            let record = Record::Complete { seconds: f64::from_bits(bits) };
            assert_eq!(serde_json::from_str::<Record>(&record.line()).unwrap(), record);
        }
    }
}
