//! `ext_scale`: y = e^x / (m * 2^n) as p * 2^(n_x - n) * (1/m), second pass of Two-Pass (arXiv 2001.04438,
//! Algorithm 3).

use super::scale::Factor;
use super::{Body, Signature, State, core_of, no_reduction};
use crate::exp::{Core, HEADROOM};
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::Reduction;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(factor: f32, exponent: f32),
        result: quote!(()),
        body: |b, variant| {
            let core = core_of(variant, b);
            let headroom = f32::from(Reduction::HEADROOM);
            Box::new(ExtScale {
                core,
                factor: Factor::float(b, quote!(factor / #HEADROOM), quote!(#HEADROOM / factor)),
                exponent: b.splat(quote!(exponent - #headroom)),
            })
        },
    }
}

struct ExtScale {
    core: Box<dyn Core>,
    /// 1/m, without the headroom.
    factor: Factor,
    /// n, less by the headroom.
    exponent: Value,
}

impl Body for ExtScale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        let exponentials = xs.iter().map(|x| {
            let (p, n) = self.core.extended(b, x);
            let n = b.sub(&n, &self.exponent);
            b.scale_by_integer(&p, &n)
        });
        let exponentials: Vec<Value> = exponentials.collect();
        self.factor.times(b, &exponentials)
    }

    no_reduction!();
}
