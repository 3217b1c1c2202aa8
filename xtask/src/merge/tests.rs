//! Merging small profiles.

use super::*;
use crate::error::is_bad_input;
use crate::flags::typed;
use crate::profiles::samples::*;
use softmax_spec::Isa;
use softmax_spec::profile::{Situation, Table};
use std::path::Path;

fn inputs(profiles: Vec<Profile>) -> Vec<Input> {
    let name = |i: usize| PathBuf::from(format!("{}.toml", ["a", "b", "c"][i]));
    profiles.into_iter().enumerate().map(|(i, profile)| (name(i), profile)).collect()
}

fn in_place(table: Table) -> Table {
    Table { situation: Situation { in_place: true, ..table.situation }, ..table }
}

#[test]
fn tables_for_different_situations_are_put_together_in_one_order() {
    let one = table(&[(None, X)]);
    for other in [in_place(table(&[(None, Y)])), batch(table(&[(Some(100), Y)]))] {
        let forth = inputs(vec![profile(vec![one.clone()]), profile(vec![other.clone()])]);
        let back = inputs(vec![profile(vec![other.clone()]), profile(vec![one.clone()])]);
        for inputs in [forth, back] {
            let (merged, conflicts) = merge(&inputs, 1, None);
            assert_eq!((merged.tables, conflicts.len()), (vec![one.clone(), other.clone()], 0));
            assert_eq!((merged.name.as_str(), merged.host), ("a-cpu", Some(host())));
        }
    }
}

#[test]
fn a_conflict_names_both_plans_and_why_one_is_taken() {
    let (mut a, mut b) = (table(&[(None, X)]), table(&[(None, Y)]));
    a.classes[0].evidence.as_mut().unwrap().runner_up = Some((plan(Y), 1.3));
    b.classes[0].evidence.as_mut().unwrap().ties = vec![plan(X)];
    let inputs = inputs(vec![profile(vec![a]), profile(vec![b])]);
    let (merged, conflicts) = merge(&inputs, 1, None);
    assert_eq!(merged.tables[0].classes[0].plan, plan(X));
    let [conflict] = &conflicts[..] else { panic!("{} conflicts", conflicts.len()) };
    let expected = "\
f32 avx2, fast, out of place, 1 and more
  taken  a.toml  two_pass a5 64/64, 4.00 x memcpy +- 1.0 % at n=1m: at worst 0.0 % slower than best, not 30.0 %
  not    b.toml  online a5 64/64, 4.00 x memcpy +- 1.0 % at n=1m
";
    assert_eq!(conflict_text(conflict, &inputs), expected);
}

#[test]
fn origins_at_the_ends_of_the_numbers_make_a_profile() {
    let mut extreme = profile(vec![table(&[(None, X)])]);
    let origin = extreme.origin.as_mut().unwrap();
    origin.seconds = f64::MAX;
    origin.samples = Some(SampleCounts { taken: usize::MAX, retaken: usize::MAX, contended: usize::MAX });
    let (merged, _) = merge(&inputs(vec![extreme.clone(), extreme.clone()]), 1, None);
    assert_eq!(softmax_codegen::profile::read(&profile::write(&merged)), Ok(extreme));
}

#[test]
fn profiles_of_one_grid_and_compiler_keep_their_origin() {
    let (one, mut other) = (profile(vec![]), profile(vec![]));
    other.origin.as_mut().unwrap().effort = "quick".to_owned();
    let (merged, _) = merge(&inputs(vec![one.clone(), other]), 1, None);
    let origin = merged.origin.unwrap();
    assert_eq!((origin.effort.as_str(), origin.seconds, origin.grid_hash), ("quick", 200.0, 1));

    let mut foreign = one.clone();
    foreign.origin.as_mut().unwrap().grid_hash = 2;
    let inputs = inputs(vec![one, foreign]);
    let (merged, _) = merge(&inputs, 1, None);
    assert_eq!(merged.origin, None);
    assert!(notes(&inputs, &merged)[0].contains("several grids"));
    let comment = provenance(&inputs);
    assert!(
        comment.contains("# b.toml: a-cpu, rustc 1.95.0, grid 0000000000000002, standard, 100 s"),
        "{comment}"
    );
    assert!(comment.lines().all(|line| line.starts_with('#')));
}

