//! Other people's softmax, to race against. Peers that are not Rust crates are measured by hand (docs), not here.

use rten_simd::SimdOp;
use rten_vecmath::Softmax;
use std::mem::MaybeUninit;

/// `rten-vecmath` as a [`crate::verify::Softmax`].
#[derive(Debug, Clone, Copy)]
pub struct Rten;

/// `rten-vecmath`'s softmax, out of place.
///
/// # Panics
/// If the lengths differ.
pub fn rten(x: &[f32], y: &mut [f32]) {
    let len = y.len();
    // SAFETY: f32 and MaybeUninit<f32> have one layout, and the exclusive borrow of `y` is handed on. The view
    // goes to `Softmax` alone, which writes results into it and never leaves an element uninitialised.
    let y = unsafe { std::slice::from_raw_parts_mut(y.as_mut_ptr().cast::<MaybeUninit<f32>>(), len) };
    Softmax::new(x, y).dispatch();
}

/// `rten-vecmath`'s softmax, in place.
pub fn rten_in_place(x: &mut [f32]) {
    Softmax::new_mut(x).dispatch();
}
