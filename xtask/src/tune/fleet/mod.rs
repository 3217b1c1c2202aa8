//! A fleet of 200 synthetic CPUs, 40 models of five machines each, tuned by the real search. Their best plans are known, so
//! that what a profile loses is: its *regret*, the time of its plan over that of the best plan, at lengths that were
//! tuned and at lengths between.
//!
//! `cargo test --release -p xtask fleet -- --nocapture` prints the regret of a machine's own profile, and of what it gets without
//! one: the profile merged from the other machines of its model, that of another model with the same L2 cache, the default.

mod cpu;

use super::clock::{Clock, Time};
use super::effort::Effort;
use super::gate::{Gate, Oracle};
use super::known::Known;
use super::progress::Progress;
use super::race::Row;
use super::search::Search;
use super::weight::{takes, weight};
use crate::measuring::Timings;
use crate::profiles::TIE;
use crate::{flags, merge, project};
use anyhow::Result;
use cpu::{Cpu, Random};
use softmax_bench::protocol::{Candidate, TimeRequest};
use softmax_spec::profile::{Origin, Profile, Situation};
use softmax_spec::{Accuracy, Element, Enumeration, Isa, PassVariant, Rows, fingerprint};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

const MODELS: u32 = 40;
const MACHINES: u32 = 5;

/// Lengths that are tuned, from the first cache to memory.
const TUNED: [usize; 6] = [1 << 6, 1 << 10, 1 << 13, 1 << 16, 1 << 20, 1 << 24];
/// Lengths at which regret is taken: those, and some between.
const JUDGED: [usize; 10] = [1 << 6, 300, 1 << 10, 3000, 1 << 13, 20_000, 1 << 16, 300_000, 1 << 20, 1 << 24];

/// A machine with a synthetic CPU, whose timings are noisy as real ones are.
struct Machine<'a> {
    cpu: &'a Cpu,
    time: Time,
    random: Random,
    /// Where memory lies for a process makes candidates slower or faster for as long as it lives.
    placement: HashMap<Candidate, f64>,
    /// Times without noise.
    known: HashMap<(Candidate, Row), f64>,
}

/// Relative noise of a sample, uniform; one of so many is an outlier.
const NOISE: f64 = 0.03;
const OUTLIERS: f64 = 0.05;
/// One candidate in so many is badly placed, and by how much it is slower.
const PLACED_BADLY: f64 = 0.05;
const BAD_PLACE: f64 = 1.05;

impl<'a> Machine<'a> {
    fn new(cpu: &'a Cpu, seed: u64) -> Machine<'a> {
        let (placement, known) = (HashMap::new(), HashMap::new());
        Machine { cpu, time: Time::default(), random: Random(seed), placement, known }
    }

    fn sample(&mut self, candidate: &Candidate, row: Row) -> f64 {
        let key = (candidate.clone(), row);
        let truth = *self.known.entry(key).or_insert_with(|| self.cpu.time(candidate, row));
        let random = &mut self.random;
        let place = *self
            .placement
            .entry(candidate.clone())
            .or_insert_with(|| if random.uniform() < PLACED_BADLY { BAD_PLACE } else { 1.0 });
        let outlier = if random.uniform() < OUTLIERS { random.between(1.2, 5.0) } else { 1.0 };
        truth * place * outlier * (1.0 + NOISE * random.uniform())
    }
}

impl Timings for Machine<'_> {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        let rows = Rows::of(request.rows);
        let row = Row { len: request.len, in_place: request.in_place, rows };
        let mut samples = vec![Vec::new(); request.candidates.len()];
        for _ in 0..request.rounds {
            for (candidate, samples) in request.candidates.iter().zip(&mut samples) {
                let ns = self.sample(candidate, row);
                self.time.pass(Duration::from_secs_f64(
                    (ns * row.elements() as f64 * 1e-9).max(request.sample_us * 1e-6),
                ));
                samples.push(ns);
            }
        }
        Ok(samples)
    }

    fn anew(&mut self) {
        self.placement.clear();
    }
}

impl Oracle for Machine<'_> {
    fn failure(&mut self, _: &Candidate, _: Option<u32>) -> Result<Option<String>> {
        Ok(None)
    }
}

/// The profile that `tune --effort quick` makes of a machine.
fn tune(cpu: &Cpu, grid: &Enumeration, default: &Profile) -> Profile {
    let mut machine = Machine::new(cpu, fingerprint(format!("{:?}", cpu.host).into_bytes()));
    let effort = Effort::new(flags::Effort::Quick);
    let mut clock = Clock::new(machine.time.clone(), effort.budget, weight(&TUNED, &Rows::ALL));
    let tables = Search {
        machine: &mut machine,
        effort: &effort,
        clock: &mut clock,
        progress: &Progress::silent(),
        gate: &mut Gate::default(),
        default,
        isa: Isa::Avx2,
        accuracies: &[Accuracy::Fast],
        rows: &Rows::ALL,
        variants: variants(grid),
        known: Known::default(),
    }
    .run(&TUNED)
    .expect("a synthetic machine answers");
    let origin = Origin {
        rustc: "rustc".to_owned(),
        grid_hash: grid.hash(),
        grid_variants: grid.variants.len(),
        effort: effort.name.to_owned(),
        budget_seconds: None,
        seconds: 1.0,
        complete: None,
        samples: None,
    };
    Profile { name: cpu.host.brand.clone(), host: Some(cpu.host.clone()), origin: Some(origin), tables }
}

