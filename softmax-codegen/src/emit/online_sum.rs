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
    /// A sum, or another part of `state`, relative to the shift `to`.
    fn rescaled(&self, b: &mut Builder, state: &State, part: usize, to: &[Value]) -> Value {
        let from = self.core.shift(b, &state[MAX]);
        let factor = self.core.rescale(b, &from, to);
        b.mul(&state[part], &factor)
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
            let kept = self.rescaled(b, state, SUM, &shift);
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
        let left = self.rescaled(b, left, SUM, &shift);
        let right = self.rescaled(b, right, SUM, &shift);
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
        let [sum, excess] = [SUM, EXCESS].map(|part| self.rescaled(b, total, part, &shift));
        let term = self.rescaled(b, block, SUM, &shift);
        let (sum, excess) = compensated_sum(b, &sum, &excess, &term);
        vec![max, sum, excess]
    }

    /// The excess is less than a rounding of each lane.
    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream {
        let state = total.map_or(rest.clone(), |total| self.merge(b, total, rest));
        let largest = b.reduce_max(&state[MAX]);
        let max = b.splat(&largest);
        let shift = self.core.shift(b, &max);
        let sums = self.rescaled(b, &state, SUM, &shift);
        let sum = b.reduce_add(&sums);
        let before = self.core.shift(b, &self.max);
        let factor = self.core.rescale(b, &before, &shift);
        let factor = b.first(&factor);
        quote!((#largest, total * f64::from(#factor) + f64::from(#sum)))
    }
}
