//! Searches that are killed and go on, on a machine that is a model.

use super::record::{Header, Record, VERSION};
use super::{Codes, Journal, Journaled, verification_seconds};
use crate::damage::{damaged, read_each};
use crate::flags;
use crate::measuring::Timings;
use crate::project;
use crate::tune::clock::Clock;
use crate::tune::effort::Effort;
use crate::tune::gate::{Gate, Oracle};
use crate::tune::known::Known;
use crate::tune::model::{Model, WRONG};
use crate::tune::progress::Progress;
use crate::tune::search::Search;
use crate::tune::weight::weight;
use anyhow::Result;
use serde_json::Value;
use softmax_bench::protocol::TimeRequest;
use softmax_spec::profile::{Profile, Table};
use softmax_spec::{Accuracy, Isa, PassVariant, Rows};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

const SIZES: [usize; 3] = [1 << 10, 1 << 14, 1 << 22];
/// Too short for all that an effort allows, so that what a search does depends on its time.
const BUDGET: Duration = Duration::from_secs(4);
/// Long enough for everything, so that a kernel more or less changes nothing about the others.
const WITHOUT_HASTE: Duration = Duration::from_secs(3600);
const ANOTHER: &str = "f32_ext_sum__avx2_p5_u16";

/// Of all variants, because every run wants them.
static CODES: LazyLock<Codes> = LazyLock::new(|| {
    let mut codes = Codes::default();
    variants().iter().for_each(|variant| _ = codes.of(&variant.id()));
    codes
});

/// The header of a journal by that compiler.
pub fn header(rustc: &str) -> Header {
    Header { version: VERSION, host: Value::Null, rustc: rustc.to_owned(), measuring: String::new() }
}

/// Those of AVX2 with one exp core, and the wrong one.
fn variants() -> Vec<PassVariant> {
    let grid = project::grid().unwrap();
    let is_wanted = |variant: &PassVariant| {
        let id = variant.id();
        let has_core = variant.exp.is_none() || id.contains("_p5_") || id == WRONG;
        variant.isa == Isa::Avx2 && has_core && variant.shortest_row() == 0
    };
    grid.variants.into_iter().filter(is_wanted).collect()
}

/// A search with its journal.
struct Run {
    path: PathBuf,
    rustc: &'static str,
    budget: Duration,
    variants: Vec<PassVariant>,
    _dir: TempDir,
}

/// What a search ends with.
#[derive(Debug, PartialEq)]
struct Ended {
    tables: Vec<Table>,
    time: Duration,
}

impl Run {
    fn new() -> Run {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profile.journal.jsonl");
        Run { path, rustc: "rustc 1", budget: BUDGET, variants: variants(), _dir: dir }
    }

    /// Goes on with the journal, or starts it, and tells what it notes.
    fn go_on(&self, model: &mut Model) -> (Result<Ended>, String) {
        let mut codes = CODES.clone();
        let opened = Journal::resume(&self.path, header(self.rustc), &mut codes).unwrap();
        let notes = opened.notes.join("\n");
        let wall = model.time.clone();
        let mut machine = Journaled::new(model, opened, codes, Box::new(move || wall.now()));
        (self.search(&mut machine).and_then(|ended| complete(machine, ended)), notes)
    }

    fn search(&self, machine: &mut Journaled<Model>) -> Result<Ended> {
        let time = machine.time();
        let tables = Search {
            machine,
            effort: &Effort::new(flags::Effort::Quick),
            clock: &mut Clock::new(time.clone(), self.budget, weight(&SIZES, &Rows::ALL)),
            progress: &Progress::silent(),
            gate: &mut Gate::default(),
            default: &Profile { name: "default".to_owned(), host: None, origin: None, tables: vec![] },
            isa: Isa::Avx2,
            accuracies: &[Accuracy::Fast],
            rows: &Rows::ALL,
            variants: self.variants.clone(),
            known: Known::default(),
        }
        .run(&SIZES)?;
        Ok(Ended { tables, time: time.now() })
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }
}

fn complete(machine: Journaled<Model>, ended: Ended) -> Result<Ended> {
    machine.into_journal().complete(ended.time.as_secs_f64())?;
    Ok(ended)
}

/// A search that nobody disturbs, and how many questions it asks.
fn undisturbed() -> (Run, Ended, usize) {
    let (run, mut model) = (Run::new(), Model::new(1));
    let (ended, _) = run.go_on(&mut model);
    (run, ended.unwrap(), model.questions)
}

fn killed_at(question: usize) -> Run {
    let (run, mut model) = (Run::new(), Model::new(1));
    model.dies_at = question;
    assert_eq!(run.go_on(&mut model).0.unwrap_err().to_string(), "killed");
    run
}

