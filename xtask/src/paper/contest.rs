//! The three algorithms against each other at one length, beside memcpy.

use super::caches::Place;
use super::estimate::Estimate;
use super::lab::Race;
use super::published::{ALGORITHMS, traffic};
use super::tiles::{Winner, plan};
use crate::compare::Shape;
use crate::length::Length;
use anyhow::{Result, bail};
use softmax_bench::protocol::MEMCPY;
use softmax_spec::{Algorithm, Isa, Plan};

/// What came of a race at one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// The ISA of the plans.
    pub isa: Isa,
    /// The length of the row.
    pub len: usize,
    /// Where the row was; `None` if the caches are not known that far.
    pub place: Option<Place>,
    /// The algorithms, as [`ALGORITHMS`] has them.
    pub runs: [Run; 3],
    /// Nanoseconds per element of memcpy.
    pub memcpy: Estimate,
}

/// An algorithm's part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What ran.
    pub plan: Plan,
    /// Nanoseconds per element, round by round.
    pub samples: Vec<f64>,
}

impl Run {
    /// Nanoseconds per element.
    pub fn ns(&self) -> Estimate {
        Estimate::of(&self.samples)
    }

    /// Bytes per nanosecond, of the rows that the algorithm reads and writes.
    pub fn gb_per_s(&self) -> f64 {
        let (reads, writes) = traffic(self.plan.algorithm());
        ((reads + writes) * size_of::<f32>()) as f64 / self.ns().middle
    }
}

impl Contest {
    /// What the samples of [`race`] say.
    pub fn of(plans: &[Plan; 3], len: usize, place: Option<Place>, samples: &[Vec<f64>]) -> Contest {
        let run = |i: usize| Run { plan: plans[i].clone(), samples: samples[i].clone() };
        let memcpy = Estimate::of(&samples[ALGORITHMS.len()]);
        Contest { isa: plans[0].isa(), len, place, runs: [0, 1, 2].map(run), memcpy }
    }

    /// An algorithm's part.
    pub fn run(&self, algorithm: Algorithm) -> &Run {
        let run = self.runs.iter().find(|run| run.plan.algorithm() == algorithm);
        run.expect("every algorithm of the paper takes part")
    }

    /// The time of one algorithm over that of another.
    pub fn ratio(&self, slow: Algorithm, fast: Algorithm) -> Estimate {
        Estimate::ratio(&self.run(slow).samples, &self.run(fast).samples)
    }

    /// The time of the faster Three-Pass algorithm over that of Two-Pass: above 1, Two-Pass is ahead of both.
    pub fn gain(&self) -> Estimate {
        self.ratio(self.fastest_of(&ALGORITHMS[1..]), ALGORITHMS[0])
    }

    /// The fastest.
    pub fn fastest(&self) -> Algorithm {
        self.fastest_of(&ALGORITHMS)
    }

    fn fastest_of(&self, algorithms: &[Algorithm]) -> Algorithm {
        let time = |algorithm: &&Algorithm| self.run(**algorithm).ns().middle;
        let fastest = algorithms.iter().min_by(|a, b| time(a).total_cmp(&time(b)));
        *fastest.expect("there are some")
    }
}

/// The plans that the winners of tiles make.
pub fn plans(winners: &[Winner]) -> Result<[Plan; 3]> {
    let plans: Option<Vec<Plan>> = ALGORITHMS.iter().map(|&algorithm| plan(algorithm, winners)).collect();
    match plans.map(<[Plan; 3]>::try_from) {
        Some(Ok(plans)) => Ok(plans),
        _ => bail!("a pass of the paper's algorithms has no kernel that is right"),
    }
}

/// The race at one length: all three, and memcpy.
pub fn race(plans: &[Plan; 3], len: usize, place: Option<Place>, memory_ns: f64) -> Race {
    let isa = plans[0].isa();
    let place = place.map_or(String::new(), |place| format!(" ({place})"));
    Race {
        what: format!("{isa} n={}{place}: racing the algorithms", Length(len)),
        shape: Shape { rows: 1, len },
        in_place: false,
        candidates: plans.iter().map(Plan::to_string).chain([MEMCPY.to_owned()]).collect(),
        ns: expected_ns(memory_ns),
    }
}

/// What the slowest takes at most: five rows and two more for the cache lines that are written, or two exponentials.
pub fn expected_ns(memory_ns: f64) -> f64 {
    const COMPUTE_NS: f64 = 1.5;
    (7.0 * memory_ns).max(COMPUTE_NS)
}
