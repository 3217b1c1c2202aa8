//! `store_exp`: y = e^(x - max) and its sum, second pass of Three-Pass with reloading.

use super::sum_exp::SumExp;
use super::{Body, Signature, State};
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32),
        result: quote!(f32),
        body: |b, variant| Box::new(StoreExp(SumExp::new(b, variant))),
    }
}

struct StoreExp(SumExp);

impl Body for StoreExp {
    fn identity(&self, b: &mut Builder) -> State {
        self.0.identity(b)
    }

    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value> {
        self.0.exponentials(b, xs, accumulators)
    }

    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State {
        self.0.merge(b, left, right)
    }

    fn total_identity(&self, b: &mut Builder) -> State {
        self.0.total_identity(b)
    }

    fn fold(&self, b: &mut Builder, total: &State, block: &State) -> State {
        self.0.fold(b, total, block)
    }

    fn settle(&self, b: &mut Builder, total: &State) -> State {
        self.0.settle(b, total)
    }

    fn finish(&self, b: &mut Builder, state: &State) -> TokenStream {
        self.0.finish(b, state)
    }
}
