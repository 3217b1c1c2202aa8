//! How many rows a call has: one, or a batch of rows of one length.
//!
//! Rows of a batch follow each other in the caches and overlap in the pipeline, so that the best plan for a batch may be
//! another than for a row alone. How many they are does not matter beyond that: a batch of two and one of many have the same
//! plan, so that a row's result does not depend on how many others are beside it.

use crate::id::impl_ids;

/// A row alone, or two and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rows {
    /// One row.
    Single,
    /// Two rows or more.
    Batch,
}

/// Elements of the batch that stands for all in measurements: 128 KiB, with the output 256 KiB. More than an L1 cache, so that
/// rows come from the L2 cache one after the other, and less than the L2 of most CPUs, so that memory does not hide what differs.
const BATCH_ELEMENTS: usize = 1 << 15;

impl Rows {
    /// Both.
    pub const ALL: [Rows; 2] = [Rows::Single, Rows::Batch];

    /// Id, as in profiles.
    pub const fn id(self) -> &'static str {
        match self {
            Rows::Single => "single",
            Rows::Batch => "batch",
        }
    }

    /// Of a call with so many rows.
    pub const fn of(count: usize) -> Rows {
        if count < 2 { Rows::Single } else { Rows::Batch }
    }

    /// How many rows of `len` elements are timed together.
    pub const fn timed(self, len: usize) -> usize {
        match self {
            Rows::Single => 1,
            Rows::Batch if len == 0 || len > BATCH_ELEMENTS / 2 => 2,
            Rows::Batch => BATCH_ELEMENTS / len,
        }
    }

    /// The longest row that is tuned: a longer one fills that share of a cache by itself, in a batch as alone.
    pub const fn longest_row(self) -> Option<usize> {
        match self {
            Rows::Single => None,
            Rows::Batch => Some(BATCH_ELEMENTS),
        }
    }
}

impl_ids!(Rows, "number of rows");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_two_rows_or_more_and_as_many_as_stay_in_a_cache() {
        assert_eq!([0, 1, 2, 3].map(Rows::of), [Rows::Single, Rows::Single, Rows::Batch, Rows::Batch]);
        let longest = Rows::Batch.longest_row().unwrap();
        for (len, rows) in
            [(1, 32_768), (64, 512), (1000, 32), (16_384, 2), (16_385, 2), (longest, 2), (usize::MAX, 2)]
        {
            assert_eq!((Rows::Single.timed(len), Rows::Batch.timed(len)), (1, rows), "{len}");
        }
        for rows in Rows::ALL {
            assert_eq!(rows.to_string().parse(), Ok(rows));
        }
    }
}
