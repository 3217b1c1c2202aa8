//! The vector IR: about twenty operations on values of one vector, in straight-line order.
//!
//! A pass is written once against [`Builder`]; each ISA's file says how an [`Op`] looks there. There is no
//! optimiser and no scheduler: LLVM has both.

use crate::isa::Lowering;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use softmax_spec::{Element, Isa};

/// A vector operation. Operands are vectors unless stated otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A scalar in every lane.
    Splat,
    /// One vector from the pointer operand.
    Load,
    /// `(pointer, count, fill)`: the first `count` lanes, one to all of them, from memory, the others from the vector `fill`.
    LoadTail,
    /// `(pointer, value)`.
    Store,
    /// `(pointer, value)`, past the caches; the pointer is a multiple of the vector's size.
    StoreStreaming,
    /// Asks for the cache line at the pointer operand, which may point anywhere.
    Prefetch,
    /// Orders streaming stores before what other threads may read after them.
    Fence,
    /// `(pointer, count, value)`: only the first `count` lanes, one to all of them.
    StoreTail,
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a * b.
    Mul,
    /// The larger one. NaN where b is NaN, so that a constant first operand lets NaN through; where a is, b or NaN.
    Max,
    /// The smaller one; of NaN the same.
    Min,
    /// a * b + c, rounded once where the ISA has FMA, else twice.
    MulAdd,
    /// a * b + c, the product exact on every ISA.
    Fma,
    /// a * b - c, the product exact on every ISA.
    Fms,
    /// `(x, k)` to `(n, e)`: n = round(x * k) to an integer in floating point, and e = n as an exponent for
    /// [`Op::Scale`].
    RoundMul,
    /// z to `(r, e)`: r = z - n for the integer n next to z ([`softmax_spec::Rounding`] says on which side), and
    /// e = n as an exponent for [`Op::Scale`].
    SplitExp2,
    /// n, an integer in floating point, as an exponent for [`Op::Scale`].
    Exponent,
    /// `(p, e)`: p * 2^e. Exponents must not be below [`Lowering::min_exponent`] unless the ISA saturates
    /// ([`Isa::scale_saturates`]); then e may be any number, is rounded down, and e = -inf gives 0 even for NaN.
    Scale,
    /// `(a, least)`: a, or 0 where it is less; NaN stays.
    Keep,
    /// `(a, least, b)`: a * b, or 0 where a is less than `least`.
    KeepMul,
    /// `(a, least)`: whether no lane is less, a `bool`.
    AllAtLeast,
    /// A vector of its literal operands, one per lane.
    Literals,
    /// `(e, table)` or `(e, low, high)`: lane i is the entry of the table, of one vector or two, that the lowest bits of lane
    /// i of e number.
    Lookup,
    /// `(a, e)`: a * 2^(i/8) for the integer i in the lowest bits of e, as far as the bits of i/8 added to the exponent of a,
    /// and to its mantissa below, are that.
    AddEighths,
    /// The sum of the lanes, a scalar. Pairwise, so that the order is fixed.
    ReduceAdd,
    /// `(a, b, c)`: the sum over the lanes of a - b + c, an f64 without any rounding in f32.
    ReduceAddWide,
    /// The largest lane, a scalar.
    ReduceMax,
    /// The first lane, a scalar.
    First,
}

/// How many operations some code has, by what they keep busy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Everything that is neither a load nor a store nor a prefetch.
    pub arithmetic: usize,
    /// Vectors read from memory.
    pub loads: usize,
    /// Vectors written to memory.
    pub stores: usize,
}

impl Operations {
    fn count(&mut self, op: Op) {
        match op {
            Op::Load | Op::LoadTail => self.loads += 1,
            Op::Store | Op::StoreStreaming | Op::StoreTail => self.stores += 1,
            Op::Prefetch => {}
            _ => self.arithmetic += 1,
        }
    }
}

/// The lowest power of two that one half, or a core's polynomial, times is a normal number.
pub const LOWEST_POWER: f32 = -125.0;

/// The name of a value in generated code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(Ident);

