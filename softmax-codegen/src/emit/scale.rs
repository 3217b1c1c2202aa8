//! `scale`: y = x * factor, last pass of Three-Pass with reloading.

use super::{Body, Signature, State, no_reduction};
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::quote;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(factor: f32),
        result: quote!(()),
        body: |b, _| Box::new(Scale { factor: b.splat(quote!(factor)) }),
    }
}

struct Scale {
    factor: Value,
}

impl Body for Scale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        xs.iter().map(|x| b.mul(x, &self.factor)).collect()
    }

    no_reduction!();
}
