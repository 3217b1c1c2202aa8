//! Rows to time on. They start on a cache line, so that every candidate is timed at the same alignment, and are
//! allocated fallibly, because their length comes from a request.

use crate::random::Random;
use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut};

/// One cache line of elements.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
}

/// A row of f32 that starts on a 64-byte boundary.
#[derive(Debug)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// A row of `len` zeros, every page of it touched.
    ///
    /// # Errors
    /// If there is not so much memory.
    pub fn zeroed(len: usize) -> Result<Buffer, TryReserveError> {
        let mut lines = Vec::new();
        lines.try_reserve_exact(len.div_ceil(Line::LEN))?;
        lines.resize(len.div_ceil(Line::LEN), Line([0.0; Line::LEN]));
        Ok(Buffer { lines, len })
    }

    /// A row of `len` draws from U(-10, 10).
    ///
    /// # Errors
    /// If there is not so much memory.
    pub fn uniform(len: usize, seed: u64) -> Result<Buffer, TryReserveError> {
        let mut buffer = Buffer::zeroed(len)?;
        let mut random = Random::new(seed);
        buffer.fill_with(|| random.uniform(-10.0, 10.0));
        Ok(buffer)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is exactly 16 f32 without padding (repr(C), size 64 = alignment), so `lines` is at least
        // `len` initialised f32 in one allocation: `zeroed` made `len.div_ceil(16)` of them, and nothing resizes it.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; the borrow of `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_as_long_as_asked() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let row = Buffer::uniform(len, 7).unwrap();
            assert_eq!(row.len(), len);
            assert_eq!(row.as_ptr().addr() % 64, 0);
            assert!(row.iter().all(|x| (-10.0..=10.0).contains(x)));
        }
    }

    #[test]
    fn a_row_that_cannot_exist_is_an_error() {
        assert!(Buffer::zeroed(usize::MAX).is_err());
    }
}
