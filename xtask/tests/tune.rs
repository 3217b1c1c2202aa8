//! `tune` as a process: what it prints for scripts, ctrl-C, kills and full disks. What measures is this program, which answers from
//! a model at once.

use libtest_mimic::{Arguments, Failed, Trial};
use softmax_bench::protocol::{Contention, Reply, Request, TimeRequest};
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Ids of all variants: where it is set, this program is cargo or the measuring process.
const VARIANTS: &str = "SOFTMAX_MODEL_VARIANTS";
const FLAGS: &str = "--isa scalar --filter ext_ --sizes 64,4k --accuracy fast --budget 5s --effort quick";

fn main() -> ExitCode {
    match (std::env::var_os(VARIANTS), std::env::args().nth(1).as_deref()) {
        (None, _) => {
            let trials = [
                Trial::test("json_is_lines_of_it_and_nothing_else_on_stdout", json),
                Trial::test("ctrl_c_leaves_a_journal_and_says_how_to_go_on", ctrl_c),
                Trial::test("a_kill_leaves_a_journal_that_is_gone_on_with", kill),
                Trial::test(
                    "a_journal_without_room_ends_the_search_and_says_how_to_go_on",
                    journal_without_room,
                ),
                Trial::test("a_profile_without_room_leaves_the_old_one", profile_without_room),
                Trial::test("a_directory_that_is_gone_loses_no_measurement", directory_gone),
            ];
            libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
        }
        (Some(_), Some("build")) => {
            let path = std::env::current_exe().unwrap();
            println!("{}", serde_json::json!({ "target": { "name": "measure" }, "executable": path }));
            ExitCode::SUCCESS
        }
        (Some(variants), _) => {
            measure(&fs::read_to_string(variants).unwrap());
            ExitCode::SUCCESS
        }
    }
}

/// Answers requests until there are no more.
fn measure(variants: &str) {
    for line in std::io::stdin().lock().lines() {
        let reply = match serde_json::from_str(&line.unwrap()).unwrap() {
            Request::Describe => Reply::Description {
                isas: vec!["scalar".to_owned()],
                variants: variants.lines().map(str::to_owned).collect(),
            },
            Request::Emulator => Reply::Emulator(None),
            Request::Verify { .. } => Reply::Verdict { max_ulp: 1.0, failure: None },
            Request::Time(request) => {
                Reply::Samples { samples: samples(&request), contention: Some(Contention::default()) }
            }
            other => Reply::Error(format!("{other:?} is not asked of a search")),
        };
        // As long as a short race, so that there is something to interrupt.
        std::thread::sleep(Duration::from_millis(10));
        println!("{}", serde_json::to_string(&reply).unwrap());
        std::io::stdout().flush().unwrap();
    }
}

/// Longer names take longer, by far more than the noise.
fn samples(request: &TimeRequest) -> Vec<Vec<f64>> {
    let noise = |round: usize| 1.0 + 0.001 * (round % 3) as f64;
    let times = |id: &String| (0..request.rounds).map(|round| id.len() as f64 * noise(round)).collect();
    request.candidates.iter().map(times).collect()
}

/// A directory for a profile and its journal.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("out")).unwrap();
        let list = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("list").output().unwrap();
        fs::write(place.path("variants"), list.stdout).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn profile(&self) -> PathBuf {
        self.path("out/p.toml")
    }

    fn journal(&self) -> PathBuf {
        self.path("p.journal.jsonl")
    }

    /// A tune with these words before the command, such as a limit of the shell, and flags after it.
    fn tune(&self, before: &str, flags: &str) -> Command {
        let mut shell = Command::new("sh");
        let line = format!(
            "{before} exec '{}' tune {FLAGS} --output out/p.toml --journal p.journal.jsonl {flags}",
            env!("CARGO_BIN_EXE_xtask")
        );
        shell.args(["-c", &line]).current_dir(self.dir.path());
        shell.env("CARGO", std::env::current_exe().unwrap()).env(VARIANTS, self.path("variants"));
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        shell
    }

    /// Starts a tune and waits until something was measured.
    fn started(&self) -> Child {
        let child = self.tune("", "").spawn().unwrap();
        let begun = Instant::now();
        while lines(&self.journal()) < 5 {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is measured");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    /// Goes on, to the end, and asks nothing that is in the journal.
    fn goes_on(&self) {
        let before = fs::read(self.journal()).unwrap();
        let output = self.tune("", "--resume").output().unwrap();
        let error = text(&output.stderr);
        assert!(output.status.success(), "{error}");
        let is_measured = |line: &&str| line.starts_with("{\"samples\"") || line.starts_with("{\"verdict\"");
        let measured = text(&before[..end_of_lines(&before)]).lines().filter(is_measured).count();
        assert!(error.contains(&format!("going on with the {measured} measurements")), "{error}");
        let after = fs::read(self.journal()).unwrap();
        assert!(after.starts_with(&before[..end_of_lines(&before)]), "the journal was rewritten");
        assert!(text(&after).lines().last().unwrap().contains("\"complete\""));
        assert!(fs::read_to_string(self.profile()).unwrap().starts_with("schema = "));
        assert_eq!(names(&self.path("out")), ["p.toml"]);
    }
}

fn signal(name: &str, child: &Child) {
    let killed = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| whole_lines(&bytes))
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Its last line, which is the only one that is an error.
#[track_caller]
fn error(output: &Output, code: i32) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let is_error = |line: &&str| line.starts_with("error: ") || line.starts_with("interrupted: ");
    assert_eq!(stderr.lines().filter(is_error).count(), 1, "{stderr}");
    let last = stderr.lines().last().unwrap().to_owned();
    assert!(is_error(&last.as_str()), "{stderr}");
    last
}

