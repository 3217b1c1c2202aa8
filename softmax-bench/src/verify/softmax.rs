//! Whatever turns a row into its softmax: what a plan check needs to know about the thing it checks.

use crate::peer::{Batch, Peer};
use anyhow::Result;
use softmax_kernels::ComposedPlan;

/// A softmax.
pub trait Softmax {
    /// From `x` to `y`.
    ///
    /// # Errors
    /// If the lengths differ, or the library refuses.
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()>;

    /// In place.
    ///
    /// # Errors
    /// If the library refuses.
    fn run_in_place(&self, x: &mut [f32]) -> Result<()>;
}

/// A softmax of several rows at once.
pub trait Batches: Softmax {
    /// Of each row of `row_len` elements, from `x` to `y`.
    ///
    /// # Errors
    /// If the lengths differ or are no whole number of rows, or the library refuses.
    fn run_rows(&self, x: &[f32], y: &mut [f32], row_len: usize) -> Result<()>;

    /// In place.
    ///
    /// # Errors
    /// If the length is no whole number of rows, or the library refuses.
    fn run_rows_in_place(&self, x: &mut [f32], row_len: usize) -> Result<()>;
}

impl Batches for ComposedPlan {
    fn run_rows(&self, x: &[f32], y: &mut [f32], row_len: usize) -> Result<()> {
        Ok(ComposedPlan::run_rows(self, x, y, row_len)?)
    }

    fn run_rows_in_place(&self, x: &mut [f32], row_len: usize) -> Result<()> {
        Ok(ComposedPlan::run_rows_in_place(self, x, row_len)?)
    }
}

impl Softmax for ComposedPlan {
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        Ok(ComposedPlan::run(self, x, y)?)
    }

    fn run_in_place(&self, x: &mut [f32]) -> Result<()> {
        ComposedPlan::run_in_place(self, x);
        Ok(())
    }
}

/// A peer on one row.
pub struct Alone<'a>(pub &'a dyn Peer);

impl Softmax for Alone<'_> {
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        let len = x.len();
        self.0.run(Batch::apart(x, y, len))
    }

    fn run_in_place(&self, x: &mut [f32]) -> Result<()> {
        let len = x.len();
        self.0.run(Batch::in_place(x, len))
    }
}

/// A peer on a row between two others, which differ from it: a row length or stride that is taken wrongly shows.
pub struct InBatch<'a>(pub &'a dyn Peer);

impl Softmax for InBatch<'_> {
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        let batch = between_others(x);
        let mut out = vec![0.0; batch.len()];
        self.0.run(Batch::apart(&batch, &mut out, x.len()))?;
        y.copy_from_slice(&out[x.len()..][..x.len()]);
        Ok(())
    }

    fn run_in_place(&self, x: &mut [f32]) -> Result<()> {
        let mut batch = between_others(x);
        self.0.run(Batch::in_place(&mut batch, x.len()))?;
        x.copy_from_slice(&batch[x.len()..][..x.len()]);
        Ok(())
    }
}

fn between_others(x: &[f32]) -> Vec<f32> {
    let before = x.iter().rev().map(|x| x + 3.0);
    let after = x.iter().map(|x| -x);
    before.chain(x.iter().copied()).chain(after).collect()
}
