//! `kernels!` on whatever lexes: never a panic; what comes out is Rust, with the variants that the grid has, or with messages.

#![no_main]

#[path = "../../softmax-codegen/tests/expansion/mod.rs"]
mod expansion;

use expansion::Expansion;
use libfuzzer_sys::{Corpus, fuzz_target};
use proc_macro2::TokenStream;
use softmax_codegen::grid_in;

/// Variants that are generated for one input. More of them are more of the same.
const MOST_GENERATED: usize = 16;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(spec) = str::from_utf8(data) else { return Corpus::Reject };
    let Ok(tokens) = spec.parse::<TokenStream>() else { return Corpus::Reject };
    // A line of its own, because the spec may end with a comment.
    let grid = grid_in(&format!("kernels! {{ {spec}\n }}"));
    let variants = grid.map(|grid| grid.enumerate().variants.len());
    if !variants.as_ref().is_ok_and(|&variants| variants > MOST_GENERATED) {
        check(tokens, variants);
    }
    Corpus::Keep
});

/// Expands a spec whose grid has so many variants, or a mistake.
fn check(tokens: TokenStream, variants: Result<usize, String>) {
    let expansion = Expansion::of(tokens).unwrap_or_else(|error| panic!("this is not Rust: {error}"));
    let mistakes = expansion.mistakes();
    assert!(mistakes.iter().all(|message| !message.is_empty()), "a mistake that says nothing");
    if expansion.invocations() > 0 {
        assert!(mistakes.is_empty() && expansion.invocations() == 2, "one of two conditions is left");
        return;
    }
    let defined = expansion.variants().expect("VARIANTS is defined, whatever the mistakes");
    match variants {
        Err(error) => assert!(!mistakes.is_empty(), "accepted, although {error}"),
        // Of the profiles that it names, or of `select`.
        Ok(_) if !mistakes.is_empty() => {}
        Ok(variants) => assert!(defined <= variants, "{defined} variants of {variants}"),
    }
}
