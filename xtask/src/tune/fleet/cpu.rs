//! A synthetic CPU: what every plan takes on it is a formula, so that the best one is known.
//!
//! A pass takes the time of its arithmetic or of its memory, whichever is longer, and a part of the other; a plan the sum of
//! its passes' times and a call each. The constants are of the size that real CPUs have, and differ from model to model by more
//! than plans differ, so that no plan is best on all of them.

use crate::measuring::statistics;
use crate::tune::compose;
use crate::tune::race::Row;
use softmax_spec::profile::Host;
use softmax_spec::{
    Accuracy, Algorithm, Direction, Exp, Isa, Pass, PassVariant, Plan, Prefetch, Rows, Store, Streams,
};

/// One CPU of the fleet.
#[derive(Debug, Clone)]
pub struct Cpu {
    /// What its profile says of it.
    pub host: Host,
    /// Elements that its caches hold, L1 first.
    caches: [f64; 3],
    /// Nanoseconds to read or write an element where it is: in a cache, or in memory.
    traffic: [f64; 4],
    /// Nanoseconds per vector operation.
    operation: f64,
    /// Of each core, by reduction: what its operations take beside those of others.
    cores: [f64; softmax_spec::Reduction::ALL.len()],
    /// Unroll, in vectors, from which on nothing is gained, and beyond which registers spill.
    unroll: f64,
    /// Gains where memory decides: of prefetches, of streams, of non-temporal stores and of going backward.
    ways: [f64; 4],
    /// Nanoseconds of a call.
    call: f64,
}

/// Random numbers with a seed.
pub struct Random(pub u64);

impl Random {
    /// Between the bounds, uniform in the logarithm.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    /// From 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        statistics::uniform(&mut self.0)
    }
}

/// The size of L2 caches in KiB.
const L2_KIB: [u32; 4] = [256, 512, 1024, 2048];
/// How far the clock and the memory of two machines with one model of CPU may be apart.
const SAME_MODEL: f64 = 1.1;

impl Cpu {
    /// A model of CPU. Models of one number are alike.
    pub fn model(number: u32) -> Cpu {
        let mut random = Random(u64::from(number) << 20);
        let l2_kib = L2_KIB[number as usize % L2_KIB.len()];
        let elements = |kib: f64| kib * 256.0;
        let fastest = random.between(0.01, 0.02);
        let slower: [f64; 3] = [random.between(1.3, 2.5), random.between(1.3, 2.5), random.between(2.0, 6.0)];
        let traffic = slower.iter().fold(vec![fastest], |levels, step| {
            let last = levels[levels.len() - 1];
            [levels, vec![last * step]].concat()
        });
        let l3 = random.between(4.0, 32.0) * 1024.0;
        Cpu {
            host: Host {
                vendor: "Synthetic".to_owned(),
                family: 1,
                model: number,
                stepping: 0,
                brand: format!("Synthetic {number}"),
                isa: Isa::Avx2,
                cores: 2,
                l1d_kib: 32,
                l2_kib,
                l3_kib: l3 as u32,
                vm: true,
            },
            caches: [elements(32.0), elements(l2_kib.into()), elements(l3)],
            traffic: traffic.try_into().expect("four levels"),
            operation: random.between(0.1, 0.2),
            cores: std::array::from_fn(|_| random.between(0.8, 1.25)),
            unroll: random.between(2.0, 10.0),
            ways: std::array::from_fn(|_| random.between(0.75, 1.2)),
            call: random.between(2.0, 8.0),
        }
    }

    /// One machine with that CPU, of another stepping if the number is odd.
    pub fn machine(&self, number: u32) -> Cpu {
        let mut random = Random(u64::from(self.host.model) << 20 | u64::from(number + 1));
        let mut cpu = self.clone();
        cpu.host.stepping = number % 2;
        cpu.operation *= random.between(1.0, SAME_MODEL);
        cpu.traffic[2] *= random.between(1.0, SAME_MODEL);
        cpu.traffic[3] *= random.between(1.0, SAME_MODEL);
        cpu
    }

    /// Nanoseconds per element of a plan, a pass or a reference.
    pub fn time(&self, candidate: &str, row: Row) -> f64 {
        match (candidate.parse::<Plan>(), candidate.parse::<PassVariant>()) {
            (Ok(plan), _) => self.plan(&plan, row),
            (_, Ok(pass)) => self.pass(&pass, row, self.level(row)),
            _ => self.traffic[self.level(row)] * 2.0,
        }
    }

    /// Nanoseconds per element of a plan.
    pub fn plan(&self, plan: &Plan, row: Row) -> f64 {
        let times =
            plan.passes().iter().enumerate().map(|(i, pass)| self.step(plan.algorithm(), i, pass, row));
        times.sum()
    }

