//! `max`: max(x), first pass of both Three-Pass algorithms. -inf for an empty row.

use super::{Body, Signature, State};
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature { parameters: quote!(), result: quote!(f32), body: |_, _| Box::new(Max) }
}

struct Max;

impl Body for Max {
    fn identity(&self, b: &mut Builder) -> State {
        vec![b.constant(f32::NEG_INFINITY)]
    }

    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        let count = accumulators.len();
        for (i, x) in xs.iter().enumerate() {
            let accumulator = &mut accumulators[i % count][0];
            *accumulator = b.max(x, accumulator);
        }
        Vec::new()
    }

    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State {
        vec![b.max(&left[0], &right[0])]
    }

    fn finish(&self, b: &mut Builder, _: Option<&State>, state: &State) -> TokenStream {
        let max = b.reduce_max(&state[0]);
        quote!(#max)
    }
}
