//! Time against length in one situation: a curve per algorithm, and what memory allows.

use super::times::{Entry, Ground, Times, Who};
use super::{Data, Situation};
use softmax_spec::profile::{Class, Host, Table};
use softmax_spec::{Algorithm, PassVariant, Plan, Rows};
use std::collections::BTreeMap;

/// What a curve is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// The fastest plan of an algorithm.
    Algorithm(Algorithm),
    /// Copying.
    Memcpy,
    /// Reading once and copying once; of batches copying alone.
    Roofline,
}

/// A time at a length.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Elements of a row.
    pub len: usize,
    /// Nanoseconds per element.
    pub ns: f64,
    /// Of which plan, if of one.
    pub plan: Option<Plan>,
}

/// Times by ascending length.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is of.
    pub series: Series,
    /// The times.
    pub points: Vec<Point>,
}

/// What the tuner picked at a length, and how sure it was of the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Elements of a row.
    pub len: usize,
    /// Nanoseconds per element.
    pub ns: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// The plan.
    pub plan: Plan,
}

/// A length at which rows outgrow a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// Elements.
    pub len: f64,
    /// Such as `L2`.
    pub cache: &'static str,
}

/// All curves of a situation.
#[derive(Debug, Clone, PartialEq)]
pub struct Landscape {
    /// The situation.
    pub situation: Situation,
    /// Algorithms in their order, then the references.
    pub curves: Vec<Curve>,
    /// What the profile says.
    pub picks: Vec<Pick>,
    /// Where rows outgrow the caches that the CPU reports.
    pub reported: Vec<Boundary>,
    /// Between these lengths the time to read an element was seen to rise.
    pub rises: Vec<(usize, usize)>,
}

/// From one measured length to the next the time to read an element rises by this, or it is noise.
const RISE: f64 = 1.2;

impl Data {
    /// The curves of every situation.
    pub fn landscapes(&self) -> Vec<Landscape> {
        self.situations().into_iter().filter_map(|situation| self.landscape(situation)).collect()
    }

    /// `None` if nothing was measured.
    fn landscape(&self, situation: Situation) -> Option<Landscape> {
        let table = self.table(situation)?;
        let curves = match &self.times {
            Ok(times) => of_journal(times, situation),
            Err(_) => of_profile(table),
        };
        let curves: Vec<Curve> = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
        let (reported, rises) = self.caches(situation);
        let picks = picks(table);
        (!curves.is_empty()).then_some(Landscape { situation, curves, picks, reported, rises })
    }

    /// Where rows outgrow the caches, as reported and as measured; of batches nothing, whose size is the same for all rows.
    fn caches(&self, situation: Situation) -> (Vec<Boundary>, Vec<(usize, usize)>) {
        if situation.rows == Rows::Batch {
            return Default::default();
        }
        let reported = self.profile.host.as_ref().map(|host| reported(host, situation));
        (reported.unwrap_or_default(), self.times.as_ref().map(rises).unwrap_or_default())
    }
}

fn picks(table: &Table) -> Vec<Pick> {
    let pick = |class: &Class| {
        let evidence = class.evidence.as_ref()?;
        let (len, ns, interval) = (evidence.len, evidence.ns_per_element, evidence.interval);
        Some(Pick { len, ns, interval, plan: class.plan.clone() })
    };
    table.classes.iter().filter_map(pick).collect()
}

