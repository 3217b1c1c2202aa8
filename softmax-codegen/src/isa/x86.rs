//! What the ISAs of x86 write alike.

use super::call;
use proc_macro2::TokenStream;
use quote::quote;

/// [`Op::Prefetch`](crate::ir::Op::Prefetch) into every level of cache.
pub fn prefetch(pointer: &TokenStream) -> TokenStream {
    quote!(unsafe { _mm_prefetch::<_MM_HINT_T0>(#pointer.cast()) })
}

/// [`Op::StoreTail`](crate::ir::Op::StoreTail) of a vector: all of its lanes, or as many as there are by 8, 4, 2 and 1. The lanes that a
/// masked store leaves out would lie on what follows the row, and loads of that wait for such a store: in place, rows of a batch would
/// no longer overlap.
pub fn store_tail(
    vector: &Vector,
    pointer: &TokenStream,
    count: &TokenStream,
    a: &TokenStream,
) -> TokenStream {
    let lanes = vector.lanes;
    let whole = call(vector.store, &[quote!(at), quote!(a)]);
    let fewer = store_fewer(vector);
    quote!(unsafe {
        let (mut at, count, a) = (#pointer, #count, #a);
        if count & #lanes != 0 {
            #whole;
        } else {
            #fewer
        }
    })
}

/// A vector of f32, and the next smaller one.
pub struct Vector {
    lanes: usize,
    store: &'static str,
    /// The half with the first lanes of `a`, and the other one.
    halves: fn() -> [TokenStream; 2],
    half: Option<&'static Vector>,
}

pub const F32X4: Vector = Vector {
    lanes: 4,
    store: "_mm_storeu_ps",
    halves: || [quote!(a), quote!(_mm_movehl_ps(a, a))],
    half: None,
};

pub const F32X8: Vector = Vector {
    lanes: 8,
    store: "_mm256_storeu_ps",
    halves: || [quote!(_mm256_castps256_ps128(a)), quote!(_mm256_extractf128_ps::<1>(a))],
    half: Some(&F32X4),
};

pub const F32X16: Vector = Vector {
    lanes: 16,
    store: "_mm512_storeu_ps",
    halves: || {
        [
            quote!(_mm512_castps512_ps256(a)),
            quote!(_mm512_castps512_ps256(_mm512_shuffle_f32x4::<0b1110>(a, a))),
        ]
    },
    half: Some(&F32X8),
};

/// Stores the first `count` lanes of `a`, fewer than all, at `at`.
fn store_fewer(vector: &Vector) -> TokenStream {
    let [low, high] = (vector.halves)();
    let Some(half) = vector.half else {
        return quote!(
            let mut a = a;
            if count & 2 != 0 {
                _mm_storel_epi64(at.cast(), _mm_castps_si128(a));
                at = at.add(2);
                a = #high;
            }
            if count & 1 != 0 {
                _mm_store_ss(at, a);
            }
        );
    };
    let lanes = half.lanes;
    let store = call(half.store, &[quote!(at), quote!(half)]);
    let fewer = store_fewer(half);
    quote!(
        let mut half = #low;
        if count & #lanes != 0 {
            #store;
            at = at.add(#lanes);
            half = #high;
        }
        let a = half;
        #fewer
    )
}
