//! Exponentials relative to a constant, for passes that take whole rows: it does without the maximum and suits every row
//! whose maximum is within about +-40 (-27 with a core that has no subnormal results). The sum tells.

use super::core_of;
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::PassVariant;

/// What exponentials are measured from: -64 ln 2, in the middle of the range of floats that is left for the sum.
const SHIFT: f32 = -44.361_42;

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

/// The condition for quotients by `sum` to be right.
pub fn suits(variant: &PassVariant, sum: &Value) -> TokenStream {
    let mut b = Builder::new(variant.isa);
    let (smallest, largest) = (core_of(variant, &mut b).smallest_sum(&b), LARGEST_SUM);
    // Not the opposite comparisons: a NaN must not pass.
    quote!(#sum >= #smallest as _ && #sum <= #largest as _)
}