#[track_caller]
fn says_how_to_go_on(error: &str) {
    let expected = format!(
        "go on with: cargo xtask tune {FLAGS} --output out/p.toml --journal p.journal.jsonl --resume"
    );
    assert!(error.contains("p.journal.jsonl; ") && error.ends_with(&expected), "{error}");
}

fn json() -> Result<(), Failed> {
    let place = Place::new();
    for flags in ["--json", "--json --dry-run"] {
        let output = place.tune("", flags).output()?;
        assert!(output.status.success(), "{}", text(&output.stderr));
        let lines: Vec<serde_json::Value> =
            text(&output.stdout).lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert!(matches!(&lines[..], [serde_json::Value::Object(_)]), "{flags}: {lines:?}");
    }
    Ok(())
}

fn ctrl_c() -> Result<(), Failed> {
    let place = Place::new();
    let child = place.started();
    signal("INT", &child);
    let output = child.wait_with_output()?;
    says_how_to_go_on(&error(&output, 130));
    assert!(output.stdout.is_empty() && !place.profile().exists());
    let journal = fs::read(place.journal())?;
    assert_eq!(end_of_lines(&journal), journal.len(), "half a record");
    place.goes_on();
    Ok(())
}

fn kill() -> Result<(), Failed> {
    let place = Place::new();
    let child = place.started();
    signal("KILL", &child);
    assert_eq!(child.wait_with_output()?.status.code(), None);
    place.goes_on();
    Ok(())
}

fn journal_without_room() -> Result<(), Failed> {
    let place = Place::new();
    let output = place.tune("ulimit -f 16;", "").output()?;
    let error = error(&output, 1);
    assert!(error.contains("cannot write the journal") && error.contains("File too large"), "{error}");
    says_how_to_go_on(&error);
    let journal = fs::read(place.journal())?;
    assert!(journal.len() > 4096 && end_of_lines(&journal) == journal.len(), "half a record");
    assert!(output.stdout.is_empty() && !place.profile().exists());
    place.goes_on();
    Ok(())
}

fn profile_without_room() -> Result<(), Failed> {
    let place = Place::new();
    assert!(place.tune("", "").output()?.status.success());
    fs::write(place.profile(), "old")?;
    let output = place.tune("ulimit -f 1;", "--resume").output()?;
    let error = error(&output, 1);
    assert!(error.contains("p.toml: File too large"), "{error}");
    says_how_to_go_on(&error);
    assert!(text(&output.stdout).contains("f32 scalar"), "what was found is shown");
    assert_eq!(fs::read_to_string(place.profile())?, "old");
    assert_eq!(names(&place.path("out")), ["p.toml"]);
    place.goes_on();
    Ok(())
}

fn directory_gone() -> Result<(), Failed> {
    let place = Place::new();
    let child = place.started();
    let removed = fs::remove_dir(place.path("out"));
    let error = error(&child.wait_with_output()?, 1);
    removed?;
    assert!(error.contains("cannot write") && error.contains("out/p.toml: No such file"), "{error}");
    says_how_to_go_on(&error);
    fs::create_dir(place.path("out"))?;
    place.goes_on();
    Ok(())
}
