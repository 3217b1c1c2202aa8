//! From a pass variant to its function: what every pass has in common. One file per pass says the rest.
//!
//! A function is a main loop over tiles, a loop over single vectors, and a masked tail. All three are the same
//! [`Body::step`], on `unroll` vectors or on one; the tail's missing lanes are -inf, which no pass notices. Sums are
//! blocked: after a few tiles the accumulators go into a total and start afresh.
//!
//! Rows that stay in registers have no loop over tiles, and a form of their own ([`softmax`]).

mod ext_scale;
mod ext_sum;
mod max;
mod online_sum;
mod scale;
mod scale_exp;
mod softmax;
mod store_exp;
mod sum_exp;

use crate::ir::{Builder, Operations, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use softmax_spec::{Isa, Pass, PassVariant, Store};

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

    /// The state of a total that has seen nothing. An accumulator's, unless the pass keeps more of its totals.
    fn total_identity(&self, b: &mut Builder) -> State {
        self.identity(b)
    }

    /// The total with a block's accumulator.
    fn fold(&self, b: &mut Builder, total: &State, block: &State) -> State {
        self.merge(b, total, block)
    }

    /// The function's result, from the total, where there is one, and the accumulator of what came after it.
    fn finish(&self, b: &mut Builder, total: Option<&State>, rest: &State) -> TokenStream;
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

/// The table of the passes that sweep over a row.
fn signature(pass: Pass) -> Signature {
    match pass {
        Pass::Max => max::signature(),
        Pass::SumExp => sum_exp::signature(),
        Pass::StoreExp => store_exp::signature(),
        Pass::Scale => scale::signature(),
        Pass::ScaleExp => scale_exp::signature(),
        Pass::ExtSum => ext_sum::signature(),
        Pass::ExtScale => ext_scale::signature(),
        Pass::OnlineSum => online_sum::signature(),
        Pass::Softmax => unreachable!("a row in registers is not swept over"),
    }
}

/// The function of `variant`, named by its id.
pub fn function(variant: &PassVariant) -> TokenStream {
    match variant.pass.is_resident() {
        true => softmax::function(variant),
        false => sweep(variant),
    }
}

/// A function that sweeps over a row.
fn sweep(variant: &PassVariant) -> TokenStream {
    let signature = signature(variant.pass);
    let mut b = Builder::new(variant.isa);
    let body = (signature.body)(&mut b, variant);
    let mut function = Function::new(b, body, variant);
    let setup = function.setup();
    let head = function.head();
    let (main, single, tail) = (function.main_loop(), function.single_loop(), function.tail());
    let (finish, result) = function.finish();

    let hoisted = function.b.take_hoisted();
    let body = quote! {
        #hoisted
        #setup
        let mut i = 0usize;
        #head
        #main
        #single
        #tail
        #finish
        #result
    };
    item(variant, &signature.parameters, &signature.result, body)
}

/// The function's item around its body.
fn item(
    variant: &PassVariant,
    parameters: &TokenStream,
    result: &TokenStream,
    body: TokenStream,
) -> TokenStream {
    let (name, docs) =
        (format_ident!("{}", variant.id()), format!(" `{}` of {} elements.", variant.pass, variant.element));
    let target_feature = target_feature(variant.isa);
    let output = if variant.pass.stores() { quote!(y: *mut f32,) } else { quote!() };
    quote! {
        #[doc = #docs]
        #target_feature
        pub(super) unsafe fn #name(x: *const f32, #output n: usize, #parameters) -> #result {
            #body
        }
    }
}

/// The attribute of functions that are compiled for `isa`.
fn target_feature(isa: Isa) -> TokenStream {
    match isa.features().join(",") {
        none if none.is_empty() => quote!(),
        features => quote!(#[target_feature(enable = #features)]),
    }
}

/// The operations on one tile: those of the main loop's section.
pub fn operations(variant: &PassVariant) -> Operations {
    if variant.pass.is_resident() {
        return softmax::operations(variant);
    }
    let mut b = Builder::new(variant.isa);
    let body = (signature(variant.pass).body)(&mut b, variant);
    let mut function = Function::new(b, body, variant);
    // Those of the function's first section do not count.
    function.b.take_operations();
    function.steps(variant.tile.unroll);
    function.b.take_operations()
}

/// A function in the making: what its sections share.
struct Function<'a> {
    b: Builder,
    body: Box<dyn Body>,
    variant: &'a PassVariant,
    /// What an accumulator starts from; empty in passes that reduce nothing.
    identity: State,
    /// The loop-carried variables of each accumulator.
    accumulators: Vec<State>,
    /// In passes that sum, the variables into which the accumulators go after every few tiles, so that no lane
    /// adds many terms, and what they start from.
    total: Option<Total>,
}

