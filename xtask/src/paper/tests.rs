//! All experiments on a model of a machine, of which it is known what must come out.

use super::model::{BEST_UNROLL, Model, TOGETHER};
use super::verdict::{Claim, Verdict};
use super::*;
use crate::flags::typed;
use serde_json::Value;
use softmax_spec::{Algorithm, Pass};
use std::time::Duration;

const ABSENT: &str = "this CPU does not support avx512";

fn host() -> Host {
    Host { vendor: "GenuineIntel".to_owned(), family: 6, model: 85, cores: 2, ..host::host() }
}

/// Bytes of the last cache, as the model of a CPU says.
const LAST_CACHE: u64 = 4 << 20;

/// Everything that is found on AVX2 within the budget, also if the machine dies.
fn found(model: &mut Model, budget: Duration, cores: usize, bound: usize) -> (Vec<Finding>, Result<()>) {
    let grid = project::grid().unwrap().variants;
    let effort = Effort { longest: bound, ..Effort::new(flags::Effort::Quick) };
    let progress = Progress::silent();
    let clock = Clock::new(model.time.clone(), budget, experiments::weight(1));
    let lab = Lab { machine: model, clock, progress: &progress, effort };
    let bound = Bound::new(effort.longest, None, LAST_CACHE);
    let mut experiments = Experiments { lab, grid: &grid, lengths: &[], cores, bound };
    let mut findings = Vec::new();
    let done = experiments.run(&[Isa::Avx2], &mut |finding| {
        findings.push(finding);
        Ok(())
    });
    (findings, done)
}

fn all(model: &mut Model) -> Vec<Finding> {
    let (findings, done) = found(model, Duration::from_secs(60), 2, 1 << 24);
    done.unwrap();
    findings
}

fn claims(findings: &[Finding]) -> Vec<Claim> {
    let absent = [absent()];
    Evidence { findings, host: &host(), isas: &[Isa::Avx2], absent: &absent }.claims()
}

fn absent() -> Absent {
    Absent { isa: Isa::Avx512, reason: ABSENT.to_owned() }
}

fn verdict(claims: &[Claim], isa: Isa, id: &str) -> Verdict {
    let claim = claims.iter().find(|claim| claim.id == id && claim.isa == Some(isa));
    claim.unwrap_or_else(|| panic!("no claim {id}")).verdict.clone()
}

#[test]
fn what_is_planted_is_found_and_judged() {
    let mut model = Model::new();
    let findings = all(&mut model);

    let ground = findings.iter().find_map(Finding::ground).unwrap();
    assert_eq!((ground.caches.levels.len(), ground.longest, &ground.limit), (3, 1 << 23, &None));
    for winner in findings.iter().filter_map(Finding::winner).filter(|winner| winner.len < 1 << 20) {
        let is_computing = !matches!(winner.variant.pass, Pass::Max | Pass::Scale);
        assert!(!is_computing || winner.variant.tile.unroll == BEST_UNROLL, "{winner:?}");
    }
    let contests: Vec<_> = findings.iter().filter_map(Finding::contest).collect();
    let fastest: Vec<Algorithm> = contests.iter().map(|contest| contest.fastest()).collect();
    let reload = Algorithm::ThreePassReload;
    assert_eq!(fastest, [reload, reload, reload, Algorithm::TwoPass, Algorithm::TwoPass]);
    let scaling = findings.iter().find_map(Finding::scaling).unwrap();
    assert!(scaling.speed.iter().all(|speed| speed.low < TOGETHER * 1.02 && TOGETHER * 0.98 < speed.high));

    let claims = claims(&findings);
    for (id, expected) in [
        ("ahead_out_of_cache", Verdict::Agrees),
        // (0.35 + 0.35 + 1.05) / (0.42 + 1.05) = 1.19
        ("largest_gain", Verdict::Agrees),
        ("reload_in_cache", Verdict::Agrees),
        ("three_pass_bandwidth", Verdict::Agrees),
        // 0.35 / 0.42
        ("two_pass_bandwidth", Verdict::Disagrees),
        ("movers_bandwidth", Verdict::Agrees),
        ("tiles", Verdict::Agrees),
        ("core", Verdict::Agrees),
    ] {
        assert_eq!(verdict(&claims, Isa::Avx2, id), expected, "{id}");
        assert_eq!(verdict(&claims, Isa::Avx512, id), Verdict::Untested(ABSENT.to_owned()));
    }
    assert_eq!(claims[0].verdict, Verdict::Agrees);
}

