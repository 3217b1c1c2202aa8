//! The passes out of cache beside loops that do nothing but move memory, as STREAM does.

use super::contest::expected_ns;
use super::estimate::Estimate;
use super::lab::Race;
use super::tiles::Winner;
use crate::compare::Shape;
use crate::length::Length;
use softmax_bench::protocol::{Candidate, MEMCPY, READ_SUM, SCALE_LOOP};
use softmax_spec::{Isa, Pass, PassVariant};

/// What was measured of one pass, or of a loop of STREAM's.
#[derive(Debug, Clone, PartialEq)]
pub struct Bandwidth {
    /// The ISA of the passes in the race.
    pub isa: Isa,
    /// The length of the row.
    pub len: usize,
    /// What ran.
    pub what: Mover,
    /// Whether its output overwrote its input.
    pub in_place: bool,
    /// Nanoseconds per element.
    pub ns: Estimate,
    /// Its bandwidth over that of the loop that moves as much with ordinary stores.
    pub of_stream: Estimate,
    /// Its bandwidth over that of memcpy; `None` for what only reads.
    pub of_copy: Option<Estimate>,
}

/// Something that moves memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Mover {
    /// A pass.
    Pass(PassVariant),
    /// A loop, by the name of the reference.
    Loop(&'static str),
}

impl Mover {
    fn candidate(&self) -> Candidate {
        match self {
            Mover::Pass(variant) => variant.id(),
            Mover::Loop(name) => (*name).to_owned(),
        }
    }

    fn writes(&self) -> bool {
        match self {
            Mover::Pass(variant) => variant.pass.stores(),
            Mover::Loop(name) => *name != READ_SUM,
        }
    }

    /// As printed.
    pub fn name(&self) -> String {
        match self {
            Mover::Pass(variant) => variant.pass.to_string(),
            Mover::Loop(READ_SUM) => "read".to_owned(),
            Mover::Loop(MEMCPY) => "copy".to_owned(),
            Mover::Loop(_) => "scale loop".to_owned(),
        }
    }
}

impl Bandwidth {
    /// Bytes per nanosecond, counted as STREAM does: what the loop reads and writes, and no line that is fetched to be written.
    pub fn gb_per_s(&self) -> f64 {
        let rows = if self.what.writes() { 2 } else { 1 };
        (rows * size_of::<f32>()) as f64 / self.ns.middle
    }

    /// The pass, if it is one.
    pub fn pass(&self) -> Option<Pass> {
        match &self.what {
            Mover::Pass(variant) => Some(variant.pass),
            Mover::Loop(_) => None,
        }
    }
}

/// STREAM's loops, in the order in which they are raced.
const LOOPS: [&str; 3] = [READ_SUM, SCALE_LOOP, MEMCPY];

/// The races on one ISA: every pass out of place, then what the reloading algorithm does in place.
pub fn races(isa: Isa, winners: &[Winner], len: usize, memory_ns: f64) -> [(Race, Vec<Mover>); 2] {
    let of = |wanted: &dyn Fn(&PassVariant) -> bool| -> Vec<Mover> {
        let passes = winners.iter().map(|winner| winner.variant).filter(wanted);
        LOOPS.into_iter().map(Mover::Loop).chain(passes.map(Mover::Pass)).collect()
    };
    let race = |movers: Vec<Mover>, in_place| {
        let place = if in_place { ", in place" } else { "" };
        let race = Race {
            what: format!("{isa} n={}: the passes beside STREAM's loops{place}", Length(len)),
            shape: Shape { rows: 1, len },
            in_place,
            candidates: movers.iter().map(Mover::candidate).collect(),
            // A pass moves at most three rows of the seven of the slowest algorithm.
            ns: expected_ns(memory_ns) / 2.0,
        };
        (race, movers)
    };
    [race(of(&|_| true), false), race(of(&|variant| variant.pass == Pass::Scale), true)]
}

/// What the samples of one of them say; of the loops only out of place, so that they are told about once.
pub fn all(isa: Isa, race: &Race, movers: &[Mover], samples: &[Vec<f64>]) -> Vec<Bandwidth> {
    let [read, scale, copy, ..] = samples else { return vec![] };
    let one = |(what, own): (&Mover, &Vec<f64>)| Bandwidth {
        isa,
        len: race.shape.len,
        what: what.clone(),
        in_place: race.in_place,
        ns: Estimate::of(own),
        of_stream: Estimate::ratio(if what.writes() { scale } else { read }, own),
        of_copy: what.writes().then(|| Estimate::ratio(copy, own)),
    };
    let told = movers.iter().zip(samples).filter(|(what, _)| what.is_pass() || !race.in_place);
    told.map(one).collect()
}

impl Mover {
    fn is_pass(&self) -> bool {
        matches!(self, Mover::Pass(_))
    }
}