struct Total {
    names: State,
    identity: State,
}

impl<'a> Function<'a> {
    fn new(mut b: Builder, body: Box<dyn Body>, variant: &'a PassVariant) -> Self {
        let reduces = variant.pass.reduces();
        let identity = if reduces { body.identity(&mut b) } else { State::new() };
        let count = if reduces { variant.tile.accumulators } else { 0 };
        let accumulators = (0..count).map(|i| names(&format!("acc{i}_"), identity.len())).collect();
        let total = variant.pass.sums().then(|| {
            let identity = body.total_identity(&mut b);
            Total { names: names("total_", identity.len()), identity }
        });
        Function { b, body, variant, identity, accumulators, total }
    }

    fn setup(&mut self) -> TokenStream {
        let accumulators = self.accumulators.iter().map(|names| (names, &self.identity));
        let total = self.total.iter().map(|total| (&total.names, &total.identity));
        for (names, identity) in accumulators.chain(total) {
            self.b.statement(quote!(#(let mut #names = #identity;)*));
        }
        self.b.take_section()
    }

    /// Over tiles; in passes that sum, over blocks of tiles and the tiles of each.
    fn main_loop(&mut self) -> TokenStream {
        let tile = self.variant.tile_elements();
        let section = self.steps(self.variant.tile.unroll);
        if self.total.is_none() {
            return advance_loop(quote!(n), tile, section);
        }
        let (fold, block) = (self.fold_into_total(self.accumulators.len()), self.variant.block_elements());
        let tiles = advance_loop(quote!(end), tile, section);
        quote! {
            while n - i >= #tile {
                let end = i + (n - i).min(#block);
                #tiles
                #fold
            }
        }
    }

    /// Over the vectors that are left.
    fn single_loop(&mut self) -> TokenStream {
        match self.variant.tile.unroll {
            1 => quote!(),
            _ => {
                let (step, fold) = (self.steps(1), self.fold_leftover());
                advance_loop(quote!(n), self.variant.lanes(), quote!(#step #fold))
            }
        }
    }

    /// The elements that are left, fewer than a vector.
    fn tail(&mut self) -> TokenStream {
        if self.variant.lanes() == 1 {
            return quote!();
        }
        let (step, fold) = (self.part(quote!((n - i))), self.fold_leftover());
        quote!(if i < n { #step #fold })
    }

    /// In passes with streaming stores, the elements before the first aligned vector of y.
    fn head(&mut self) -> TokenStream {
        if self.variant.store == Store::Temporal {
            return quote!();
        }
        let bytes = self.variant.lanes() * self.variant.element.bits() as usize / 8;
        let part = self.part(quote!(head));
        quote! {
            let head = y.align_offset(#bytes).min(n);
            if head > 0 {
                #part
                i = head;
            }
        }
    }

    /// `count` elements at `i`, fewer than a vector and at least one.
    fn part(&mut self, count: TokenStream) -> TokenStream {
        let fill = self.b.constant(f32::NEG_INFINITY);
        let x = self.b.load_tail(quote!(unsafe { x.add(i) }), count.clone(), &fill);
        for value in self.step(&[x]) {
            self.b.store_tail(quote!(unsafe { y.add(i) }), count.clone(), &value);
        }
        self.b.take_section()
    }

    /// Statements and the result.
    fn finish(&mut self) -> (TokenStream, TokenStream) {
        let total = self.total.as_ref().map(|total| &total.names);
        let states = match total {
            // Single vectors and the tail went to the first accumulator.
            Some(_) => vec![self.accumulators[0].clone()],
            None => self.accumulators.clone(),
        };
        let result = match tree(states, |left, right| self.body.merge(&mut self.b, left, right)) {
            Some(state) => self.body.finish(&mut self.b, total, &state),
            None => quote!(),
        };
        if self.variant.store == Store::NonTemporal {
            self.b.fence();
        }
        (self.b.take_section(), result)
    }

    /// After a vector that was left over, in passes that take it as a block of its own.
    fn fold_leftover(&mut self) -> TokenStream {
        match self.variant.sums_each_tile() {
            true => self.fold_into_total(1),
            false => quote!(),
        }
    }

    /// Merges the first `count` accumulators into the total and starts them afresh.
    fn fold_into_total(&mut self, count: usize) -> TokenStream {
        let total = self.total.as_ref().map_or(State::new(), |total| total.names.clone());
        let accumulators = self.accumulators[..count].to_vec();
        let block = tree(accumulators, |left, right| self.body.merge(&mut self.b, left, right));
        let block = block.unwrap_or_default();
        let folded = self.body.fold(&mut self.b, &total, &block);
        self.assign(&total, &folded);
        let identity = self.identity.clone();
        for i in 0..count {
            let names = self.accumulators[i].clone();
            self.assign(&names, &identity);
        }
        self.b.take_section()
    }

    /// Loads `count` vectors at `i`, takes them in, stores what there is to store.
    fn steps(&mut self, count: usize) -> TokenStream {
        let lanes = self.variant.lanes();
        let at = |pointer: Ident, vector: usize| match vector * lanes {
            0 => quote!(unsafe { #pointer.add(i) }),
            elements => quote!(unsafe { #pointer.add(i + #elements) }),
        };
        let xs: Vec<Value> = (0..count).map(|v| self.b.load(at(format_ident!("x"), v))).collect();
        for (vector, value) in self.step(&xs).iter().enumerate() {
            let to = at(format_ident!("y"), vector);
            match self.variant.store {
                Store::Temporal => self.b.store(to, value),
                Store::NonTemporal => self.b.store_streaming(to, value),
            }
        }
        self.b.take_section()
    }

    fn step(&mut self, xs: &[Value]) -> Vec<Value> {
        let used = self.accumulators.len().min(xs.len());
        let mut states = self.accumulators[..used].to_vec();
        let stored = self.body.step(&mut self.b, xs, &mut states);
        for (names, values) in self.accumulators.clone().iter().zip(&states) {
            self.assign(names, values);
        }
        stored
    }

    fn assign(&mut self, names: &State, values: &State) {
        for (name, value) in names.iter().zip(values).filter(|(name, value)| name != value) {
            self.b.statement(quote!(#name = #value;));
        }
    }
}

fn names(prefix: &str, count: usize) -> State {
    (0..count).map(|i| Value::named(&format!("{prefix}{i}"))).collect()
}

/// From `i` to `end` in whole steps of `elements`.
fn advance_loop(end: TokenStream, elements: usize, section: TokenStream) -> TokenStream {
    quote! {
        while #end - i >= #elements {
            #section
            i += #elements;
        }
    }
}

/// One value for many, pairwise, so that none waits for many others or is rounded more often than log2 of their number;
/// `None` if there are none.
fn tree<T: Clone>(mut values: Vec<T>, mut combine: impl FnMut(&T, &T) -> T) -> Option<T> {
    while values.len() > 1 {
        let combined = values.chunks(2).map(|pair| match pair {
            [left, right] => combine(left, right),
            single => single[0].clone(),
        });
        values = combined.collect();
    }
    values.pop()
}

/// The sum of one or more vectors.
fn sum_of(b: &mut Builder, vectors: &[Value]) -> Value {
    tree(vectors.to_vec(), |left, right| b.add(left, right)).expect("there is a vector")
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

        fn finish(&self, _: &mut Builder, _: Option<&State>, _: &State) -> TokenStream {
            unreachable!("a pass without accumulators")
        }
    };
}
use no_reduction;

/// The exp core of a variant whose pass exponentiates.
fn core_of(variant: &PassVariant, b: &mut Builder) -> Box<dyn crate::exp::Core> {
    crate::exp::core(variant.exp.expect("the pass exponentiates"), b)
}
