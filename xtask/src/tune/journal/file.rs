//! A journal's file: opened, checked and repaired before a search, appended to during it.
//!
//! A record is written by one call as soon as there is one, so that a kill leaves whole lines, at worst with a torn one
//! behind them, which the next run cuts off. Nothing else is ever removed.

use super::code::Codes;
use super::record::{BEGINNING, Header, Record};
use super::recording::Recording;
use crate::error::bad_input;
use anyhow::{Context, Result};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A journal that is open for appending, and locked.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    /// Of the lines that are appended.
    header: Header,
    is_complete: bool,
}

/// A journal with what is in it.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// What of its records may be used.
    pub recording: Recording,
    /// What the user should know, a line each.
    pub notes: Vec<String>,
}

impl Journal {
    /// Opens a journal to go on with it; starts one if there is none.
    ///
    /// # Errors
    /// A file that cannot be opened, locked or repaired, and one that is no sound journal, which is left as it is.
    pub fn resume(path: &Path, header: Header, codes: &mut Codes) -> Result<Opened> {
        let mut file = open(path)?;
        let bytes = read(&mut file, path)?;
        let text = whole_lines(&bytes, path)?;
        let whole = text.len();
        let contents = Contents::read(text, path, &header, codes)?;
        let mut notes = contents.notes(path);
        if whole < bytes.len() {
            file.set_len(whole as u64).with_context(|| format!("cannot repair {}", path.display()))?;
            notes.push("warning: its last record was cut short and is measured again".to_owned());
        }
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            lines: contents.lines,
            header,
            is_complete: contents.is_complete,
        };
        if contents.last_header.as_ref() != Some(&journal.header) {
            journal.append(&Record::Header(journal.header.clone()))?;
        }
        Ok(Opened { journal, recording: contents.recording, notes })
    }

    /// Starts a journal. One that is there is renamed if anything was measured in it.
    ///
    /// # Errors
    /// A file that cannot be opened, locked, renamed or written, and one that is no journal.
    pub fn start(path: &Path, header: Header) -> Result<Opened> {
        let mut file = open(path)?;
        let bytes = read(&mut file, path)?;
        let mut notes = Vec::new();
        if bytes.iter().filter(|&&byte| byte == b'\n').count() > 1 {
            let kept = set_aside(path)?;
            notes.push(format!(
                "the journal of an earlier search is kept as {0}; go on with that search by --resume --journal {0}",
                kept.display()
            ));
            file = open(path)?;
        }
        file.set_len(0).with_context(|| format!("cannot write {}", path.display()))?;
        let mut journal = Journal { path: path.to_owned(), file, lines: 0, header, is_complete: false };
        journal.append(&Record::Header(journal.header.clone()))?;
        Ok(Opened { journal, recording: Recording::default(), notes })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a record to the end.
    ///
    /// # Errors
    /// A file that takes no more; the journal is then as it was.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let before = self.file.metadata().map(|metadata| metadata.len());
        let written = self.file.write_all(record.line().as_bytes());
        if let (Err(_), Ok(before)) = (&written, before) {
            // Without half a record. If that fails too, the next search cuts it off.
            let _ = self.file.set_len(before);
        }
        written.with_context(|| format!("cannot write the journal {}", self.path.display()))?;
        self.lines += 1;
        self.is_complete = matches!(record, Record::Complete { .. });
        Ok(())
    }

    /// Notes that the search has ended and its profile is written, unless that is the last that is in it.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    pub fn complete(&mut self, seconds: f64) -> Result<()> {
        match self.is_complete {
            true => Ok(()),
            false => self.append(&Record::Complete { seconds }),
        }
    }
}

/// Opens or creates a file that nobody else writes to as long as it is open.
fn open(path: &Path) -> Result<File> {
    let refuse = |why: String| bad_input(format!("cannot write --journal {}: {why}", path.display()));
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(refuse("it exists and is no regular file; name another".to_owned()));
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
        return Err(refuse(format!("{} is no directory; create it, or name another", directory.display())));
    }
    let options = || File::options().read(true).append(true).create(true).open(path);
    let file = options().map_err(|error| refuse(format!("{error}; name another")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(refuse("another tune is writing it; wait for its end, or name another".to_owned()))
        }
        Err(TryLockError::Error(error)) => {
            Err(refuse(format!("it cannot be locked ({error}); name another")))
        }
    }
}