fn variants(grid: &Enumeration) -> Vec<PassVariant> {
    grid.variants.iter().filter(|variant| variant.isa == Isa::Avx2).copied().collect()
}

/// What somebody without a profile of their own machine gets, the best first, and beside it that profile.
const RUNGS: [&str; 4] = ["its own profile", "merged of its model", "another model, same L2", "default"];

/// Regrets of one rung, over all machines, lengths, in place and not, alone and in batches.
struct Regrets(Vec<f64>);

impl Regrets {
    fn quantile(&self, quantile: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * quantile).round() as usize]
    }
}

/// The time of each of the profile's plans over that of the best plan.
fn regrets(cpu: &Cpu, profile: &Profile, variants: &[PassVariant], rows: Rows) -> Vec<f64> {
    let lengths = JUDGED.into_iter().filter(|&len| takes(rows, len));
    let all = lengths.flat_map(|len| [false, true].map(|in_place| Row { len, in_place, rows }));
    let regret = |row: Row| {
        let situation = Situation {
            isa: Isa::Avx2,
            element: Element::F32,
            accuracy: Accuracy::Fast,
            in_place: row.in_place,
            rows,
            threads: 1,
        };
        cpu.plan(&profile.plan(situation, row.len), row) / cpu.least(variants, Accuracy::Fast, row)
    };
    all.map(regret).collect()
}

/// One profile of several, as `merge` makes it.
fn merged(profiles: &[&Profile], grid: &Enumeration) -> Profile {
    let inputs: Vec<(PathBuf, Profile)> =
        profiles.iter().map(|&profile| (PathBuf::from("p.toml"), profile.clone())).collect();
    merge::merge(&inputs, grid.hash(), None).0
}

/// `of` every item, on all cores, in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(cores);
    std::thread::scope(|scope| {
        let of = &of;
        let run = |chunk| scope.spawn(move || <[T]>::iter(chunk).map(of).collect::<Vec<R>>());
        let threads: Vec<_> = items.chunks(share).map(run).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn a_fleet_loses_little_with_profiles_of_its_models_and_more_with_every_rung_below() {
    let (grid, default) = (project::grid().unwrap(), project::default_profile().unwrap());
    let variants = variants(&grid);
    let models: Vec<Cpu> = (0..MODELS).map(Cpu::model).collect();
    let fleet: Vec<Cpu> =
        models.iter().flat_map(|model| (0..MACHINES).map(|number| model.machine(number))).collect();
    let own = in_parallel(&fleet, |cpu| tune(cpu, &grid, &default));
    let of_model: Vec<Profile> =
        own.chunks(MACHINES as usize).map(|own| merged(&own.iter().collect::<Vec<_>>(), &grid)).collect();
    let numbered: Vec<(usize, &Cpu)> = fleet.iter().enumerate().collect();
    let rungs = in_parallel(&numbered, |&(i, cpu)| {
        let model = i / MACHINES as usize;
        let others = (model * MACHINES as usize..).take(MACHINES as usize).filter(|&other| other != i);
        let others = merged(&others.map(|other| &own[other]).collect::<Vec<_>>(), &grid);
        let alike = |other: &usize| *other != model && models[*other].host.l2_kib == cpu.host.l2_kib;
        let cache_class = &of_model[(0..models.len()).find(alike).expect("another model")];
        let profiles = [&own[i], &others, cache_class, &default];
        Rows::ALL.map(|rows| profiles.map(|profile| regrets(cpu, profile, &variants, rows)))
    });
    for rows in Rows::ALL {
        let of_rung = |rung: usize| {
            let of_rows = rungs.iter().map(|of_cpu| &of_cpu[rows as usize][rung]);
            let mut all: Vec<f64> = of_rows.flatten().copied().collect();
            all.sort_by(f64::total_cmp);
            Regrets(all)
        };
        let rungs: Vec<Regrets> = (0..RUNGS.len()).map(of_rung).collect();
        print(rows, &rungs);
        check(rows, &rungs);
    }
}

// Its reader is who asked for it with --nocapture.
#[allow(clippy::print_stdout)]
fn print(rows: Rows, rungs: &[Regrets]) {
    println!("{:<24} {:>8} {:>8} {:>8}", format!("regret, {rows}"), "median", "95 %", "worst");
    for (name, regrets) in RUNGS.iter().zip(rungs) {
        let percent = |quantile| format!("{:.1} %", (regrets.quantile(quantile) - 1.0) * 100.0);
        println!("{name:<24} {:>8} {:>8} {:>8}", percent(0.5), percent(0.95), percent(1.0));
    }
}

fn check(rows: Rows, rungs: &[Regrets]) {
    assert!(rungs.iter().all(|regrets| regrets.quantile(0.0) >= 1.0 - 1e-12), "a plan beat the best one");
    // Its own profile and that of its model are as good as each other: what one search missed others found.
    for quantile in [0.5, 0.95] {
        let of: Vec<f64> = rungs.iter().map(|regrets| regrets.quantile(quantile)).collect();
        assert!(of[0] <= of[2] && of[1] <= of[2], "{rows}");
        // The batches of one model say little about those of another, and the default's plans for short rows are good ones: half of
        // the single rows are about as well off with either.
        assert!(rows == Rows::Batch || of[2] <= of[3] * TIE, "{rows}");
    }
    assert!(rungs[..2].iter().all(|regrets| regrets.quantile(0.5) < TIE && regrets.quantile(0.95) < 1.1));
}