#[test]
fn killed_anywhere_a_search_goes_on_as_if_it_had_not_been() {
    let (_, ended, questions) = undisturbed();
    for killed in [0, 1, 2, questions / 3, questions / 2, questions - 10, questions - 1] {
        let (run, mut model) = (killed_at(killed), Model::new(1));
        let (resumed, notes) = run.go_on(&mut model);
        assert_eq!(resumed.unwrap(), ended, "killed at {killed} of {questions}");
        assert_eq!(model.questions, questions - killed, "killed at {killed}");
        assert!(notes.contains(&format!("{killed} measurements")), "{notes}");
    }
}

#[test]
fn the_budget_of_these_searches_matters() {
    let (run, mut model, mut free) = (Run::new(), Model::new(1), Model::new(1));
    let ended = run.go_on(&mut model).0.unwrap();
    Run { budget: WITHOUT_HASTE, ..Run::new() }.go_on(&mut free).0.unwrap();
    assert!(ended.time < BUDGET && free.timed.len() > model.timed.len(), "{ended:?}");
}

#[test]
fn a_torn_record_alone_is_measured_again() {
    let (_, ended, questions) = undisturbed();
    let killed = questions / 2;
    for cut in [1, 2, 40] {
        let run = killed_at(killed);
        let text = run.text();
        fs::write(&run.path, &text[..text.len() - cut]).unwrap();
        let mut model = Model::new(1);
        let (resumed, notes) = run.go_on(&mut model);
        assert_eq!(resumed.unwrap(), ended);
        assert_eq!(model.questions, questions - killed + 1);
        assert!(notes.contains("cut short"), "{notes}");
        assert!(run.text().starts_with(&text), "it was measured as before");
    }
}

#[test]
fn killed_again_and_again_a_search_still_ends_the_same() {
    let (_, ended, questions) = undisturbed();
    let run = killed_at(questions / 5);
    let mut answered = questions / 5;
    for _ in 0..3 {
        let mut model = Model { dies_at: questions / 5, ..Model::new(1) };
        assert!(run.go_on(&mut model).0.is_err());
        answered += model.questions;
    }
    let mut model = Model::new(1);
    assert_eq!(run.go_on(&mut model).0.unwrap(), ended);
    assert_eq!(answered + model.questions, questions);
}

#[test]
fn after_a_search_that_ended_nothing_is_repeated_or_written() {
    let (run, ended, _) = undisturbed();
    let (before, mut model) = (run.text(), Model::new(1));
    assert_eq!(run.go_on(&mut model).0.unwrap(), ended);
    assert_eq!((model.questions, run.text()), (0, before));
}

#[test]
fn records_of_another_toolchain_are_kept_and_not_used() {
    let (run, ended, questions) = undisturbed();
    let before = run.text();
    let run = Run { rustc: "rustc 2", ..run };
    let mut model = Model::new(1);
    let (resumed, notes) = run.go_on(&mut model);
    assert_eq!((resumed.unwrap(), model.questions), (ended, questions));
    assert!(notes.contains(&format!("{questions} of {questions} measurements are of another")), "{notes}");
    assert!(run.text().starts_with(&before));
    let run = Run { rustc: "rustc 1", ..run };
    let mut model = Model::new(1);
    run.go_on(&mut model).0.unwrap();
    assert_eq!(model.questions, 0, "the first toolchain's are still there");
}

/// Single passes that were timed, and how many times.
fn passes(model: &Model) -> HashMap<String, usize> {
    let mut passes = HashMap::new();
    let ids = model.timed.iter().map(|timed| &timed.candidate).filter(|id| id.starts_with("f32_"));
    ids.for_each(|id| *passes.entry(id.clone()).or_default() += 1);
    passes
}

/// What a run that goes on measures is this kernel, beside one or two others at each length.
#[track_caller]
fn assert_costs_only(kernel: &str, model: &Model) {
    let passes = passes(model);
    assert!(passes.contains_key(kernel), "{passes:?}");
    assert!(passes.len() <= 2 * SIZES.len(), "{passes:?}");
}

#[test]
fn a_changed_kernel_alone_is_measured_again() {
    let run = Run { budget: WITHOUT_HASTE, ..Run::new() };
    run.go_on(&mut Model::new(1)).0.unwrap();
    let code = CODES.clone().of(&ANOTHER.to_owned());
    fs::write(&run.path, run.text().replace(&code, "0123456789abcdef")).unwrap();
    let mut model = Model::new(1);
    let (resumed, notes) = run.go_on(&mut model);
    resumed.unwrap();
    assert!(notes.contains("kernels that have changed"), "{notes}");
    assert_costs_only(ANOTHER, &model);
    assert_eq!(model.verified.iter().filter(|id| !id.contains('(')).collect::<Vec<_>>(), [ANOTHER]);
}

