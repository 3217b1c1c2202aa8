//! `ext_scale`: y = e^x / (m * 2^n) as p * (1/m) * 2^(n_x - n), second pass of Two-Pass (arXiv 2001.04438,
//! Algorithm 3).

use super::{Body, Signature, State, core_of, no_reduction};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(factor: f32, exponent: f32),
        result: quote!(()),
        body: |b, variant| {
            let core = core_of(variant, b);
            Box::new(ExtScale { core, factor: b.splat(quote!(factor)), exponent: b.splat(quote!(exponent)) })
        },
    }
}

struct ExtScale {
    core: Box<dyn Core>,
    /// 1/m.
    factor: Value,
    /// n.
    exponent: Value,
}

impl Body for ExtScale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        let scaled = xs.iter().map(|x| {
            let (p, n) = self.core.extended(b, x);
            let p = b.mul(&p, &self.factor);
            let n = b.sub(&n, &self.exponent);
            b.scale_by_integer(&p, &n)
        });
        scaled.collect()
    }

    no_reduction!();
}
