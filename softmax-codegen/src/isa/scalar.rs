//! Plain Rust arithmetic on one f32: the fallback for every architecture, and the one that LLVM may vectorise.

use super::{EXPONENT_BIAS, Lowering};
use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;

pub struct Scalar;

/// [`Op::Keep`].
fn keep(a: &TokenStream, least: &TokenStream) -> TokenStream {
    quote!((if #a < #least { 0.0 } else { #a }))
}

impl Lowering for Scalar {
    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream {
        match (op, operands) {
            (Op::Splat | Op::ReduceAdd | Op::ReduceMax | Op::First, [a]) => quote!(#a),
            (Op::Load, [pointer]) => quote!(unsafe { *#pointer }),
            (Op::Store, [pointer, a]) => quote!(unsafe { *#pointer = #a }),
            (Op::Add, [a, b]) => quote!(#a + #b),
            (Op::Sub, [a, b]) => quote!(#a - #b),
            (Op::Mul, [a, b]) => quote!(#a * #b),
            (Op::Max, [a, b]) => quote!(if #a > #b { #a } else { #b }),
            (Op::Min, [a, b]) => quote!(if #a < #b { #a } else { #b }),
            (Op::MulAdd, [a, b, c]) => quote!(#a * #b + #c),
            // The product of two f32 is exact in f64.
            (Op::Fma, [a, b, c]) => quote!((f64::from(#a) * f64::from(#b) + f64::from(#c)) as f32),
            (Op::Fms, [a, b, c]) => quote!((f64::from(#a) * f64::from(#b) - f64::from(#c)) as f32),
            (Op::ReduceAddWide, [a, b, c]) => quote!(f64::from(#a) - f64::from(#b) + f64::from(#c)),
            (Op::RoundMul, [x, k]) => {
                quote!({ let e = #x * #k + #EXPONENT_BIAS; (e - #EXPONENT_BIAS, e) })
            }
            (Op::SplitExp2, [z]) => {
                quote!({ let e = #z + #EXPONENT_BIAS; (#z - (e - #EXPONENT_BIAS), e) })
            }
            (Op::Exponent, [n]) => quote!(#n + #EXPONENT_BIAS),
            (Op::Scale, [p, e]) => quote!(#p * f32::from_bits(#e.to_bits() << 23)),
            (Op::Keep, [a, least]) => keep(a, least),
            (Op::KeepMul, [a, least, b]) => {
                let kept = keep(a, least);
                quote!(#kept * #b)
            }
            (Op::AllAtLeast, [a, least]) => quote!(!(#a < #least)),
            (Op::LoadTail | Op::StoreTail, _) => unreachable!("one lane has no tail"),
            (Op::Prefetch, _) => unreachable!("an ISA without prefetches"),
            _ => unreachable!("{op:?} with {} operands", operands.len()),
        }
    }
}
