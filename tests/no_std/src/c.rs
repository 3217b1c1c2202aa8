//! What the C library does for this program.

use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};

#[link(name = "c")]
unsafe extern "C" {
    /// Ends the program.
    pub safe fn exit(status: c_int) -> !;
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
}

#[link(name = "m")]
unsafe extern "C" {
    /// e^x.
    pub safe fn exp(x: f64) -> f64;
}

/// To stdout.
pub fn print(text: fmt::Arguments<'_>) {
    struct Stdout;
    impl Write for Stdout {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let mut left = text.as_bytes();
            while !left.is_empty() {
                // SAFETY: `left` is valid for reads of its length.
                let written = unsafe { write(1, left.as_ptr().cast(), left.len()) };
                left = usize::try_from(written)
                    .ok()
                    .and_then(|written| left.get(written..))
                    .ok_or(fmt::Error)?;
            }
            Ok(())
        }
    }
    if Stdout.write_fmt(text).is_err() {
        exit(74);
    }
}
