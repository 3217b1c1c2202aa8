//! Unroll and accumulators of every pass, tuned on this machine as the paper did on each of its own: in cache and out of it.

use super::caches::Place;
use super::estimate::Estimate;
use super::lab::{Lab, Race};
use super::published::{EXP, PASSES, TUNED};
use crate::compare::{Machine, Shape};
use crate::length::Length;
use crate::measuring::cost::CALIBRATION;
use crate::measuring::statistics::median;
use crate::tune::race::{Entry, Finish, Row, decide, race};
use anyhow::{Result, bail};
use softmax_spec::{Algorithm, Element, Isa, Memory, Pass, PassVariant, Plan, Rows};
use std::collections::{BTreeMap, HashMap};

/// The best tile of a pass for one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Winner {
    /// The kernel.
    pub variant: PassVariant,
    /// The length of the row.
    pub len: usize,
    /// Where the row was.
    pub place: Place,
    /// Nanoseconds per element.
    pub ns: Estimate,
    /// Tiles that could not be told apart from it.
    pub ties: usize,
    /// What the paper found best elsewhere.
    pub published: Vec<Rival>,
}

/// A tile that the paper found best on another CPU, or on this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    /// That CPU.
    pub cpu: &'static str,
    /// The kernel.
    pub variant: PassVariant,
    /// Its time over that of the winner.
    pub ratio: Estimate,
}

/// A length, what it is called, and the weight of racing tiles on it.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The length of the row.
    pub len: usize,
    /// Where it is.
    pub place: Place,
    /// What it may take.
    pub weight: f64,
}

/// Nanoseconds per element of kernels where they were timed last.
pub type Known = HashMap<PassVariant, f64>;

/// The paper's kernels on one ISA.
pub fn variants(grid: &[PassVariant], isa: Isa) -> Vec<PassVariant> {
    let is_the_papers = |variant: &&PassVariant| {
        variant.isa == isa
            && variant.element == Element::F32
            && PASSES.contains(&variant.pass)
            && variant.exp.is_none_or(|exp| exp == EXP)
            && variant.memory == Memory::default()
    };
    grid.iter().filter(is_the_papers).copied().collect()
}

/// Those that compute what they should; of the others it is said what is wrong.
pub fn right<M: Machine>(lab: &mut Lab<M>, variants: Vec<PassVariant>) -> Result<Vec<PassVariant>> {
    let mut right = Vec::new();
    for variant in variants {
        match lab.machine.verdict(&variant.id(), None)? {
            Ok(_) => right.push(variant),
            Err(what) => lab.progress.note(&format!("wrong, so never timed: {variant}: {what}")),
        }
    }
    Ok(right)
}

/// The paper's plan of an algorithm with these winners.
pub fn plan(algorithm: Algorithm, winners: &[Winner]) -> Option<Plan> {
    let winner = |&pass: &Pass| winners.iter().find(|winner| winner.variant.pass == pass);
    let passes: Option<Vec<PassVariant>> =
        algorithm.passes().iter().map(|pass| Some(winner(pass)?.variant)).collect();
    Plan::new(algorithm, passes?).ok()
}

/// Races all of `variants` at a site, or as many of each pass as there is time for: what the paper found best, then those
/// that `known` times make look best. A winner per pass; none, with a note, if there is no time at all.
pub fn winners<M: Machine>(
    lab: &mut Lab<M>,
    variants: &[PassVariant],
    site: Site,
    known: &mut Known,
    memory_ns: f64,
) -> Result<Vec<Winner>> {
    let Site { len, place, weight } = site;
    let deadline = lab.clock.step(weight);
    let isa = variants.first().map(|variant| variant.isa.id()).unwrap_or_default();
    let what = format!("{isa} n={} ({place}): racing tiles", Length(len));
    let all = by_promise(variants, known);
    let mut seconds = deadline.left().as_secs_f64();
    let mut racing: BTreeMap<Pass, Vec<PassVariant>> = BTreeMap::new();
    for (rank, variant) in all {
        let cost = first_batch(lab, len, &variant, known, memory_ns);
        if rank == 0 && cost * PASSES.len() as f64 > lab.clock.remaining().as_secs_f64() {
            lab.leave_out(&what);
            return Ok(vec![]);
        }
        seconds -= cost;
        // The best of every pass in any case, lest an algorithm lack one.
        if rank == 0 || seconds > 0.0 {
            racing.entry(variant.pass).or_default().push(variant);
        }
    }
    let entries: Vec<(PassVariant, Entry)> = racing
        .values()
        .enumerate()
        .flat_map(|(group, variants)| variants.iter().map(move |variant| (group, *variant)))
        .map(|(group, variant)| (variant, Entry { id: variant.id(), groups: vec![group] }))
        .collect();
    let (variants, entries): (Vec<PassVariant>, Vec<Entry>) = entries.into_iter().unzip();
    lab.progress.step(&lab.clock, &what);
    let (progress, rules) = (lab.progress, lab.effort.screening);
    let row = Row { len, in_place: false, rows: Rows::Single };
    let finish = race(lab.machine, row, &entries, &rules, &deadline, |id| progress.leader(id))?;
    known.extend((0..variants.len()).map(|i| (variants[i], median(&finish.samples[i]))));
    racing.keys().map(|&pass| winner(pass, &variants, &finish, site)).collect()
}