#[test]
fn noise_leaves_claims_untested_rather_than_wrong() {
    let mut model = Model { noise: 1.0, ..Model::new() };
    let claims = claims(&all(&mut model));
    let unsure = ["ahead_out_of_cache", "movers_bandwidth"].map(|id| verdict(&claims, Isa::Avx2, id));
    assert!(
        unsure.iter().all(|verdict| matches!(verdict, Verdict::Untested(_) | Verdict::Agrees)),
        "{unsure:?}"
    );
    assert!(unsure.iter().any(|verdict| matches!(verdict, Verdict::Untested(_))), "{unsure:?}");
}

#[test]
fn budgets_are_kept_and_what_there_is_no_time_for_is_untested() {
    for seconds in [3, 8, 20, 60] {
        let mut model = Model::new();
        let budget = Duration::from_secs(seconds);
        let (findings, done) = found(&mut model, budget, 2, 1 << 24);
        done.unwrap();
        assert!(model.time.now() <= budget.mul_f64(1.1), "{seconds} s: {:?}", model.time.now());
        assert_eq!(claims(&findings).len(), 17);
    }
    let (findings, done) = found(&mut Model::new(), Duration::from_millis(20), 2, 1 << 24);
    assert!(done.unwrap_err().to_string().contains("raise --budget"));
    assert!(matches!(verdict(&claims(&findings), Isa::Avx2, "tiles"), Verdict::Untested(_)));
}

#[test]
fn rows_that_must_be_short_say_nothing_about_memory() {
    let (findings, done) = found(&mut Model::new(), Duration::from_secs(60), 2, 1 << 18);
    done.unwrap();
    let ground = findings.iter().find_map(Finding::ground).unwrap();
    let limit = ground.limit.as_ref().unwrap();
    assert!(limit.contains("no memory is seen") && limit.contains("--effort"), "{limit}");
    assert!(findings.iter().all(|finding| finding.bandwidth().is_none() && finding.scaling().is_none()));
    let claims = claims(&findings);
    assert!(matches!(verdict(&claims, Isa::Avx2, "ahead_out_of_cache"), Verdict::Untested(_)));
    assert_eq!(verdict(&claims, Isa::Avx2, "reload_in_cache"), Verdict::Agrees);
}

#[test]
fn a_wrong_kernel_is_never_timed_and_one_core_does_not_scale() {
    let mut model = Model { wrong: "f32_store_exp__avx2_p5_u48", ..Model::new() };
    let (findings, done) = found(&mut model, Duration::from_secs(60), 1, 1 << 24);
    done.unwrap();
    let timed = model.timed.iter().flat_map(|request| &request.candidates);
    assert!(timed.clone().count() > 100);
    assert!(timed.into_iter().all(|candidate| !candidate.contains("store_exp__avx2_p5_u48,")));
    assert!(findings.iter().all(|finding| finding.scaling().is_none()));
}

#[test]
fn what_was_found_before_the_machine_died_is_there() {
    let whole = all(&mut Model::new()).len();
    let mut model = Model::new();
    all(&mut model);
    let mut dying = Model { dies_at: model.timed.len() - 1, ..Model::new() };
    let (findings, done) = found(&mut dying, Duration::from_secs(60), 2, 1 << 24);
    assert_eq!(done.unwrap_err().to_string(), "gone");
    assert!(findings.len() < whole && findings.iter().any(|finding| finding.bandwidth().is_some()));
}