/// Of each algorithm at each length the fastest plan that the situation admits. Where there are no references, only two
/// plans met, to find a crossover.
fn of_journal(times: &Times, situation: Situation) -> Vec<Curve> {
    let ground = Ground::of(situation);
    let mut best: BTreeMap<(Algorithm, usize), Point> = BTreeMap::new();
    let memcpy = times.reference(ground, &Who::Memcpy);
    let here = |entry: &&Entry| entry.ground == ground && memcpy.contains_key(&entry.len);
    for entry in times.entries.iter().filter(here) {
        let Who::Plan(plan) = &entry.who else { continue };
        let is_of = |pass: &PassVariant| (pass.isa, pass.element) == (situation.isa, situation.element);
        if !plan.reaches(situation.accuracy) || !plan.passes().iter().all(is_of) {
            continue;
        }
        let point = Point { len: entry.len, ns: entry.ns, plan: Some(plan.clone()) };
        let fastest = best.entry((plan.algorithm(), entry.len)).or_insert_with(|| point.clone());
        if point.ns < fastest.ns {
            *fastest = point;
        }
    }
    let reading = times.reference(ground, &Who::Reading);
    // The rows of a batch are still in a cache when they are read again.
    let again = |len: &usize| if ground.rows == Rows::Batch { Some(0.0) } else { reading.get(len).copied() };
    let both = memcpy.iter().filter_map(|(len, memcpy)| Some((*len, memcpy + again(len)?)));
    let mut curves = by_algorithm(best);
    curves.push(reference(Series::Memcpy, memcpy.iter().map(|(&len, &ns)| (len, ns))));
    curves.push(reference(Series::Roofline, both));
    curves
}

/// What a profile holds by itself: at one length of each class the pick, the best of another algorithm, and the references.
fn of_profile(table: &Table) -> Vec<Curve> {
    let mut points: BTreeMap<(Algorithm, usize), Point> = BTreeMap::new();
    let mut references: [BTreeMap<usize, f64>; 2] = Default::default();
    for class in &table.classes {
        let Some(evidence) = &class.evidence else { continue };
        let (len, ns) = (evidence.len, evidence.ns_per_element);
        let other = evidence.runner_up.as_ref().map(|(plan, ratio)| (plan, ns * ratio));
        for (plan, ns) in std::iter::once((&class.plan, ns)).chain(other) {
            points.insert((plan.algorithm(), len), Point { len, ns, plan: Some(plan.clone()) });
        }
        references[0].insert(len, evidence.memcpy_ns_per_element);
        references[1].insert(len, evidence.roofline * ns);
    }
    let mut curves = by_algorithm(points);
    curves.extend(
        [Series::Memcpy, Series::Roofline]
            .into_iter()
            .zip(references)
            .map(|(series, times)| reference(series, times)),
    );
    curves
}

fn by_algorithm(points: BTreeMap<(Algorithm, usize), Point>) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for ((algorithm, _), point) in points {
        let series = Series::Algorithm(algorithm);
        match curves.last_mut() {
            Some(curve) if curve.series == series => curve.points.push(point),
            _ => curves.push(Curve { series, points: vec![point] }),
        }
    }
    curves
}

fn reference(series: Series, times: impl IntoIterator<Item = (usize, f64)>) -> Curve {
    Curve { series, points: times.into_iter().map(|(len, ns)| Point { len, ns, plan: None }).collect() }
}

/// The longest rows whose input and output fit into each cache that the CPU reports.
fn reported(host: &Host, situation: Situation) -> Vec<Boundary> {
    let bytes = situation.element.bits() as usize / 8 * if situation.in_place { 1 } else { 2 };
    let levels = [("L1", host.l1d_kib), ("L2", host.l2_kib), ("L3", host.l3_kib)];
    let boundary = |(cache, kib): (&'static str, u32)| {
        (kib > 0).then(|| Boundary { cache, len: f64::from(kib) * 1024.0 / bytes as f64 })
    };
    levels.into_iter().filter_map(boundary).collect()
}

/// Where reading out of place rises, neighbouring rises as one.
fn rises(times: &Times) -> Vec<(usize, usize)> {
    let ground = Ground { in_place: false, rows: Rows::Single, threads: 1 };
    let reading: Vec<(usize, f64)> = times.reference(ground, &Who::Reading).into_iter().collect();
    let mut rises: Vec<(usize, usize)> = Vec::new();
    for pair in reading.windows(2) {
        if pair[1].1 < RISE * pair[0].1 {
            continue;
        }
        match rises.last_mut() {
            Some(last) if last.1 == pair[0].0 => last.1 = pair[1].0,
            _ => rises.push((pair[0].0, pair[1].0)),
        }
    }
    rises
}
