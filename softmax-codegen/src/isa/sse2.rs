//! SSE2, the x86-64 baseline: four f32 lanes, no FMA, and tails are loaded and stored by parts.

use super::x86::{F32X4, prefetch, store_tail};
use super::{EXPONENT_BIAS, Lowering, call, round_mul_by_bias, split_exp2_by_bias, wide_sum};
use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;

pub struct Sse2;

fn bias() -> TokenStream {
    quote!(_mm_set1_ps(#EXPONENT_BIAS))
}

/// Halves of `a` folded until one lane is left.
fn fold(a: &TokenStream, fold_halves: &str, fold_first: &str) -> TokenStream {
    let halves = call(fold_halves, &[quote!(#a), quote!(_mm_movehl_ps(#a, #a))]);
    let last = call(fold_first, &[quote!(h), quote!(_mm_shuffle_ps::<1>(h, h))]);
    quote!({ let h = #halves; _mm_cvtss_f32(#last) })
}

/// a * b combined with c in f64, where the product of two f32 is exact, two lanes at a time.
fn exact_product(combine: &str, a: &TokenStream, b: &TokenStream, c: &TokenStream) -> TokenStream {
    let half = |select: &dyn Fn(&TokenStream) -> TokenStream| {
        let (a, b, c) = (select(a), select(b), select(c));
        let product = quote!(_mm_mul_pd(_mm_cvtps_pd(#a), _mm_cvtps_pd(#b)));
        let combined = call(combine, &[product, quote!(_mm_cvtps_pd(#c))]);
        quote!(_mm_cvtpd_ps(#combined))
    };
    let low = half(&|v| quote!(#v));
    let high = half(&|v| quote!(_mm_movehl_ps(#v, #v)));
    quote!(_mm_movelh_ps(#low, #high))
}

/// Loads the first 1 to 4 lanes, as 2 and 1: through the stack they would wait for stores of parts.
fn load_tail(pointer: &TokenStream, count: &TokenStream, fill: &TokenStream) -> TokenStream {
    quote!(unsafe {
        let (at, count, fill) = (#pointer, #count, #fill);
        if count == 1 {
            _mm_move_ss(fill, _mm_load_ss(at))
        } else if count < 4 {
            let two = _mm_castsi128_ps(_mm_loadl_epi64(at.cast()));
            let two = _mm_shuffle_ps::<0b11_10_01_00>(two, fill);
            if count == 2 {
                two
            } else {
                _mm_movelh_ps(two, _mm_move_ss(_mm_movehl_ps(fill, fill), _mm_load_ss(at.add(2))))
            }
        } else {
            _mm_loadu_ps(at)
        }
    })
}

/// [`Op::Keep`].
fn keep(a: &TokenStream, least: &TokenStream) -> TokenStream {
    quote!(_mm_and_ps(#a, _mm_cmpnlt_ps(#a, #least)))
}

impl Lowering for Sse2 {
    fn imports(&self) -> TokenStream {
        quote!(
            use ::core::arch::x86_64::*;
        )
    }

    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream {
        match (op, operands) {
            (Op::Splat, _) => call("_mm_set1_ps", operands),
            (Op::Load, [pointer]) => quote!(unsafe { _mm_loadu_ps(#pointer) }),
            (Op::LoadTail, [pointer, count, fill]) => load_tail(pointer, count, fill),
            (Op::Store, [pointer, a]) => quote!(unsafe { _mm_storeu_ps(#pointer, #a) }),
            (Op::StoreStreaming, [pointer, a]) => quote!(unsafe { _mm_stream_ps(#pointer, #a) }),
            (Op::Prefetch, [pointer]) => prefetch(pointer),
            (Op::Fence, _) => quote!(_mm_sfence()),
            (Op::StoreTail, [pointer, count, a]) => store_tail(&F32X4, pointer, count, a),
            (Op::Add, _) => call("_mm_add_ps", operands),
            (Op::Sub, _) => call("_mm_sub_ps", operands),
            (Op::Mul, _) => call("_mm_mul_ps", operands),
            (Op::Max, _) => call("_mm_max_ps", operands),
            (Op::Min, _) => call("_mm_min_ps", operands),
            (Op::MulAdd, [a, b, c]) => quote!(_mm_add_ps(_mm_mul_ps(#a, #b), #c)),
            (Op::Fma, [a, b, c]) => exact_product("_mm_add_pd", a, b, c),
            (Op::Fms, [a, b, c]) => exact_product("_mm_sub_pd", a, b, c),
            (Op::RoundMul, [x, k]) => {
                let bias = bias();
                round_mul_by_bias(quote!(_mm_add_ps(_mm_mul_ps(#x, #k), #bias)), "_mm_sub_ps", bias)
            }
            (Op::SplitExp2, [z]) => split_exp2_by_bias("_mm_add_ps", "_mm_sub_ps", z, bias()),
            (Op::Exponent, [n]) => call("_mm_add_ps", &[n.clone(), bias()]),
            (Op::Scale, [p, e]) => {
                quote!(_mm_mul_ps(#p, _mm_castsi128_ps(_mm_slli_epi32::<23>(_mm_castps_si128(#e)))))
            }
            (Op::Keep, [a, least]) => keep(a, least),
            (Op::KeepMul, [a, least, b]) => call("_mm_mul_ps", &[keep(a, least), b.clone()]),
            (Op::AllAtLeast, [a, least]) => quote!(_mm_movemask_ps(_mm_cmplt_ps(#a, #least)) == 0),
            (Op::ReduceAdd, [a]) => fold(a, "_mm_add_ps", "_mm_add_ss"),
            (Op::ReduceAddWide, [a, b, c]) => {
                let halves: [fn(&TokenStream) -> TokenStream; 2] =
                    [|v| quote!(_mm_cvtps_pd(#v)), |v| quote!(_mm_cvtps_pd(_mm_movehl_ps(#v, #v)))];
                let sum = wide_sum([a, b, c], halves, ["_mm_add_pd", "_mm_sub_pd"]);
                quote!({ let h = #sum; _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h))) })
            }
            (Op::ReduceMax, [a]) => fold(a, "_mm_max_ps", "_mm_max_ss"),
            (Op::First, _) => call("_mm_cvtss_f32", operands),
            _ => unreachable!("{op:?} with {} operands", operands.len()),
        }
    }
}
