//! The kernel compiler behind `softmax_macros::kernels!`, as an ordinary library.
//!
//! ```text
//! tokens -> ast -> check -> softmax_spec::Grid -> PassVariants -> emit (one file per pass)
//!        -> ir -> isa (one file per ISA) -> one #[target_feature] fn and one registry row each
//! ```
//!
//! Also here, because the macro needs it first: reading and writing profiles; and certificates, which are written alike.

#![warn(clippy::missing_errors_doc)]

mod ast;
mod blame;
pub mod certificate;
mod check;
mod document;
mod emit;
mod exp;
mod expand;
mod ir;
mod isa;
pub mod profile;
mod registry;

pub use expand::{GRID_VARIABLE, PROFILE_VARIABLE, kernels, read_profile, selection, user_profile};
pub use ir::Operations;
pub use registry::shortlist;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use softmax_spec::certificate::Subject;
use softmax_spec::{Grid, PassVariant};

/// The generated function of a variant, as an item.
pub fn emit_variant(variant: &PassVariant) -> TokenStream {
    emit::function(variant)
}

/// Who guarantees what its unsafe blocks rely on, as a comment to stand above it.
pub fn safety_comment(variant: &PassVariant) -> String {
    emit::safety(variant)
}

/// The code of an exp core alone, as it stands in the kernels of its ISA in that form: from the value `x`, and `max` unless it is
/// extended, to the exponential.
pub fn emit_core(subject: Subject) -> TokenStream {
    exp::alone(subject)
}

/// A crate of that function alone, exported under its id, to see what a compiler makes of it.
pub fn emit_crate(variant: &PassVariant) -> TokenStream {
    exported(&quote::format_ident!("kernel"), variant)
}

/// The same of several functions.
pub fn emit_crate_of_all<'a>(variants: impl IntoIterator<Item = &'a PassVariant>) -> TokenStream {
    let module = |variant: &PassVariant| exported(&quote::format_ident!("{}_alone", variant.id()), variant);
    variants.into_iter().map(module).collect()
}

fn exported(module: &Ident, variant: &PassVariant) -> TokenStream {
    let (imports, function) = (isa::lowering(variant.isa).imports(), emit::function(variant));
    quote! {
        mod #module {
            #imports
            #[unsafe(no_mangle)]
            #function
        }
    }
}

/// How many operations of the IR that function does on one tile, in its main loop. An operation may be several
/// instructions, or none.
pub fn operations(variant: &PassVariant) -> Operations {
    emit::operations(variant)
}

/// The grid of the first `kernels!` invocation in a Rust source text.
///
/// # Errors
/// One line that says what is wrong with the text, the invocation or its spec.
pub fn grid_in(source: &str) -> Result<Grid, String> {
    let tokens: TokenStream = source.parse().map_err(|error| format!("not Rust: {error}"))?;
    let spec = invocation(tokens).ok_or("no `kernels! { ... }` invocation found")?;
    let spec: ast::Spec = syn::parse2(spec).map_err(|error| error.to_string())?;
    check::grid(&spec).map_err(|error| error.to_string())
}

/// The tokens inside the first `kernels! { ... }`.
fn invocation(tokens: TokenStream) -> Option<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.windows(3).find_map(|window| match window {
        [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group)]
            if name == "kernels" && bang.as_char() == '!' =>
        {
            Some(group.stream())
        }
        _ => None,
    })
}
