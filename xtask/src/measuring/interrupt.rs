//! Ctrl-C: ends the measuring process, and lets the command end by itself, with everything in order.

use crate::error;
use anyhow::{Context, Result};
use std::fmt;
use std::process::{self, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A process that may be ended by another thread than the one that waits for it.
pub type Process = Arc<Mutex<process::Child>>;

/// Ctrl-C is for the process as a whole.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The error of whatever was asked of a measuring process when ctrl-C came.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From now on ctrl-C kills `process`, so that waiting for its answer ends. A second ctrl-C ends this process at once.
pub fn watch(process: Process) -> Result<()> {
    let handler = move || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            process::exit(error::INTERRUPTED.into());
        }
        // A process that has ended already cannot be killed, which is just as well.
        let _ = process.lock().unwrap_or_else(PoisonError::into_inner).kill();
    };
    ctrlc::set_handler(handler).context("cannot watch for ctrl-C")
}

/// Fails after ctrl-C.
pub fn check() -> Result<()> {
    match INTERRUPTED.load(Ordering::SeqCst) {
        true => Err(Interrupted.into()),
        false => Ok(()),
    }
}

/// Whether a process was ended from outside, by the number of the signal. What it was asked at that time is not to blame.
#[cfg(unix)]
pub fn killed_by(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    /// HUP, INT, QUIT, KILL and TERM: sent by people, shells and the kernel when it runs out of memory, the same on every Unix.
    const FROM_OUTSIDE: [i32; 5] = [1, 2, 3, 9, 15];
    status.signal().filter(|signal| FROM_OUTSIDE.contains(signal))
}

/// Signals are of Unix.
#[cfg(not(unix))]
pub fn killed_by(_: ExitStatus) -> Option<i32> {
    None
}

/// The signal that ctrl-C sends to all processes of a terminal.
pub const CTRL_C: i32 = 2;
