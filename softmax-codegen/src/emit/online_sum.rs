//! `online_sum`: max(x) and the sum of e^(x - max) in one sweep (Milakov and Gimelshein, arXiv 1805.02867,
//! Algorithm 3), per lane. Continues from a maximum and a total, so that a long row can be taken in blocks.

use super::sum::compensated_sum;
use super::{Body, Signature, State, core_of};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32, total: f64),
        result: quote!((f32, f64)),
        body: |b, variant| {
            let core = core_of(variant, b);
            Box::new(OnlineSum { core, max: b.splat(quote!(max)), compensated: variant.compensates_total() })
        },
    }
}

struct OnlineSum {
    core: Box<dyn Core>,
    /// The maximum so far. Finite, so that differences of maxima are no NaN.
    max: Value,
    /// [`softmax_spec::PassVariant::compensates_total`].
    compensated: bool,
}

/// The maximum and the sum relative to it in a state; in a compensated total also what rounding has added to the sum too
/// much.
const MAX: usize = 0;
const SUM: usize = 1;
const EXCESS: usize = 2;

impl OnlineSum {
    /// What makes a part of `state` one relative to the shift `to`.
    fn factor(&self, b: &mut Builder, state: &State, to: &[Value]) -> Value {
        let from = self.core.shift(b, &state[MAX]);
        self.core.rescale(b, &from, to)
    }

    /// The sum relative to the shift `to`. So small a one is of lanes beyond the row, or of -inf, or nothing beside what comes of the maximum.
    fn rescaled_sum(&self, b: &mut Builder, state: &State, to: &[Value]) -> Value {
        const NOTHING: f32 = 1.0 / (1u64 << 60) as f32;
        let (factor, nothing) = (self.factor(b, state, to), b.constant(NOTHING));
        b.keep_mul(&state[SUM], &nothing, &factor)
    }
}

impl Body for OnlineSum {
    fn identity(&self, b: &mut Builder) -> State {
        vec![self.max.clone(), b.constant(0.0)]
    }

    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        let count = accumulators.len();
        for (i, state) in accumulators.iter_mut().enumerate() {
            let own = || xs.iter().skip(i).step_by(count);
            let max = own().fold(state[MAX].clone(), |max, x| b.max(&max, x));
            let shift = self.core.shift(b, &max);
            let kept = self.rescaled_sum(b, state, &shift);
            let sum = own().fold(kept, |sum, x| {
                let exponential = self.core.exp(b, x, &shift);
                b.add(&sum, &exponential)
            });
            *state = vec![max, sum];
        }
        Vec::new()
    }

    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State {
        let max = b.max(&left[MAX], &right[MAX]);
        let shift = self.core.shift(b, &max);
        let left = self.rescaled_sum(b, left, &shift);
        let right = self.rescaled_sum(b, right, &shift);
        vec![max, b.add(&left, &right)]
    }

    fn total_identity(&self, b: &mut Builder) -> State {
        let excess = self.compensated.then(|| b.constant(0.0));
        self.identity(b).into_iter().chain(excess).collect()
    }

    fn fold(&self, b: &mut Builder, total: &State, block: &State) -> State {
        if !self.compensated {
            return self.merge(b, total, block);
        }
        let max = b.max(&total[MAX], &block[MAX]);
        let shift = self.core.shift(b, &max);
        let sum = self.rescaled_sum(b, total, &shift);
        let factor = self.factor(b, total, &shift);
        let excess = b.mul(&total[EXCESS], &factor);
        let term = self.rescaled_sum(b, block, &shift);
        let (sum, excess) = compensated_sum(b, &sum, &excess, &term);
        vec![max, sum, excess]
    }

    /// The excess is less than a rounding of each lane.
    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream {
        let state = total.map_or(rest.clone(), |total| self.merge(b, total, rest));
        let largest = b.reduce_max(&state[MAX]);
        let max = b.splat(&largest);
        let shift = self.core.shift(b, &max);
        let sums = self.rescaled_sum(b, &state, &shift);
        let sum = b.reduce_add(&sums);
        let before = self.core.shift(b, &self.max);
        let factor = self.core.rescale(b, &before, &shift);
        let factor = b.first(&factor);
        quote!((#largest, total * f64::from(#factor) + f64::from(#sum)))
    }
}
