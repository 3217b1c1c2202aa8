//! What generated kernels look like: a formatted snapshot for every pass and every ISA, at small unrolls, so that a
//! change of the compiler shows as a change of code that people can review.
//!
//! `INSTA_UPDATE=always cargo test -p softmax-codegen` accepts a change.

use softmax_codegen::emit_variant;
use softmax_spec::{Isa, Pass, PassVariant};
use std::collections::HashSet;

/// Together they hold every pass, every ISA, every reduction and every way through memory.
const VARIANTS: [&str; 25] = [
    "f32_max__avx512_u32_acc2",
    "f32_sum_exp__sse2_p5_u4",
    "f32_store_exp__avx2_f5_u8",
    "f32_scale__scalar_u2",
    "f32_scale__avx512_u16",
    "f32_scale_exp__scalar_a6_u1",
    "f32_ext_sum__avx512_p5_u16",
    "f32_ext_sum__avx2_p5_u16_acc2",
    "f32_ext_scale__avx2_p5_u8",
    "f32_online_sum__avx512_f5_u16",
    "f32_sum_exp__avx2_d5_u8",
    "f32_store_exp__avx512_q2_u32_acc2",
    "f32_scale_exp__avx512_t2_u16",
    "f32_softmax__avx512_t2_u32",
    "f32_fused_softmax__avx512_q2_u32",
    "f32_store_exp__avx2_e3_u16_acc2",
    "f32_sum_exp__avx2_s3_u8",
    "f32_store_exp__avx512_a6_u64",
    "f32_scale__avx512_u32_nt",
    "f32_ext_sum__avx512_d5_u64_st4",
    "f32_max__avx2_u16_pf1024",
    "f32_scale_exp__avx2_d5_u16_nt_pf1024_back",
    "f32_max__neon_u8_acc2",
    "f32_store_exp__neon_d5_u8_acc2",
    "f32_scale_exp__neon_a6_u4",
];

fn parsed() -> Vec<PassVariant> {
    VARIANTS.iter().map(|id| id.parse().unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn generated_code_is_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for variant in parsed() {
            let file =
                syn::parse2(emit_variant(&variant)).unwrap_or_else(|error| panic!("{variant}: {error}"));
            insta::assert_snapshot!(variant.id(), prettyplease::unparse(&file));
        }
    });
}

#[test]
fn every_pass_isa_and_reduction_has_a_snapshot() {
    let variants = parsed();
    let passes: HashSet<Pass> = variants.iter().map(|variant| variant.pass).collect();
    let isas: HashSet<Isa> = variants.iter().map(|variant| variant.isa).collect();
    let reductions: HashSet<_> = variants.iter().filter_map(|variant| Some(variant.exp?.reduction)).collect();
    assert_eq!(passes, HashSet::from(Pass::ALL));
    assert_eq!(isas, HashSet::from(Isa::ALL));
    assert_eq!(reductions, HashSet::from(softmax_spec::Reduction::ALL));
}
