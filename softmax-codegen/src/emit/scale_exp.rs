//! `scale_exp`: y = e^(x - max) * factor, last pass of Three-Pass with recomputation and of Online.

use super::{Body, Signature, State, core_of, no_reduction};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32, factor: f32),
        result: quote!(()),
        body: |b, variant| {
            let core = core_of(variant, b);
            let max = b.splat(quote!(max));
            let shift = core.shift(b, &max);
            Box::new(ScaleExp { core, shift, factor: b.splat(quote!(factor)) })
        },
    }
}

struct ScaleExp {
    core: Box<dyn Core>,
    shift: Vec<Value>,
    factor: Value,
}

impl Body for ScaleExp {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        let scaled = xs.iter().map(|x| {
            let exponential = self.core.exp(b, x, &self.shift);
            b.mul(&exponential, &self.factor)
        });
        scaled.collect()
    }

    no_reduction!();
}
