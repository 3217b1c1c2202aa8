//! NEON, which every AArch64 CPU has: four f32 lanes, fused multiply-add, tails lane by lane.
//!
//! Exponents are made by integer shifts, as on AVX2 and with the same bits: adding the bias rounds and makes the exponent in
//! one operation, while what `frintn` rounds would still have to be converted. `tbl` looks up bytes, so that a table of
//! floats takes two operations more for their indices than the shorter polynomial beside it saves. Prefetches and stores past
//! the caches (`prfm`, `stnp`) are no intrinsics of stable Rust.

use super::{EXPONENT_BIAS, Lowering, call, round_mul_by_bias, split_exp2_by_bias, wide_sum};
use crate::ir::Op;
use proc_macro2::TokenStream;
use quote::quote;

pub struct Neon;

fn bias() -> TokenStream {
    quote!(vdupq_n_f32(#EXPONENT_BIAS))
}

/// a * b + c: the intrinsic's first operand is what is added to.
fn fused(a: &TokenStream, b: &TokenStream, c: TokenStream) -> TokenStream {
    call("vfmaq_f32", &[c, a.clone(), b.clone()])
}

/// [`Op::Keep`].
fn keep(a: &TokenStream, least: &TokenStream) -> TokenStream {
    quote!(vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(#a), vcltq_f32(#a, #least))))
}

impl Lowering for Neon {
    fn imports(&self) -> TokenStream {
        quote!(
            use ::core::arch::aarch64::*;
        )
    }

    fn lower(&self, op: Op, operands: &[TokenStream]) -> TokenStream {
        match (op, operands) {
            (Op::Splat, _) => call("vdupq_n_f32", operands),
            (Op::Load, [pointer]) => quote!(unsafe { vld1q_f32(#pointer) }),
            (Op::LoadTail, [pointer, count, fill]) => quote!({
                let (from, count) = (#pointer, #count);
                if count >= 4 {
                    unsafe { vld1q_f32(from) }
                } else {
                    let mut lanes = unsafe { vld1q_lane_f32::<0>(from, #fill) };
                    if count > 1 {
                        lanes = unsafe { vld1q_lane_f32::<1>(from.add(1), lanes) };
                    }
                    if count > 2 {
                        lanes = unsafe { vld1q_lane_f32::<2>(from.add(2), lanes) };
                    }
                    lanes
                }
            }),
            (Op::Store, [pointer, a]) => quote!(unsafe { vst1q_f32(#pointer, #a) }),
            (Op::StoreTail, [pointer, count, a]) => quote!({
                let (to, count) = (#pointer, #count);
                if count >= 4 {
                    unsafe { vst1q_f32(to, #a) };
                } else {
                    unsafe { vst1q_lane_f32::<0>(to, #a) };
                    if count > 1 {
                        unsafe { vst1q_lane_f32::<1>(to.add(1), #a) };
                    }
                    if count > 2 {
                        unsafe { vst1q_lane_f32::<2>(to.add(2), #a) };
                    }
                }
            }),
            (Op::Add, _) => call("vaddq_f32", operands),
            (Op::Sub, _) => call("vsubq_f32", operands),
            (Op::Mul, _) => call("vmulq_f32", operands),
            // `fmaxnm` would take the constant instead of a NaN.
            (Op::Max, _) => call("vmaxq_f32", operands),
            (Op::Min, _) => call("vminq_f32", operands),
            (Op::MulAdd | Op::Fma, [a, b, c]) => fused(a, b, c.clone()),
            (Op::Fms, [a, b, c]) => fused(a, b, quote!(vnegq_f32(#c))),
            (Op::RoundMul, [x, k]) => round_mul_by_bias(fused(x, k, bias()), "vsubq_f32", bias()),
            (Op::SplitExp2, [z]) => split_exp2_by_bias("vaddq_f32", "vsubq_f32", z, bias()),
            (Op::Exponent, [n]) => call("vaddq_f32", &[n.clone(), bias()]),
            (Op::Scale, [p, e]) => {
                quote!(vmulq_f32(#p, vreinterpretq_f32_s32(vshlq_n_s32::<23>(vreinterpretq_s32_f32(#e)))))
            }
            (Op::Keep, [a, least]) => keep(a, least),
            (Op::KeepMul, [a, least, b]) => call("vmulq_f32", &[keep(a, least), b.clone()]),
            (Op::AllAtLeast, [a, least]) => quote!(vmaxvq_u32(vcltq_f32(#a, #least)) == 0),
            (Op::ReduceAdd, _) => call("vaddvq_f32", operands),
            (Op::ReduceAddWide, [a, b, c]) => {
                let halves: [fn(&TokenStream) -> TokenStream; 2] =
                    [|v| quote!(vcvt_f64_f32(vget_low_f32(#v))), |v| quote!(vcvt_high_f64_f32(#v))];
                let sum = wide_sum([a, b, c], halves, ["vaddq_f64", "vsubq_f64"]);
                quote!(vaddvq_f64(#sum))
            }
            (Op::ReduceMax, _) => call("vmaxvq_f32", operands),
            (Op::First, [a]) => quote!(vgetq_lane_f32::<0>(#a)),
            (Op::StoreStreaming | Op::Fence | Op::Prefetch, _) => {
                unreachable!("an ISA that does not control the caches")
            }
            (Op::Literals | Op::Lookup | Op::AddEighths, _) => unreachable!("an ISA without tables"),
            _ => unreachable!("{op:?} with {} operands", operands.len()),
        }
    }
}
