//! What the compiler must, and must not, have made of every variant that ships: read from assembly.

use super::assembly::{Code, Counts, Listing};
use super::compile;
use crate::project;
use softmax_spec::profile::Profile;
use softmax_spec::{PassVariant, Prefetch, Store};
use std::env::consts::ARCH;

/// What is wrong with the code of a variant, if anything.
fn complaint(variant: &PassVariant, listing: &Listing) -> Option<String> {
    if variant.pass.is_resident() {
        // Straight code for every number of vectors.
        let other = listing.called().find(|called| !called.contains(&variant.id()));
        return other.map(|called| format!("it calls {called}"));
    }
    let bytes = variant.tile_elements() * variant.element.bits() as usize / 8;
    let Some(hot_loop) = listing.hot_loop(bytes) else {
        return Some("no loop reads a row".to_owned());
    };
    let names = listing.mnemonics(&hot_loop);
    complaint_about_loop(variant, hot_loop.counts, &names).map(|what| format!("{}: {what}", hot_loop.label))
}

fn complaint_about_loop(variant: &PassVariant, counts: Counts, names: &[&str]) -> Option<String> {
    let has = |name: &str| names.iter().any(|mnemonic| mnemonic.trim_start_matches('v').starts_with(name));
    let fuses = ["fmadd", "fmsub", "fnmadd", "fnmsub"].into_iter().any(has);
    let must_fuse = variant.isa.has_fma() && variant.pass.exponentiates();
    let streams = variant.memory.store == Store::NonTemporal;
    let prefetches = variant.memory.prefetch != Prefetch::default();
    let complaints = [
        (counts.calls > 0, "a call in the hot loop"),
        (counts.spills > spills_allowed(variant), "more vectors that found no register than there must be"),
        (must_fuse && !fuses, "no fused multiply-add, which the ISA has"),
        (!variant.isa.has_fma() && fuses, "a fused multiply-add, which the ISA lacks"),
        (streams != has("movnt"), "ordinary stores where streaming ones are asked for, or the reverse"),
        (prefetches != has("prefetch"), "no prefetch where it is asked for, or the reverse"),
    ];
    complaints.into_iter().find_map(|(holds, what)| holds.then(|| format!("{what} ({counts:?})")))
}

/// Stack operands in an iteration. An exp core has up to nine constants, which leaves seven of sixteen registers for everything else: there the
/// fastest tiles spill all the same, up to 4.25 times per vector. Of 32 registers only tiles of eight vectors and more use more, up to 1.33
/// per vector where sums are exact, and are fastest all the same.
fn spills_allowed(variant: &PassVariant) -> usize {
    match variant.isa.registers() {
        ..32 => 5 * variant.tile.unroll,
        _ if variant.tile.unroll < 8 => 0,
        _ => variant.tile.unroll * 4 / 3,
    }
}

#[test]
fn shipped_variants_fuse_call_nothing_and_spill_no_more_than_they_must() {
    let profiles: Vec<Profile> = project::shipped_profiles().unwrap().into_iter().map(|(_, p)| p).collect();
    let mut variants: Vec<PassVariant> = softmax_codegen::shortlist(&profiles).into_iter().collect();
    variants.retain(|variant| variant.isa.arch().is_none_or(|arch| arch == ARCH));
    let assembly = compile::assembly_of_all(&variants).unwrap();
    let code = Code::of(&assembly);
    assert!(variants.len() > 100, "{}", variants.len());
    for variant in &variants {
        let listing = code.listing(&variant.id()).unwrap();
        if let Some(what) = complaint(variant, &listing) {
            panic!("{variant}: {what}\n{}", listing.text());
        }
    }
}
