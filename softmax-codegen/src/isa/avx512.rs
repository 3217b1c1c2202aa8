//! AVX-512: sixteen f32 lanes, mask registers to load the tail, `vreduce` and `vscalef` for 2^z, a table of 32 entries in
//! two registers.

use super::x86::{F32X16, prefetch, store_tail};
use super::{Lowering, call, wide_sum};
use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;

pub struct Avx512;

impl Lowering for Avx512 {
    fn imports(&self) -> TokenStream {
        quote!(
            use ::core::arch::x86_64::*;
        )
    }

    fn min_exponent(&self) -> f32 {
        // Low enough that a quotient is 0, and with the headroom a normal number: on Intel's cores `vscalef` calls microcode for results
        // between these and 2^-512, which takes 150 to 250 cycles, also where it is 0.
        -129.0
    }

    fn masks_products(&self) -> bool {
        true
    }

    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream {
        match (op, operands) {
            (Op::Splat, _) => call("_mm512_set1_ps", operands),
            (Op::Load, [pointer]) => quote!(unsafe { _mm512_loadu_ps(#pointer) }),
            (Op::LoadTail, [pointer, count, fill]) => {
                quote!(unsafe { _mm512_mask_loadu_ps(#fill, u16::MAX >> (16 - #count), #pointer) })
            }
            (Op::Store, [pointer, a]) => quote!(unsafe { _mm512_storeu_ps(#pointer, #a) }),
            (Op::StoreStreaming, [pointer, a]) => quote!(unsafe { _mm512_stream_ps(#pointer, #a) }),
            (Op::Prefetch, [pointer]) => prefetch(pointer),
            (Op::Fence, _) => quote!(_mm_sfence()),
            (Op::StoreTail, [pointer, count, a]) => store_tail(&F32X16, pointer, count, a),
            (Op::Add, _) => call("_mm512_add_ps", operands),
            (Op::Sub, _) => call("_mm512_sub_ps", operands),
            (Op::Mul, _) => call("_mm512_mul_ps", operands),
            (Op::Max, _) => call("_mm512_max_ps", operands),
            (Op::Min, _) => call("_mm512_min_ps", operands),
            (Op::MulAdd | Op::Fma, _) => call("_mm512_fmadd_ps", operands),
            (Op::Fms, _) => call("_mm512_fmsub_ps", operands),
            (Op::RoundMul, [x, k]) => {
                quote!({ let n = _mm512_roundscale_ps::<0x08>(_mm512_mul_ps(#x, #k)); (n, n) })
            }
            // 0x09: round down, no exceptions. `vscalef` floors z itself.
            (Op::SplitExp2, [z]) => quote!((_mm512_reduce_ps::<0x09>(#z), #z)),
            (Op::Exponent, [n]) => quote!(#n),
            (Op::Scale, _) => call("_mm512_scalef_ps", operands),
            (Op::Literals, _) => call("_mm512_setr_ps", operands),
            // "Not less than", so that NaN stays.
            (Op::Keep, [a, least]) => {
                quote!(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLT_UQ>(#a, #least), #a))
            }
            (Op::KeepMul, [a, least, b]) => {
                quote!(_mm512_maskz_mul_ps(_mm512_cmp_ps_mask::<_CMP_NLT_UQ>(#a, #least), #a, #b))
            }
            (Op::AllAtLeast, [a, least]) => {
                quote!(_mm512_cmp_ps_mask::<_CMP_NLT_UQ>(#a, #least) == u16::MAX)
            }
            (Op::Lookup, [e, low, high]) => {
                quote!(_mm512_permutex2var_ps(#low, _mm512_castps_si512(#e), #high))
            }
            (Op::Lookup, [e, table]) => quote!(_mm512_permutexvar_ps(_mm512_castps_si512(#e), #table)),
            (Op::AddEighths, [a, e]) => quote!(_mm512_castsi512_ps(_mm512_add_epi32(
                _mm512_castps_si512(#a),
                _mm512_slli_epi32::<20>(_mm512_castps_si512(#e))
            ))),
            (Op::ReduceAdd, _) => call("_mm512_reduce_add_ps", operands),
            (Op::ReduceAddWide, [a, b, c]) => {
                let halves: [fn(&TokenStream) -> TokenStream; 2] = [
                    |v| quote!(_mm512_cvtps_pd(_mm512_castps512_ps256(#v))),
                    |v| quote!(_mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(#v))),
                ];
                call(
                    "_mm512_reduce_add_pd",
                    &[wide_sum([a, b, c], halves, ["_mm512_add_pd", "_mm512_sub_pd"])],
                )
            }
            (Op::ReduceMax, _) => call("_mm512_reduce_max_ps", operands),
            (Op::First, _) => call("_mm512_cvtss_f32", operands),
            _ => unreachable!("{op:?} with {} operands", operands.len()),
        }
    }
}
