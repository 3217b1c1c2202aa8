//! Reading a journal for what was measured, without going on with it: it is neither locked, repaired nor written.

use super::file;
use super::record::{Header, Record, Samples};
use crate::error::bad_input;
use anyhow::Result;
use softmax_bench::protocol::Candidate;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;

/// What a journal says of one machine, toolchain and measuring code: those of its last records.
#[derive(Debug)]
pub struct Measured {
    /// Who measured.
    pub header: Header,
    /// Batches in the order in which they were measured, each sample once, of kernels as they were at last.
    pub batches: Vec<Batch>,
    /// Whether the search had ended.
    pub is_complete: bool,
}

/// Rounds in which all of these were sampled.
#[derive(Debug, PartialEq)]
pub struct Batch {
    /// Rows of a batch.
    pub rows: usize,
    /// Elements of a row.
    pub len: usize,
    /// Whether output overwrote input.
    pub in_place: bool,
    /// The candidates, each with its samples in nanoseconds per element.
    pub samples: Vec<(Candidate, Vec<f64>)>,
}

/// Reads a journal that a search may still be writing.
///
/// # Errors
/// A file that cannot be read, is no sound journal, or holds no measurement; it is bad input then.
pub fn read(path: &Path) -> Result<Measured> {
    let shown = path.display();
    let opened = File::open(path);
    let mut file = opened.map_err(|error| bad_input(format!("cannot read {shown}: {error}")))?;
    let bytes = file::read(&mut file, path)?;
    let mut records = Vec::new();
    // Behind the last line end is a record that is being written, or was when a kill came.
    for (i, line) in file::whole_lines(&bytes, path)?.lines().enumerate() {
        let broken = |problem| bad_input(format!("{shown}, line {}: {problem}", i + 1));
        records.push((i + 1, Record::read(line).map_err(broken)?));
    }
    measured(records).ok_or_else(|| bad_input(format!("{shown} holds no measurement yet")))
}

/// `None` without a measurement.
fn measured(records: Vec<(usize, Record)>) -> Option<Measured> {
    let is_complete = matches!(records.last(), Some((_, Record::Complete { .. })));
    let mut last: Option<Header> = None;
    let mut all: Vec<(usize, Samples)> = Vec::new();
    for (line, record) in records {
        match record {
            Record::Header(header) if last.as_ref() != Some(&header) => {
                all.clear();
                last = Some(header);
            }
            Record::Samples(samples) => all.push((line, samples)),
            _ => {}
        }
    }
    // A batch that a later one was made of is in that one.
    let of_earlier = |(line, samples): &(usize, Samples)| samples.of.filter(|of| of < line);
    let taken: HashSet<usize> = all.iter().filter_map(of_earlier).collect();
    all.retain(|(line, _)| !taken.contains(line));
    let codes: HashMap<Candidate, String> = all.iter().flat_map(|(_, samples)| codes(samples)).collect();
    let batches: Vec<Batch> = all.into_iter().map(|(_, samples)| batch(samples, &codes)).collect();
    let header = last.filter(|_| !batches.is_empty())?;
    Some(Measured { header, batches, is_complete })
}

fn codes(samples: &Samples) -> impl Iterator<Item = (Candidate, String)> {
    samples.request.candidates.iter().cloned().zip(samples.code.iter().cloned())
}

/// The batch without candidates whose code was another.
fn batch(record: Samples, codes: &HashMap<Candidate, String>) -> Batch {
    let Samples { request, code, samples, .. } = record;
    let all = request.candidates.into_iter().zip(code).zip(samples);
    let current = all.filter(|((id, code), _)| codes.get(id) == Some(code));
    Batch {
        rows: request.rows,
        len: request.len,
        in_place: request.in_place,
        samples: current.map(|((id, _), samples)| (id, samples)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::VERSION;
    use super::*;
    use serde_json::Value;
    use softmax_bench::protocol::TimeRequest;
    use std::fs;

    fn header(rustc: &str) -> Record {
        let (host, measuring) = (Value::Null, String::new());
        Record::Header(Header { version: VERSION, host, rustc: rustc.to_owned(), measuring })
    }

    fn samples(id: &str, code: &str, time: f64, of: Option<usize>) -> Record {
        let request = TimeRequest {
            candidates: vec![id.to_owned()],
            rows: 1,
            len: 64,
            in_place: false,
            rounds: 2,
            sample_us: 100.0,
        };
        let (code, samples) = (vec![code.to_owned()], vec![vec![time, time]]);
        Record::Samples(Samples { request, code, samples, contention: None, seconds: 1.0, of })
    }

    /// The first sample of each candidate of each batch.
    fn read_back(records: &[Record], torn: &str) -> Result<Vec<f64>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.journal.jsonl");
        let text: String = records.iter().map(Record::line).collect();
        fs::write(&path, text + torn)?;
        let measured = read(&path)?;
        Ok(measured.batches.iter().flat_map(|batch| &batch.samples).map(|(_, samples)| samples[0]).collect())
    }

    #[test]
    fn every_sample_of_the_last_machine_and_the_last_code_counts_once() {
        let records = [
            header("old"),
            samples("a", "1", 9.0, None),
            header("new"),
            samples("a", "1", 1.0, None),
            samples("b", "1", 2.0, None),
            samples("a", "1", 1.5, Some(4)),
            samples("b", "2", 3.0, None),
        ];
        assert_eq!(read_back(&records, "").unwrap(), [1.5, 3.0]);
    }

    #[test]
    fn a_batch_is_not_made_of_itself_or_of_a_later_one() {
        let records = [header("new"), samples("a", "1", 1.0, Some(2)), samples("a", "1", 2.0, Some(9))];
        assert_eq!(read_back(&records, "").unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn a_record_that_is_being_written_is_not_there_yet() {
        let records = [header("new"), samples("a", "1", 1.0, None)];
        assert_eq!(read_back(&records, "{\"samples\":{\"requ").unwrap(), [1.0]);
    }

    #[test]
    fn what_is_no_journal_or_has_nothing_in_it_is_bad_input() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.journal.jsonl");
        for (text, expected) in [
            (String::new(), "holds no measurement yet"),
            ("{}\n".to_owned(), "is no journal of tune"),
            (header("new").line(), "holds no measurement yet"),
            (header("new").line() + "{\n", "line 2: no JSON"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(crate::error::is_bad_input(&error) && !error.to_string().contains('\n'), "{error}");
        }
    }
}
