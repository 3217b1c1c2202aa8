//! Exponentials relative to a constant, for passes that take whole rows: it does without the maximum and suits every row
//! whose maximum is between about -27 and 37. The sum tells.

use super::core_of;
use super::scale::{LEAST, SMALLEST};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Exp, PassVariant, Reduction};

/// What exponentials are measured from: -39 ln 2. With the headroom that is the middle of the range of floats that is left for the sum.
const SHIFT: f32 = -39.0 * std::f32::consts::LN_2;

/// The reciprocal of a sum must be a normal number.
pub const LARGEST_SUM: f32 = (1u128 << 126) as f32;

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
/// counts, included. With the headroom, 2^72 e^x is measured.
pub fn least(exp: Exp) -> f32 {
    let least = if exp.sums_accurately() { LEAST } else { SMALLEST };
    let log2 = f64::from(least).log2() + f64::from(LARGEST_SUM).log2() - f64::from(Reduction::HEADROOM);
    // Beside the shift, an integer, exponents are those of half a unit less at least.
    (f64::from(SHIFT) + (log2 + 0.5) * std::f64::consts::LN_2) as f32
}

/// The condition for quotients by `sum` to be right.
pub fn suits(variant: &PassVariant, sum: &Value) -> TokenStream {
    let mut b = Builder::new(variant.isa);
    let (smallest, largest) = (core_of(variant, &mut b).smallest_sum(), LARGEST_SUM);
    // Not the opposite comparisons: a NaN must not pass.
    quote!(#sum >= #smallest as _ && #sum <= #largest as _)
}
