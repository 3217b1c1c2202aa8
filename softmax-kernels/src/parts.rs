//! How a pass goes over a row: in one go on this thread, or with the feature `rayon` in parts on several.
//!
//! Algorithms are written once for both. What parts give comes back in the order of the row, whoever computed it, so that
//! sums do not depend on the number of threads.

use crate::steps::Row;

/// A row that passes go over.
pub(crate) trait Parts: Copy {
    /// All of it.
    fn whole(self) -> Row;

    /// `of` each block of `block` elements, given to `enough` in the order of the row, until that returns true. Blocks
    /// after that may have been computed all the same.
    fn blocks<T: Send + Sync>(
        self,
        block: usize,
        of: impl Fn(Row) -> T + Sync,
        enough: impl FnMut(T) -> bool,
    );

    /// `of` parts that together are the row, which is not empty, merged in its order. Where the row is divided is not
    /// defined, and must not matter.
    fn parts<T: Send + Sync>(self, of: impl Fn(Row) -> T + Sync, merge: impl Fn(T, T) -> T) -> T;
}

/// On this thread.
impl Parts for Row {
    #[inline(always)]
    fn whole(self) -> Row {
        self
    }

    #[inline(always)]
    fn blocks<T: Send + Sync>(
        self,
        block: usize,
        of: impl Fn(Row) -> T + Sync,
        mut enough: impl FnMut(T) -> bool,
    ) {
        for (at, len) in self.block_ranges(block) {
            if enough(of(self.part(at, len))) {
                return;
            }
        }
    }

    #[inline(always)]
    fn parts<T: Send + Sync>(self, of: impl Fn(Row) -> T + Sync, _: impl Fn(T, T) -> T) -> T {
        of(self)
    }
}
