//! Counts of operations: a few by hand, and what can be said of every pass on every ISA.

use softmax_codegen::{Operations, operations};
use softmax_spec::{Exp, Isa, Pass, PassVariant};

fn of(id: &str) -> Operations {
    let variant: PassVariant = id.parse().unwrap_or_else(|error| panic!("{error}"));
    operations(&variant)
}

#[test]
fn counts_are_those_of_one_tile() {
    // A maximum per vector; a minimum per vector, to find small ones, and a product with either part of the factor.
    assert_eq!(of("f32_max__avx512_u32_acc2"), Operations { arithmetic: 2, loads: 2, stores: 0 });
    assert_eq!(of("f32_scale__avx2_u64"), Operations { arithmetic: 24, loads: 8, stores: 8 });
    // However a pass goes through memory.
    for memory in ["nt", "pf1024", "st4", "back", "nt_pf1024_back"] {
        assert_eq!(of(&format!("f32_scale__avx2_u64_{memory}")), of("f32_scale__avx2_u64"), "{memory}");
    }
    // A vector of NEON takes the same steps as one of AVX2.
    for (neon, avx2) in [
        ("f32_max__neon_u16", "f32_max__avx2_u32"),
        ("f32_scale__neon_u16", "f32_scale__avx2_u32"),
        ("f32_store_exp__neon_d5_u16_acc2", "f32_store_exp__avx2_d5_u32_acc2"),
        ("f32_scale_exp__neon_a6_u16", "f32_scale_exp__avx2_a6_u32"),
        ("f32_ext_sum__neon_p5_u16_acc2", "f32_ext_sum__avx2_p5_u32_acc2"),
    ] {
        assert_eq!(of(neon), of(avx2), "{neon}");
    }
    // Vectors share nothing; what is the same for the whole row does not count.
    let (one, two) = (of("f32_scale_exp__avx512_a5_u32"), of("f32_scale_exp__avx512_a5_u64"));
    assert_eq!(2 * one.arithmetic, two.arithmetic);
}

#[test]
fn every_vector_is_loaded_once_and_stored_once_in_passes_that_store() {
    for (pass, isa, exp) in passes_isas_and_cores() {
        for unroll in [1, 4] {
            let lanes = isa.lanes(softmax_spec::Element::F32);
            let exp = if pass.exponentiates() { format!("_{exp}") } else { String::new() };
            let id = format!("f32_{pass}__{isa}{exp}_u{}", unroll * lanes);
            let counted = of(&id);
            assert_eq!(counted.loads, unroll, "{id}");
            assert_eq!(counted.stores, if pass.stores() { unroll } else { 0 }, "{id}");
            assert!(counted.arithmetic >= unroll, "{id}");
        }
    }
}

fn passes_isas_and_cores() -> impl Iterator<Item = (Pass, Isa, Exp)> {
    let cores = ["d5", "a6"].map(|id| id.parse::<Exp>().unwrap_or_else(|error| panic!("{error}")));
    Pass::ALL.into_iter().flat_map(move |pass| {
        Isa::ALL.into_iter().flat_map(move |isa| cores.into_iter().map(move |exp| (pass, isa, exp)))
    })
}
