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

/// Bytes. A core takes addresses that differ by a multiple of it for the same, at first, when it orders loads after stores.
const PAGE: usize = 4096;

/// A row of f32 that starts on a 64-byte boundary.
#[derive(Debug)]
pub struct Buffer {
    lines: Vec<Line>,
    /// Where the row begins.
    start: usize,
    len: usize,
}

impl Buffer {
    /// A row of `len` zeros, every page of it touched.
    ///
    /// # Errors
    /// If there is not so much memory.
    pub fn zeroed(len: usize) -> Result<Buffer, TryReserveError> {
        Ok(Buffer { lines: lines(len.div_ceil(Line::LEN))?, start: 0, len })
    }

    /// The same, half a page from `other`, modulo a page. Where an output lies a little above its input, loads wait for stores that
    /// they only seem to meet, some candidates' more than others', and it is the allocator's whim whether it does.
    ///
    /// # Errors
    /// If there is not that much memory.
    pub fn zeroed_apart(len: usize, other: &Buffer) -> Result<Buffer, TryReserveError> {
        const LINES: usize = PAGE / size_of::<Line>();
        let lines = lines(len.div_ceil(Line::LEN).saturating_add(LINES))?;
        let apart = (other.as_ptr().addr() + PAGE / 2).wrapping_sub(lines.as_ptr().addr()) % PAGE;
        Ok(Buffer { lines, start: apart / size_of::<Line>(), len })
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

fn lines(count: usize) -> Result<Vec<Line>, TryReserveError> {
    let mut lines = Vec::new();
    lines.try_reserve_exact(count)?;
    lines.resize(count, Line([0.0; Line::LEN]));
    Ok(lines)
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is exactly 16 f32 without padding (repr(C), size 64 = alignment), so `lines` from `start` on is at least
        // `len` initialised f32 in one allocation: the constructors made `len.div_ceil(16)` more than `start`, and nothing resizes it.
        unsafe { std::slice::from_raw_parts(self.lines[self.start..].as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; the borrow of `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines[self.start..].as_mut_ptr().cast(), self.len) }
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
    fn two_rows_are_half_a_page_apart() {
        for len in [0, 1, 1000, 100_000] {
            let x = Buffer::uniform(len, 7).unwrap();
            let y = Buffer::zeroed_apart(len, &x).unwrap();
            assert_eq!(y.len(), len);
            assert_eq!(y.as_ptr().addr().wrapping_sub(x.as_ptr().addr()) % PAGE, PAGE / 2);
        }
    }

    #[test]
    fn a_row_that_cannot_exist_is_an_error() {
        assert!(Buffer::zeroed(usize::MAX).is_err());
        assert!(Buffer::zeroed_apart(usize::MAX, &Buffer::zeroed(1).unwrap()).is_err());
    }
}
