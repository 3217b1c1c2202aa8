//! Functions that sweep over a row: a main loop over tiles, a loop over single vectors, and a tail. All three are
//! the same [`Body::step`], on `unroll` vectors or on one; the tail's missing lanes are -inf, of which nothing comes. Sums
//! are blocked, unless they are exact: after a few tiles the accumulators go into a total and start afresh.
//!
//! Several streams are one more loop before these, over windows: its tile has vectors of every stream, and what is left
//! after the last whole window is a row of one stream. Passes that go backward do the same in the opposite order.

use super::{Body, State, item, signature, tree};
use crate::ir::{Builder, Operations, Value};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use softmax_spec::{Direction, PassVariant, Prefetch, Store, Streams};

/// The function of `variant`. Where nothing is summed, and so no result depends on where vectors begin, its stores are aligned.
pub fn function(variant: &PassVariant) -> TokenStream {
    let signature = signature(variant.pass);
    let aligns = variant.pass.stores() && !variant.pass.reduces() && variant.lanes() > 1;
    let body = emit(variant, |b| (signature.body)(b, variant), aligns);
    item(variant, &signature.parameters, &signature.result, body)
}

/// The code of `variant` with this body: statements, and the result.
pub fn code(variant: &PassVariant, body: impl FnOnce(&mut Builder) -> Box<dyn Body>) -> TokenStream {
    emit(variant, body, variant.memory.store == Store::NonTemporal)
}

fn emit(
    variant: &PassVariant,
    body: impl FnOnce(&mut Builder) -> Box<dyn Body>,
    aligns: bool,
) -> TokenStream {
    let mut b = Builder::new(variant.isa);
    let body = body(&mut b);
    let mut function = Function::new(b, body, variant, aligns);
    let setup = function.setup();
    let elements = match variant.memory.direction {
        Direction::Forward => function.forward(),
        Direction::Backward => function.backward(),
    };
    let (finish, result) = function.finish();
    let hoisted = function.b.take_hoisted();
    quote! {
        #hoisted
        #setup
        #elements
        #finish
        #result
    }
}

/// The operations of that code on one tile: those of the main loop's section.
pub fn operations(variant: &PassVariant, body: impl FnOnce(&mut Builder) -> Box<dyn Body>) -> Operations {
    let mut b = Builder::new(variant.isa);
    let body = body(&mut b);
    let mut function = Function::new(b, body, variant, false);
    // Those of the function's first section do not count.
    function.b.take_operations();
    function.tile(1);
    function.b.take_operations()
}

/// A function in the making: what its sections share.
struct Function<'a> {
    b: Builder,
    body: Box<dyn Body>,
    variant: &'a PassVariant,
    /// Whether main loops begin at an aligned vector of y. Streaming stores must be aligned, and others that lie across two lines
    /// take twice as long.
    aligns: bool,
    /// What an accumulator starts from; empty in passes that reduce nothing.
    identity: State,
    /// The loop-carried variables of each accumulator.
    accumulators: Vec<State>,
    /// In passes that sum in blocks, the variables into which the accumulators go after every few tiles, so that no lane
    /// adds many terms, and what they start from.
    total: Option<Total>,
}

struct Total {
    names: State,
    identity: State,
}

impl<'a> Function<'a> {
    fn new(mut b: Builder, body: Box<dyn Body>, variant: &'a PassVariant, aligns: bool) -> Self {
        let reduces = variant.pass.reduces();
        let identity = if reduces { body.identity(&mut b) } else { State::new() };
        let count = if reduces { variant.tile.accumulators } else { 0 };
        let accumulators = (0..count).map(|i| names(&format!("acc{i}_"), identity.len())).collect();
        let total = variant.sums_in_blocks().then(|| {
            let identity = body.total_identity(&mut b);
            Total { names: names("total_", identity.len()), identity }
        });
        Function { b, body, variant, aligns, identity, accumulators, total }
    }