#[test]
fn a_new_kernel_costs_only_itself() {
    let all = variants();
    let mut run = Run { budget: WITHOUT_HASTE, ..Run::new() };
    run.variants.retain(|variant| variant.id() != ANOTHER);
    run.go_on(&mut Model::new(1)).0.unwrap();
    run.variants = all;
    let mut model = Model::new(1);
    let ended = run.go_on(&mut model).0.unwrap();
    assert_costs_only(ANOTHER, &model);
    assert_eq!(model.verified.iter().filter(|id| !id.contains('(')).collect::<Vec<_>>(), [ANOTHER]);
    let mut model = Model::new(1);
    assert_eq!(run.go_on(&mut model).0.unwrap(), ended);
    assert_eq!(model.questions, 0);
}

#[test]
fn a_wrong_kernel_stays_wrong() {
    let (run, ..) = undisturbed();
    assert!(run.text().contains("2 + 2 = 5"));
    let mut gate = Gate::default();
    let mut codes = CODES.clone();
    let opened = Journal::resume(&run.path, header(run.rustc), &mut codes).unwrap();
    let mut model = Model { dies_at: 0, ..Model::new(1) };
    let mut machine = Journaled::new(&mut model, opened, codes, Box::new(|| Duration::ZERO));
    assert!(!gate.admits(&mut machine, &WRONG.to_owned(), None).unwrap());
    assert_eq!(gate.failures()[0].what, "2 + 2 = 5");
}

#[test]
fn a_kernel_that_is_timed_later_is_put_on_the_scale_of_its_batch() {
    let request = |candidates: &[&str]| TimeRequest {
        candidates: candidates.iter().map(|&id| id.to_owned()).collect(),
        rows: 1,
        len: 64,
        in_place: false,
        rounds: 3,
        sample_us: 10.0,
    };
    /// Times that are in the names, on a machine that is slower by a factor.
    struct Slower(f64);
    impl Timings for Slower {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let drift = |round: usize| self.0 * (1.0 + round as f64);
            let times = |id: &String| -> Vec<f64> {
                (0..request.rounds).map(|round| id.parse::<f64>().unwrap() * drift(round)).collect()
            };
            Ok(request.candidates.iter().map(times).collect())
        }
    }
    impl Oracle for Slower {
        fn failure(&mut self, _: &String, _: Option<u32>) -> Result<Option<String>> {
            unreachable!("nothing is verified here")
        }
    }
    let run = Run::new();
    let ask = |factor: f64, candidates: &[&str]| {
        let opened = Journal::resume(&run.path, header(run.rustc), &mut Codes::default()).unwrap();
        let (mut machine, wall) = (Slower(factor), Box::new(|| Duration::ZERO));
        Journaled::new(&mut machine, opened, Codes::default(), wall).samples(&request(candidates)).unwrap()
    };
    ask(1.0, &["2", "1", "4"]);
    let later = ask(8.0, &["3", "2", "1", "4"]);
    assert_eq!(later, [[3.0, 6.0, 9.0], [2.0, 4.0, 6.0], [1.0, 2.0, 3.0], [4.0, 8.0, 12.0]]);
    assert_eq!(ask(64.0, &["3", "2", "1", "4"]), later, "it is in the journal now");
}

#[test]
fn every_line_is_a_record_that_is_written_as_it_was_read() {
    let (run, _, _) = undisturbed();
    let mut kinds = BTreeSet::new();
    for line in run.text().lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.line().trim_end(), line);
        kinds.insert(line.split('"').nth(1).unwrap().to_owned());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["complete", "samples", "softmax_journal", "verdict"]);
}

#[track_caller]
fn refused(text: &[u8], expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, text).unwrap();
    let error = resume(&path).unwrap_err();
    assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    assert_eq!(fs::read(&path).unwrap(), text, "nothing is lost");
}

fn resume(path: &Path) -> Result<(), String> {
    let opened = Journal::resume(path, header("rustc 1"), &mut Codes::default());
    opened.map(|_| ()).map_err(|error| crate::error::line(&error))
}