/// All of a journal, which may be empty: it is so when a kill came before its first line.
pub fn read(file: &mut File, path: &Path) -> Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let beginning = BEGINNING.as_bytes();
    let mut bytes = Vec::new();
    // No more of a file that is no journal, which may be a device.
    file.take(beginning.len() as u64).read_to_end(&mut bytes).with_context(context)?;
    if !beginning.starts_with(&bytes) {
        return Err(no_journal(path));
    }
    file.read_to_end(&mut bytes).with_context(context)?;
    Ok(bytes)
}

/// Without a torn last line.
pub fn whole_lines<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    str::from_utf8(&bytes[..whole]).map_err(|_| no_journal(path))
}

fn no_journal(path: &Path) -> anyhow::Error {
    bad_input(format!(
        "{} is no journal of tune, so it is left alone: name another by --journal",
        path.display()
    ))
}

/// Renames a journal to the first name with a number that is free.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let numbered = |number: usize| path.with_extension(format!("{number}.jsonl"));
    let free = (1..).map(numbered).find(|path| fs::symlink_metadata(path).is_err());
    let free = free.context("there is no end of numbers")?;
    fs::rename(path, &free).with_context(|| format!("cannot rename {}", path.display()))?;
    Ok(free)
}

/// What is in a journal.
struct Contents {
    recording: Recording,
    lines: usize,
    last_header: Option<Header>,
    is_complete: bool,
    measurements: usize,
    /// Of another machine, toolchain or measuring code.
    foreign: usize,
    /// Of kernels that have changed since, at least in part.
    changed: usize,
}

impl Contents {
    fn read(text: &str, path: &Path, header: &Header, codes: &mut Codes) -> Result<Contents> {
        let mut contents = Contents {
            recording: Recording::default(),
            lines: 0,
            last_header: None,
            is_complete: false,
            measurements: 0,
            foreign: 0,
            changed: 0,
        };
        for line in text.lines() {
            contents.lines += 1;
            let record = Record::read(line).map_err(|problem| {
                let advice = "restore the journal, or start another without --resume";
                bad_input(format!("{}, line {}: {problem}; {advice}", path.display(), contents.lines))
            })?;
            contents.add(record, header, codes);
        }
        Ok(contents)
    }

    fn add(&mut self, record: Record, header: &Header, codes: &mut Codes) {
        self.is_complete = matches!(record, Record::Complete { .. });
        let is_ours = self.last_header.as_ref() == Some(header);
        let is_usable = match record {
            Record::Header(header) => {
                self.last_header = Some(header);
                return;
            }
            Record::Complete { .. } => return,
            Record::Samples(_) | Record::Verdict(_) if !is_ours => {
                self.foreign += 1;
                true
            }
            Record::Samples(samples) => self.recording.add_samples(self.lines, samples, codes),
            Record::Verdict(verdict) => self.recording.add_verdict(verdict, codes),
        };
        self.measurements += 1;
        self.changed += usize::from(!is_usable);
    }

    /// What the user should know of them.
    fn notes(&self, path: &Path) -> Vec<String> {
        let (all, path) = (self.measurements, path.display());
        let mut notes = vec![match self.lines {
            0 => format!("there is no journal {path} yet, so this is a new search"),
            _ => format!(
                "going on with the {} measurements in {path} that are of use",
                all - self.foreign - self.changed
            ),
        }];
        if self.foreign > 0 {
            notes.push(format!(
                "warning: {} of {all} measurements are of another machine, toolchain or measuring code and are not used",
                self.foreign
            ));
        }
        if self.changed > 0 {
            notes.push(format!(
                "warning: {} of {all} measurements are of kernels that have changed, which are measured again",
                self.changed
            ));
        }
        notes
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::record::VERSION;
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_full_disk_is_one_line_that_names_the_journal() {
        let header =
            Header { version: VERSION, host: Value::Null, rustc: String::new(), measuring: String::new() };
        // Takes nothing, as a disk without room.
        let file = File::options().append(true).open("/dev/full").unwrap();
        let path = PathBuf::from("a.journal.jsonl");
        let mut journal = Journal { path, file, lines: 0, header: header.clone(), is_complete: false };
        let error = format!("{:#}", journal.append(&Record::Header(header)).unwrap_err());
        assert!(error.contains("cannot write the journal a.journal.jsonl: No space left"), "{error}");
    }
}
