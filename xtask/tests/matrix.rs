//! The commands of a matrix's cells, run as CI would: each tests its variants and no others, and fails where its ISA is
//! missing.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// A few variants of every ISA, with gaps between them in the grid.
const FEW: [&str; 4] = ["--pass", "max,scale", "--filter", "_u16"];

fn xtask(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn cells(args: &[&str]) -> Vec<Value> {
    let output = xtask(&[&["matrix", "--format", "json"], &FEW[..], args].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Builds of one target directory and what they made run one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a cell's command in a target directory of its own, without optimising: what is proven is which variants run.
fn run(cell: &Value, variables: &[(&str, &str)]) -> Output {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shell = Command::new("sh");
    shell.args(["-c", cell["command"].as_str().unwrap()]).current_dir(ROOT);
    shell
        .env("CARGO_TARGET_DIR", format!("{ROOT}/target/matrix"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    shell.env_remove("SOFTMAX_PROFILE").envs(variables.iter().copied());
    shell.output().unwrap()
}

/// The variants whose tests ended so.
fn tested(output: &Output, how: &str) -> Vec<String> {
    let text = stdout(output);
    let tests = text.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    let ended = tests.filter(|(_, ended)| *ended == how).map(|(name, _)| name.trim().to_owned());
    ended.filter(|name| name.starts_with("f32_")).collect()
}

fn is_here(isa: &str) -> bool {
    xtask(&["tune", "--dry-run", "--isa", isa]).status.success()
}

#[test]
fn every_cell_tests_its_variants_and_no_others() {
    let cells = cells(&["--max-jobs", "6"]);
    assert_eq!(cells.len(), 6);
    let mut all = Vec::new();
    for cell in &cells {
        let isa = cell["isa"].as_str().unwrap();
        let output = run(cell, &[]);
        assert_eq!(output.status.success(), is_here(isa), "{cell}: {output:?}");
        let ran = tested(&output, if is_here(isa) { "ok" } else { "FAILED" });
        assert_eq!(ran.len() as u64, cell["variants"].as_u64().unwrap(), "{cell}: {output:?}");
        assert!(ran.iter().all(|id| id.contains(&format!("__{isa}_"))), "{cell}: {output:?}");
        all.extend(ran);
    }
    let listed = stdout(&xtask(&[&["list"], &FEW[..]].concat()));
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    assert_eq!(all.len(), listed.len(), "a variant ran twice, or not at all");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), listed);
}

#[test]
#[ignore = "needs valgrind, whose CPU has no AVX-512"]
fn a_cell_fails_where_its_isa_is_missing() {
    let cells = cells(&["--isa", "avx512", "--max-jobs", "1"]);
    let runner = ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "valgrind --tool=none --quiet");
    let output = run(&cells[0], &[runner]);
    assert_eq!(output.status.code(), Some(101), "{output:?}");
    assert_eq!(tested(&output, "FAILED").len() as u64, cells[0]["variants"].as_u64().unwrap(), "{output:?}");
    assert!(stdout(&output).contains("this CPU does not support avx512"), "{output:?}");
}

#[test]
fn a_matrix_of_another_grid_does_not_compile() {
    let mut cell = cells(&["--isa", "scalar", "--max-jobs", "1"]).remove(0);
    let command = cell["command"].as_str().unwrap().to_owned();
    let other = command.split(' ').map(|word| match word.starts_with("SOFTMAX_GRID=") {
        true => "SOFTMAX_GRID=f32_max__scalar_u4..f32_max__scalar_u9",
        false => word,
    });
    cell["command"] = Value::String(other.collect::<Vec<_>>().join(" "));
    let output = run(&cell, &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(101), "{error}");
    assert!(error.contains("SOFTMAX_GRID: `f32_max__scalar_u9` is not in the grid"), "{error}");
}

#[test]
fn the_documentation_shows_what_is_printed() {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/CI.md")).unwrap();
    let shown = page.split("$ cargo xtask ").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (line, expected) = shown.split_once('\n').unwrap();
    let args: Vec<&str> = line.split(' ').collect();
    assert_eq!(stdout(&xtask(&args)), expected);
}
