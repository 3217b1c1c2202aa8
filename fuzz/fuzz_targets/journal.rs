//! The tuner's journal from any bytes: never a panic; a file that is refused is left as it is; of one that is gone on with no whole
//! record is lost, neither from the file nor for the search; and those who only read it find the same.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use xtask::error_line;
use xtask::journal::{Codes, Header, Journal, Opened, Record, reading, verification_seconds};

/// The first line of the seeds.
const HEADER: &str = include_str!("../seeds/journal/header");

thread_local! {
    static HERE: Here = Here::new();
}

/// What inputs have in common.
struct Here {
    dir: TempDir,
    header: Header,
    /// Generating a kernel for its fingerprint takes longer than everything else.
    codes: RefCell<Codes>,
}

impl Here {
    fn new() -> Here {
        let Ok(Record::Header(header)) = Record::read(HEADER.trim_end()) else {
            panic!("{HEADER} is no header")
        };
        let dir = tempfile::tempdir().expect("a directory");
        Here { dir, header, codes: RefCell::default() }
    }

    fn resume(&self, path: &Path) -> Result<Opened, String> {
        let opened = Journal::resume(path, self.header.clone(), &mut self.codes.borrow_mut());
        opened.map_err(|error| error_line(&error))
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    HERE.with(|here| {
        let path = here.dir.path().join("a.journal.jsonl");
        fs::write(&path, data).expect("a file");
        match here.resume(&path) {
            Ok(opened) => gone_on_with(here, &path, data, opened),
            Err(error) => refused(&path, data, &error),
        }
    });
    Corpus::Keep
});

fn refused(path: &Path, before: &[u8], error: &str) {
    assert!(!error.is_empty() && !error.contains(char::is_control), "no line: {error:?}");
    assert!(fs::read(path).expect("the file") == before, "a journal was refused and changed: {error}");
    reading::read(path).expect_err("what cannot be gone on with cannot be read");
    verification_seconds(path).expect_err("what cannot be gone on with has no costs");
}

fn gone_on_with(here: &Here, path: &Path, before: &[u8], mut opened: Opened) {
    let whole = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let after = fs::read(path).expect("the file");
    assert!(after.starts_with(&before[..whole]), "a whole line was lost");
    let text = str::from_utf8(&after).expect("whole lines are text");
    let records: Vec<Record> = text.lines().map(|line| Record::read(line).expect("a record")).collect();
    assert!(
        records.len() <= before[..whole].split(|&byte| byte == b'\n').count(),
        "more than a header was added"
    );
    for record in &records {
        assert_eq!(
            Record::read(record.line().trim_end()).expect("a record"),
            *record,
            "it is not read as it was written"
        );
    }
    find_all(here, &records, &mut opened);
    drop(opened);

    here.resume(path).expect("what was opened once can be opened again");
    assert!(fs::read(path).expect("the file") == after, "opening it again changed it");
    let is_measured = |record: &Record| matches!(record, Record::Samples(_));
    let since = records.iter().rposition(|record| matches!(record, Record::Header(_))).unwrap_or(0);
    if records[since..].iter().any(is_measured) {
        reading::read(path).expect("what can be gone on with can be read");
    }
    let verdicts = records.iter().any(|record| matches!(record, Record::Verdict(_)));
    assert_eq!(verification_seconds(path).is_ok(), verdicts, "costs are those of verdicts");
}

/// Asks for everything that was measured here and with kernels as they are.
fn find_all(here: &Here, records: &[Record], opened: &mut Opened) {
    let codes = &mut here.codes.borrow_mut();
    let mut is_ours = false;
    let mut taken: HashSet<usize> = HashSet::new();
    let mut known = Vec::new();
    for (line, record) in (1..).zip(records) {
        match record {
            Record::Header(header) => is_ours = *header == here.header,
            Record::Samples(samples) if is_ours => {
                // A batch counts no more once another is made of it.
                taken.extend(samples.of.filter(|&of| of < line));
                let is_current = samples
                    .request
                    .candidates
                    .iter()
                    .zip(&samples.code)
                    .all(|(id, code)| codes.of(id) == *code);
                known.extend(is_current.then_some((line, samples)));
            }
            _ => {}
        }
    }
    for (_, samples) in known.iter().filter(|(line, _)| !taken.contains(line)) {
        let found = opened.recording.take(&samples.request).expect("a batch that is known is found");
        assert!(found.is_exact, "another batch was found: {found:?}");
        let count = found.samples.iter().flatten().count();
        assert_eq!(count, samples.samples.len(), "samples were lost");
    }
}
