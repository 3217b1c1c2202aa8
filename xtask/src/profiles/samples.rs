//! Small profiles for tests.

use crate::{damage, project};
use softmax_spec::profile::{Class, Evidence, Host, Origin, Profile, Situation, Table};
use softmax_spec::{Accuracy, Element, Isa, Plan, Rows};

/// Four plans of AVX2, of four algorithms.
pub const X: &str = "two_pass(f32_ext_sum__avx2_a5_u64, f32_ext_scale__avx2_a5_u64)";
/// Another.
pub const Y: &str = "online(f32_online_sum__avx2_a5_u64, f32_scale_exp__avx2_a5_u64)";
/// Another.
pub const Z: &str =
    "three_pass_recompute(f32_max__avx2_u64, f32_sum_exp__avx2_a5_u64, f32_scale_exp__avx2_a5_u64)";
/// Another.
pub const W: &str = "three_pass_reload(f32_max__avx2_u64, f32_store_exp__avx2_a5_u64, f32_scale__avx2_u64)";

/// A plan from its text.
pub fn plan(text: &str) -> Plan {
    text.parse().expect(text)
}

/// A class that was measured at `len` with this gain over the default.
pub fn class(upper: Option<usize>, text: &str, len: usize, gain: f64) -> Class {
    let evidence = Evidence {
        len,
        ns_per_element: 0.4,
        interval: (0.396, 0.404),
        memcpy_ns_per_element: 0.1,
        roofline: 0.4,
        speedup_over_default: gain,
        runner_up: None,
        ties: vec![],
        trust: None,
    };
    Class { upper, plan: plan(text), evidence: Some(evidence) }
}

/// A table for AVX2, fast, out of place. Each class is measured at its upper bound, the last at 2^20.
pub fn table(classes: &[(Option<usize>, &str)]) -> Table {
    let class = |&(upper, text): &(Option<usize>, &str)| class(upper, text, upper.unwrap_or(1 << 20), 1.2);
    let situation = Situation {
        isa: Isa::Avx2,
        element: Element::F32,
        accuracy: Accuracy::Fast,
        in_place: false,
        rows: Rows::Single,
        threads: 1,
    };
    Table { situation, classes: classes.iter().map(class).collect() }
}

/// The same for batches.
pub fn batch(table: Table) -> Table {
    Table { situation: Situation { rows: Rows::Batch, ..table.situation }, ..table }
}

/// A profile of [`host`] at standard effort.
pub fn profile(tables: Vec<Table>) -> Profile {
    let origin = Origin {
        rustc: "rustc 1.95.0".to_owned(),
        grid_hash: 1,
        grid_variants: 2000,
        effort: "standard".to_owned(),
        budget_seconds: None,
        seconds: 100.0,
        complete: None,
        samples: None,
    };
    Profile { name: "a-cpu".to_owned(), host: Some(host()), origin: Some(origin), tables }
}

/// A machine.
pub fn host() -> Host {
    Host {
        vendor: "GenuineIntel".to_owned(),
        family: 6,
        model: 85,
        stepping: 7,
        brand: "A CPU".to_owned(),
        isa: Isa::Avx512,
        cores: 2,
        l1d_kib: 32,
        l2_kib: 1024,
        l3_kib: 0,
        vm: false,
    }
}

/// Profiles that were damaged and are still well formed, whatever they say.
pub fn damaged_profiles() -> Vec<Profile> {
    let whole = project::profiles_dir().join("amd-epyc-f25-m17.toml");
    let texts = damage::damaged(&std::fs::read_to_string(whole).expect("a shipped profile"));
    let texts = texts.into_iter().filter_map(|text| String::from_utf8(text).ok());
    texts.filter_map(|text| softmax_codegen::profile::read(&text).ok()).collect()
}
