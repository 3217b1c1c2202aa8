//! Files that commands write: a profile's is checked before the work, and each is written at once after it.

use crate::error::bad_input;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// What file systems take.
const LONGEST_NAME: usize = 255;

/// Where it is to go, as an absolute path.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    directory: PathBuf,
}

impl Output {
    /// Refuses a path that could not be written to when the search is over.
    pub fn new(path: &Path) -> Result<Output> {
        let shown = path.display();
        let refuse = |why: String| bad_input(format!("cannot write --output {shown}: {why}"));
        let absolute = std::path::absolute(path).map_err(|error| refuse(error.to_string()))?;
        if absolute.is_dir() || shown.to_string().ends_with('/') {
            return Err(refuse("it is a directory; name a file in it".to_owned()));
        }
        if std::fs::symlink_metadata(&absolute).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(refuse("it exists and is no regular file, and would be replaced".to_owned()));
        }
        let name_fits = absolute.file_name().is_some_and(|name| name.len() <= LONGEST_NAME);
        if !name_fits {
            return Err(refuse(format!("its name has more than {LONGEST_NAME} bytes")));
        }
        let directory = absolute.parent().map(Path::to_owned).unwrap_or_default();
        if !directory.is_dir() {
            let why = if directory.exists() {
                "is a file; name a directory"
            } else {
                "does not exist; create it first"
            };
            return Err(refuse(format!("the directory {} {why}", directory.display())));
        }
        let output = Output { path: absolute, directory };
        output.temporary().map_err(|error| {
            refuse(format!("its directory is not writable ({}); name another", cause(&error)))
        })?;
        Ok(output)
    }

    /// Where it goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether writing here replaces what is at that path, by whatever way it leads here.
    pub fn replaces(&self, other: &Path) -> bool {
        place(other).is_some_and(|other| place(&self.path) == Some(other))
    }

    /// Writes all of it, or nothing.
    pub fn write(&self, contents: impl AsRef<[u8]>) -> Result<()> {
        replace(&self.path, contents)
    }

    fn temporary(&self) -> std::io::Result<NamedTempFile> {
        temporary(&self.directory)
    }
}

/// Gives the file of an absolute path these contents, all of them, or leaves it as it is.
pub fn replace(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = temporary(path.parent().unwrap_or(path)).with_context(context)?;
    file.write_all(contents.as_ref()).with_context(context)?;
    // Lest a crash leave the new name with nothing behind it, or a disk tell only later that it is full.
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).map_err(|failed| failed.error).with_context(context)?;
    Ok(())
}

/// Where a path leads, whether there is a file or not; `None` if there is not even a directory.
fn place(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let beside = || Some(absolute.parent()?.canonicalize().ok()?.join(absolute.file_name()?));
    absolute.canonicalize().ok().or_else(beside)
}

fn temporary(directory: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".softmax-output");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file, less the umask; a temporary file is private otherwise.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

/// What the system says, without the temporary file's name.
fn cause(error: &std::io::Error) -> String {
    error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |code| std::io::Error::from_raw_os_error(code).to_string())
}

/// Makes a write beyond the limit on the size of files (`ulimit -f`) fail, as on a full disk. By default such a write ends the
/// process, which would leave its temporary files behind.
#[cfg(unix)]
pub fn fail_beyond_size_limit() {
    // SAFETY: ignoring a signal runs no code of ours, so there is no handler that would have to be safe to run at any time.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The limit is of Unix.
#[cfg(not(unix))]
pub fn fail_beyond_size_limit() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_replaced_as_a_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::new(&dir.path().join("profile.toml")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        output.write("one").unwrap();
        output.write("two").unwrap();
        assert_eq!(std::fs::read_to_string(output.path()).unwrap(), "two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_it_would_replace_is_known_by_whatever_way_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let output = Output::new(&dir.path().join("profile.toml")).unwrap();
        for exists in [false, true] {
            let replaces = |name: &str| output.replaces(&dir.path().join(name));
            assert!(replaces("profile.toml") && replaces("sub/../profile.toml"), "{exists}");
            assert!(!replaces("sub/profile.toml") && !replaces("no/profile.toml") && !replaces("sub"));
            output.write("one").unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("profile.toml", dir.path().join("link")).unwrap();
            assert!(output.replaces(&dir.path().join("link")));
        }
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused_before_the_search() {
        let dir = tempfile::tempdir().unwrap();
        let error = Output::new(dir.path()).unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        let error = Output::new(&dir.path().join("no/profile.toml")).unwrap_err().to_string();
        assert!(error.contains("does not exist; create it first"), "{error}");
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = Output::new(&dir.path().join("file/profile.toml")).unwrap_err().to_string();
        assert!(error.contains("is a file; name a directory"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_profile_must_not_replace_is_refused_before_the_search() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", dir.path().join("link")).unwrap();
        let long = "x".repeat(256);
        for (name, reason) in
            [("link", "no regular file"), ("new/", "is a directory"), (&long, "more than 255 bytes")]
        {
            let error = Output::new(&dir.path().join(name)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(Output::new(Path::new("/dev/null")).is_err());
    }
}
