//! Exponentials relative to a constant, for passes that take whole rows: it does without the maximum and suits every row
//! whose maximum is between about -23 and 41. The sum tells.

use super::scale::{LEAST, SMALLEST};
use crate::exp::{Core, HEADROOM};
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Exp, Reduction};

/// What exponentials are measured from: -33 ln 2, or 2^66 with the headroom. Sums of rows with maxima near 0 are thus in the lower half of
/// their range, where what an f32 lacks of their reciprocals is a normal number.
const SHIFT: f32 = -33.0 * std::f32::consts::LN_2;

/// The reciprocal of a sum must be a normal number.
pub const LARGEST_SUM: f32 = (1u128 << 126) as f32;

/// Beside smaller sums, quotients would not be 0 of exponentials that count as so small that they are
/// ([`Lowering::min_exponent`](crate::isa::Lowering::min_exponent)).
const SMALLEST_SUM: f32 = 2.0 * HEADROOM;

pub struct ConstantShift {
    shift: Vec<Value>,
    /// [`Core::highest`].
    highest: Option<f32>,
}

impl ConstantShift {
    pub fn new(b: &mut Builder, core: &dyn Core) -> ConstantShift {
        ConstantShift { shift: core.constant_shift(b, SHIFT), highest: core.highest(b, SHIFT) }
    }

    /// e^x relative to the constant. Where exponents would wrap, what is too large is made smaller, but not small enough for
    /// the sum to be in range.
    pub fn exp(&self, b: &mut Builder, core: &dyn Core, x: &Value) -> Value {
        let Some(highest) = self.highest else {
            return core.exp(b, x, &self.shift);
        };
        let highest = b.constant(highest);
        let x = b.min(&highest, x);
        core.exp(b, &x, &self.shift)
    }
}

/// Elements from here on have products with any reciprocal of a sum that are normal numbers, those with what an f32 lacks of that, where it
/// counts, included.
pub fn least(exp: Exp) -> f32 {
    let least = if exp.sums_accurately() { LEAST } else { SMALLEST };
    let log2 = f64::from(least).log2() + f64::from(LARGEST_SUM).log2() - f64::from(Reduction::HEADROOM);
    // Beside the shift, an integer, exponents are those of half a unit less at least.
    (f64::from(SHIFT) + (log2 + 0.5) * std::f64::consts::LN_2) as f32
}

/// The condition for quotients by `sum` to be right.
pub fn suits(sum: &Value) -> TokenStream {
    // Not the opposite comparisons: a NaN must not pass.
    quote!(#sum >= #SMALLEST_SUM as _ && #sum <= #LARGEST_SUM as _)
}
