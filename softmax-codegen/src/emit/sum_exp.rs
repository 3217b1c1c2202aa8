//! `sum_exp`: the sum of e^(x - max), second pass of Three-Pass with recomputation.

use super::constant_shift::ConstantShift;
use super::sum::{ExactSum, compensated_sum};
use super::{Body, Signature, State, core_of};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::PassVariant;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32),
        result: quote!(f64),
        body: |b, variant| Box::new(SumExp::new(b, variant)),
    }
}

/// Also the sum of `store_exp`, which stores what is summed.
pub struct SumExp {
    core: Box<dyn Core>,
    origin: Origin,
    /// [`PassVariant::sums_exactly`].
    exact: bool,
}

/// What exponentials are measured from.
enum Origin {
    /// The shift of the parameter `max`.
    Maximum(Vec<Value>),
    Constant(ConstantShift),
}

impl SumExp {
    pub fn new(b: &mut Builder, variant: &PassVariant) -> SumExp {
        let core = core_of(variant, b);
        let max = b.splat(quote!(max));
        let shift = core.shift(b, &max);
        SumExp { core, origin: Origin::Maximum(shift), exact: variant.sums_exactly() }
    }

    /// The same without a parameter, for whole rows: the result is an f32 unless it must be exact.
    pub fn relative_to_constant(core: Box<dyn Core>, shift: ConstantShift, variant: &PassVariant) -> SumExp {
        SumExp { core, origin: Origin::Constant(shift), exact: variant.sums_exactly() }
    }

    fn exp(&self, b: &mut Builder, x: &Value) -> Value {
        match &self.origin {
            Origin::Maximum(shift) => self.core.exp(b, x, shift),
            Origin::Constant(shift) => shift.exp(b, &*self.core, x),
        }
    }

    /// e^(x - max) of each vector, after adding them to the accumulators.
    pub fn exponentials(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        let exponentials = b.in_pairs(xs, |b, x| self.exp(b, x));
        let terms = match self.exact {
            true => ExactSum::groups(b, &exponentials),
            false => exponentials.clone(),
        };
        let count = accumulators.len();
        for (i, term) in terms.iter().enumerate() {
            let accumulator = &mut accumulators[i % count];
            *accumulator = match self.exact {
                true => ExactSum::with(b, accumulator, term),
                false => vec![b.add(&accumulator[0], term)],
            };
        }
        exponentials
    }
}

impl Body for SumExp {
    fn identity(&self, b: &mut Builder) -> State {
        match self.exact {
            true => ExactSum::identity(b),
            false => vec![b.constant(0.0)],
        }
    }

    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        self.exponentials(b, xs, accumulators);
        Vec::new()
    }

    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State {
        match self.exact {
            true => ExactSum::merge(b, left, right),
            false => vec![b.add(&left[0], &right[0])],
        }
    }

    /// The sum, and what rounding has taken from it too much.
    fn total_identity(&self, b: &mut Builder) -> State {
        vec![b.constant(0.0), b.constant(0.0)]
    }

    fn fold(&self, b: &mut Builder, total: &State, block: &State) -> State {
        let (sum, excess) = compensated_sum(b, &total[0], &total[1], &block[0]);
        vec![sum, excess]
    }

    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream {
        let sum = match (total, &self.origin) {
            (None, _) => ExactSum::reduced(b, rest),
            (Some(total), Origin::Maximum(_)) => b.reduce_add_wide(&total[0], &total[1], &rest[0]),
            // Of a whole row the sum need be no more exact than its exponentials.
            (Some(total), Origin::Constant(_)) => {
                let rest = b.sub(&rest[0], &total[1]);
                let sum = b.add(&total[0], &rest);
                b.reduce_add(&sum)
            }
        };
        quote!(#sum)
    }
}
