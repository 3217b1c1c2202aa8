//! `tract-linalg`, the kernels of the inference engine tract: maximum, exponentials with their sum, and scaling, put
//! together as its softmax operator does. They work in place, so out of place a row is copied first.

use super::{Batch, Peer, Rows};
use anyhow::Result;
use std::rc::Rc;
use tract_linalg::Func;
use tract_linalg::element_wise::ElementWise;
use tract_linalg::reduce::{MapReduce, Reduce};

struct Tract {
    max: Box<dyn Reduce<f32>>,
    store_exp: Box<dyn MapReduce<f32, f32>>,
    scale: Box<dyn ElementWise<f32, f32>>,
}

/// Picks its kernels for this CPU.
pub fn open() -> Result<Rc<dyn Peer>> {
    Ok(Rc::new(Tract {
        max: Func::ReduceMax.reduce_f32()?,
        store_exp: Func::Softmax2.map_reduce_f32()?,
        scale: Func::MulByScalar.ew_f32_param()?,
    }))
}

impl Peer for Tract {
    fn version(&self) -> String {
        format!("tract-linalg 0.23 ({})", self.store_exp.name())
    }

    #[inline]
    fn run(&self, batch: Batch<'_>) -> Result<()> {
        let row_len = batch.row_len().max(1);
        match batch.into_rows() {
            Rows::Apart(x, y) => {
                for (x, y) in x.chunks_exact(row_len).zip(y.chunks_exact_mut(row_len)) {
                    y.copy_from_slice(x);
                    self.row(y)?;
                }
            }
            Rows::InPlace(x) => x.chunks_exact_mut(row_len).try_for_each(|x| self.row(x))?,
        }
        Ok(())
    }
}

impl Tract {
    fn row(&self, x: &mut [f32]) -> Result<()> {
        let max = self.max.run(x)?;
        let sum = self.store_exp.run_with_params(x, max)?;
        self.scale.run_with_params(x, sum.recip())
    }
}
