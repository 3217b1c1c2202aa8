//! Searches on a machine whose timings have the troubles of real ones: noise, drift, two modes, outliers, and other processes
//! on its core. The best plans are known, so that what the search concludes can be compared, and so can what it says about
//! how sure that is.

use super::clock::Clock;
use super::control;
use super::effort::Effort;
use super::gate::{Gate, Oracle};
use super::journal::{Codes, Journal, Journaled, tests::header};
use super::known::Known;
use super::model::Model;
use super::progress::Progress;
use super::search::Search;
use super::weight::weight;
use crate::measuring::contention::Tally;
use crate::measuring::statistics::{next, uniform};
use crate::measuring::{Measured, Timings};
use crate::{flags, project};
use anyhow::Result;
use softmax_bench::protocol::{Candidate, Contention, TimeRequest};
use softmax_spec::profile::{Evidence, Profile, SampleCounts, Table};
use softmax_spec::{Accuracy, Algorithm, Isa, Rows, fingerprint};
use std::path::Path;
use std::time::Duration;

/// In the cache twice and beyond it.
const SIZES: [usize; 3] = [1 << 10, 1 << 14, 1 << 22];
const ROWS: [Rows; 1] = [Rows::Single];
const PLENTY: Duration = Duration::from_secs(3600);

/// What is wrong with a machine, beside the 1 % of noise and the outliers of every [`Model`].
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Nothing,
    /// Samples are longer by up to this share.
    Noise(f64),
    /// Every round of a race is slower by this share.
    Drift(f64),
    /// Half of the candidates take so many times as long, for a batch of rounds.
    Modes(f64),
    /// This share of samples takes twenty times as long.
    Outliers(f64),
    /// This share of samples takes three times as long, and the machine tells that others did it.
    Contention(f64),
}

impl Trouble {
    /// By how much a sample is longer, and whether the machine tells that it is.
    fn strike(self, random: &mut u64, round: usize, is_slow: bool) -> (f64, bool) {
        let mut strikes = |share: f64| uniform(random) < share;
        match self {
            Trouble::Nothing => (1.0, false),
            Trouble::Drift(share) => (1.0 + share * round as f64, false),
            Trouble::Modes(times) => (if is_slow { times } else { 1.0 }, false),
            Trouble::Outliers(share) => (if strikes(share) { 20.0 } else { 1.0 }, false),
            Trouble::Contention(share) => {
                if strikes(share) {
                    (3.0, true)
                } else {
                    (1.0, false)
                }
            }
            Trouble::Noise(share) => (1.0 + share * uniform(random), false),
        }
    }
}

/// A model in trouble.
struct Troubled {
    model: Model,
    trouble: Trouble,
    /// `None` if what happens depends on the question alone, so that a search may be killed and go on.
    random: Option<u64>,
}

impl Troubled {
    fn new(trouble: Trouble) -> Troubled {
        Troubled { model: Model::new(3), trouble, random: Some(6) }
    }
}

impl Timings for Troubled {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.measured(request).map(|measured| measured.samples)
    }

    fn measured(&mut self, request: &TimeRequest) -> Result<Measured> {
        self.model.seed = self.random.as_mut().map_or(self.model.seed, next);
        let mut samples = self.model.samples(request)?;
        let mut random = self.model.seed ^ fingerprint(format!("trouble {request:?}").into_bytes());
        let mut contended = Vec::new();
        for (candidate, samples) in samples.iter_mut().enumerate() {
            let is_slow = uniform(&mut random) < 0.5;
            for (round, sample) in samples.iter_mut().enumerate() {
                let (times, is_contended) = self.trouble.strike(&mut random, round, is_slow);
                *sample *= times;
                contended.extend(is_contended.then_some((candidate, round)));
            }
        }
        let retaken = 3 * contended.len();
        Ok(Measured { samples, contention: Some(Contention { retaken, contended, set_aside_us: 0 }) })
    }
}

