//! `rten-vecmath`, the vector functions of the inference engine rten. It takes one row.
//!
//! It picks its ISA itself. Where ours is restricted to AVX2, so is rten, so that like is compared with like.

use super::{Batch, Peer, Rows};
use anyhow::Result;
use rten_simd::SimdOp;
use rten_vecmath::Softmax;
use std::mem::MaybeUninit;
use std::rc::Rc;

const NAME: &str = "rten-vecmath 0.27";

/// Always there.
pub fn open() -> Result<Rc<dyn Peer>> {
    #[cfg(target_arch = "x86_64")]
    if std::env::var(softmax_kernels::FORCE_ISA_VARIABLE).is_ok_and(|isa| isa == "avx2")
        && let Some(isa) = rten_simd::isa::Avx2Isa::new()
    {
        return Ok(Rc::new(avx2::OnAvx2(isa)));
    }
    Ok(Rc::new(OnBest))
}

/// On the best ISA that it knows.
struct OnBest;

impl Peer for OnBest {
    fn version(&self) -> String {
        NAME.to_owned()
    }

    #[inline]
    fn run(&self, batch: Batch<'_>) -> Result<()> {
        each_row(batch, |row| {
            row.dispatch();
        });
        Ok(())
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::*;
    use rten_simd::isa::Avx2Isa;

    /// As `dispatch` does where there is no AVX-512.
    pub struct OnAvx2(pub Avx2Isa);

    impl Peer for OnAvx2 {
        fn version(&self) -> String {
            format!("{NAME}, avx2 alone")
        }

        #[inline]
        fn run(&self, batch: Batch<'_>) -> Result<()> {
            // SAFETY: the ISA's token exists, so the CPU has what it stands for.
            each_row(batch, |row| unsafe { eval(self.0, row) });
            Ok(())
        }
    }

    /// # Safety
    /// The CPU has the features that `isa` stands for, these.
    #[target_feature(enable = "avx,avx2,fma,f16c")]
    unsafe fn eval(isa: Avx2Isa, row: Softmax<'_, '_>) {
        row.eval(isa);
    }
}

#[inline(always)]
fn each_row(batch: Batch<'_>, softmax: impl Fn(Softmax<'_, '_>)) {
    let row_len = batch.row_len().max(1);
    match batch.into_rows() {
        Rows::Apart(x, y) if x.len() == row_len => softmax(Softmax::new(x, uninit(y))),
        Rows::Apart(x, y) => {
            let rows = x.chunks_exact(row_len).zip(y.chunks_exact_mut(row_len));
            rows.for_each(|(x, y)| softmax(Softmax::new(x, uninit(y))));
        }
        Rows::InPlace(x) => x.chunks_exact_mut(row_len).for_each(|x| softmax(Softmax::new_mut(x))),
    }
}

fn uninit(y: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    // SAFETY: f32 and MaybeUninit<f32> have one layout, and the exclusive borrow of `y` is handed on. The view
    // goes to `Softmax` alone, which writes results into it and never leaves an element uninitialised.
    unsafe { std::slice::from_raw_parts_mut(y.as_mut_ptr().cast::<MaybeUninit<f32>>(), y.len()) }
}
