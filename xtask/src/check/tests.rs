//! A check of small profiles on a machine that takes as long as it is told.

use super::*;
use crate::error::is_bad_input;
use crate::flags::typed;
use crate::measuring::Timings;
use crate::measuring::statistics;
use crate::profiles::samples::*;
use softmax_bench::protocol::{Candidate, TimeRequest};
use softmax_spec::profile::Evidence;

/// Takes the times that it is given, in a world that drifts and has noise.
#[derive(Clone)]
struct Model {
    times: Vec<(&'static str, f64)>,
    wrong: Option<&'static str>,
    absent: Option<&'static str>,
    /// Relative, uniform.
    noise: f64,
    random: u64,
}

impl Model {
    fn new(times: &[(&'static str, f64)]) -> Model {
        Model { times: times.to_vec(), wrong: None, absent: None, noise: 0.01, random: 9 }
    }

    fn uniform(&mut self) -> f64 {
        statistics::uniform(&mut self.random)
    }
}

impl Timings for Model {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        let mut samples = vec![Vec::new(); request.candidates.len()];
        for round in 0..request.rounds {
            let drift = 1.0 + 0.01 * round as f64;
            for (candidate, samples) in request.candidates.iter().zip(&mut samples) {
                assert!(
                    self.wrong != Some(candidate) && self.absent != Some(candidate),
                    "{candidate} is timed"
                );
                let time =
                    self.times.iter().find(|(text, _)| text == candidate).map_or(0.1, |(_, time)| *time);
                samples.push(time * drift * (1.0 + self.noise * self.uniform()));
            }
        }
        Ok(samples)
    }
}

impl Machine for Model {
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        Ok(if self.absent == Some(candidate) {
            Err("not compiled".to_owned())
        } else {
            Ok(candidate.clone())
        })
    }

    fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>> {
        assert_eq!(max_ulp, Some(20));
        Ok(if self.wrong == Some(candidate) { Err("2 + 2 = 5".to_owned()) } else { Ok(3.0) })
    }
}

const EFFORT: Effort = Effort { name: "test", rounds: 21, sample_us: 1.0 };

/// `X` for all rows, 1.25 times as fast as the default's `Z` and 1.1 times as fast as `Y`.
fn tuned() -> Profile {
    let mut own = table(&[(None, X)]);
    let evidence = own.classes[0].evidence.as_mut().unwrap();
    (evidence.speedup_over_default, evidence.runner_up) = (1.25, Some((plan(Y), 1.1)));
    profile(vec![own])
}

fn default() -> Profile {
    profile(vec![table(&[(None, Z)])])
}

fn claims_of(profile: &Profile) -> Vec<Claim> {
    claims(&typed("p.toml"), profile, &default(), &Isa::ALL).unwrap()
}

type Times = [(&'static str, f64); 3];

/// The finding about the one class, and the number of processes that were started, if these are the times in one after the
/// other and the last ones in all that follow.
fn examined(processes: &[Times]) -> (Finding, usize) {
    let mut started = 0;
    let start = || {
        started += 1;
        Ok(Model::new(&processes[(started - 1).min(processes.len() - 1)]))
    };
    let findings = examine(&claims_of(&tuned()), EFFORT, start).unwrap();
    assert_eq!(findings.len(), 1);
    (findings[0].clone(), started)
}

fn finding(processes: &[Times]) -> Finding {
    examined(processes).0
}

const AS_CLAIMED: Times = [(X, 0.4), (Z, 0.5), (Y, 0.44)];
const GAINS_LESS: Times = [(X, 0.45), (Z, 0.5), (Y, 0.5)];
const DEFAULT_GAINED: Times = [(X, 0.4), (Z, 0.45), (Y, 0.44)];
const SLOWER: Times = [(X, 0.6), (Z, 0.5), (Y, 0.66)];
const OVERTAKEN: Times = [(X, 0.4), (Z, 0.5), (Y, 0.36)];

#[test]
fn what_holds_is_ok_on_a_machine_of_any_speed() {
    assert_eq!(finding(&[AS_CLAIMED]).verdict, Verdict::Ok);
    let slow = AS_CLAIMED.map(|(text, time)| (text, time * 3.0));
    let finding = finding(&[slow]);
    assert_eq!(finding.verdict, Verdict::Ok);
    let gain = finding.gain.unwrap();
    assert!((gain.measured - 1.25).abs() < 0.02 && gain.interval.0 <= 1.25 && 1.25 <= gain.interval.1);
}

#[test]
fn regressions_are_found_and_confirmed() {
    for times in [GAINS_LESS, SLOWER, OVERTAKEN] {
        assert_eq!(finding(&[times]).verdict, Verdict::Regressed, "{times:?}");
        for slow in 1..PROCESSES {
            let processes = [vec![times; slow], vec![AS_CLAIMED]].concat();
            assert_eq!(finding(&processes).verdict, Verdict::Inconclusive, "{times:?}");
        }
    }
    assert_eq!(finding(&[DEFAULT_GAINED]).verdict, Verdict::CaughtUp);
    let improved = [(X, 0.3), (Z, 0.5), (Y, 0.44)];
    assert_eq!(finding(&[improved]).verdict, Verdict::Improved);
}

#[test]
fn noise_is_inconclusive_not_a_regression() {
    let noisy = || Ok(Model { noise: 1.0, ..Model::new(&AS_CLAIMED) });
    let findings = examine(&claims_of(&tuned()), EFFORT, noisy).unwrap();
    assert_eq!(findings[0].verdict, Verdict::Inconclusive);
    conclude(&typed("p.toml"), &findings).unwrap();
    let error = conclude(&typed("p.toml --strict"), &findings).unwrap_err();
    assert!(error.to_string().contains("1 of 1 classes of p.toml are inconclusive") && !is_bad_input(&error));
}

#[test]
fn processes_are_started_until_they_disagree() {
    assert_eq!(examined(&[AS_CLAIMED]).1, 1);
    assert_eq!(examined(&[SLOWER, AS_CLAIMED]).1, 2);
    assert_eq!(examined(&[SLOWER, SLOWER, AS_CLAIMED]).1, 3);
    assert_eq!(examined(&[SLOWER]).1, PROCESSES);
}

#[test]
fn a_wrong_plan_is_never_timed_and_fails_the_check() {
    let model = || Ok(Model { wrong: Some(X), ..Model::new(&AS_CLAIMED) });
    let findings = examine(&claims_of(&tuned()), EFFORT, model).unwrap();
    assert_eq!((findings[0].verdict, findings[0].note.as_deref()), (Verdict::Wrong, Some("2 + 2 = 5")));
    let error = conclude(&typed("p.toml"), &findings).unwrap_err();
    assert!(error.to_string().contains("0 of 1 classes regressed, 1 are wrong") && !is_bad_input(&error));
}

#[test]
fn a_runner_up_that_is_gone_is_noted_and_the_default_must_be_there() {
    let model = || Ok(Model { absent: Some(Y), ..Model::new(&AS_CLAIMED) });
    let findings = examine(&claims_of(&tuned()), EFFORT, model).unwrap();
    assert_eq!((findings[0].verdict, findings[0].margin), (Verdict::Ok, None));
    assert_eq!(findings[0].note.as_deref(), Some("the runner-up is not raced: not compiled"));
    let model = || Ok(Model { absent: Some(Z), ..Model::new(&AS_CLAIMED) });
    let error = examine(&claims_of(&tuned()), EFFORT, model).unwrap_err().to_string();
    assert!(error.contains("the default plan `three_pass_recompute("), "{error}");
}

#[test]
fn where_the_pick_is_the_default_its_margin_is_checked() {
    let default = profile(vec![table(&[(None, X)])]);
    let claims = claims(&typed("p.toml"), &tuned(), &default, &Isa::ALL).unwrap();
    for (times, verdict) in
        [(AS_CLAIMED, Verdict::Ok), (SLOWER, Verdict::Ok), (OVERTAKEN, Verdict::Regressed)]
    {
        let findings = examine(&claims, EFFORT, || Ok(Model::new(&times))).unwrap();
        assert_eq!((findings[0].verdict, findings[0].gain), (verdict, None), "{times:?}");
        assert!(findings[0].margin.is_some());
    }
}

#[test]
fn classes_without_evidence_are_shown_and_not_raced() {
    let mut profile = tuned();
    let mut bounded = profile.tables[0].classes[0].clone();
    bounded.upper = Some(100);
    profile.tables[0].classes.insert(0, bounded);
    profile.tables[0].classes[1].evidence = None;
    let claims = claims_of(&profile);
    let findings = examine(&claims, EFFORT, || Ok(Model::new(&AS_CLAIMED))).unwrap();
    assert_eq!([findings[0].verdict, findings[1].verdict], [Verdict::Ok, Verdict::Unclaimed]);
    let run = report::Run { path: Path::new("p.toml"), profile: &profile, cpu: "A CPU", effort: "test" };
    let text = report::text(&run, &claims, &findings);
    assert!(text.ends_with("2 classes: 1 ok, 1 no evidence\n"), "{text}");
    let columns: Vec<Option<usize>> =
        text.lines().filter(|line| line.contains("two_pass a5")).map(|line| line.find(" two_pass")).collect();
    assert!(columns.len() == 2 && columns[0] == columns[1], "the columns do not line up: {text}");
    let json = report::json(&run, &claims, &findings);
    assert_eq!((&json["counts"]["ok"], &json["classes"][0]["verdict"]), (&1.into(), &"ok".into()));
    assert_eq!(json["classes"][0]["gain"]["claimed"], 1.25);
    assert_eq!(json["classes"][1]["gain"], serde_json::Value::Null);
}

/// A machine on which a batch takes other times than a row.
struct OfRows {
    single: Model,
    batch: Model,
    asked: Vec<(usize, usize)>,
}

impl Timings for OfRows {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.asked.push((request.rows, request.len));
        if request.rows == 1 { self.single.samples(request) } else { self.batch.samples(request) }
    }
}

impl Machine for OfRows {
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        self.single.find(candidate)
    }

    fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>> {
        self.single.verdict(candidate, max_ulp)
    }
}

#[test]
fn a_claim_about_batches_is_raced_on_a_batch() {
    let mut both = tuned();
    let single = both.tables[0].classes[0].clone();
    both.tables.push(batch(table(&[(Some(1000), X)])));
    both.tables[1].classes[0].evidence = Some(Evidence { len: 1000, ..single.evidence.unwrap() });
    let claims = claims_of(&both);
    assert_eq!(claims[1].to_string(), "f32 avx2, fast, out of place, batches, n=1000");
    // What the default profile has for single rows, as it says nothing of batches.
    assert_eq!(claims[1].other_default(), Some(&plan(Z)));
    let (single, batch) = (Model::new(&AS_CLAIMED), Model::new(&SLOWER));
    let mut machine = OfRows { single, batch, asked: vec![] };
    let findings = race(claims.iter(), EFFORT, &mut machine).unwrap();
    assert_eq!([findings[0].verdict, findings[1].verdict], [Verdict::Ok, Verdict::Regressed]);
    assert_eq!(machine.asked, [(1, 1 << 20), (32, 1000)]);
    let run = report::Run { path: Path::new("p.toml"), profile: &both, cpu: "A CPU", effort: "test" };
    let json = report::json(&run, &claims, &findings);
    assert_eq!([0, 1].map(|i| json["classes"][i]["rows"].clone()), ["single", "batch"]);
    for (line, count) in [("p.toml --rows batch", 1), ("p.toml --rows single", 1), ("p.toml", 2)] {
        let left = super::claims(&typed(line), &both, &default(), &Isa::ALL).unwrap();
        assert_eq!(left.len(), count, "{line}");
    }
}

#[test]
fn tables_are_chosen_by_isa_accuracy_and_this_cpu() {
    let some = |line: &str, available: &[Isa]| claims(&typed(line), &tuned(), &default(), available);
    assert_eq!(some("p.toml", &Isa::ALL).unwrap().len(), 1);
    assert_eq!(some("p.toml --isa avx2 --accuracy fast", &Isa::ALL).unwrap().len(), 1);
    for (line, available, expected) in [
        ("p.toml --isa sse2", &Isa::ALL[..], "nothing to check"),
        ("p.toml --accuracy accurate", &Isa::ALL, "nothing to check"),
        ("p.toml --rows batch", &Isa::ALL, "nothing to check"),
        ("p.toml", &[Isa::Scalar], "nothing to check"),
        ("p.toml --isa avx2", &[Isa::Scalar], "this CPU does not support avx2"),
    ] {
        let error = some(line, available).unwrap_err();
        assert!(is_bad_input(&error) && error.to_string().contains(expected), "{line}: {error}");
    }
}

#[test]
fn a_profile_of_another_model_is_refused_unless_asked_for() {
    let other = Host { model: 1, ..host() };
    require_host(&typed("p.toml"), &tuned(), &Host { stepping: 1, ..host() }).unwrap();
    require_host(&typed("p.toml --any-host"), &tuned(), &other).unwrap();
    let error = require_host(&typed("p.toml"), &tuned(), &other).unwrap_err();
    let expected = "p.toml was tuned on A CPU (GenuineIntel family 6 model 85) and this is A CPU (GenuineIntel family \
                    6 model 1): check it there, or pass --any-host";
    assert!(is_bad_input(&error));
    assert_eq!(error.to_string(), expected);
}

#[test]
fn whatever_a_profile_says_it_can_be_checked_or_is_bad_input() {
    let default = project::default_profile().unwrap();
    let (mut claimed, mut refused) = (0, 0);
    for profile in damaged_profiles() {
        match claims(&typed("p.toml"), &profile, &default, &Isa::ALL) {
            Ok(claims) => claimed += claims.len(),
            Err(error) => {
                assert!(is_bad_input(&error) && error.to_string().starts_with("p.toml"), "{error:#}");
                refused += 1;
            }
        }
    }
    assert!(claimed > 0 && refused > 0, "{claimed} claims, {refused} profiles refused");
}