    /// The least that a plan of this accuracy takes.
    pub fn least(&self, variants: &[PassVariant], accuracy: Accuracy, row: Row) -> f64 {
        let useful: Vec<&PassVariant> =
            variants.iter().filter(|variant| compose::is_useful(variant, &[accuracy])).collect();
        let suitable = |algorithm: Algorithm, exp: Exp| {
            accuracy.admits(algorithm, exp)
                && algorithm.suits(exp, self.host.isa)
                && (!row.in_place || algorithm.runs_in_place())
        };
        let fastest = |algorithm: Algorithm, i: usize, pass: Pass, exp: Exp| {
            let of_pass = useful.iter().filter(|v| v.pass == pass && v.exp.is_none_or(|own| own == exp));
            let fitting = of_pass.filter(|v| v.longest_row().is_none_or(|longest| row.len <= longest));
            fitting.map(|v| self.step(algorithm, i, v, row)).fold(f64::INFINITY, f64::min)
        };
        let total = |(algorithm, exp): (Algorithm, Exp)| -> f64 {
            algorithm.passes().iter().enumerate().map(|(i, &pass)| fastest(algorithm, i, pass, exp)).sum()
        };
        let pairs = Algorithm::ALL.into_iter().flat_map(|a| Exp::all().map(move |exp| (a, exp)));
        pairs.filter(|&(a, exp)| suitable(a, exp)).map(total).fold(f64::INFINITY, f64::min)
    }

    /// A pass of a plan. What blocked algorithms read a second time is in the first cache; the rows of a batch come one after
    /// the other from where it is, and each stays as near as it would alone.
    fn step(&self, algorithm: Algorithm, i: usize, pass: &PassVariant, row: Row) -> f64 {
        let blocked = matches!(algorithm, Algorithm::BlockedReload | Algorithm::BlockedRecompute);
        let level = match i {
            0 => self.level(row),
            1 if blocked => 0,
            _ => self.level(Row { rows: Rows::Single, ..row }),
        };
        self.pass(pass, row, level)
    }

    /// Where a row, or a batch, and its output are.
    fn level(&self, row: Row) -> usize {
        let held = row.elements() as f64 * if row.in_place { 1.0 } else { 2.0 };
        self.caches.iter().filter(|&&cache| held > cache).count()
    }

    fn pass(&self, variant: &PassVariant, row: Row, level: usize) -> f64 {
        let vector = self.operation / variant.lanes() as f64;
        let core = variant.exp.map_or(1.0, |exp| {
            // The cores' operations as counted by hand on AVX2, five of them without the polynomial.
            (5.0 + f64::from(exp.degree) + f64::from(exp.degree) / 2.0) * self.cores[exp.reduction as usize]
        });
        let arithmetic = vector * (core + 1.0) * self.tile(variant);
        let (reads, writes) = (1.0, if variant.pass.stores() { 1.0 } else { 0.0 });
        let resident = if variant.pass.takes_whole_rows() { 0.8 } else { 1.0 };
        let memory = self.traffic[level] * (reads + 1.5 * writes) * self.way(variant, level);
        let (longer, shorter) = (arithmetic.max(memory), arithmetic.min(memory));
        // A pass that takes whole rows takes all of a batch in one call.
        let elements = if variant.pass.takes_whole_rows() { row.elements() } else { row.len };
        (longer + 0.2 * shorter) * resident + self.call / elements as f64
    }

    /// Loops cost in short tiles, registers in long ones, and chains where accumulators are few.
    fn tile(&self, variant: &PassVariant) -> f64 {
        let unroll = variant.tile.unroll as f64;
        let away = (unroll / self.unroll).log2();
        let chains = if variant.pass.reduces() { 0.05 / variant.tile.accumulators as f64 } else { 0.0 };
        1.0 + chains + if away > 0.0 { 0.08 * away } else { -0.05 * away }
    }

    fn way(&self, variant: &PassVariant, level: usize) -> f64 {
        let memory = variant.memory;
        let [prefetch, streams, stores, backward] = self.ways;
        // In the caches they cost; stores past them most.
        let gain = |used: bool, gain: f64, cost: f64| match (used, level >= 2) {
            (false, _) => 1.0,
            (true, true) => gain,
            (true, false) => cost,
        };
        gain(memory.prefetch != Prefetch::NONE, prefetch, 1.05)
            * gain(memory.streams != Streams::ONE, streams, 1.1)
            * gain(memory.store == Store::NonTemporal, if level == 3 { stores } else { 3.0 }, 4.0)
            * gain(memory.direction == Direction::Backward, backward, 1.02)
    }
}
