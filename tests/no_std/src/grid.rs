//! A grid of this program's own: what `kernels!` generates needs no standard library either.

use crate::answers::{Buffers, Wrong, is_softmax};
use softmax_kernels::{ExtScaleKernel, ExtSum, ExtSumKernel, Kernel, SoftmaxKernel};

softmax_kernels::kernels! {
    grid {
        passes: [ext_sum, ext_scale, softmax],
        isas: [scalar, sse2, avx2, avx512, neon],
        unroll: [3, 5],
        exp: [direct 4, cody_waite 4],
    }
}

/// Tries every variant that this CPU supports; how many were right.
pub fn all(buffers: &mut Buffers) -> Result<usize, Wrong> {
    let mut variants = 0;
    for variant in VARIANTS {
        match variant.kernel() {
            Some(Kernel::Softmax(softmax)) => whole_row(variant.id, softmax, buffers)?,
            Some(Kernel::ExtSum(sum)) => {
                let scales =
                    VARIANTS.iter().filter(|scale| (scale.isa, scale.exp) == (variant.isa, variant.exp));
                for scale in scales {
                    if let Some(Kernel::ExtScale(kernel)) = scale.kernel() {
                        two_pass(scale.id, sum, kernel, buffers)?;
                    }
                }
            }
            Some(_) => {}
            None => continue,
        }
        variants += 1;
    }
    Ok(variants)
}

fn whole_row(id: &'static str, softmax: SoftmaxKernel, buffers: &mut Buffers) -> Result<(), Wrong> {
    for len in 1..=softmax.longest_row() {
        let (x, y) = buffers.row(len);
        if softmax.run(x, y) != Ok(true) {
            return Err(Wrong { what: id, len, at: 0 });
        }
        is_softmax(id, x, y, MOST_ULP)?;
    }
    Ok(())
}

fn two_pass(
    id: &'static str,
    sum: ExtSumKernel,
    scale: ExtScaleKernel,
    buffers: &mut Buffers,
) -> Result<(), Wrong> {
    for len in 1..=200 {
        let (x, y) = buffers.row(len);
        let sum: ExtSum = sum.run(x);
        scale.run(x, y, sum).expect("x and y have one length");
        is_softmax(id, x, y, MOST_ULP)?;
    }
    Ok(())
}

/// Polynomials of degree 4 are good for about 3e-6.
const MOST_ULP: f64 = 60.0;
