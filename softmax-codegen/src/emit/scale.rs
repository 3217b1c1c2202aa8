//! `scale`: y = x * factor, last pass of Three-Pass with reloading.

use super::{Body, Signature, State, no_reduction};
use crate::ir::{Builder, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};

pub fn signature() -> Signature {
    Signature { parameters: quote!(factor: f64), result: quote!(()), body: |b, _| Box::new(Scale::new(b)) }
}

pub struct Scale {
    factor: Factor,
}

impl Scale {
    /// By the parameter `factor`.
    pub fn new(b: &mut Builder) -> Scale {
        Scale { factor: Factor::wide(b, &format_ident!("factor")) }
    }

    /// By another factor.
    pub fn by(factor: Factor) -> Scale {
        Scale { factor }
    }
}

impl Body for Scale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        xs.iter().map(|x| self.factor.times(b, x)).collect()
    }

    no_reduction!();
}

/// What vectors are multiplied by.
pub struct Factor {
    high: Value,
    /// What `high` lacks, so that a product has one rounding and not that of the factor too. Loads and stores hide the second
    /// operation.
    low: Option<Value>,
}

impl Factor {
    /// An f32.
    pub fn float(b: &mut Builder, factor: impl ToTokens) -> Factor {
        Factor { high: b.splat(factor), low: None }
    }

    /// An f64 variable.
    pub fn wide(b: &mut Builder, factor: &Ident) -> Factor {
        let high = b.splat(quote!(#factor as f32));
        Factor { high, low: Some(b.splat(quote!((#factor - f64::from(#factor as f32)) as f32))) }
    }

    pub fn times(&self, b: &mut Builder, x: &Value) -> Value {
        match &self.low {
            Some(low) => {
                let low = b.mul(x, low);
                b.fma(x, &self.high, &low)
            }
            None => b.product(x, &self.high),
        }
    }
}
