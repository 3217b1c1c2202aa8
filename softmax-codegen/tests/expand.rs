//! The whole way from spec to items: the project's own grid, profiles that do not fit, and inputs that are no specs.

mod expansion;

use expansion::Expansion;
use proc_macro2::TokenStream;
use softmax_codegen::{grid_in, kernels};
use softmax_spec::{Accuracy, Element, Isa, Plan};
use std::collections::HashSet;

fn tokens(spec: &str) -> TokenStream {
    spec.parse().unwrap_or_else(|error| panic!("not tokens: {spec}: {error}"))
}

fn expand(spec: &str) -> String {
    kernels(tokens(spec)).to_string()
}

/// The messages of the expansion's `compile_error!`s. What remains must be items that define `VARIANTS`.
fn mistakes(spec: &str) -> Vec<String> {
    let expansion = Expansion::of(tokens(spec)).unwrap_or_else(|error| panic!("{spec}: {error}"));
    assert!(expansion.variants().is_some(), "no VARIANTS after {spec}");
    expansion.mistakes()
}

#[test]
fn the_grid_of_softmax_kernels_holds_the_plans_that_every_isa_needs() {
    let grid = grid_in(include_str!("../../softmax-kernels/src/grid.rs")).unwrap();
    let variants: HashSet<_> = grid.enumerate().variants.into_iter().collect();
    assert!(variants.len() > 1000, "{}", variants.len());
    for isa in Isa::ALL {
        let element = Element::F32;
        let fallbacks = Accuracy::ALL.map(|accuracy| Plan::fallback(isa, element, accuracy));
        let others = [Plan::robust(isa, element), Plan::shardable(isa, element)];
        for plan in fallbacks.into_iter().chain(others) {
            assert!(plan.passes().iter().all(|variant| variants.contains(variant)), "{plan}");
        }
    }
}

#[test]
fn a_source_without_a_grid_is_refused() {
    for (source, reason) in [
        ("fn main() {}", "no `kernels! { ... }` invocation found"),
        ("kernels! { grid { passes: [maxx], isas: [avx2], unroll: [1] } }", "did you mean `max`?"),
        ("kernels! { grid }", "expected"),
        ("kernels! {", "not Rust"),
    ] {
        let error = grid_in(source).unwrap_err();
        assert!(error.contains(reason), "{source}: {error}");
    }
}

#[test]
fn inputs_that_are_no_specs_give_one_or_more_errors_and_empty_items() {
    for garbage in [
        "",
        "42",
        "grid",
        "grid {}",
        "grid { passes }",
        "grid { passes: max }",
        "grid { passes: [max] isas: [avx2] }",
        "grid { passes: [\"max\"], isas: [avx2], unroll: [1] }",
        "grid { passes: [max], isas: [avx2], unroll: [-1] }",
        "grid { passes: [max], isas: [avx2], unroll: [1.5] }",
        "grid { passes: [max], isas: [avx2], unroll: [1..4] }",
        "grid { passes: [max], isas: [avx2], unroll: [4..=1] }",
        "grid { passes: [max], isas: [avx2], unroll: [0] }",
        "grid { passes: [max], isas: [avx2], unroll: [18446744073709551616] }",
        "grid { passes: [max], isas: [avx2], unroll: [1..=18446744073709551615] }",
        "grid { passes: [sum_exp], isas: [avx2], unroll: [1], exp: [fast 0..=18446744073709551615] }",
        "grid { passes: [sum_exp], isas: [avx2], unroll: [1], exp: [fast] }",
        "grid { passes: [sum_exp], isas: [avx2], unroll: [1], exp: [5] }",
        "grid { passes: [max 3], isas: [avx2], unroll: [one] }",
        "grid { grid: [grid] }",
        "grids { passes: [max] } grid { passes: [max], isas: [avx2], unroll: [1] }",
        "option",
        "grid: { passes: [max] }",
        "fn f() -> u32 { 1 }",
        "crate: , grid { passes: [max], isas: [avx2], unroll: [1] }",
        "crate: 1 + 1, grid { passes: [max], isas: [avx2], unroll: [1] }",
        "crate: crate",
        "crate: where, grid { passes: [max], isas: [avx2], unroll: [1] }",
        "crate: _, grid { passes: [max], isas: [avx2], unroll: [1] }",
        "crate: crate::fn, shortlist: unless(feature = \"all\"), grid { passes: [max], isas: [avx2], unroll: [1] }",
        "crate: a, crate: b, grid { passes: [max], isas: [avx2], unroll: [1] }",
        "profiles: \"tuned/default.toml\", grid { passes: [max], isas: [avx2], unroll: [1] }",
        "profiles: [tuned], grid { passes: [max], isas: [avx2], unroll: [1] }",
        "select: some, grid { passes: [max], isas: [avx2], unroll: [1] }",
        "shortlist: feature, grid { passes: [max], isas: [avx2], unroll: [1] }",
        ": , ; [ ] ( ) { }",
        "r#grid r#type 'a b'c' #![x] $",
    ] {
        let mistakes = mistakes(garbage);
        assert!(!mistakes.is_empty(), "accepted: {garbage}");
        assert!(mistakes.iter().all(|message| !message.is_empty()), "{garbage}: {mistakes:?}");
    }
}

