//! What `kernels!` expands to, as the compiler sees it.

use proc_macro2::TokenStream;
use softmax_codegen::kernels;
use syn::{Expr, File, Item, LitStr, Macro};

/// The items of an expansion.
pub struct Expansion {
    items: Vec<Item>,
}

impl Expansion {
    /// Of a spec. An error if what comes out is not Rust.
    pub fn of(spec: TokenStream) -> syn::Result<Expansion> {
        syn::parse2(kernels(spec)).map(|File { items, .. }| Expansion { items })
    }

    /// The messages of its `compile_error!`s.
    pub fn mistakes(&self) -> Vec<String> {
        let message = |error: &Macro| error.parse_body::<LitStr>().expect("a message").value();
        self.macros("compile_error").map(message).collect()
    }

    /// How many rows `VARIANTS` has, if it is defined.
    #[allow(dead_code, reason = "not every user asks for all of it")]
    pub fn variants(&self) -> Option<usize> {
        let statics = self.items.iter().filter_map(|item| match item {
            Item::Static(item) if item.ident == "VARIANTS" => Some(&*item.expr),
            _ => None,
        });
        let mut rows = statics.filter_map(|value| match value {
            Expr::Reference(reference) => match &*reference.expr {
                Expr::Array(array) => Some(array.elems.len()),
                _ => None,
            },
            _ => None,
        });
        rows.next()
    }

    /// How many times it invokes `kernels!` again: twice where a condition decides, of which one will be left.
    #[allow(dead_code, reason = "not every user asks for all of it")]
    pub fn invocations(&self) -> usize {
        self.macros("kernels").count()
    }

    fn macros(&self, name: &str) -> impl Iterator<Item = &Macro> {
        self.items.iter().filter_map(move |item| match item {
            Item::Macro(item) => {
                Some(&item.mac).filter(|mac| mac.path.segments.last().is_some_and(|last| last.ident == name))
            }
            _ => None,
        })
    }
}
