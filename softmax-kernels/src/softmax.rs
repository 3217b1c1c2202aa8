//! The functions that people call.

use crate::dispatch::{self, Situation};
use crate::error::{ShapeError, same_length, whole_rows};
use crate::plan::Call;
use crate::profile::Table;
use crate::selection::Selection;
use crate::steps::{Row, Rows};
#[cfg(feature = "rayon")]
use crate::threads::Threads;

/// How far outputs that are normal floats may be from the exact result, for x ~ U(-10, 10) and x ~ 5 N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accuracy {
    /// At most 20 ULP.
    #[default]
    Fast,
    /// At most 4 ULP.
    Accurate,
}

/// What a row of only -inf gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaskedRow {
    /// NaN everywhere, as 0/0.
    #[default]
    Nan,
    /// Zeros.
    Zero,
}

/// softmax of one row. Any length, also 0.
///
/// # Errors
/// If the lengths differ; y is then untouched.
pub fn softmax(x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    Softmax::new().run(x, y)
}

/// softmax of one row, over itself.
pub fn softmax_in_place(x: &mut [f32]) {
    Softmax::new().run_in_place(x);
}

/// softmax of each row of a matrix whose rows of `row_len` elements follow one another.
///
/// A matrix of one row gives what [`softmax`] gives. Two rows and more may be computed by another plan, whose results differ in
/// the last digits; how many they are, and what is in the others, does not matter to a row.
///
/// # Errors
/// If the lengths differ or are no multiple of `row_len`; y is then untouched.
pub fn softmax_rows(x: &[f32], y: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
    Softmax::new().run_rows(x, y, row_len)
}

/// softmax of each row of a matrix, over itself. As [`softmax_rows`], one row is what [`softmax_in_place`] gives.
///
/// # Errors
/// If the length is no multiple of `row_len`; x is then untouched.
pub fn softmax_rows_in_place(x: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
    Softmax::new().run_rows_in_place(x, row_len)
}

/// softmax with options.
///
/// ```
/// use softmax_kernels::{Accuracy, MaskedRow, Softmax};
/// let softmax = Softmax::new().accuracy(Accuracy::Accurate).masked(MaskedRow::Zero);
/// let mut x = [f32::NEG_INFINITY; 2];
/// softmax.run_in_place(&mut x);
/// assert_eq!(x, [0.0, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "options do nothing until one of the `run` methods is called"]
pub struct Softmax {
    accuracy: Accuracy,
    masked: MaskedRow,
    #[cfg(feature = "rayon")]
    threads: Threads,
}

impl Softmax {
    /// The options that [`softmax`] has: fast, NaN for masked rows, one thread.
    pub const fn new() -> Softmax {
        Softmax {
            accuracy: Accuracy::Fast,
            masked: MaskedRow::Nan,
            #[cfg(feature = "rayon")]
            threads: Threads::ONE,
        }
    }

    /// How accurate.
    pub const fn accuracy(mut self, accuracy: Accuracy) -> Softmax {
        self.accuracy = accuracy;
        self
    }

    /// What a row of only -inf gives.
    pub const fn masked(mut self, masked: MaskedRow) -> Softmax {
        self.masked = masked;
        self
    }

    /// On how many threads at most, 1 by default: the calling one and others of the current rayon pool, 0 for as many as
    /// the pool has. The result is the same to the last bit.
    ///
    /// Batches are divided by rows, long rows into parts; what is too small to gain, below 131072 elements, stays on the
    /// calling thread. So does a single row whose plan ([`Softmax::selected`]) is `online` or a `blocked_` one, each block of
    /// which continues from the one before, and a row so extreme that its plan gives it up.
    ///
    /// Calls on several threads allocate, and wait for the pool. They panic if rayon cannot start it, as its own functions do.
    #[cfg(feature = "rayon")]
    pub const fn threads(mut self, threads: usize) -> Softmax {
        self.threads = Threads(threads);
        self
    }

    /// softmax of one row.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        let plan = self.table(false, false, x.len()).plan(x.len());
        if !plan.softmax_whole_row(Row::out_of_place(x, y)) {
            self.run_long(x, y);
        }
        Ok(())
    }

    /// softmax of one row, over itself.
    pub fn run_in_place(&self, x: &mut [f32]) {
        let plan = self.table(true, false, x.len()).plan(x.len());
        if !plan.softmax_whole_row(Row::in_place(x)) {
            self.run_long_in_place(x);
        }
    }

    /// softmax of each row of `row_len` elements; see [`softmax_rows`].
    ///
    /// # Errors
    /// If the lengths differ or are no multiple of `row_len`; y is then untouched.
    pub fn run_rows(&self, x: &[f32], y: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
        same_length(x, y)?;
        whole_rows(x.len(), row_len)?;
        // Rows of 0 elements only make an empty matrix, which has no rows of any length.
        let table = self.table(false, x.len() > row_len, row_len);
        self.call(table, row_len).rows(Rows::out_of_place(x, y, row_len.max(1)));
        Ok(())
    }

    /// softmax of each row of `row_len` elements, over itself; see [`softmax_rows_in_place`].
    ///
    /// # Errors
    /// If the length is no multiple of `row_len`; x is then untouched.
    pub fn run_rows_in_place(&self, x: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
        whole_rows(x.len(), row_len)?;
        let table = self.table(true, x.len() > row_len, row_len);
        self.call(table, row_len).rows(Rows::in_place(x, row_len.max(1)));
        Ok(())
    }

    #[inline(never)]
    fn run_long(&self, x: &[f32], y: &mut [f32]) {
        self.call(self.table(false, false, x.len()), x.len()).row(Row::out_of_place(x, y));
    }

    #[inline(never)]
    fn run_long_in_place(&self, x: &mut [f32]) {
        self.call(self.table(true, false, x.len()), x.len()).row(Row::in_place(x));
    }

    /// The table for rows of `len` elements.
    #[inline]
    fn table(&self, in_place: bool, batch: bool, len: usize) -> &'static Table {
        dispatch::table(Situation { accuracy: self.accuracy, in_place, batch }, len)
    }

    /// What a call for rows of `len` elements does.
    #[inline]
    fn call(&self, table: &'static Table, len: usize) -> Call<'static> {
        Call {
            plan: table.plan(len),
            backup: &table.backup,
            masked: self.masked,
            #[cfg(feature = "rayon")]
            threads: self.threads,
        }
    }

    /// What [`Softmax::run`] uses for a row of `len` elements on this machine, and why.
    pub fn selected(&self, len: usize) -> Selection {
        self.selection(false, 1, len)
    }

    /// What [`Softmax::run_in_place`] uses for a row of `len` elements on this machine, and why.
    pub fn selected_in_place(&self, len: usize) -> Selection {
        self.selection(true, 1, len)
    }

    /// What [`Softmax::run_rows`] uses for so many rows of `row_len` elements on this machine, and why. The same for any
    /// number from 2 on.
    pub fn selected_rows(&self, rows: usize, row_len: usize) -> Selection {
        self.selection(false, rows, row_len)
    }

    /// What [`Softmax::run_rows_in_place`] uses for so many rows of `row_len` elements on this machine, and why. The same for
    /// any number from 2 on.
    pub fn selected_rows_in_place(&self, rows: usize, row_len: usize) -> Selection {
        self.selection(true, rows, row_len)
    }

    fn selection(&self, in_place: bool, rows: usize, len: usize) -> Selection {
        let batch = rows > 1;
        dispatch::selection(Situation { accuracy: self.accuracy, in_place, batch }, len)
    }
}