impl Oracle for Troubled {
    fn failure(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Option<String>> {
        self.model.failure(candidate, max_ulp)
    }
}

/// What a search came to.
#[derive(Debug, PartialEq)]
struct Found {
    profile: Profile,
    is_complete: bool,
}

impl Found {
    fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        let classes = self.profile.tables.iter().flat_map(|table| &table.classes);
        classes.map(|class| class.evidence.as_ref().expect("every class was measured"))
    }

    fn noise(&self) -> impl Iterator<Item = f64> {
        self.evidence().map(|evidence| evidence.trust.as_ref().expect("every class has a control").noise)
    }

    fn doubts(&self) -> Option<String> {
        control::doubts(&self.profile, &nothing(vec![]))
    }
}

/// A profile that says where there is no other what the library falls back to.
fn nothing(tables: Vec<Table>) -> Profile {
    Profile { name: "p".to_owned(), host: None, origin: None, tables }
}

fn search(machine: &mut (impl Timings + Oracle), mut clock: Clock) -> Result<Found> {
    let mut variants = project::grid()?.variants;
    variants.retain(|variant| variant.isa == Isa::Avx2);
    let tables = Search {
        machine,
        effort: &Effort::new(flags::Effort::Quick),
        clock: &mut clock,
        progress: &Progress::silent(),
        gate: &mut Gate::default(),
        default: &nothing(vec![]),
        isa: Isa::Avx2,
        accuracies: &[Accuracy::Fast],
        rows: &ROWS,
        variants,
        known: Known::default(),
    }
    .run(&SIZES)?;
    Ok(Found { profile: nothing(tables), is_complete: clock.is_complete() })
}

fn found(trouble: Trouble, budget: Duration) -> Found {
    found_by(Troubled::new(trouble), budget)
}

fn found_by(mut machine: Troubled, budget: Duration) -> Found {
    let clock = Clock::new(machine.model.time.clone(), budget, weight(&SIZES, &ROWS));
    search(&mut machine, clock).unwrap()
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Nothing,
    Trouble::Noise(0.1),
    Trouble::Drift(0.02),
    Trouble::Modes(1.05),
    Trouble::Outliers(0.1),
    Trouble::Contention(0.1),
];

#[test]
fn no_trouble_changes_what_is_best() {
    for trouble in TROUBLES {
        let found = found(trouble, PLENTY);
        assert!(found.is_complete, "{trouble:?}");
        for table in &found.profile.tables {
            let best = SIZES.map(|len| table.class(len).unwrap().plan.algorithm());
            let [reload, two_pass] = [Algorithm::ThreePassReload, Algorithm::TwoPass];
            assert_eq!(best, [reload, reload, two_pass], "{trouble:?}");
        }
    }
}

#[test]
fn intervals_hold_the_true_margins() {
    // But where a mode lasts for many rounds, which are then no samples of their own; that is for the control to show.
    for trouble in TROUBLES.into_iter().filter(|trouble| !matches!(trouble, Trouble::Modes(_))) {
        let (mut all, mut held) = (0, 0);
        let several = several(trouble);
        for class in several.iter().flat_map(|found| &found.profile.tables).flat_map(|table| &table.classes) {
            let evidence = class.evidence.as_ref().unwrap();
            let trust = evidence.trust.as_ref().unwrap();
            let (runner_up, _) = evidence.runner_up.as_ref().unwrap();
            let time = |text: String| Model::new(0).truth(&text, 1, evidence.len);
            let truth = time(runner_up.to_string()) / time(class.plan.to_string());
            let (low, high) = trust.runner_up_interval.unwrap();
            all += 1;
            held += usize::from(low <= truth && truth <= high);
        }
        // Of the pick it is known that it did well.
        assert!(all >= 40 && held * 20 >= all * 17, "{trouble:?}: {held} of {all}");
    }
}

/// Searches that are disturbed at other times.
fn several(trouble: Trouble) -> Vec<Found> {
    let with = |random| found_by(Troubled { random: Some(random), ..Troubled::new(trouble) }, PLENTY);
    (6..16).map(with).collect()
}

