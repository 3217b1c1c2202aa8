//! From a pass variant to its function: what every pass has in common. One file per pass says the rest.
//!
//! A function is a main loop over tiles, a loop over single vectors, and a masked tail. All three are the same
//! [`Body::step`], on `unroll` vectors or on one; the tail's missing lanes are -inf, which no pass notices.

mod ext_scale;
mod ext_sum;
mod max;
mod online_sum;
mod scale;
mod scale_exp;
mod store_exp;
mod sum_exp;

use crate::ir::{Builder, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use softmax_spec::{Pass, PassVariant};

/// The vectors that one accumulator carries from step to step.
pub type State = Vec<Value>;

/// What a pass does with a block of vectors.
pub trait Body {
    /// The state of an accumulator that has seen nothing, in the function's first section.
    fn identity(&self, b: &mut Builder) -> State;

    /// Takes in the vectors `xs`, the i-th one by accumulator i modulo their number, and gives the vectors to
    /// store, one for each of `xs` or none.
    fn step(&self, b: &mut Builder, xs: &[Value], accumulators: &mut [State]) -> Vec<Value>;

    /// One accumulator for two.
    fn merge(&self, b: &mut Builder, left: &State, right: &State) -> State;

    /// The function's result.
    fn finish(&self, b: &mut Builder, state: &State) -> TokenStream;
}

/// Parameters and result of a pass's functions, beside the row (`x`, `y` in passes that store, `n`).
pub struct Signature {
    /// `name: type,` each.
    pub parameters: TokenStream,
    /// The result's type.
    pub result: TokenStream,
    /// Builds the body, with its hoisted values in the function's first section.
    pub body: fn(&mut Builder, &PassVariant) -> Box<dyn Body>,
}

/// The table of passes.
pub fn signature(pass: Pass) -> Signature {
    match pass {
        Pass::Max => max::signature(),
        Pass::SumExp => sum_exp::signature(),
        Pass::StoreExp => store_exp::signature(),
        Pass::Scale => scale::signature(),
        Pass::ScaleExp => scale_exp::signature(),
        Pass::ExtSum => ext_sum::signature(),
        Pass::ExtScale => ext_scale::signature(),
        Pass::OnlineSum => online_sum::signature(),
    }
}

/// The function of `variant`, named by its id.
pub fn function(variant: &PassVariant) -> TokenStream {
    let signature = signature(variant.pass);
    let mut b = Builder::new(variant.isa);
    let body = (signature.body)(&mut b, variant);

    let accumulators = if variant.pass.reduces() { variant.tile.accumulators } else { 0 };
    let mut states: Vec<State> = (0..accumulators).map(|_| body.identity(&mut b)).collect();
    let variables: Vec<State> =
        (0..accumulators).map(|i| names(&format!("acc{i}_"), states[i].len())).collect();
    for (names, values) in variables.iter().zip(&states) {
        b.statement(quote!(#(let mut #names = #values;)*));
    }
    let setup = b.take_section();

    let lanes = variant.lanes();
    let main = steps(&mut b, &*body, variant, variant.tile.unroll, &variables);
    let main = advance_loop(variant.tile_elements(), main);
    let single = match variant.tile.unroll {
        1 => quote!(),
        _ => {
            let single = steps(&mut b, &*body, variant, 1, &variables);
            advance_loop(lanes, single)
        }
    };
    let tail = match lanes {
        1 => quote!(),
        _ => tail(&mut b, &*body, &variables),
    };

    states.clone_from(&variables);
    let result = match tree(&mut b, &*body, states) {
        Some(state) => body.finish(&mut b, &state),
        None => quote!(),
    };
    let finish = b.take_section();

    let hoisted = b.take_hoisted();
    let (name, docs) =
        (format_ident!("{}", variant.id()), format!(" `{}` of {} elements.", variant.pass, variant.element));
    let features = variant.isa.features().join(",");
    let target_feature =
        if features.is_empty() { quote!() } else { quote!(#[target_feature(enable = #features)]) };
    let (parameters, result_type) = (&signature.parameters, &signature.result);
    let output = if variant.pass.stores() { quote!(y: *mut f32,) } else { quote!() };
    quote! {
        #[doc = #docs]
        #target_feature
        pub(super) unsafe fn #name(x: *const f32, #output n: usize, #parameters) -> #result_type {
            #hoisted
            #setup
            let mut i = 0usize;
            #main
            #single
            #tail
            #finish
            #result
        }
    }
}

fn names(prefix: &str, count: usize) -> Vec<Value> {
    (0..count).map(|i| Value::named(&format!("{prefix}{i}"))).collect()
}

fn advance_loop(elements: usize, section: TokenStream) -> TokenStream {
    quote! {
        while n - i >= #elements {
            #section
            i += #elements;
        }
    }
}

/// Loads `count` vectors at `i`, takes them in, stores what there is to store.
fn steps(
    b: &mut Builder,
    body: &dyn Body,
    variant: &PassVariant,
    count: usize,
    variables: &[State],
) -> TokenStream {
    let offset = |vector: usize| match vector * variant.lanes() {
        0 => quote!(i),
        elements => quote!(i + #elements),
    };
    let at = |pointer: Ident, vector: usize| {
        let offset = offset(vector);
        quote!(unsafe { #pointer.add(#offset) })
    };
    let xs: Vec<Value> = (0..count).map(|v| b.load(at(format_ident!("x"), v))).collect();
    let stored = step_and_assign(b, body, &xs, variables);
    for (vector, value) in stored.iter().enumerate() {
        b.store(at(format_ident!("y"), vector), value);
    }
    b.take_section()
}

/// The last `n - i` elements, fewer than a vector.
fn tail(b: &mut Builder, body: &dyn Body, variables: &[State]) -> TokenStream {
    let fill = b.constant(f32::NEG_INFINITY);
    let x = b.load_tail(quote!(unsafe { x.add(i) }), quote!((n - i)), &fill);
    for value in step_and_assign(b, body, &[x], variables) {
        b.store_tail(quote!(unsafe { y.add(i) }), quote!((n - i)), &value);
    }
    let section = b.take_section();
    quote!(if i < n { #section })
}

fn step_and_assign(b: &mut Builder, body: &dyn Body, xs: &[Value], variables: &[State]) -> Vec<Value> {
    let used = variables.len().min(xs.len());
    let mut states = variables[..used].to_vec();
    let stored = body.step(b, xs, &mut states);
    for (names, values) in variables.iter().zip(&states) {
        for (name, value) in names.iter().zip(values).filter(|(name, value)| name != value) {
            b.statement(quote!(#name = #value;));
        }
    }
    stored
}

/// Merges accumulators pairwise; `None` if there are none.
fn tree(b: &mut Builder, body: &dyn Body, mut states: Vec<State>) -> Option<State> {
    while states.len() > 1 {
        let merged = states.chunks(2).map(|pair| match pair {
            [left, right] => body.merge(b, left, right),
            single => single[0].clone(),
        });
        states = merged.collect();
    }
    states.pop()
}

/// For passes that reduce nothing: they have no accumulators, so the rest of [`Body`] is never asked for.
macro_rules! no_reduction {
    () => {
        fn identity(&self, _: &mut Builder) -> State {
            unreachable!("a pass without accumulators")
        }

        fn merge(&self, _: &mut Builder, _: &State, _: &State) -> State {
            unreachable!("a pass without accumulators")
        }

        fn finish(&self, _: &mut Builder, _: &State) -> TokenStream {
            unreachable!("a pass without accumulators")
        }
    };
}
use no_reduction;

/// The exp core of a variant whose pass exponentiates.
fn core_of(variant: &PassVariant, b: &Builder) -> Box<dyn crate::exp::Core> {
    crate::exp::core(variant.exp.expect("the pass exponentiates"), b)
}
