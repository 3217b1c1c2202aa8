//! How tiles compare, from the times of single passes.

use super::Data;
use super::times::{Entry, Ground, Who};
use crate::measuring::statistics::median;
use softmax_spec::profile::Host;
use softmax_spec::{Exp, Isa, Memory, Pass, PassVariant, Rows, Tile};
use std::collections::{BTreeMap, BTreeSet};

/// Where rows were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Input and output fit into the L2 cache.
    Cached,
    /// They do not.
    Beyond,
}

impl Reach {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Reach::Cached => "rows in L1 or L2",
            Reach::Beyond => "longer rows",
        }
    }
}

/// The tiles of one pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    /// The ISA.
    pub isa: Isa,
    /// Where rows were.
    pub reach: Reach,
    /// The pass.
    pub pass: Pass,
    /// Every tile that was timed.
    pub cells: BTreeMap<Tile, Cell>,
}

/// How one tile compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Its time over that of the fastest tile with the same exp core at the same length, the median of all.
    pub ratio: f64,
    /// Of how many.
    pub comparisons: usize,
}

impl Tiles {
    /// The best tile; of equals the smaller.
    pub fn best(&self) -> Option<Tile> {
        let (tile, _) = self.cells.iter().min_by(|(_, a), (_, b)| a.ratio.total_cmp(&b.ratio))?;
        Some(*tile)
    }
}

/// If the CPU does not say.
const USUAL_L2_KIB: u32 = 1024;

impl Data {
    /// The tiles of every pass on every ISA, in cache and beyond; empty without a journal.
    pub fn tiles(&self) -> Vec<Tiles> {
        let l2 = self.profile.host.as_ref().map_or(0, |host: &Host| host.l2_kib);
        let l2_bytes = if l2 > 0 { l2 } else { USUAL_L2_KIB } as usize * 1024;
        self.times.as_ref().map(|times| tiles(&times.entries, l2_bytes)).unwrap_or_default()
    }
}

/// Tiles that compete with each other.
type Contest = (Pass, Isa, Option<Exp>, usize);

fn tiles(entries: &[Entry], l2_bytes: usize) -> Vec<Tiles> {
    let mut contests: BTreeMap<Contest, BTreeMap<Tile, f64>> = BTreeMap::new();
    let ground = Ground { in_place: false, rows: Rows::Single, threads: 1 };
    for entry in entries.iter().filter(|entry| entry.ground == ground) {
        if let Who::Pass(PassVariant { pass, isa, exp, tile, memory, .. }) = entry.who
            && memory == Memory::default()
        {
            contests.entry((pass, isa, exp, entry.len)).or_default().insert(tile, entry.ns);
        }
    }
    let mut ratios: BTreeMap<(Isa, Reach, Pass), BTreeMap<Tile, Vec<f64>>> = BTreeMap::new();
    for ((pass, isa, _, len), times) in contests {
        let fastest = times.values().copied().fold(f64::INFINITY, f64::min);
        let is_cached = 2 * size_of::<f32>() * len <= l2_bytes;
        let reach = if is_cached { Reach::Cached } else { Reach::Beyond };
        let cells = ratios.entry((isa, reach, pass)).or_default();
        for (tile, ns) in times {
            cells.entry(tile).or_default().push(ns / fastest);
        }
    }
    let cell = |ratios: Vec<f64>| Cell { ratio: median(&ratios), comparisons: ratios.len() };
    let of = |((isa, reach, pass), cells): ((Isa, Reach, Pass), BTreeMap<Tile, Vec<f64>>)| Tiles {
        isa,
        reach,
        pass,
        cells: cells.into_iter().map(|(tile, ratios)| (tile, cell(ratios))).collect(),
    };
    // A single tile is no contest.
    ratios.into_iter().map(of).filter(|tiles| tiles.cells.len() > 1).collect()
}

/// The values of an axis that some tile has, ascending.
pub fn axis(tiles: &[&Tiles], value: impl Fn(&Tile) -> usize) -> Vec<usize> {
    let all: BTreeSet<usize> = tiles.iter().flat_map(|tiles| tiles.cells.keys().map(&value)).collect();
    all.into_iter().collect()
}
