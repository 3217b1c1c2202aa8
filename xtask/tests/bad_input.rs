//! Profiles and journals that are not what a command needs: one line that says so and what to do, and exit code 2.

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const TUNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../softmax-kernels/tuned");
const HEADER: &str = r#"{"softmax_journal":{"version":1,"host":null,"rustc":"rustc 1","measuring":""}}"#;

/// Whole files of this version and the other ones, in a directory of their own.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Files {
        let files = Files { dir: tempfile::tempdir().unwrap() };
        files.add("whole.toml", shipped("default.toml"));
        files
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), bytes).unwrap();
    }

    /// Runs a command beside the files; it must refuse them with one line, print nothing and change nothing.
    #[track_caller]
    fn refused(&self, line: &str, expected: &str) {
        let before = self.contents();
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(line.split_whitespace()).current_dir(self.dir.path());
        let output = command.env_remove("SOFTMAX_PROFILE").env_remove("SOFTMAX_FORCE_ISA").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {error}");
        assert!(error.starts_with("error: ") && error.lines().count() == 1, "{line}: {error}");
        assert!(error.contains(expected), "{line}: {expected} is not in {error}");
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(self.contents(), before, "{line} changed a file");
    }

    fn contents(&self) -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(Result::unwrap);
        let mut all: Vec<_> =
            entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap_or_default())).collect();
        all.sort();
        all
    }
}

fn shipped(name: &str) -> String {
    fs::read_to_string(Path::new(TUNED).join(name)).unwrap()
}

/// A profile of no machine that there is.
fn of_another_host() -> String {
    shipped("amd-epyc-f25-m17.toml").replacen("vendor = \"AuthenticAMD\"", "vendor = \"NoSuchVendor\"", 1)
}

#[test]
fn profiles_that_are_none() {
    let files = Files::new();
    let whole = shipped("default.toml");
    files.add("empty.toml", "");
    files.add("cut.toml", &whole[..whole.len() - 20]);
    files.add("binary.toml", [0x7f, b'E', b'L', b'F', 0xff, 0xfe]);
    files.add("other.toml", "[package]\nname = \"x\"\n");
    files.add("future.toml", whole.replacen("schema = 1", "schema = 99\nnovelty = true", 1));
    files.add("escapes.toml", whole.replacen("accuracy = \"fast\"", "accuracy = \"a\\u001b[2J\\nb\"", 1));
    files.add("name.toml", whole.replacen("name = \"default\"", "name = \"a\\u001b[2J\\nb\"", 1));
    files.add("renamed.toml", whole.replacen("f32_", "f32_no_", 1));
    fs::create_dir(files.dir.path().join("dir.toml")).unwrap();
    for (bad, expected) in [
        ("absent.toml", "No such file"),
        ("dir.toml", "s a directory"),
        ("/dev/zero", "more than 16 MiB"),
        ("empty.toml", "`schema` is missing"),
        ("cut.toml", "line "),
        ("binary.toml", "valid UTF-8"),
        ("other.toml", "`schema` is missing"),
        ("future.toml", "schema 99 is not supported; this version reads schema"),
        ("name.toml", "`name` must be a string without control characters"),
        ("escapes.toml", "unknown accuracy `a\\u{1b}[2J\\nb`"),
        ("renamed.toml", "unknown pass"),
    ] {
        for line in [
            format!("check {bad}"),
            format!("diff whole.toml {bad}"),
            format!("diff {bad} whole.toml"),
            format!("merge whole.toml {bad}"),
            format!("merge {bad} whole.toml --output merged.toml"),
            format!("explain 64 --profile {bad}"),
        ] {
            files.refused(&line, expected);
            files.refused(&line, bad);
        }
    }
    files.refused("report cut.toml --format svg --output plots", "cut.toml");
}

#[test]
fn profiles_of_another_grid() {
    let files = Files::new();
    // A tile that the grid lacks.
    let whole = shipped("amd-epyc-f25-m17.toml");
    let (before, after) = whole.split_once("plan = \"").unwrap();
    let isa = before.rsplit("isa = \"").next().unwrap().split('"').next().unwrap();
    let plan = format!("two_pass(f32_ext_sum__{isa}_a5_u112, f32_ext_scale__{isa}_a5_u112)");
    let other = format!("{before}plan = \"{plan}\" # {after}");
    files.add("grid.toml", other);
    files.refused("check grid.toml --any-host", "the grid has no f32_");
    files.refused("merge grid.toml grid.toml", "profile of another grid: tune again");
    files.refused("explain 64 --profile grid.toml", "is not in the grid; the nearest variant is");
}

#[test]
fn profiles_of_another_machine() {
    let files = Files::new();
    files.add("host.toml", of_another_host());
    files.add("here.toml", shipped("amd-epyc-f25-m17.toml"));
    files.refused("check host.toml", "check it there, or pass --any-host");
    files.refused("merge here.toml host.toml", "a profile is for one model");
}

#[test]
fn journals_that_are_none() {
    let files = Files::new();
    let header = format!("{HEADER}\n");
    files.add("notes.jsonl", "my notes\n");
    files.add("binary.jsonl", [header.as_bytes(), &[0xff, b'\n']].concat());
    files.add("future.jsonl", header.replacen("\"version\":1", "\"version\":7", 1));
    files.add("malformed.jsonl", format!("{header}{{\"complete\":\n{{}}\n"));
    files.add("negative.jsonl", format!("{header}{{\"complete\":{{\"seconds\":-1.0}}}}\n"));
    fs::create_dir(files.dir.path().join("dir.jsonl")).unwrap();
    for (bad, of_both) in [
        ("notes.jsonl", "no journal of tune, so it is left alone"),
        ("binary.jsonl", "no journal of tune, so it is left alone"),
        ("future.jsonl", "it has format 7, and this version of tune reads format 1"),
        ("malformed.jsonl", "line 2: no JSON"),
        ("negative.jsonl", "line 2: it has taken -1 seconds"),
    ] {
        for line in
            [format!("tune --resume --journal {bad}"), format!("matrix --format json --journal {bad}")]
        {
            files.refused(&line, of_both);
            files.refused(&line, bad);
        }
    }
    files.refused("tune --journal notes.jsonl", "no journal of tune, so it is left alone");
    files.refused("tune --journal dir.jsonl", "no regular file");
    files.refused("matrix --format json --journal dir.jsonl", "s a directory");
    files.refused("matrix --format json --journal absent.jsonl", "No such file");
    files.refused("matrix --format json --journal /dev/zero", "no journal of tune");
    files.add("header.jsonl", header);
    files.refused("matrix --format json --journal header.jsonl", "nothing was verified in it");
}