impl Value {
    /// A value that the surrounding code defines: a parameter or a loop-carried variable.
    pub fn named(name: &str) -> Value {
        Value(format_ident!("{name}"))
    }
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// Collects the statements of one function: constants, which are hoisted to its top, and the current section.
pub struct Builder {
    isa: Isa,
    lowering: &'static dyn Lowering,
    constants: Vec<(u32, Value)>,
    hoisted: Vec<TokenStream>,
    section: Vec<TokenStream>,
    operations: Operations,
    tables: usize,
    next: usize,
}

impl Builder {
    /// An empty function for `isa`.
    pub fn new(isa: Isa) -> Builder {
        Builder {
            isa,
            lowering: crate::isa::lowering(isa),
            constants: Vec::new(),
            hoisted: Vec::new(),
            section: Vec::new(),
            operations: Operations::default(),
            tables: 0,
            next: 0,
        }
    }

    /// The ISA that it builds for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// [`Lowering::min_exponent`].
    pub fn min_exponent(&self) -> f32 {
        self.lowering.min_exponent()
    }

    /// A constant in every lane, defined once at the top of the function.
    pub fn constant(&mut self, value: f32) -> Value {
        if let Some((_, name)) = self.constants.iter().find(|(bits, _)| *bits == value.to_bits()) {
            return name.clone();
        }
        let name = Value::named(&format!("c{}", self.constants.len()));
        let literal = match value == f32::NEG_INFINITY {
            true => quote!(f32::NEG_INFINITY),
            false => quote!(#value),
        };
        let splat = self.lowering.lower(Op::Splat, &[literal]);
        self.hoisted.push(quote!(let #name = #splat;));
        self.constants.push((value.to_bits(), name.clone()));
        name
    }

    /// A table in vectors, defined at the top of the function.
    pub fn table(&mut self, entries: &[f32]) -> Vec<Value> {
        let lanes = self.isa.lanes(Element::F32);
        let vectors: Vec<&[f32]> = entries.chunks(lanes).collect();
        let first = self.tables;
        self.tables += vectors.len();
        let names: Vec<Value> = (first..self.tables).map(|i| Value::named(&format!("table{i}"))).collect();
        for (name, vector) in names.iter().zip(vectors) {
            let literals: Vec<TokenStream> = vector.iter().map(|entry| quote!(#entry)).collect();
            let vector = self.lowering.lower(Op::Literals, &literals);
            self.hoisted.push(quote!(let #name = #vector;));
        }
        names
    }

    /// Ends the section: its statements.
    pub fn take_section(&mut self) -> TokenStream {
        std::mem::take(&mut self.section).into_iter().collect()
    }

    /// The constants, to be put before every section.
    pub fn take_hoisted(&mut self) -> TokenStream {
        std::mem::take(&mut self.hoisted).into_iter().collect()
    }

    /// The operations since this was last asked, without constants.
    pub fn take_operations(&mut self) -> Operations {
        std::mem::take(&mut self.operations)
    }

    /// Adds a statement that is no vector operation.
    pub fn statement(&mut self, statement: TokenStream) {
        self.section.push(statement);
    }

    /// `of` each of `operands`, two at a time, the statements for one between those for the other. A core holds only so many
    /// operations that wait for others: what goes through two chains in turn waits for less. With more than two, registers
    /// run out first.
    pub fn in_pairs<T>(
        &mut self,
        operands: &[Value],
        mut of: impl FnMut(&mut Builder, &Value) -> T,
    ) -> Vec<T> {
        let mut section = std::mem::take(&mut self.section);
        let mut results = Vec::with_capacity(operands.len());
        for pair in operands.chunks(2) {
            let mut chains = Vec::new();
            for operand in pair {
                results.push(of(self, operand));
                chains.push(std::mem::take(&mut self.section).into_iter());
            }
            while chains.iter().any(|chain| chain.len() > 0) {
                section.extend(chains.iter_mut().filter_map(Iterator::next));
            }
        }
        self.section = section;
        results
    }

    fn fresh(&mut self) -> Value {
        self.next += 1;
        Value::named(&format!("v{}", self.next))
    }

    fn lowered(&mut self, op: Op, operands: &[&dyn ToTokens]) -> TokenStream {
        self.operations.count(op);
        let operands: Vec<TokenStream> = operands.iter().map(|operand| operand.to_token_stream()).collect();
        self.lowering.lower(op, &operands)
    }

    fn one(&mut self, op: Op, operands: &[&dyn ToTokens]) -> Value {
        let (expression, value) = (self.lowered(op, operands), self.fresh());
        self.section.push(quote!(let #value = #expression;));
        value
    }

    fn two(&mut self, op: Op, operands: &[&dyn ToTokens]) -> (Value, Value) {
        let (expression, first, second) = (self.lowered(op, operands), self.fresh(), self.fresh());
        self.section.push(quote!(let (#first, #second) = #expression;));
        (first, second)
    }

    /// [`Op::Splat`] of a scalar expression.
    pub fn splat(&mut self, scalar: impl ToTokens) -> Value {
        self.one(Op::Splat, &[&scalar])
    }

    /// [`Op::Load`].
    pub fn load(&mut self, pointer: TokenStream) -> Value {
        self.one(Op::Load, &[&pointer])
    }

    /// [`Op::LoadTail`].
    pub fn load_tail(&mut self, pointer: TokenStream, count: TokenStream, fill: &Value) -> Value {
        self.one(Op::LoadTail, &[&pointer, &count, fill])
    }

    /// [`Op::Store`].
    pub fn store(&mut self, pointer: TokenStream, value: &Value) {
        let store = self.lowered(Op::Store, &[&pointer, value]);
        self.section.push(quote!(#store;));
    }

    /// [`Op::StoreStreaming`].
    pub fn store_streaming(&mut self, pointer: TokenStream, value: &Value) {
        let store = self.lowered(Op::StoreStreaming, &[&pointer, value]);
        self.section.push(quote!(#store;));
    }

    /// [`Op::Prefetch`].
    pub fn prefetch(&mut self, pointer: TokenStream) {
        let prefetch = self.lowered(Op::Prefetch, &[&pointer]);
        self.section.push(quote!(#prefetch;));
    }

    /// [`Op::Fence`].
    pub fn fence(&mut self) {
        let fence = self.lowered(Op::Fence, &[]);
        self.section.push(quote!(#fence;));
    }

    /// [`Op::StoreTail`].
    pub fn store_tail(&mut self, pointer: TokenStream, count: TokenStream, value: &Value) {
        let store = self.lowered(Op::StoreTail, &[&pointer, &count, value]);
        self.section.push(quote!(#store;));
    }

    /// [`Op::Add`].
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.one(Op::Add, &[a, b])
    }

    /// [`Op::Sub`].
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.one(Op::Sub, &[a, b])
    }

    /// [`Op::Mul`].
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.one(Op::Mul, &[a, b])
    }

    /// [`Op::Max`].
    pub fn max(&mut self, a: &Value, b: &Value) -> Value {
        self.one(Op::Max, &[a, b])
    }

    /// [`Op::Min`].
    pub fn min(&mut self, a: &Value, b: &Value) -> Value {
        self.one(Op::Min, &[a, b])
    }

    /// [`Op::MulAdd`].
    pub fn mul_add(&mut self, a: &Value, b: &Value, c: &Value) -> Value {
        self.one(Op::MulAdd, &[a, b, c])
    }

    /// [`Op::Fma`].
    pub fn fma(&mut self, a: &Value, b: &Value, c: &Value) -> Value {
        self.one(Op::Fma, &[a, b, c])
    }

    /// [`Op::Fms`].
    pub fn fms(&mut self, a: &Value, b: &Value, c: &Value) -> Value {
        self.one(Op::Fms, &[a, b, c])
    }

    /// [`Op::RoundMul`].
    pub fn round_mul(&mut self, x: &Value, k: &Value) -> (Value, Value) {
        self.two(Op::RoundMul, &[x, k])
    }

    /// [`Op::SplitExp2`].
    pub fn split_exp2(&mut self, z: &Value) -> (Value, Value) {
        self.two(Op::SplitExp2, &[z])
    }

    /// [`Op::Exponent`].
    pub fn exponent(&mut self, n: &Value) -> Value {
        self.one(Op::Exponent, &[n])
    }

    /// [`Op::Scale`].
    pub fn scale(&mut self, p: &Value, e: &Value) -> Value {
        self.one(Op::Scale, &[p, e])
    }

    /// p * 2^n for p of 1/2 or more, or 0, and an integer n in floating point of any size; below [`LOWEST_POWER`] that counts as n.
    pub fn scale_by_integer(&mut self, p: &Value, n: &Value) -> Value {
        let lowest = self.constant(LOWEST_POWER);
        let n = self.max(&lowest, n);
        let e = self.exponent(&n);
        self.scale(p, &e)
    }

    /// [`Op::Lookup`].
    pub fn lookup(&mut self, e: &Value, table: &[Value]) -> Value {
        match table {
            [table] => self.one(Op::Lookup, &[e, table]),
            [low, high] => self.one(Op::Lookup, &[e, low, high]),
            _ => unreachable!("a table of {} vectors", table.len()),
        }
    }

    /// [`Op::AddEighths`].
    pub fn add_eighths(&mut self, a: &Value, e: &Value) -> Value {
        self.one(Op::AddEighths, &[a, e])
    }

    /// [`Op::ReduceAdd`].
    pub fn reduce_add(&mut self, a: &Value) -> Value {
        self.one(Op::ReduceAdd, &[a])
    }

    /// [`Op::ReduceAddWide`].
    pub fn reduce_add_wide(&mut self, a: &Value, b: &Value, c: &Value) -> Value {
        self.one(Op::ReduceAddWide, &[a, b, c])
    }

    /// [`Op::ReduceMax`].
    pub fn reduce_max(&mut self, a: &Value) -> Value {
        self.one(Op::ReduceMax, &[a])
    }

    /// [`Op::First`].
    pub fn first(&mut self, a: &Value) -> Value {
        self.one(Op::First, &[a])
    }

    /// [`Op::Keep`].
    pub fn keep(&mut self, a: &Value, least: &Value) -> Value {
        self.one(Op::Keep, &[a, least])
    }

    /// [`Op::KeepMul`].
    pub fn keep_mul(&mut self, a: &Value, least: &Value, b: &Value) -> Value {
        self.one(Op::KeepMul, &[a, least, b])
    }

    /// `usual`, or if a lane of `a` is below `least` `careful`, which is as many values and is not counted among the operations.
    pub fn unless_below(
        &mut self,
        a: &Value,
        least: &Value,
        usual: impl FnOnce(&mut Builder) -> Vec<Value>,
        careful: impl FnOnce(&mut Builder) -> Vec<Value>,
    ) -> Vec<Value> {
        let is_usual = self.lowered(Op::AllAtLeast, &[a, least]);
        let before = std::mem::take(&mut self.section);
        let (usual, count) = self.arm(usual);
        let counted = self.operations;
        let (careful, _) = self.arm(careful);
        (self.section, self.operations) = (before, counted);
        let results: Vec<Value> = (0..count).map(|_| self.fresh()).collect();
        self.section.push(quote!(let (#(#results,)*) = if #is_usual { #usual } else { #careful };));
        results
    }

    /// Does `leave`, statements that leave the section, if a lane of `a` is below `least`.
    pub fn leave_if_below(&mut self, a: &Value, least: &Value, leave: &TokenStream) {
        let is_usual = self.lowered(Op::AllAtLeast, &[a, least]);
        self.section.push(quote!(if !(#is_usual) { #leave }));
    }

    /// Statements that end with a tuple of their results, and how many these are.
    fn arm(&mut self, of: impl FnOnce(&mut Builder) -> Vec<Value>) -> (TokenStream, usize) {
        let results = of(self);
        let statements = self.take_section();
        (quote!(#statements (#(#results,)*)), results.len())
    }

    /// Horner's scheme: c0 + r * (c1 + r * (...)), `coefficients` ascending, times `unit`, a power of two.
    pub fn polynomial(&mut self, coefficients: &[f32], r: &Value, unit: f32) -> Value {
        let mut constants: Vec<Value> = coefficients.iter().map(|&c| self.constant(c * unit)).collect();
        let leading = constants.pop().expect("a polynomial has coefficients");
        constants.iter().rev().fold(leading, |p, c| self.mul_add(&p, r, c))
    }
}
