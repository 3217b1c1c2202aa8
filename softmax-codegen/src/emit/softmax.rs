//! `softmax`: whole rows that fit in registers, one read and one write.
//!
//! The function has one arm for every number of vectors, up to its tile; all but the last vector of a row are full. An
//! arm takes several short rows at a time, so that their reductions overlap. It first tries exponentials relative to a
//! constant ([`ConstantShift`]), then to the row's maximum. A row that is out of range otherwise is not written: the function
//! stops there and returns its index. Rows with elements that may give subnormal products, such as masked ones, go a way of their own,
//! so that others need but a look at the smallest element.

use super::constant_shift::{self, ConstantShift, LARGEST_SUM};
use super::scale::Factor;
use super::sum::{ExactSum, sum_of};
use super::{core_of, tree};
use crate::exp::Core;
use crate::ir::{Builder, Operations, Value};
use crate::isa::lowering;
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::{Algorithm, Exp, PassVariant, REGULAR_MAX};

/// Rows taken at a time: enough that one's reduction overlaps with another's exponentials, few enough that they and the
/// constants stay in registers.
fn rows_in_flight(vectors: usize, variant: &PassVariant) -> usize {
    const MOST: usize = 4;
    (variant.isa.registers() / 4 / vectors).clamp(1, MOST)
}

/// Rows that are taken one by one after several could not be taken at a time: so many that trying costs little where all rows are so, so few
/// that one such row costs little where it is the only one.
const ONE_BY_ONE: usize = 16;

pub fn function(variant: &PassVariant) -> TokenStream {
    let functions = [
        inner(variant, quote!(alone(x: *const f32, y: *mut f32, n: usize)), lone_row(variant)),
        inner(variant, quote!(batch(x: *const f32, y: *mut f32, n: usize, rows: usize)), batch(variant)),
        inner(variant, quote!(by_maximum(x: *const f32, y: *mut f32, n: usize)), by_maximum(variant)),
    ];
    let careful = looks_for_small(variant)
        .then(|| inner(variant, quote!(carefully(x: *const f32, y: *mut f32, n: usize)), carefully(variant)));
    let body = quote! {
        #(#functions)*
        #careful
        match rows {
            1 => unsafe { alone(x, y, n) },
            _ => unsafe { batch(x, y, n, rows) },
        }
    };
    super::item(variant, &quote!(rows: usize), &quote!(usize), body)
}

/// A function beside the others, none of which is put into another: each saves the registers that it needs and prepares the
/// constants that it needs. For a row that is alone both are next to nothing, and in so short a time the rest would show.
fn inner(variant: &PassVariant, signature: TokenStream, body: TokenStream) -> TokenStream {
    let attribute = super::target_feature(variant.isa);
    quote! {
        #attribute
        #[inline(never)]
        unsafe fn #signature -> usize {
            #body
        }
    }
}

/// One row, without loops.
fn lone_row(variant: &PassVariant) -> TokenStream {
    let way = Way {
        origin: first_origin(variant),
        if_small: Some(quote!(return unsafe { carefully(x, y, n) };)),
        if_irregular: quote!(return unsafe { by_maximum(x, y, n) };),
    };
    sections(variant, |row, b, vectors| row.rows(b, vectors, 1, &way))
}

/// One row with small elements.
fn carefully(variant: &PassVariant) -> TokenStream {
    let if_irregular = quote!(return unsafe { by_maximum(x, y, n) };);
    let way = Way { origin: first_origin(variant), if_small: None, if_irregular };
    rare_row(variant, &way)
}

/// All rows.
fn batch(variant: &PassVariant) -> TokenStream {
    sections(variant, |row, b, vectors| row.batch(b, vectors))
}

/// One row that is out of range for a constant.
fn by_maximum(variant: &PassVariant) -> TokenStream {
    let way = Way { origin: Origin::Own, if_small: None, if_irregular: quote!(return 0;) };
    rare_row(variant, &way)
}

