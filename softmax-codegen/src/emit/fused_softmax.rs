//! `fused_softmax`: whole rows that fit in the L1 cache, in one function: exponentials relative to a constant, their sum, and
//! the exponentials again, scaled. There is no pass for a maximum, and no call between passes.
//!
//! Exponentials wait in y, or in a buffer. That is where y is x, because a row that is out of range for the constant is not given
//! up: the function stops there and returns its index. And it is where y lies a little above x, modulo [`PAGE`]: cores first compare
//! the lower bits of addresses, so that loads of x, which run ahead, would wait for stores to y that they only seem to meet. On a
//! Zen 4, 2000 elements then took 1.4 times as long.

use super::constant_shift::{self, ConstantShift};
use super::scale::{Factor, Scale};
use super::store_exp::StoreExp;
use super::{Body, core_of, sweep};
use crate::ir::{Builder, Operations, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Pass, PassVariant, Tile};

/// Bytes. Addresses that differ by a multiple of it look alike to the part of a core that orders loads after stores.
const PAGE: usize = 4096;
/// Bytes that loads are ahead of stores in flight at most: a Zen 4 lost time up to 704, with AVX-512.
const AHEAD: usize = 768;

pub fn function(variant: &PassVariant) -> TokenStream {
    let (sum, longest) = (Value::named("sum"), PassVariant::LONGEST_FUSED);
    let room = longest + PAGE / size_of::<f32>();
    let exponentials = sweep::code(&exponentials_of(variant), |b| store_exp(b, variant));
    let suits = constant_shift::suits(&sum);
    let scaling = sweep::code(&scaling_of(variant), |b| {
        Box::new(Scale::by(Factor::reciprocal(b, &sum, variant.sums_exactly())))
    });
    let body = quote! {
        if n == 0 || n > #longest {
            return 0;
        }
        // A vector that lies across two cache lines takes twice as long, and nothing else aligns what is on the stack.
        #[repr(align(64))]
        struct Aligned([f32; #room]);
        let mut buffer = ::core::mem::MaybeUninit::<Aligned>::uninit();
        let ahead = y.addr().wrapping_sub(x.addr()) % #PAGE;
        let is_buffered = ::core::ptr::eq(x, y) || (ahead > 0 && ahead < #AHEAD);
        let mut row = 0usize;
        while row < rows {
            let (x, y) = unsafe { (x.add(row * n), y.add(row * n)) };
            let kept = if is_buffered {
                let buffer = buffer.as_mut_ptr().cast::<f32>();
                // Half a page from x, and so, nearly, from y, in whole lines.
                let skipped = (x.addr() + #PAGE / 2).wrapping_sub(buffer.addr()) % #PAGE / 64 * 16;
                unsafe { buffer.add(skipped) }
            } else {
                y
            };
            let #sum = {
                let y = kept;
                #exponentials
            };
            if !(#suits) {
                break;
            }
            {
                let x: *const f32 = kept;
                #scaling
            }
            row += 1;
        }
        row
    };
    super::item(variant, &quote!(rows: usize), &quote!(usize), body)
}

/// The operations on one tile of exponentials; those of scaling are another loop's.
pub fn operations(variant: &PassVariant) -> Operations {
    sweep::operations(&exponentials_of(variant), |b| store_exp(b, variant))
}

fn store_exp(b: &mut Builder, variant: &PassVariant) -> Box<dyn Body> {
    let core = core_of(variant, b);
    let shift = ConstantShift::new(b, &*core);
    Box::new(StoreExp::relative_to_constant(core, shift, &exponentials_of(variant)))
}

/// The pass that its first loops are.
fn exponentials_of(variant: &PassVariant) -> PassVariant {
    PassVariant { pass: Pass::StoreExp, ..*variant }
}

/// The pass that its last loops are.
fn scaling_of(variant: &PassVariant) -> PassVariant {
    let tile = Tile { accumulators: 1, ..variant.tile };
    PassVariant { pass: Pass::Scale, exp: None, tile, ..*variant }
}
