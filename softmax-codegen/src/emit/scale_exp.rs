//! `scale_exp`: y = e^(x - max) * factor, last pass of Three-Pass with recomputation and of Online.

use super::scale::Factor;
use super::{Body, Signature, State, core_of, no_reduction};
use crate::exp::Core;
use crate::ir::{Builder, Value};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use softmax_spec::Exp;

pub fn signature() -> Signature {
    Signature {
        parameters: quote!(max: f32, factor: f64),
        result: quote!(()),
        body: |b, variant| {
            let core = core_of(variant, b);
            let max = b.splat(quote!(max));
            let shift = core.shift(b, &max);
            // Wide only where every rounding counts: here nothing hides its second operation.
            let factor = match variant.exp.is_some_and(Exp::sums_accurately) {
                true => Factor::wide(b, &format_ident!("factor"), quote!(1.0 / factor)),
                false => Factor::float(b, quote!(factor as f32), quote!(1.0 / factor)),
            };
            Box::new(ScaleExp { core, shift, factor })
        },
    }
}

struct ScaleExp {
    core: Box<dyn Core>,
    shift: Vec<Value>,
    factor: Factor,
}

impl Body for ScaleExp {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        let exponentials = b.in_pairs(xs, |b, x| self.core.exp(b, x, &self.shift));
        self.factor.times(b, &exponentials)
    }

    no_reduction!();
}
