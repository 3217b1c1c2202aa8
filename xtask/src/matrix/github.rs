//! The outputs of a step in a workflow of GitHub: lines in a file that it names.

use crate::error::bad_input;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const VARIABLE: &str = "GITHUB_OUTPUT";

/// Adds outputs, each on one line.
pub fn output(outputs: impl IntoIterator<Item = (&'static str, String)>) -> Result<()> {
    let lines: String = outputs.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    append(&file(std::env::var_os(VARIABLE))?, &lines)
}

fn file(variable: Option<OsString>) -> Result<PathBuf> {
    variable.filter(|path| !path.is_empty()).map(PathBuf::from).ok_or_else(|| {
        bad_input(format!(
            "--github-output appends to the file that ${VARIABLE} names, which is not set: it is in a step of a workflow, \
             elsewhere leave the flag out"
        ))
    })
}

/// Appends all, or nothing: what other steps' outputs are in the file stays.
fn append(path: &Path, lines: &str) -> Result<()> {
    let context = || format!("cannot append to ${VARIABLE}, {}", path.display());
    let mut file = File::options().read(true).append(true).create(true).open(path).with_context(context)?;
    let before = file.seek(SeekFrom::End(0)).with_context(context)?;
    let newline = if ends_line(&mut file, before).with_context(context)? { "" } else { "\n" };
    let written = file.write_all(format!("{newline}{lines}").as_bytes());
    if written.is_err() {
        // A device has no length; the error to tell is that of writing.
        let _ = file.set_len(before);
    }
    written.with_context(context)
}

fn ends_line(file: &mut File, len: u64) -> std::io::Result<bool> {
    if len == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(len - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::is_bad_input;

    #[test]
    fn without_the_variable_it_says_what_to_do() {
        for unset in [None, Some(OsString::new())] {
            let error = file(unset).unwrap_err();
            assert!(is_bad_input(&error) && error.to_string().contains("leave the flag out"), "{error}");
        }
    }

    #[test]
    fn outputs_of_other_steps_stay_and_every_output_has_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output");
        for (before, expected) in
            [(None, ""), (Some(""), ""), (Some("a=1\n"), "a=1\n"), (Some("a=1"), "a=1\n")]
        {
            let _ = std::fs::remove_file(&path);
            before.into_iter().for_each(|text| std::fs::write(&path, text).unwrap());
            append(&path, "matrix={}\njobs=0\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{expected}matrix={{}}\njobs=0\n"));
        }
    }
}
