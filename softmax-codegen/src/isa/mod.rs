//! Instruction sets: how each IR operation looks there. One file per ISA, each one table.
//!
//! What an ISA *is* (features, lanes, registers) stands in `softmax-spec`; here is only how it is written.

mod avx2;
mod avx512;
mod neon;
mod scalar;
mod sse2;
mod x86;

use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::Isa;

/// How one ISA writes the IR.
pub trait Lowering: Sync {
    /// What the ISA's module of generated functions imports.
    fn imports(&self) -> TokenStream {
        quote!()
    }

    /// The expression for `op`. A match over every operation, so that a table cannot be incomplete.
    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream;

    /// The smallest exponent of an exponential beside that of the maximum. With the headroom it gives 0, or what a quotient of
    /// is 0 ([`Reduction::HEADROOM`](softmax_spec::Reduction::HEADROOM)).
    fn min_exponent(&self) -> f32 {
        MIN_BIASED_EXPONENT
    }

    /// Whether [`Op::KeepMul`] is a comparison and a masked product, no more operations than looking for small elements beforehand.
    fn masks_products(&self) -> bool {
        false
    }
}

/// The lowering of `isa`.
pub fn lowering(isa: Isa) -> &'static dyn Lowering {
    match isa {
        Isa::Scalar => &scalar::Scalar,
        Isa::Sse2 => &sse2::Sse2,
        Isa::Avx2 => &avx2::Avx2,
        Isa::Avx512 => &avx512::Avx512,
        Isa::Neon => &neon::Neon,
    }
}

/// 1.5 * 2^23 + 127. Adding it to |n| < 2^22 rounds n to an integer and leaves n + 127, a biased exponent, in the
/// lowest bits, from where a shift by 23 makes 2^n.
const EXPONENT_BIAS: f32 = 12_582_912.0 + 127.0;

/// n + 127 = 0 is the smallest exponent that the shift can make: the float 0.
const MIN_BIASED_EXPONENT: f32 = -127.0;

/// A call of the intrinsic or function `name`.
fn call(name: &str, operands: &[TokenStream]) -> TokenStream {
    let name = quote::format_ident!("{name}");
    quote!(#name(#(#operands),*))
}

/// a - b + c in f64, given how a vector's halves become vectors of f64, and how those are added and subtracted; the two
/// halves of the result added.
fn wide_sum(
    [a, b, c]: [&TokenStream; 3],
    halves: [fn(&TokenStream) -> TokenStream; 2],
    [add, subtract]: [&str; 2],
) -> TokenStream {
    let [low, high] = halves.map(|half| {
        let difference = call(subtract, &[half(a), half(b)]);
        call(add, &[difference, half(c)])
    });
    call(add, &[low, high])
}

/// [`Op::RoundMul`] by adding [`EXPONENT_BIAS`], given the spellings of x * k + bias and of subtraction.
fn round_mul_by_bias(fused: TokenStream, subtract: &str, bias: TokenStream) -> TokenStream {
    let rounded = call(subtract, &[quote!(e), bias]);
    quote!({ let e = #fused; (#rounded, e) })
}

/// [`Op::SplitExp2`] by adding [`EXPONENT_BIAS`].
fn split_exp2_by_bias(add: &str, subtract: &str, z: &TokenStream, bias: TokenStream) -> TokenStream {
    let biased = call(add, &[z.clone(), bias.clone()]);
    let rounded = call(subtract, &[quote!(e), bias]);
    let remainder = call(subtract, &[z.clone(), rounded]);
    quote!({ let e = #biased; (#remainder, e) })
}