/// A function's body for one row that few calls have: an arm for every number of vectors, each a function. Where nothing is optimised a
/// function has a place on the stack for every value, of all its arms, and these are called by others of that kind: together they took
/// 2.6 MB.
fn rare_row(variant: &PassVariant, way: &Way) -> TokenStream {
    let arm = |vectors: usize| {
        let mut b = Builder::new(variant.isa);
        let section = ResidentRow::new(&mut b, variant).rows(&mut b, vectors, 1, way);
        let hoisted = b.take_hoisted();
        let body = quote!(#hoisted let mut row = 0usize; #section row);
        let function = inner(variant, quote!(arm(x: *const f32, y: *mut f32, n: usize)), body);
        quote!(#function unsafe { arm(x, y, n) })
    };
    by_vectors(variant, arm, &quote!(0,))
}

/// A function's body: an arm for every number of vectors.
fn sections(
    variant: &PassVariant,
    arm: impl Fn(&ResidentRow, &mut Builder, usize) -> TokenStream,
) -> TokenStream {
    let mut b = Builder::new(variant.isa);
    let row = ResidentRow::new(&mut b, variant);
    let arms = by_vectors(variant, |vectors| arm(&row, &mut b, vectors), &quote!({}));
    let hoisted = b.take_hoisted();
    quote! {
        #hoisted
        let mut row = 0usize;
        #arms
        row
    }
}

/// What is to be done for every number of vectors up to the tile, and otherwise.
fn by_vectors(
    variant: &PassVariant,
    arm: impl FnMut(usize) -> TokenStream,
    otherwise: &TokenStream,
) -> TokenStream {
    let (vectors, lanes) = (1..=variant.tile.unroll, variant.lanes());
    let arms = vectors.clone().map(arm);
    quote! {
        match n.div_ceil(#lanes) {
            #(#vectors => { #arms })*
            _ => #otherwise
        }
    }
}

/// The constant, but for cores that round the difference: they are exact beside the maximum alone.
fn first_origin(variant: &PassVariant) -> Origin {
    let exp = variant.exp.expect("the pass exponentiates");
    match Algorithm::Resident.rounds_difference(exp.reduction) {
        true => Origin::Own,
        false => Origin::Constant,
    }
}

/// Whether it is first looked for small elements, because that takes fewer operations than products of whatever size. Only beside a constant:
/// there it is known without the sum what is small.
fn looks_for_small(variant: &PassVariant) -> bool {
    let sums_accurately = variant.exp.is_some_and(Exp::sums_accurately);
    first_origin(variant) == Origin::Constant && (sums_accurately || !lowering(variant.isa).masks_products())
}

/// The operations on the longest row.
pub fn operations(variant: &PassVariant) -> Operations {
    let mut b = Builder::new(variant.isa);
    let row = ResidentRow::new(&mut b, variant);
    b.take_operations();
    let stop = quote!(return row;);
    let way = Way { origin: first_origin(variant), if_small: Some(stop.clone()), if_irregular: stop };
    row.rows(&mut b, variant.tile.unroll, 1, &way);
    b.take_operations()
}

/// What exponentials are measured from.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// [`ConstantShift`].
    Constant,
    /// The row's maximum.
    Own,
}

/// How rows are taken.
struct Way {
    origin: Origin,
    /// What to do, before anything is stored, if elements are so small that products may be subnormal; `None` if products are made so
    /// that this does not matter.
    if_small: Option<TokenStream>,
    /// What to do, before anything is stored, if a row is out of range.
    if_irregular: TokenStream,
}

struct ResidentRow<'a> {
    core: Box<dyn Core>,
    variant: &'a PassVariant,
    constant: ConstantShift,
}

impl<'a> ResidentRow<'a> {
    fn new(b: &mut Builder, variant: &'a PassVariant) -> Self {
        let core = core_of(variant, b);
        ResidentRow { constant: ConstantShift::new(b, &*core), core, variant }
    }