#[test]
fn every_table_lines_up() {
    let findings = all(&mut Model::new());
    let text = report::findings(&findings, &host(), &[Isa::Avx2]);
    let sections: Vec<&str> = text.split("\n\n").filter(|section| !section.trim().is_empty()).collect();
    let titles: Vec<&str> = sections.iter().filter_map(|section| section.trim().lines().next()).collect();
    assert_eq!(
        titles,
        [
            "caches",
            "avx2: tiles",
            "avx2: algorithms, one thread",
            "avx2: passes out of cache, n=8m",
            "avx2: weak scaling"
        ]
    );
    // The last column is of numbers, so lines that belong to it end where it ends.
    for section in &sections[2..] {
        let lines: Vec<&str> = section.trim_start_matches('\n').lines().collect();
        let width = lines[1].chars().count();
        let rows = lines[2..].iter().take_while(|line| line.starts_with(' '));
        assert!(rows.clone().count() > 0, "{section}");
        rows.for_each(|row| assert_eq!(row.chars().count(), width, "{section}"));
    }
    let claims = claims(&findings);
    let text = report::claims(&claims, &[absent()]);
    let verdicts: Vec<usize> =
        text.lines().filter_map(|line| line.find(" agrees ").or(line.find(" disagrees "))).collect();
    assert!(verdicts.len() == 9 && verdicts.iter().all(|at| *at == verdicts[0]), "{text}");
    assert!(text.contains("avx512: 8 claims are untested: this CPU does not support avx512\n"), "{text}");
    assert!(text.ends_with("of 17 claims 8 agree, 1 disagree, 8 are untested\n\n"), "{text}");
    let losses = report::losses(&findings, Isa::Avx2).unwrap();
    assert!(losses.starts_with("avx2: Two-Pass loses in L1 (n=2k, up to 1."), "{losses}");
}

#[test]
fn every_json_line_is_one_line_with_a_kind() {
    let findings = all(&mut Model::new());
    let claims = claims(&findings);
    let lines = findings.iter().map(Finding::json).chain(claims.iter().map(Claim::json));
    let mut kinds: Vec<String> = Vec::new();
    for line in lines {
        let text = line.to_string();
        assert!(!text.contains('\n'));
        let read: Value = serde_json::from_str(&text).unwrap();
        kinds.push(read["kind"].as_str().unwrap().to_owned());
        // Of a number that is none, JSON makes null.
        assert!(!text.contains("\"median\":null") && !text.contains("[null"), "{text}");
    }
    kinds.dedup();
    assert_eq!(kinds, ["caches", "tile", "core", "algorithms", "bandwidth", "scaling", "claim"]);
}

#[test]
fn the_papers_isas_are_measured_as_far_as_they_are_here() {
    let chosen = |line: &str, available: &[Isa]| {
        let (isas, absent) = isas(&typed(line), available).unwrap();
        (
            isas,
            absent.into_iter().map(|Absent { isa, reason }| format!("{isa}: {reason}")).collect::<Vec<_>>(),
        )
    };
    let avx512 = "avx512: this CPU does not support avx512".to_owned();
    assert_eq!(chosen("", &Isa::ALL), (vec![Isa::Avx2, Isa::Avx512], vec![]));
    assert_eq!(chosen("", &Isa::ALL[..3]), (vec![Isa::Avx2], vec![avx512.clone()]));
    let left_out = "avx2: --isa leaves it out".to_owned();
    assert_eq!(chosen("--isa avx512", &Isa::ALL), (vec![Isa::Avx512], vec![left_out]));
    let avx2 = "avx2: this CPU does not support avx2".to_owned();
    assert_eq!(chosen("", &Isa::ALL[..2]), (vec![Isa::Sse2], vec![avx2, avx512]));
    let error = isas(&typed("--isa avx512"), &Isa::ALL[..3]).unwrap_err().to_string();
    assert_eq!(error, "this CPU does not support avx512, it has scalar, sse2, avx2");
}
