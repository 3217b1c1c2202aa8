//! AVX2 with FMA: eight f32 lanes. Exponents are made by integer shifts, tails are loaded by masks.

use super::x86::{F32X8, prefetch, store_tail};
use super::{EXPONENT_BIAS, Lowering, call, round_mul_by_bias, split_exp2_by_bias, wide_sum};
use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;

pub struct Avx2;

fn bias() -> TokenStream {
    quote!(_mm256_set1_ps(#EXPONENT_BIAS))
}

/// All ones in the first `count` lanes.
fn tail_mask(count: &TokenStream) -> TokenStream {
    quote!(_mm256_cmpgt_epi32(_mm256_set1_epi32(#count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))
}

/// Halves of `a` folded until one lane is left.
fn fold(a: &TokenStream, fold_halves: &str, fold_first: &str) -> TokenStream {
    let halves =
        call(fold_halves, &[quote!(_mm256_castps256_ps128(#a)), quote!(_mm256_extractf128_ps::<1>(#a))]);
    let quarters = call(fold_halves, &[quote!(h), quote!(_mm_movehl_ps(h, h))]);
    let last = call(fold_first, &[quote!(q), quote!(_mm_shuffle_ps::<1>(q, q))]);
    quote!({ let h = #halves; let q = #quarters; _mm_cvtss_f32(#last) })
}

/// [`Op::Keep`].
fn keep(a: &TokenStream, least: &TokenStream) -> TokenStream {
    quote!(_mm256_and_ps(#a, _mm256_cmp_ps::<_CMP_NLT_UQ>(#a, #least)))
}

impl Lowering for Avx2 {
    fn imports(&self) -> TokenStream {
        quote!(
            use ::core::arch::x86_64::*;
        )
    }

    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream {
        match (op, operands) {
            (Op::Splat, _) => call("_mm256_set1_ps", operands),
            (Op::Load, [pointer]) => quote!(unsafe { _mm256_loadu_ps(#pointer) }),
            (Op::LoadTail, [pointer, count, fill]) => {
                let mask = tail_mask(count);
                quote!({
                    let mask = #mask;
                    let loaded = unsafe { _mm256_maskload_ps(#pointer, mask) };
                    _mm256_blendv_ps(#fill, loaded, _mm256_castsi256_ps(mask))
                })
            }
            (Op::Store, [pointer, a]) => quote!(unsafe { _mm256_storeu_ps(#pointer, #a) }),
            (Op::StoreStreaming, [pointer, a]) => quote!(unsafe { _mm256_stream_ps(#pointer, #a) }),
            (Op::Prefetch, [pointer]) => prefetch(pointer),
            (Op::Fence, _) => quote!(_mm_sfence()),
            (Op::StoreTail, [pointer, count, a]) => store_tail(&F32X8, pointer, count, a),
            (Op::Add, _) => call("_mm256_add_ps", operands),
            (Op::Sub, _) => call("_mm256_sub_ps", operands),
            (Op::Mul, _) => call("_mm256_mul_ps", operands),
            (Op::Max, _) => call("_mm256_max_ps", operands),
            (Op::Min, _) => call("_mm256_min_ps", operands),
            (Op::MulAdd | Op::Fma, _) => call("_mm256_fmadd_ps", operands),
            (Op::Fms, _) => call("_mm256_fmsub_ps", operands),
            (Op::RoundMul, [x, k]) => {
                let fused = call("_mm256_fmadd_ps", &[x.clone(), k.clone(), bias()]);
                round_mul_by_bias(fused, "_mm256_sub_ps", bias())
            }
            (Op::SplitExp2, [z]) => split_exp2_by_bias("_mm256_add_ps", "_mm256_sub_ps", z, bias()),
            (Op::Exponent, [n]) => call("_mm256_add_ps", &[n.clone(), bias()]),
            (Op::Scale, [p, e]) => quote!(_mm256_mul_ps(
                #p,
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(#e)))
            )),
            (Op::Keep, [a, least]) => keep(a, least),
            (Op::KeepMul, [a, least, b]) => call("_mm256_mul_ps", &[keep(a, least), b.clone()]),
            (Op::AllAtLeast, [a, least]) => {
                quote!(_mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(#a, #least)) == 0)
            }
            (Op::Literals, _) => call("_mm256_setr_ps", operands),
            (Op::Lookup, [e, table]) => quote!(_mm256_permutevar8x32_ps(#table, _mm256_castps_si256(#e))),
            (Op::AddEighths, [a, e]) => quote!(_mm256_castsi256_ps(_mm256_add_epi32(
                _mm256_castps_si256(#a),
                _mm256_slli_epi32::<20>(_mm256_castps_si256(#e))
            ))),
            (Op::ReduceAdd, [a]) => fold(a, "_mm_add_ps", "_mm_add_ss"),
            (Op::ReduceAddWide, [a, b, c]) => {
                let halves: [fn(&TokenStream) -> TokenStream; 2] = [
                    |v| quote!(_mm256_cvtps_pd(_mm256_castps256_ps128(#v))),
                    |v| quote!(_mm256_cvtps_pd(_mm256_extractf128_ps::<1>(#v))),
                ];
                let sum = wide_sum([a, b, c], halves, ["_mm256_add_pd", "_mm256_sub_pd"]);
                quote!({
                    let sum = #sum;
                    let h = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd::<1>(sum));
                    _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)))
                })
            }
            (Op::ReduceMax, [a]) => fold(a, "_mm_max_ps", "_mm_max_ss"),
            (Op::First, _) => call("_mm256_cvtss_f32", operands),
            _ => unreachable!("{op:?} with {} operands", operands.len()),
        }
    }
}
