//! `ext_sum`: the sum of e^x as a pair m * 2^n, first pass of Two-Pass (arXiv 2001.04438, Algorithm 3). No maximum is
//! needed, because n is as wide as a float.

use super::sum::compensated_sum;
use super::{Body, Signature, State, core_of};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(),
        result: quote!((f32, f32)),
        body: |b, variant| {
            let compensated = variant.compensates_total();
            Box::new(ExtSum { core: core_of(variant, b), compensated })
        },
    }
}

struct ExtSum {
    core: Box<dyn Core>,
    /// [`softmax_spec::PassVariant::compensates_total`].
    compensated: bool,
}

/// m and n in a state; in a compensated total also what rounding has added to m too much.
const MANTISSA: usize = 0;
const EXPONENT: usize = 1;
const EXCESS: usize = 2;

/// m * 2^(n - target).
fn rescaled(b: &mut Builder, m: &Value, n: &Value, target: &Value) -> Value {
    let difference = b.sub(n, target);
    b.scale_by_integer(m, &difference)
}

impl Body for ExtSum {
    /// 0 * 2^-huge, and finite, so that differences of exponents are no NaN.
    fn identity(&self, b: &mut Builder) -> State {
        vec![b.constant(0.0), b.constant(f32::MIN)]
    }

    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        let terms: Vec<(Value, Value)> = xs.iter().map(|x| self.core.extended(b, x)).collect();
        let count = accumulators.len();
        for (i, state) in accumulators.iter_mut().enumerate() {
            let own = || terms.iter().skip(i).step_by(count);
            let n = own().fold(state[EXPONENT].clone(), |n, term| b.max(&n, &term.1));
            let kept = rescaled(b, &state[MANTISSA], &state[EXPONENT], &n);
            let m = own().fold(kept, |m, term| {
                let term = rescaled(b, &term.0, &term.1, &n);
                b.add(&m, &term)
            });
            *state = vec![m, n];
        }
        Vec::new()
    }

    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State {
        let n = b.max(&left[EXPONENT], &right[EXPONENT]);
        let left = rescaled(b, &left[MANTISSA], &left[EXPONENT], &n);
        let right = rescaled(b, &right[MANTISSA], &right[EXPONENT], &n);
        vec![b.add(&left, &right), n]
    }

    fn total_identity(&self, b: &mut Builder) -> State {
        let excess = self.compensated.then(|| b.constant(0.0));
        self.identity(b).into_iter().chain(excess).collect()
    }

    fn fold(&self, b: &mut Builder, total: &State, block: &State) -> State {
        if !self.compensated {
            return self.merge(b, total, block);
        }
        let n = b.max(&total[EXPONENT], &block[EXPONENT]);
        let [m, excess] = [MANTISSA, EXCESS].map(|part| rescaled(b, &total[part], &total[EXPONENT], &n));
        let term = rescaled(b, &block[MANTISSA], &block[EXPONENT], &n);
        let (m, excess) = compensated_sum(b, &m, &excess, &term);
        vec![m, n, excess]
    }

    /// The excess is less than a rounding of each lane.
    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream {
        let state = total.map_or(rest.clone(), |total| self.merge(b, total, rest));
        let largest = b.reduce_max(&state[EXPONENT]);
        let n = b.splat(&largest);
        let m = rescaled(b, &state[MANTISSA], &state[EXPONENT], &n);
        let sum = b.reduce_add(&m);
        quote!((#sum, #largest))
    }
}