    /// All rows of so many vectors.
    fn batch(&self, b: &mut Builder, vectors: usize) -> TokenStream {
        // Row by row, so that which way a row goes does not depend on its neighbours.
        let otherwise = |function: TokenStream| {
            quote! {
                if unsafe { #function(x.add(row * n), y.add(row * n), n) } == 0 {
                    return row;
                }
                row += 1;
                continue;
            }
        };
        let way = Way {
            origin: first_origin(self.variant),
            if_small: Some(otherwise(quote!(carefully))),
            if_irregular: otherwise(quote!(by_maximum)),
        };
        let one = self.rows(b, vectors, 1, &way);
        let together = rows_in_flight(vectors, self.variant);
        if together == 1 {
            return quote!(while row < rows { #one });
        }
        let way = Way {
            origin: first_origin(self.variant),
            if_small: Some(quote!(break;)),
            if_irregular: quote!(break;),
        };
        let several = self.rows(b, vectors, together, &way);
        quote! {
            while row < rows {
                while rows - row >= #together { #several }
                let end = rows.min(row + #ONE_BY_ONE);
                while row < end { #one }
            }
        }
    }

    /// From loads to stores of the next `count` rows.
    fn rows(&self, b: &mut Builder, vectors: usize, count: usize, way: &Way) -> TokenStream {
        let Way { origin, if_small, if_irregular } = way;
        let pointers: Vec<(Value, Value)> =
            (0..count).map(|i| (Value::named(&format!("x{i}")), Value::named(&format!("y{i}")))).collect();
        for (i, (x, y)) in pointers.iter().enumerate() {
            b.statement(quote!(let (#x, #y) = unsafe { (x.add((row + #i) * n), y.add((row + #i) * n)) };));
        }
        let xs: Vec<Vec<Value>> = pointers.iter().map(|(x, _)| self.loads(b, vectors, x)).collect();
        let if_small = if_small.as_ref().filter(|_| looks_for_small(self.variant));
        if let Some(if_small) = if_small {
            self.look_at_the_smallest(b, &xs, if_small);
        }
        let rows: Vec<Exponentials> = xs.iter().map(|xs| self.exponentials(b, xs, *origin)).collect();
        let sums: Vec<Value> = rows.iter().map(|row| self.sum(b, &row.vectors)).collect();
        let maxima = rows.iter().flat_map(|row| &row.max);
        let suits = sums.iter().map(|sum| match origin {
            Origin::Constant => constant_shift::suits(sum),
            // The exponential of the maximum alone is about 2^32 or more; a NaN is not.
            Origin::Own => quote!(#sum >= 0.5 && #sum <= #LARGEST_SUM as _),
        });
        let regular_max = REGULAR_MAX;
        b.statement(quote! {
            let regular = true #(&& #maxima.abs() <= #regular_max)* #(&& #suits)*;
            if !regular {
                #if_irregular
            }
        });
        for ((row, sum), (_, y)) in rows.iter().zip(&sums).zip(&pointers) {
            let scaled = self.scaled(b, &row.vectors, sum, if_small.is_some());
            self.stores(b, &scaled, y);
        }
        b.statement(quote!(row += #count;));
        b.take_section()
    }

    /// Does what is to be done if any element of these rows is small, of those in full vectors: the last vector's lanes beyond the
    /// row always are.
    fn look_at_the_smallest(&self, b: &mut Builder, rows: &[Vec<Value>], if_small: &TokenStream) {
        let full = rows.iter().flat_map(|xs| &xs[..xs.len() - 1]).cloned().collect();
        if let Some(smallest) = tree(full, |left, right| b.min(left, right)) {
            let least = b.constant(constant_shift::least(self.exp()));
            b.leave_if_below(&smallest, &least, if_small);
        }
    }

    fn exponentials(&self, b: &mut Builder, xs: &[Value], origin: Origin) -> Exponentials {
        match origin {
            Origin::Constant => {
                let vectors = b.in_pairs(xs, |b, x| self.constant.exp(b, &*self.core, x));
                Exponentials { vectors, max: None }
            }
            Origin::Own => {
                let max = tree(xs.to_vec(), |left, right| b.max(left, right)).expect("a row has a vector");
                let max = b.reduce_max(&max);
                let splat = b.splat(&max);
                let shift = self.core.shift(b, &splat);
                let vectors = b.in_pairs(xs, |b, x| self.core.exp(b, x, &shift));
                Exponentials { vectors, max: Some(max) }
            }
        }
    }

    fn loads(&self, b: &mut Builder, vectors: usize, x: &Value) -> Vec<Value> {
        let lanes = self.variant.lanes();
        let last = vectors - 1;
        let mut xs: Vec<Value> = (0..last).map(|v| b.load(offset(x, v * lanes))).collect();
        let start = offset(x, last * lanes);
        xs.push(match lanes {
            1 => b.load(start),
            _ => {
                let fill = b.constant(f32::NEG_INFINITY);
                b.load_tail(start, left(last * lanes), &fill)
            }
        });
        xs
    }

    fn stores(&self, b: &mut Builder, ys: &[Value], y: &Value) {
        let lanes = self.variant.lanes();
        let (last, full) = ys.split_last().expect("a row has a vector");
        for (v, value) in full.iter().enumerate() {
            b.store(offset(y, v * lanes), value);
        }
        let start = offset(y, full.len() * lanes);
        match lanes {
            1 => b.store(start, last),
            _ => b.store_tail(start, left(full.len() * lanes), last),
        }
    }

    /// The sum, an f64 where it must be exact.
    fn sum(&self, b: &mut Builder, exponentials: &[Value]) -> Value {
        if !self.exp().sums_accurately() {
            let sum = sum_of(b, exponentials);
            return b.reduce_add(&sum);
        }
        let sum = ExactSum::of(b, exponentials);
        ExactSum::reduced(b, &sum)
    }

    /// The exponentials divided by their sum, where it is usual that those of full vectors are large enough.
    fn scaled(&self, b: &mut Builder, exponentials: &[Value], sum: &Value, is_usual: bool) -> Vec<Value> {
        let factor = Factor::reciprocal(b, sum, self.exp().sums_accurately());
        let (last, full) = exponentials.split_last().expect("a row has a vector");
        let product = if is_usual { Factor::product } else { Factor::kept_times };
        let mut scaled: Vec<Value> = full.iter().map(|e| product(&factor, b, e)).collect();
        scaled.push(factor.kept_times(b, last));
        scaled
    }

    fn exp(&self) -> Exp {
        self.variant.exp.expect("the pass exponentiates")
    }
}

/// A row's exponentials, and the scalar that they are measured from where it is the row's own.
struct Exponentials {
    vectors: Vec<Value>,
    max: Option<Value>,
}

fn offset(pointer: &Value, elements: usize) -> TokenStream {
    match elements {
        0 => quote!(#pointer),
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