/// The share of classes, of several searches, of which the control says that they are noisy. One of twenty may be by chance: it is the
/// end of a 95 % interval.
fn noisy(trouble: Trouble) -> f64 {
    let noise: Vec<f64> = several(trouble).iter().flat_map(Found::noise).collect();
    noise.iter().filter(|noise| **noise > 0.03).count() as f64 / noise.len() as f64
}

#[test]
fn the_control_tells_noise_and_modes_from_drift_and_outliers() {
    for (trouble, expected) in [
        (Trouble::Nothing, 0.0..=0.0),
        (Trouble::Drift(0.02), 0.0..=0.0),
        (Trouble::Outliers(0.1), 0.0..=0.15),
        (Trouble::Contention(0.1), 0.0..=0.1),
        (Trouble::Noise(0.5), 0.9..=1.0),
        // Two equal plans have the same mode in half of the batches, of which a race has a few.
        (Trouble::Modes(1.5), 0.5..=1.0),
    ] {
        let share = noisy(trouble);
        assert!(expected.contains(&share), "{trouble:?}: {share}");
    }
}

#[test]
fn margins_are_doubtful_where_the_machine_is() {
    assert_eq!(found(Trouble::Nothing, PLENTY).doubts(), None);
    let doubts = found(Trouble::Noise(2.0), PLENTY).doubts().expect("samples of up to three times as long");
    assert!(doubts.contains("f32 avx2, fast, ") && doubts.contains("noise"), "{doubts}");
}

#[test]
fn contended_samples_are_counted_and_their_share_is_in_the_evidence() {
    for (trouble, expected) in [(Trouble::Nothing, 0.0..1e-9), (Trouble::Contention(0.1), 0.02..0.2)] {
        for evidence in found(trouble, PLENTY).evidence() {
            let contended = evidence.trust.as_ref().unwrap().contended.expect("this machine tells");
            assert!(expected.contains(&contended), "{trouble:?}: {contended}");
        }
    }
    let mut silent = Model::new(3);
    let clock = Clock::new(silent.time.clone(), PLENTY, weight(&SIZES, &ROWS));
    let found = search(&mut silent, clock).unwrap();
    assert!(found.evidence().all(|evidence| evidence.trust.as_ref().unwrap().contended.is_none()));
}

#[test]
fn a_search_that_its_budget_ends_is_not_complete() {
    assert!(!found(Trouble::Nothing, Duration::from_millis(500)).is_complete);
}

/// Goes on with a journal, until the machine dies at a question.
fn go_on(journal: &Path, dies_at: usize) -> Result<(Found, Tally)> {
    let mut codes = Codes::default();
    let opened = Journal::resume(journal, header("rustc 1"), &mut codes)?;
    let mut machine = Troubled::new(Trouble::Contention(0.1));
    (machine.model.dies_at, machine.random) = (dies_at, None);
    let wall = machine.model.time.clone();
    let mut machine = Journaled::new(&mut machine, opened, codes, Box::new(move || wall.now()));
    let clock = Clock::new(machine.time(), PLENTY, weight(&SIZES, &ROWS));
    let found = search(&mut machine, clock)?;
    Ok((found, machine.tally()))
}

#[test]
fn a_search_that_goes_on_knows_what_was_contended_before() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| dir.path().join(name));
    let undisturbed = go_on(&whole, usize::MAX).unwrap();
    let SampleCounts { taken, retaken, contended } = undisturbed.1.counts().unwrap();
    assert!(retaken == 3 * contended && (contended as f64 / taken as f64 - 0.1).abs() < 0.02);
    for dies_at in [300, 200] {
        assert_eq!(go_on(&killed, dies_at).unwrap_err().to_string(), "killed");
    }
    assert_eq!(go_on(&killed, usize::MAX).unwrap(), undisturbed);
    assert_eq!(go_on(&killed, 0).unwrap(), undisturbed, "nothing is asked again");
}