/// By place in the ranking of their pass: what is published in front, then by known time, then small tiles.
fn by_promise(variants: &[PassVariant], known: &Known) -> Vec<(usize, PassVariant)> {
    let mut ranked = Vec::new();
    for pass in PASSES {
        let mut of_pass: Vec<PassVariant> =
            variants.iter().filter(|variant| variant.pass == pass).copied().collect();
        let time = |variant: &PassVariant| known.get(variant).copied().unwrap_or(f64::INFINITY);
        of_pass.sort_by(|a, b| time(a).total_cmp(&time(b)));
        // The fastest so far stays the first.
        let behind = 1.min(of_pass.len());
        of_pass[behind..].sort_by_key(|variant| !is_published(variant));
        ranked.extend(of_pass.into_iter().enumerate());
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked
}

fn is_published(variant: &PassVariant) -> bool {
    TUNED.iter().any(|tuned| tuned.variant(variant.pass) == Some(*variant))
}

/// Seconds of the first batch of a race, for one candidate.
fn first_batch<M: Machine>(
    lab: &Lab<M>,
    len: usize,
    variant: &PassVariant,
    known: &Known,
    memory_ns: f64,
) -> f64 {
    let one = Race {
        what: String::new(),
        shape: Shape { rows: 1, len },
        in_place: false,
        candidates: vec![variant.id()],
        ns: expected_ns(variant, known, memory_ns),
    };
    one.round_seconds(&lab.effort) * (lab.effort.screening.first as f64 + CALIBRATION)
}

/// What a pass takes at most: what it is known to take in cache, or as a scalar loop would, and its way to memory.
fn expected_ns(variant: &PassVariant, known: &Known, memory_ns: f64) -> f64 {
    /// A scalar exponential.
    const SCALAR_NS: f64 = 4.0;
    let compute = known.get(variant).copied().unwrap_or(SCALAR_NS / variant.lanes() as f64);
    // A row that is written is read before, for its cache lines.
    let rows = if variant.pass.stores() { 3.0 } else { 1.0 };
    compute.max(rows * memory_ns)
}

fn winner(pass: Pass, variants: &[PassVariant], finish: &Finish, site: Site) -> Result<Winner> {
    let of_pass: Vec<usize> = (0..variants.len()).filter(|&i| variants[i].pass == pass).collect();
    let alive: Vec<usize> = of_pass.iter().copied().filter(|&i| finish.alive[i]).collect();
    let smallest = |i: usize| (variants[i].tile_elements(), variants[i].tile.accumulators);
    let Some(decision) = decide(&finish.samples, &alive, smallest) else {
        bail!("no kernel of {pass} was timed");
    };
    let samples = |i: usize| finish.samples[i].as_slice();
    let rival = |cpu, variant: PassVariant| {
        let at = of_pass.iter().copied().find(|&i| variants[i] == variant)?;
        Some(Rival { cpu, variant, ratio: Estimate::ratio(samples(at), samples(decision.winner)) })
    };
    let published = TUNED.iter().filter_map(|tuned| rival(tuned.cpu, tuned.variant(pass)?));
    Ok(Winner {
        variant: variants[decision.winner],
        len: site.len,
        place: site.place,
        ns: Estimate::of(samples(decision.winner)),
        ties: decision.ties.len(),
        published: published.collect(),
    })
}
