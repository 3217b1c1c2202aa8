//! From a pass variant to its function: what every pass has in common. One file per pass says the rest.
//!
//! Most functions sweep over a row that is as long as it likes ([`sweep`]); those that take whole rows have forms of their own, in
//! registers ([`softmax`]) or of two sweeps ([`fused_softmax`]).

mod constant_shift;
mod ext_scale;
mod ext_sum;
mod fused_softmax;
mod max;
mod online_sum;
mod scale;
mod scale_exp;
mod softmax;
mod store_exp;
mod sum;
mod sum_exp;
mod sweep;

use crate::ir::{Builder, Operations, Value};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use softmax_spec::{Isa, Pass, PassVariant};

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
        Pass::Softmax | Pass::FusedSoftmax => unreachable!("whole rows are not a sweep"),
    }
}

/// The function of `variant`, named by its id.
pub fn function(variant: &PassVariant) -> TokenStream {
    match variant.pass {
        Pass::Softmax => softmax::function(variant),
        Pass::FusedSoftmax => fused_softmax::function(variant),
        _ => sweep::function(variant),
    }
}

/// The operations on one tile.
pub fn operations(variant: &PassVariant) -> Operations {
    match variant.pass {
        Pass::Softmax => softmax::operations(variant),
        Pass::FusedSoftmax => fused_softmax::operations(variant),
        pass => sweep::operations(variant, |b| (signature(pass).body)(b, variant)),
    }
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

/// What the unsafe blocks of the function of `variant` rely on, as a comment above it, because tokens carry no comments.
pub fn safety(variant: &PassVariant) -> String {
    let cpu = match variant.isa.features() {
        [] => String::new(),
        features => format!("a CPU with {}, and ", features.join(", ")),
    };
    let data = match (variant.pass.takes_whole_rows(), variant.pass.stores()) {
        (true, _) => {
            "n elements of each of `rows` rows at x to read and at y to write, y being x or apart from it"
        }
        (false, true) => "n elements at x to read and at y to write, y being x or apart from it",
        (false, false) => "n elements at x to read",
    };
    format!(
        "// SAFETY, of every block: the caller guarantees {cpu}{data}.\n\
         // The function itself goes no further: whole vectors only where at least so many elements are left of n,\n\
         // at the end just the lanes that are; addresses of prefetches need not be there.\n"
    )
}

/// The attribute of functions that are compiled for `isa`.
fn target_feature(isa: Isa) -> TokenStream {
    match isa.features().join(",") {
        none if none.is_empty() => quote!(),
        features => quote!(#[target_feature(enable = #features)]),
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
