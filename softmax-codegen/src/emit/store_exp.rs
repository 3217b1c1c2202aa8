//! `store_exp`: y = e^(x - max) and its sum, second pass of Three-Pass with reloading.

use super::constant_shift::ConstantShift;
use super::sum_exp::SumExp;
use super::{Body, Signature, State};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::PassVariant;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32),
        result: quote!(f64),
        body: |b, variant| Box::new(StoreExp(SumExp::new(b, variant))),
    }
}

pub struct StoreExp(SumExp);

impl StoreExp {
    /// [`SumExp::relative_to_constant`].
    pub fn relative_to_constant(
        core: Box<dyn Core>,
        shift: ConstantShift,
        variant: &PassVariant,
    ) -> StoreExp {
        StoreExp(SumExp::relative_to_constant(core, shift, variant))
    }
}

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

    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream {
        self.0.finish(b, total, rest)
    }
}
