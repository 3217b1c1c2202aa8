//! `cargo bench -p softmax-bench`: an untuned plan per algorithm and one variant per pass on this CPU's best ISA,
//! beside the references and rten-vecmath, from L1 to memory; about two minutes.
//!
//! For a look at one thing: `cargo bench -p softmax-bench -- 'plans/.*/4096'`. Comparing many variants is the
//! tuner's work (`cargo xtask tune`), which interleaves them; criterion runs them one after the other.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use softmax_bench::candidate::Candidate;
use softmax_bench::timer::Bench;
use softmax_bench::{affinity, catalogue, emulator, protocol};
use softmax_spec::{Algorithm, Isa};
use std::time::Duration;

const PLAN_LENGTHS: [usize; 10] = [64, 256, 1024, 4096, 16384, 65536, 1 << 18, 1 << 20, 1 << 22, 1 << 24];
const PASS_LENGTHS: [usize; 3] = [1024, 16384, 1 << 22];

fn main() {
    if let Some(emulator) = emulator::detect() {
        eprintln!("error: this runs under {emulator}, where times mean nothing: bench on a CPU");
        std::process::exit(1);
    }
    affinity::Pin::to_current_core();
    let Some(isa) = catalogue::best_isa() else {
        eprintln!("no variant is compiled for this CPU");
        return;
    };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args();
    plans(&mut criterion, isa);
    passes(&mut criterion, isa);
    criterion.final_summary();
}

/// A plan per algorithm, and what to compare it with.
fn plans(criterion: &mut Criterion, isa: Isa) {
    let ours = Algorithm::ALL
        .into_iter()
        .filter_map(|algorithm| Some((algorithm.id().to_owned(), catalogue::typical_plan(algorithm, isa)?)));
    let others = [protocol::RTEN, protocol::MEMCPY, protocol::READ_SUM, protocol::SCALE_LOOP];
    let others = others.map(|name| (name.replace(':', "_"), name.to_owned()));
    let named: Vec<(String, String)> = ours.chain(others).collect();
    group(criterion, "plans", &named, &PLAN_LENGTHS);
}

/// One variant per pass.
fn passes(criterion: &mut Criterion, isa: Isa) {
    let named: Vec<(String, String)> =
        catalogue::typical_passes(isa).map(|row| (row.id.to_owned(), row.id.to_owned())).collect();
    group(criterion, "passes", &named, &PASS_LENGTHS);
}

/// Benches candidates, given with their display names, at every length.
fn group(criterion: &mut Criterion, name: &str, named: &[(String, String)], lengths: &[usize]) {
    let runs = |(shown, text): &(String, String)| match text.parse() {
        Ok(candidate) => Some((shown.clone(), candidate)),
        Err(error) => {
            eprintln!("{name}/{shown} left out: {error}");
            None
        }
    };
    let candidates: Vec<(String, Candidate)> = named.iter().filter_map(runs).collect();
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    for &len in lengths {
        group.throughput(Throughput::Elements(len as u64));
        // Made by the first bench that the filter selects; criterion calls the closure once per sample.
        let mut rows = None;
        for (shown, candidate) in &candidates {
            group.bench_function(BenchmarkId::new(shown, len), |bencher| {
                let rows = rows.get_or_insert_with(|| {
                    let candidates = candidates.iter().map(|(_, candidate)| candidate);
                    Bench::of(candidates, 1, len, false).expect("these lengths fit memory")
                });
                bencher.iter_custom(|calls| rows.sample(candidate, calls).expect("rows of one length"));
            });
        }
    }
    group.finish();
}
