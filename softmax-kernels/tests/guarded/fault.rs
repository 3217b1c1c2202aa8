//! What a thread was doing when it touched a page that may not be touched, told before the process ends.

use super::{Place, Side};
use std::cell::Cell;
use std::io::Write;

/// The exit code of a process that touched one.
pub const EXIT_CODE: i32 = 86;

/// A call with rows in guarded memory.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// What is called.
    pub what: &'static str,
    /// Elements.
    pub len: usize,
    /// Where x is.
    pub x: Place,
    /// Where y is; `None` in place.
    pub y: Option<Place>,
}

thread_local! {
    static CALL: Cell<Option<Call>> = const { Cell::new(None) };
}

impl Call {
    /// From now on the reason if this thread touches a page that may not be touched.
    pub fn announce(self) {
        CALL.set(Some(self));
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { what, len, x, y } = self;
        write!(f, "{what}, {len} elements, x {x}")?;
        match y {
            Some(y) => write!(f, ", y {y}"),
            None => write!(f, ", in place"),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = match self.side {
            Side::Start => "after",
            Side::End => "before",
        };
        write!(f, "{} elements {side} the page", self.distance)
    }
}

/// Installs the report.
pub fn report_faults() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        let handler: extern "C" fn(libc::c_int) = report;
        // SAFETY: all zeros are a valid action, of no flags and an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK;
        // SAFETY: the handler does nothing but write and exit.
        let installed = unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
        assert!(installed == 0, "no handler: {}", std::io::Error::last_os_error());
    }
}

/// Without allocation: that may be what was interrupted.
extern "C" fn report(_: libc::c_int) {
    let mut line = [0u8; 512];
    let mut rest = &mut line[..];
    let _ = match CALL.get() {
        Some(call) => writeln!(rest, "touched a page beside the row: {call}"),
        None => writeln!(rest, "touched a page that may not be touched, outside any call"),
    };
    let written = 512 - rest.len();
    // SAFETY: so many bytes of the line are there.
    unsafe { libc::write(2, line.as_ptr().cast(), written) };
    // SAFETY: ends the process, without running anything else.
    unsafe { libc::_exit(EXIT_CODE) }
}
