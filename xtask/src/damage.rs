//! Files as accidents leave them, to test whatever reads files.

use crate::measuring::statistics::next;
use std::fs;
use std::path::Path;

/// The text cut at many places, with bytes and digits changed, and with lines that are lost or there twice.
pub fn damaged(text: &str) -> Vec<Vec<u8>> {
    const EACH: usize = 120;
    let bytes = text.as_bytes();
    let mut state = bytes.len() as u64;
    let mut below = |n: usize| next(&mut state) as usize % n;
    let mut all = vec![Vec::new()];
    for _ in 0..EACH {
        all.push(bytes[..below(bytes.len())].to_vec());
        let mut changed = bytes.to_vec();
        changed[below(bytes.len())] = below(256) as u8;
        all.push(changed);
        // What is still well formed goes further.
        let digits: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
        let mut changed = bytes.to_vec();
        changed[digits[below(digits.len())]] = b"0123456789-.e"[below(13)];
        all.push(changed);
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (line, from) = (below(lines.len()), below(lines.len()));
        match below(2) {
            0 => drop(lines.remove(line)),
            _ => lines.insert(line, lines[from]),
        }
        all.push(lines.concat().into_bytes());
    }
    all
}

/// What `read` makes of a file with each of the texts; an error must be one line that names the file and is bad input.
pub fn read_each<T>(
    path: &Path,
    texts: &[Vec<u8>],
    mut read: impl FnMut(&Path) -> anyhow::Result<T>,
) -> (Vec<T>, usize) {
    let (mut whole, mut refused) = (Vec::new(), 0);
    for text in texts {
        fs::write(path, text).unwrap();
        match read(path) {
            Ok(value) => whole.push(value),
            Err(error) => {
                let line = crate::error::line(&error);
                assert!(line.contains(&path.display().to_string()) && !line.contains('\n'), "{line}");
                assert!(crate::error::is_bad_input(&error), "{line}");
                refused += 1;
            }
        }
    }
    (whole, refused)
}