#[test]
fn only_profiles_of_one_model_are_merged() {
    let on = |host: Option<Host>| Profile { host, ..profile(vec![]) };
    let stepping = Host { stepping: 1, ..host() };
    require_one_model(&inputs(vec![on(Some(host())), on(Some(stepping.clone()))])).unwrap();
    require_one_model(&inputs(vec![on(None), on(None)])).unwrap();
    let both = inputs(vec![on(Some(host())), on(Some(stepping))]);
    assert!(notes(&both, &merge(&both, 1, None).0)[0].contains("differ in stepping"));
    for (other, named) in [(Some(Host { model: 1, ..host() }), "family 6 model 1)"), (None, "any machine")] {
        let error = require_one_model(&inputs(vec![on(Some(host())), on(other)])).unwrap_err();
        assert!(is_bad_input(&error) && error.to_string().contains(named), "{error}");
        assert!(error.to_string().contains("put each into softmax-kernels/tuned/"), "{error}");
    }
}

/// The shipped default profile, of one ISA, with a host: its plans are in the grid.
fn real(isa: Isa) -> Profile {
    let default = project::default_profile().unwrap();
    let tables = default.tables.into_iter().filter(|table| table.situation.isa == isa).collect();
    profile(tables)
}

fn run_in(dir: &Path, profiles: &[(&str, &Profile)], more: &str) -> Result<()> {
    let mut line = String::new();
    for (name, profile) in profiles {
        let path = dir.join(name);
        std::fs::write(&path, profile::write(profile)).unwrap();
        line += &format!("{} ", path.display());
    }
    run(&typed(&format!("{line} {more}")))
}

#[test]
fn a_merged_file_is_a_profile_and_merging_again_changes_no_table() {
    let dir = tempfile::tempdir().unwrap();
    let (avx2, avx512) = (real(Isa::Avx2), real(Isa::Avx512));
    let output = dir.path().join("merged.toml");
    let flag = format!("--output {}", output.display());
    run_in(dir.path(), &[("avx2.toml", &avx2), ("avx512.toml", &avx512)], &flag).unwrap();
    let merged = profiles::read(&output).unwrap();
    assert_eq!(merged.tables.len(), avx2.tables.len() + avx512.tables.len());
    let first = std::fs::read(&output).unwrap();
    run_in(dir.path(), &[("avx2.toml", &avx2), ("avx512.toml", &avx512)], &flag).unwrap();
    assert_eq!(std::fs::read(&output).unwrap(), first);
    run_in(dir.path(), &[("merged.toml", &merged), ("avx512.toml", &avx512)], &flag).unwrap();
    assert_eq!(profiles::read(&output).unwrap().tables, merged.tables);
}

#[test]
fn what_cannot_be_merged_or_written_leaves_the_output_alone() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("merged.toml");
    std::fs::write(&output, "before").unwrap();
    let flag = format!("--output {}", output.display());
    let avx2 = real(Isa::Avx2);
    let elsewhere = Profile { host: Some(Host { family: 7, ..host() }), ..real(Isa::Avx512) };
    let error = run_in(dir.path(), &[("a.toml", &avx2), ("b.toml", &elsewhere)], &flag).unwrap_err();
    assert!(is_bad_input(&error), "{error}");
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "before");
    let nowhere = format!("--output {}", dir.path().join("no/merged.toml").display());
    let error = run_in(dir.path(), &[("a.toml", &avx2), ("b.toml", &avx2)], &nowhere).unwrap_err();
    assert!(is_bad_input(&error) && error.to_string().contains("create it first"), "{error}");
}

#[test]
fn whatever_profiles_say_what_is_merged_of_them_is_a_profile() {
    let (_, whole) = project::shipped_profiles().unwrap().remove(0);
    for other in damaged_profiles() {
        let inputs = inputs(vec![whole.clone(), other]);
        let (merged, conflicts) = merge(&inputs, 1, None);
        conflicts.iter().for_each(|conflict| assert!(conflict_text(conflict, &inputs).contains("taken")));
        notes(&inputs, &merged);
        profile::read(&(provenance(&inputs) + &profile::write(&merged))).unwrap();
    }
}
