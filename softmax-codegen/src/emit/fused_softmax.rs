//! `fused_softmax`: whole rows that fit in the L1 cache, in one function: exponentials relative to a constant, their sum, and
//! the exponentials again, scaled. There is no pass for a maximum, and no call between passes.
//!
//! Exponentials wait in y, or in a buffer where y is x: a row that is out of range for the constant is not given up, and the
//! function stops there and returns its index.

use super::constant_shift::{self, ConstantShift};
use super::scale::{Factor, Scale};
use super::store_exp::StoreExp;
use super::{Body, core_of, sweep};
use crate::ir::{Builder, Operations, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Pass, PassVariant, Tile};

pub fn function(variant: &PassVariant) -> TokenStream {
    let (sum, longest) = (Value::named("sum"), PassVariant::LONGEST_FUSED);
    let exponentials = sweep::code(&exponentials_of(variant), |b| store_exp(b, variant));
    let suits = constant_shift::suits(variant, &sum);
    let scaling = sweep::code(&scaling_of(variant), |b| {
        Box::new(match variant.sums_exactly() {
            true => Scale::new(b),
            false => Scale::by(Factor::float(b, quote!(factor))),
        })
    });
    let body = quote! {
        if n == 0 || n > #longest {
            return 0;
        }
        // A vector that lies across two cache lines takes twice as long, and nothing else aligns what is on the stack.
        #[repr(align(64))]
        struct Aligned([f32; #longest]);
        let mut buffer = ::core::mem::MaybeUninit::<Aligned>::uninit();
        let mut row = 0usize;
        while row < rows {
            let (x, y) = unsafe { (x.add(row * n), y.add(row * n)) };
            let kept = if ::core::ptr::eq(x, y) { buffer.as_mut_ptr().cast() } else { y };
            let #sum = {
                let y = kept;
                #exponentials
            };
            if !(#suits) {
                break;
            }
            let factor = 1.0 / #sum;
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
