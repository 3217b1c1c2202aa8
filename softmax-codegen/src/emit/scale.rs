//! `scale`: y = x * factor, last pass of Three-Pass with reloading.

use super::{Body, Signature, State, no_reduction};
use crate::ir::{Builder, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

pub fn signature() -> Signature {
    Signature { parameters: quote!(factor: f64), result: quote!(()), body: |b, _| Box::new(Scale::new(b)) }
}

pub struct Scale {
    factor: WideFactor,
}

impl Scale {
    /// By the parameter `factor`.
    pub fn new(b: &mut Builder) -> Scale {
        Scale { factor: WideFactor::new(b) }
    }
}

impl Body for Scale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        xs.iter().map(|x| self.factor.times(b, x)).collect()
    }

    no_reduction!();
}

/// A factor in two parts, so that a product has one rounding and not that of the factor too. Loads and
/// stores hide the second operation.
pub struct WideFactor {
    high: Value,
    low: Value,
}

impl WideFactor {
    /// The parameter `factor`.
    pub fn new(b: &mut Builder) -> WideFactor {
        WideFactor::of(b, &format_ident!("factor"))
    }

    /// An f64 variable.
    pub fn of(b: &mut Builder, factor: &Ident) -> WideFactor {
        let high = b.splat(quote!(#factor as f32));
        WideFactor { high, low: b.splat(quote!((#factor - f64::from(#factor as f32)) as f32)) }
    }

    pub fn times(&self, b: &mut Builder, x: &Value) -> Value {
        let low = b.mul(x, &self.low);
        b.fma(x, &self.high, &low)
    }
}
