//! `rten-vecmath`, the vector functions of the inference engine rten. It takes one row.

use super::{Batch, Peer, Rows};
use anyhow::Result;
use rten_simd::SimdOp;
use rten_vecmath::Softmax;
use std::mem::MaybeUninit;
use std::rc::Rc;

struct Rten;

/// Always there.
pub fn open() -> Result<Rc<dyn Peer>> {
    Ok(Rc::new(Rten))
}

impl Peer for Rten {
    fn version(&self) -> String {
        "rten-vecmath 0.27".to_owned()
    }

    fn run(&self, batch: Batch<'_>) -> Result<()> {
        let row_len = batch.row_len().max(1);
        match batch.into_rows() {
            Rows::Apart(x, y) => {
                for (x, y) in x.chunks_exact(row_len).zip(y.chunks_exact_mut(row_len)) {
                    row(x, y);
                }
            }
            Rows::InPlace(x) => x.chunks_exact_mut(row_len).for_each(|x| {
                Softmax::new_mut(x).dispatch();
            }),
        }
        Ok(())
    }
}

fn row(x: &[f32], y: &mut [f32]) {
    let len = y.len();
    // SAFETY: f32 and MaybeUninit<f32> have one layout, and the exclusive borrow of `y` is handed on. The view
    // goes to `Softmax` alone, which writes results into it and never leaves an element uninitialised.
    let y = unsafe { std::slice::from_raw_parts_mut(y.as_mut_ptr().cast::<MaybeUninit<f32>>(), len) };
    Softmax::new(x, y).dispatch();
}