#[test]
fn what_is_no_journal_of_this_format_is_refused_and_left_alone() {
    let first = Record::Header(header("rustc 1")).line();
    let with = |rest: &str| [first.as_bytes(), rest.as_bytes()].concat();
    refused(b"my notes\n", "no journal of tune");
    refused(b"\x7fELF", "no journal of tune");
    refused(&[first.as_bytes(), b"\xff\n"].concat(), "no journal of tune");
    refused(first.replacen("1", "2", 1).as_bytes(), "line 1: it has format 2");
    refused(&with("{\"complete\":{\"seconds\":1.0}\n{}\n"), "line 2: no JSON");
    refused(&with("{\"complete\":{}}\n"), "line 2: no record");
    refused(&with("{\"novelty\":{}}\n{\"torn"), "line 2: no record");
    refused(&with("{\"novel\\nty\":{}}\n"), "line 2: no record (unknown variant `novel ty`");
    let request = r#"{"candidates":["ref:memcpy"],"len":5,"in_place":false,"rounds":2,"sample_us":1.0}"#;
    let samples = format!(
        "{{\"samples\":{{\"request\":{request},\"code\":[\"\"],\"samples\":[[1.0]],\"seconds\":1.0}}}}\n"
    );
    refused(&with(&samples), "line 2: samples are missing");
    refused(
        &with(&samples.replace("[[1.0]]", "[[1.0,-1.0]]")),
        "line 2: samples are missing, or are no times",
    );
    // As many that a sum of two would be no number.
    let contended = format!("[[1.0,1.0]],\"contention\":{{\"retaken\":{},\"contended\":[]}}", usize::MAX);
    refused(&with(&samples.replace("[[1.0]]", &contended)), "line 2: samples are missing, or are no times");
    // More set aside than there was time for.
    let set_aside = r#"[[1.0,1.0]],"contention":{"retaken":0,"contended":[],"set_aside_us":1000001}"#;
    refused(&with(&samples.replace("[[1.0]]", set_aside)), "line 2: samples are missing, or are no times");
    refused(&with("{\"complete\":{\"seconds\":-1.0}}\n"), "line 2: it has taken -1 seconds");
}

#[test]
fn what_a_kill_left_of_a_header_is_made_whole() {
    let first = Record::Header(header("rustc 1")).line();
    for end in [0, 5, first.len() - 1] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        fs::write(&path, &first[..end]).unwrap();
        resume(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
    }
}

#[test]
fn without_resume_a_journal_is_kept_under_a_number() {
    let (run, _, _) = undisturbed();
    let before = run.text();
    for number in [1, 2] {
        let mut opened = Journal::start(&run.path, header("rustc 1")).unwrap();
        let kept = run.path.with_extension(format!("{number}.jsonl"));
        assert!(
            opened.notes[0].contains(&format!("--resume --journal {}", kept.display())),
            "{:?}",
            opened.notes
        );
        let text = fs::read_to_string(&kept).unwrap();
        assert_eq!(text == before, number == 1);
        opened.journal.complete(0.0).unwrap();
    }
    // One in which nothing was measured is not worth a file.
    fs::write(&run.path, Record::Header(header("rustc 1")).line()).unwrap();
    assert!(Journal::start(&run.path, header("rustc 1")).unwrap().notes.is_empty());
}

#[test]
fn a_journal_is_written_by_one_search_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let first = Journal::start(&path, header("rustc 1")).unwrap();
    assert!(resume(&path).unwrap_err().contains("another tune is writing it"));
    drop(first);
    resume(&path).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let error = resume(&dir.path().join("no/a.jsonl")).unwrap_err();
    assert!(
        error.contains("cannot write --journal") && error.contains("no is no directory; create it"),
        "{error}"
    );
    assert!(resume(dir.path()).unwrap_err().contains("no regular file"));
}

#[test]
fn a_damaged_journal_is_one_line_of_bad_input_and_left_alone_or_gone_on_with() {
    let run = Run::new();
    let mut model = Model { dies_at: 40, ..Model::new(1) };
    assert!(run.go_on(&mut model).0.is_err());
    let texts = damaged(&run.text());
    let (gone_on, refused) = read_each(&run.path, &texts, |path| {
        let before = fs::read(path).unwrap();
        let opened = Journal::resume(path, header(run.rustc), &mut CODES.clone());
        if opened.is_err() {
            assert_eq!(fs::read(path).unwrap(), before, "nothing is lost");
        }
        opened.map(|_| fs::read_to_string(path).unwrap())
    });
    assert!(refused > texts.len() / 5 && gone_on.len() > texts.len() / 20, "{refused}, {}", gone_on.len());
    let (costs, _) = read_each(&run.path, &texts, verification_seconds);
    assert!(costs.iter().flat_map(HashMap::values).all(|seconds| *seconds >= 0.0));
    for text in gone_on.iter().step_by(10) {
        fs::write(&run.path, text).unwrap();
        run.go_on(&mut Model::new(1)).0.unwrap();
    }
}
