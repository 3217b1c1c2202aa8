//! Plans at run time: an algorithm's kernels, and what surrounds them to make every row right.
//!
//! Rows that a plan gives up ([`Steps::run`]) are *irregular*: a maximum or an exponent outside the range in which its
//! exp core is exact, a sum that overflowed, or no number. Their elements are still there, and [`Backup`] takes them over.

use crate::MaskedRow;
use crate::parts::Parts;
use crate::steps::{Row, Rows, Steps};
#[cfg(feature = "rayon")]
use crate::threads::Threads;

/// An algorithm with a kernel for each pass: a softmax for rows of any length.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The algorithm's id.
    pub algorithm: &'static str,
    /// The ISA's id.
    pub isa: &'static str,
    /// The ids of its pass variants, in the order in which they run.
    pub passes: &'static [&'static str],
    steps: Steps,
    largest_max: f32,
}

impl Plan {
    /// For code that `kernels!` generates.
    ///
    /// # Safety
    /// The kernels must share one exp core that suits the algorithm, and the plan must only reach code that runs on CPUs
    /// that support them. `largest_max` is the largest |max(x)| for which its exp core is exact.
    pub const unsafe fn from_parts(
        algorithm: &'static str,
        isa: &'static str,
        passes: &'static [&'static str],
        steps: Steps,
        largest_max: f32,
    ) -> Self {
        Self { algorithm, isa, passes, steps, largest_max }
    }

    /// softmax of a row in one kernel, without any of what a [`Call`] has to see to: beside so short a row
    /// that would show. False if it is not done: the plan is another, or the row empty or irregular.
    #[inline]
    pub(crate) fn softmax_whole_row(&self, row: Row) -> bool {
        // SAFETY: as in `softmax_regular`.
        matches!(self.steps, Steps::WholeRows { softmax } if unsafe { softmax.run_row(row) })
    }

    /// softmax of each row of a batch.
    pub(crate) fn softmax_batch(&self, rows: Rows, backup: &Backup, masked: MaskedRow) {
        let mut left = rows;
        loop {
            // SAFETY: as in `softmax_regular`.
            left = left.skip(unsafe { self.steps.run_rows(left, self.largest_max) });
            let Some((irregular, others)) = left.split_first() else {
                return;
            };
            backup.softmax_irregular(irregular, masked);
            left = others;
        }
    }

    /// softmax of a valid row, on as many threads as its parts go to. Irregular ones stay on this thread.
    #[inline]
    pub(crate) fn softmax_row(&self, row: impl Parts, backup: &Backup, masked: MaskedRow) {
        if !self.softmax_regular(row) {
            backup.softmax_irregular(row.whole(), masked);
        }
    }

    /// Whether the row was regular; if not, its elements are as they were.
    #[inline]
    fn softmax_regular(&self, row: impl Parts) -> bool {
        // SAFETY: this plan exists, so the CPU supports its kernels; rows are made from slices of one length.
        unsafe { self.steps.run(row, self.largest_max) }
    }
}

/// A plan with all that makes a call of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub plan: &'a Plan,
    pub backup: &'a Backup,
    pub masked: MaskedRow,
    #[cfg(feature = "rayon")]
    pub threads: Threads,
}

impl Call<'_> {
    /// softmax of one row.
    pub(crate) fn row(self, row: Row) {
        #[cfg(feature = "rayon")]
        if self.threads.softmax(Rows::one(row), self) {
            return;
        }
        self.plan.softmax_row(row, self.backup, self.masked);
    }

    /// softmax of each row.
    pub(crate) fn rows(self, rows: Rows) {
        #[cfg(feature = "rayon")]
        if self.threads.softmax(rows, self) {
            return;
        }
        self.plan.softmax_batch(rows, self.backup, self.masked);
    }
}

/// What takes over rows that a plan gives up.
#[derive(Debug, Clone, Copy)]
pub struct Backup {
    /// Knows the maximum, so that it takes every row with a maximum of ordinary size.
    pub fallback: Plan,
    /// Right for every finite row.
    pub robust: Plan,
}

impl Backup {
    #[cold]
    fn softmax_irregular(&self, row: Row, masked: MaskedRow) {
        if self.fallback.softmax_regular(row) {
            return;
        }
        let x = row.elements();
        let nan = x.iter().any(|v| v.is_nan() || *v == f32::INFINITY);
        let all_masked = x.iter().all(|&v| v == f32::NEG_INFINITY);
        match (nan, all_masked, masked) {
            (true, ..) | (_, true, MaskedRow::Nan) => row.fill(f32::NAN),
            (_, true, MaskedRow::Zero) => row.fill(0.0),
            _ => {
                let done = self.robust.softmax_regular(row);
                debug_assert!(done, "the robust plan takes every finite row");
            }
        }
    }
}
