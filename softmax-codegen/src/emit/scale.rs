//! `scale`: y = x * factor, last pass of Three-Pass with reloading; and how the results of all passes come to be products.

use super::{Body, Signature, State, no_reduction, tree};
use crate::ir::{Builder, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use softmax_spec::Isa;

pub fn signature() -> Signature {
    Signature { parameters: quote!(factor: f64), result: quote!(()), body: |b, _| Box::new(Scale::new(b)) }
}

pub struct Scale {
    factor: Factor,
}

impl Scale {
    /// By the parameter `factor`.
    pub fn new(b: &mut Builder) -> Scale {
        Scale { factor: Factor::wide(b, &format_ident!("factor"), quote!(1.0 / factor)) }
    }

    /// By another factor.
    pub fn by(factor: Factor) -> Scale {
        Scale { factor }
    }
}

impl Body for Scale {
    fn step(&self, b: &mut Builder, xs: &[Value], _: &mut [State]) -> Vec<Value> {
        self.factor.times(b, xs)
    }

    no_reduction!();
}

/// What vectors without negative lanes are multiplied by. Products that would be subnormal are 0, and nothing on the way is subnormal.
pub struct Factor {
    high: Value,
    /// What `high` lacks, so that a product has one rounding and not that of the factor too; a multiple of 2^-126. Loads and stores
    /// hide the second operation.
    low: Option<Value>,
    /// The smallest multiplicand whose product with `high` is a normal number whichever way it is rounded.
    smallest: Value,
    /// The same of all products: from here on none is subnormal.
    least: Value,
}

/// 2^-126, and so much more that no rounding of factors or products goes below that.
pub const SMALLEST: f32 = f32::MIN_POSITIVE * (1.0 + 2.4e-7);
/// The same for products with what a factor lacks, which is 2^-25 of the factor at most, and less than 2^-45 of it once in 2^20 times.
pub const LEAST: f32 = SMALLEST * (1u64 << 45) as f32;

/// 1.5 * 2^-74: adding it to a small f64 rounds that to a multiple of 2^-126, so that no f32 that it is converted to is subnormal.
const TO_NORMAL: f64 = 1.5 / (1u128 << 74) as f64;

impl Factor {
    /// 1 / sum, in two parts where every rounding counts.
    pub fn reciprocal(b: &mut Builder, sum: &Value, is_wide: bool) -> Factor {
        let factor = format_ident!("factor_{}", quote!(#sum).to_string());
        b.statement(quote!(let #factor = 1.0 / #sum;));
        match is_wide {
            true => Factor::wide(b, &factor, quote!(#sum)),
            false => Factor::float(b, &factor, quote!(#sum)),
        }
    }

    /// An f32, and an expression of about its reciprocal.
    pub fn float(b: &mut Builder, factor: impl ToTokens, reciprocal: TokenStream) -> Factor {
        let smallest = b.splat(quote!((#reciprocal) as f32 * #SMALLEST));
        Factor { high: b.splat(factor), low: None, least: smallest.clone(), smallest }
    }

    /// An f64 variable, and an expression of about its reciprocal.
    pub fn wide(b: &mut Builder, factor: &Ident, reciprocal: TokenStream) -> Factor {
        let high = b.splat(quote!(#factor as f32));
        let low = quote!(((#factor - f64::from(#factor as f32) + #TO_NORMAL) - #TO_NORMAL) as f32);
        let low = b.splat(low);
        let [smallest, least] =
            [SMALLEST, LEAST].map(|product| b.splat(quote!((#reciprocal) as f32 * #product)));
        Factor { high, low: Some(low), smallest, least }
    }

    /// The products. Where that takes fewer operations, it is first looked for lanes that are small.
    pub fn times(&self, b: &mut Builder, xs: &[Value]) -> Vec<Value> {
        let careful = |b: &mut Builder| xs.iter().map(|x| self.kept_times(b, x)).collect();
        // One lane, or one vector, is as quickly kept as looked at.
        if xs.len() == 1 || b.isa() == Isa::Scalar {
            return careful(b);
        }
        let smallest = tree(xs.to_vec(), |left, right| b.min(left, right)).expect("there is a vector");
        let usual = |b: &mut Builder| xs.iter().map(|x| self.product(b, x)).collect();
        b.unless_below(&smallest, &self.least, usual, careful)
    }

    /// The product of lanes of any size.
    pub fn kept_times(&self, b: &mut Builder, x: &Value) -> Value {
        let Some(low) = &self.low else {
            return b.keep_mul(x, &self.smallest, &self.high);
        };
        let low = b.keep_mul(x, &self.least, low);
        let kept = b.keep(x, &self.smallest);
        b.fma(&kept, &self.high, &low)
    }

    /// The product of lanes of which none is small.
    pub fn product(&self, b: &mut Builder, x: &Value) -> Value {
        match &self.low {
            Some(low) => {
                let low = b.mul(x, low);
                b.fma(x, &self.high, &low)
            }
            None => b.mul(x, &self.high),
        }
    }
}