    fn setup(&mut self) -> TokenStream {
        let accumulators = self.accumulators.iter().map(|names| (names, &self.identity));
        let total = self.total.iter().map(|total| (&total.names, &total.identity));
        for (names, identity) in accumulators.chain(total) {
            self.b.statement(quote!(#(let mut #names = #identity;)*));
        }
        self.b.take_section()
    }

    /// All elements, from the first to the last.
    fn forward(&mut self) -> TokenStream {
        let (head, windows) = (self.head(), self.windows());
        let (main, single, tail) = (self.main_loop(), self.single_loop(), self.tail());
        quote! {
            let mut i = 0usize;
            #head
            #windows
            #main
            #single
            #tail
        }
    }

    /// All elements, from the last to the first, in passes without accumulators: `i` is where those that are done begin.
    fn backward(&mut self) -> TokenStream {
        let (tail, single) = (self.tail_backward(), self.single_loop_backward());
        let (tile, section) = (self.variant.tile_elements(), self.tile(1));
        let (start, head) = match self.aligns {
            false => (quote!(0usize), quote!()),
            true => {
                let part = self.part(quote!(head));
                (self.aligned(), quote!(if head > 0 { i = 0; #part }))
            }
        };
        quote! {
            let head = #start;
            let mut i = n;
            #tail
            #single
            while i > head {
                i -= #tile;
                #section
            }
            #head
        }
    }

    /// Over windows of several streams.
    fn windows(&mut self) -> TokenStream {
        let streams = self.variant.memory.streams;
        if streams == Streams::ONE {
            return quote!();
        }
        let count = streams.count();
        let section = self.tile(count);
        let (part, block) = (self.variant.stream_elements(), self.variant.block_elements() / count);
        let tiles = self.blocked_loop(quote!(stream_end), part, block, section);
        let (window, stream) = (streams.window(), Streams::ELEMENTS);
        let others = window - stream;
        quote! {
            while n - i >= #window {
                let stream_end = i + #stream;
                #tiles
                i += #others;
            }
        }
    }

    /// Over tiles.
    fn main_loop(&mut self) -> TokenStream {
        let section = self.tile(1);
        let (tile, block) = (self.variant.tile_elements(), self.variant.block_elements());
        self.blocked_loop(quote!(n), tile, block, section)
    }

    /// Whole steps of `elements` from `i` to `end`; in passes that sum in blocks, blocks, after each of which the accumulators go
    /// into the total.
    fn blocked_loop(
        &mut self,
        end: TokenStream,
        elements: usize,
        block: usize,
        section: TokenStream,
    ) -> TokenStream {
        if self.total.is_none() {
            return advance_loop(end, elements, section);
        }
        let fold = self.fold_into_total();
        let steps = advance_loop(quote!(end), elements, section);
        quote! {
            while #end - i >= #elements {
                let end = i + (#end - i).min(#block);
                #steps
                #fold
            }
        }
    }

    /// Over the vectors that are left.
    fn single_loop(&mut self) -> TokenStream {
        match self.variant.tile.unroll {
            1 => quote!(),
            _ => {
                let step = self.steps(&[0]);
                advance_loop(quote!(n), self.variant.lanes(), step)
            }
        }
    }

    /// The same from the end, until what is left is whole tiles.
    fn single_loop_backward(&mut self) -> TokenStream {
        let (lanes, tile) = (self.variant.lanes(), self.variant.tile_elements());
        if lanes == tile {
            return quote!();
        }
        let step = self.steps(&[0]);
        quote! {
            let tiles = i - (i - head) % #tile;
            while i > tiles {
                i -= #lanes;
                #step
            }
        }
    }

    /// The elements that are left, fewer than a vector.
    fn tail(&mut self) -> TokenStream {
        if self.variant.lanes() == 1 {
            return quote!();
        }
        let step = self.part(quote!((n - i)));
        quote!(if i < n { #step })
    }

    /// The same before everything else.
    fn tail_backward(&mut self) -> TokenStream {
        let lanes = self.variant.lanes();
        if lanes == 1 {
            return quote!();
        }
        let part = self.part(quote!(tail));
        quote! {
            let tail = (n - head) % #lanes;
            if tail > 0 {
                i -= tail;
                #part
            }
        }
    }

    /// Where stores are aligned, the elements before the first aligned vector of y.
    fn head(&mut self) -> TokenStream {
        if !self.aligns {
            return quote!();
        }
        let (start, part) = (self.aligned(), self.part(quote!(head)));
        quote! {
            let head = #start;
            if head > 0 {
                #part
                i = head;
            }
        }
    }

    /// Where the first aligned vector of y starts, or else the row's end.
    fn aligned(&self) -> TokenStream {
        let bytes = self.variant.lanes() * self.variant.element.bits() as usize / 8;
        quote!(y.align_offset(#bytes).min(n))
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
        if self.variant.memory.store == Store::NonTemporal {
            self.b.fence();
        }
        (self.b.take_section(), result)
    }

    /// Merges the accumulators into the total and starts them afresh.
    fn fold_into_total(&mut self) -> TokenStream {
        let total = self.total.as_ref().map_or(State::new(), |total| total.names.clone());
        let accumulators = self.accumulators.clone();
        let block = tree(accumulators, |left, right| self.body.merge(&mut self.b, left, right));
        let block = block.unwrap_or_default();
        let folded = self.body.fold(&mut self.b, &total, &block);
        self.assign(&total, &folded);
        let identity = self.identity.clone();
        for names in self.accumulators.clone() {
            self.assign(&names, &identity);
        }
        self.b.take_section()
    }

    /// One iteration of a main loop: a tile, divided among so many streams.
    fn tile(&mut self, streams: usize) -> TokenStream {
        let (lanes, unroll) = (self.variant.lanes(), self.variant.tile.unroll);
        let part = unroll / streams;
        let offset = |v| v / part * Streams::ELEMENTS + v % part * lanes;
        let mut offsets: Vec<usize> = (0..unroll).map(offset).collect();
        if self.variant.memory.direction == Direction::Backward {
            // Hardware prefetches what goes one way, not tiles that go one way while their vectors go the other.
            offsets.reverse();
        }
        self.prefetches(&offsets);
        self.steps(&offsets)
    }

    /// Of every line in which vectors that far from `i` begin, if the pass prefetches. May be beyond the row, or before it.
    fn prefetches(&mut self, offsets: &[usize]) {
        let distance = self.variant.memory.prefetch.distance();
        let lines = offsets.iter().filter(|offset| distance > 0 && offset.is_multiple_of(Prefetch::STEP));
        for line in lines {
            self.b.prefetch(match self.variant.memory.direction {
                Direction::Forward => {
                    let index = index(line + distance);
                    quote!(x.wrapping_add(#index))
                }
                Direction::Backward => {
                    let index = index(*line);
                    quote!(x.wrapping_add(#index).wrapping_sub(#distance))
                }
            });
        }
    }

    /// Loads the vectors that far from `i`, takes them in, stores what there is to store.
    fn steps(&mut self, offsets: &[usize]) -> TokenStream {
        let at = |pointer: Ident, offset: usize| {
            let index = index(offset);
            quote!(unsafe { #pointer.add(#index) })
        };
        let xs: Vec<Value> = offsets.iter().map(|&o| self.b.load(at(format_ident!("x"), o))).collect();
        for (&offset, value) in offsets.iter().zip(&self.step(&xs)) {
            let to = at(format_ident!("y"), offset);
            match self.variant.memory.store {
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

/// The index of the element that far from `i`.
fn index(offset: usize) -> TokenStream {
    match offset {
        0 => quote!(i),
        _ => quote!(i + #offset),
    }
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
