//! `softmax`: whole rows that fit in registers, one read and one write. Row after row, so that what is the same for all
//! is set up once and the rows overlap in the processor.
//!
//! The function has one arm for every number of vectors, up to its tile; all but the last vector of a row are full. A
//! row whose shift or sum is out of range is not written: the function stops there and returns its index.

use super::core_of;
use super::scale::WideFactor;
use crate::exp::Core;
use crate::ir::{Builder, Operations, Value};
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Exp, PassVariant, REGULAR_MAX};

/// Sums above this are given up: their reciprocal must be a normal number, and so must every exponential whose quotient
/// is. Only a shift that is far below the maximum leads there.
const LARGEST_SUM: f32 = (1u128 << 96) as f32;

pub fn function(variant: &PassVariant) -> TokenStream {
    let mut b = Builder::new(variant.isa);
    let row = ResidentRow { core: core_of(variant, &mut b), variant };
    let arms: Vec<TokenStream> = (1..=variant.tile.unroll)
        .map(|vectors| {
            let body = row.body(&mut b, vectors);
            quote! {
                #vectors => {
                    for row in 0..rows {
                        let (x, y) = unsafe { (x.add(row * n), y.add(row * n)) };
                        #body
                    }
                }
            }
        })
        .collect();
    let (hoisted, lanes) = (b.take_hoisted(), variant.lanes());
    let body = quote! {
        #hoisted
        match n.div_ceil(#lanes) {
            #(#arms)*
            _ => return 0,
        }
        rows
    };
    super::item(variant, &quote!(rows: usize), &quote!(usize), body)
}

/// The operations on the longest row.
pub fn operations(variant: &PassVariant) -> Operations {
    let mut b = Builder::new(variant.isa);
    let row = ResidentRow { core: core_of(variant, &mut b), variant };
    b.take_operations();
    row.body(&mut b, variant.tile.unroll);
    b.take_operations()
}

struct ResidentRow<'a> {
    core: Box<dyn Core>,
    variant: &'a PassVariant,
}

impl ResidentRow<'_> {
    /// From loads to stores of one row of `vectors` vectors.
    fn body(&self, b: &mut Builder, vectors: usize) -> TokenStream {
        let xs = self.loads(b, vectors);
        let max = self.shift(b, &xs);
        let shift = {
            let max = b.splat(&max);
            self.core.shift(b, &max)
        };
        let exponentials: Vec<Value> = xs.iter().map(|x| self.core.exp(b, x, &shift)).collect();
        let sum = self.sum(b, &exponentials);
        b.statement(quote! {
            // Not `>`: a NaN must not pass.
            if !(#max.abs() <= #REGULAR_MAX && #sum <= #LARGEST_SUM as _) {
                return row;
            }
            let factor = 1.0 / #sum;
        });
        let factor = self.factor(b);
        let scaled: Vec<Value> = exponentials.iter().map(|e| factor(b, e)).collect();
        self.stores(b, &scaled);
        b.take_section()
    }

    fn loads(&self, b: &mut Builder, vectors: usize) -> Vec<Value> {
        let lanes = self.variant.lanes();
        let last = vectors - 1;
        let mut xs: Vec<Value> = (0..last).map(|v| b.load(offset(quote!(x), v * lanes))).collect();
        let start = offset(quote!(x), last * lanes);
        xs.push(match lanes {
            1 => b.load(start),
            _ => {
                let fill = b.constant(f32::NEG_INFINITY);
                b.load_tail(start, left(last * lanes), &fill)
            }
        });
        xs
    }

    fn stores(&self, b: &mut Builder, ys: &[Value]) {
        let lanes = self.variant.lanes();
        let (last, full) = ys.split_last().expect("a row has a vector");
        for (v, y) in full.iter().enumerate() {
            b.store(offset(quote!(y), v * lanes), y);
        }
        let start = offset(quote!(y), full.len() * lanes);
        match lanes {
            1 => b.store(start, last),
            _ => b.store_tail(start, left(full.len() * lanes), last),
        }
    }

    /// What exponentials are measured from, a scalar: the maximum, or for a core that fails for some finite x, so that
    /// its sum is looked at anyway, the largest of three samples.
    fn shift(&self, b: &mut Builder, xs: &[Value]) -> Value {
        if !self.exp().reduction.takes_every_finite() {
            let sample = Value::named("sample");
            b.statement(quote!(let sample = unsafe { (*x).max(*x.add(n / 2)).max(*x.add(n - 1)) };));
            return sample;
        }
        let max = tree(b, xs, |b, left, right| b.max(left, right));
        b.reduce_max(&max)
    }

    /// The sum, an f64 where it must be exact.
    fn sum(&self, b: &mut Builder, exponentials: &[Value]) -> Value {
        let add = |b: &mut Builder, left: &Value, right: &Value| b.add(left, right);
        if !self.exp().sums_accurately() {
            let sum = tree(b, exponentials, add);
            return b.reduce_add(&sum);
        }
        let zero = b.constant(0.0);
        match exponentials.split_at(exponentials.len() / 2) {
            ([], one) => b.reduce_add_wide(&one[0], &zero, &zero),
            (left, right) => {
                let (left, right) = (tree(b, left, add), tree(b, right, add));
                b.reduce_add_wide(&left, &zero, &right)
            }
        }
    }

    /// Multiplication by the variable `factor`.
    fn factor(&self, b: &mut Builder) -> Box<dyn Fn(&mut Builder, &Value) -> Value> {
        match self.exp().sums_accurately() {
            true => {
                let factor = WideFactor::new(b);
                Box::new(move |b, e| factor.times(b, e))
            }
            false => {
                let factor = b.splat(quote!(factor));
                Box::new(move |b, e| b.mul(e, &factor))
            }
        }
    }

    fn exp(&self) -> Exp {
        self.variant.exp.expect("the pass exponentiates")
    }
}

fn offset(pointer: TokenStream, elements: usize) -> TokenStream {
    match elements {
        0 => pointer,
        _ => quote!(unsafe { #pointer.add(#elements) }),
    }
}

/// The elements from the `start`-th on.
fn left(start: usize) -> TokenStream {
    match start {
        0 => quote!(n),
        _ => quote!((n - #start)),
    }
}

/// Pairwise, so that no value waits for many others.
fn tree(b: &mut Builder, values: &[Value], combine: impl Fn(&mut Builder, &Value, &Value) -> Value) -> Value {
    let mut values = values.to_vec();
    while values.len() > 1 {
        let combined = values.chunks(2).map(|pair| match pair {
            [left, right] => combine(b, left, right),
            single => single[0].clone(),
        });
        values = combined.collect();
    }
    values.remove(0)
}