/// Compiling either would end for want of memory, or of patience.
#[test]
fn a_grid_of_too_many_combinations_is_one_mistake() {
    let all =
        "passes: [max, sum_exp, store_exp, scale_exp], isas: [scalar, sse2, avx2, avx512], unroll: [1..=16],
        accumulators: [1..=16], exp: [cody_waite 3..=7, accurate 3..=7, direct 3..=7], streams: [1, 2, 4, 8]";
    let first = mistakes(&format!("grid {{ {all} }}"));
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0].starts_with("up to this grid the spec has 130816 combinations, and may have 16384:"),
        "{first:?}"
    );
    let small = "grid { passes: [max], isas: [avx2], unroll: [1..=16], accumulators: [1..=16] }";
    let last = mistakes(&small.repeat(65));
    assert_eq!(last.len(), 1, "{last:?}");
    assert!(last[0].starts_with("up to this grid the spec has 16640 combinations"), "{last:?}");
}

#[test]
fn a_condition_gives_the_spec_twice_and_loses_none_of_it() {
    for comma in [",", ""] {
        let grid = "grid { passes: [max], isas: [avx2], unroll: [1] }";
        let expansion = expand(&format!("crate: krate, shortlist: unless(feature = \"all\"){comma} {grid}"));
        for condition in ["# [cfg (feature = \"all\")]", "# [cfg (not (feature = \"all\"))]"] {
            assert!(expansion.contains(condition), "{expansion}");
        }
        assert_eq!(expansion.matches("grid { passes : [max]").count(), 2, "{expansion}");
        assert!(!expansion.contains("shortlist"), "{expansion}");
    }
}

/// Enough for what every ISA needs.
const GRID: &str = "grid {
    passes: [max, sum_exp, store_exp, scale, scale_exp, ext_sum, ext_scale],
    isas: [avx2], unroll: [2, 4], accumulators: [1, 4], exp: [cody_waite 5..=6, accurate 6, direct 5],
}";

#[test]
fn a_table_for_batches_is_compiled_beside_that_for_single_rows() {
    let expansion = expand(&format!(
        "crate: krate, profiles: [\"tests/profiles/batches.toml\"], select: profiled, {GRID}"
    ));
    for (batch, upper) in [("false", "18446744073709551615usize"), ("true", "1000usize")] {
        let table =
            expansion.split("profile :: Table").find(|table| table.contains(&format!("batch : {batch}")));
        assert!(
            table.is_some_and(|table| table.contains(&format!("upper : {upper}"))),
            "{batch}: {expansion}"
        );
    }
    // The table for two threads is not there.
    assert_eq!(expansion.matches("batch : ").count(), 2);
    assert!(expansion.contains("fn f32_ext_sum__avx2_p5_u16"), "its variants are on the shortlist");
}

/// Paths in a spec are relative to the package that is compiled, which for this test is `softmax-codegen`.
#[test]
fn a_profile_that_does_not_fit_the_grid_is_an_error_that_names_the_nearest_variant() {
    let with = |file: &str| mistakes(&format!("profiles: [\"tests/profiles/{file}\"], {GRID}"));

    assert_eq!(with("fits.toml"), [""; 0]);
    for (file, reason) in [
        (
            "not_in_grid.toml",
            "`f32_ext_scale__avx2_p5_u64` is not in the grid; the nearest variant is `f32_ext_scale__avx2_p5_u",
        ),
        ("no_such_variant.toml", "unknown pass `ext_scala`, did you mean `ext_scale`?"),
        ("absent.toml", "cannot be read"),
    ] {
        let mistakes = with(file);
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(file) && mistakes[0].contains(reason), "{mistakes:?}");
    }
}

#[test]
fn every_profile_that_does_not_fit_is_reported() {
    let grid = "grid { passes: [max], isas: [avx2], unroll: [1] }";
    let profiles = "\"tests/profiles/absent.toml\", \"tests/profiles/fits.toml\"";
    assert_eq!(mistakes(&format!("profiles: [{profiles}], {grid}")).len(), 2);
}
