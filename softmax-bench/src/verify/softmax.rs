//! Whatever turns a row into its softmax: what a plan check needs to know about the thing it checks.

use crate::peer;
use softmax_kernels::{ComposedPlan, ShapeError};

/// A softmax.
pub trait Softmax {
    /// From `x` to `y`.
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError>;
    /// In place.
    fn run_in_place(&self, x: &mut [f32]);
}

impl Softmax for ComposedPlan {
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        ComposedPlan::run(self, x, y)
    }

    fn run_in_place(&self, x: &mut [f32]) {
        ComposedPlan::run_in_place(self, x);
    }
}

impl Softmax for peer::Rten {
    fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        peer::rten(x, y);
        Ok(())
    }

    fn run_in_place(&self, x: &mut [f32]) {
        peer::rten_in_place(x);
    }
}
