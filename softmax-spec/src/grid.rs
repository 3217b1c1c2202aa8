//! The grid: lists of axis values, their product, and the reason for every combination that is left out.

use crate::{
    Algorithm, Direction, Element, Exp, Isa, Memory, Pass, PassVariant, Prefetch, Store, Streams, Tile,
    fingerprint,
};
use std::collections::BTreeSet;
use std::fmt;

/// A union of blocks. What `kernels!` is given, what the tuner searches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grid {
    /// The blocks; a variant that several of them hold is there once.
    pub blocks: Vec<Block>,
}

/// One product of axis values. An axis that a pass does not have ([`Axis::is_of`]) does not multiply it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Element types.
    pub elements: Vec<Element>,
    /// Passes.
    pub passes: Vec<Pass>,
    /// ISAs.
    pub isas: Vec<Isa>,
    /// Vectors per iteration.
    pub unrolls: Vec<usize>,
    /// Accumulators.
    pub accumulators: Vec<usize>,
    /// Exp cores.
    pub exps: Vec<Exp>,
    /// Stores.
    pub stores: Vec<Store>,
    /// Prefetch distances.
    pub prefetches: Vec<Prefetch>,
    /// Numbers of streams.
    pub streams: Vec<Streams>,
    /// Directions.
    pub directions: Vec<Direction>,
}

/// An axis that not every pass has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Independent chains of a reduction.
    Accumulators,
    /// Exp cores.
    Exp,
    /// How the last pass stores.
    Store,
    /// Prefetch distances.
    Prefetch,
    /// Numbers of streams.
    Streams,
    /// From which end the last pass starts.
    Direction,
}

impl Axis {
    /// Every such axis.
    pub const ALL: [Axis; 6] =
        [Axis::Accumulators, Axis::Exp, Axis::Store, Axis::Prefetch, Axis::Streams, Axis::Direction];

    /// Its name, as in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Axis::Accumulators => "accumulators",
            Axis::Exp => "exp",
            Axis::Store => "store",
            Axis::Prefetch => "prefetch",
            Axis::Streams => "streams",
            Axis::Direction => "direction",
        }
    }

    /// Whether `pass` has it.
    pub const fn is_of(self, pass: Pass) -> bool {
        match self {
            Axis::Accumulators => pass.reduces(),
            Axis::Exp => pass.exponentiates(),
            Axis::Store | Axis::Direction => pass.maps(),
            Axis::Prefetch | Axis::Streams => !pass.takes_whole_rows(),
        }
    }
}

/// What a grid holds and what was pruned from it.
#[derive(Debug, Clone, Default)]
pub struct Enumeration {
    /// The variants, each once, in the order of their fields.
    pub variants: Vec<PassVariant>,
    /// The combinations left out, each with its reason.
    pub pruned: Vec<Pruned>,
}

/// A combination that is left out of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// The combination.
    pub variant: PassVariant,
    /// Why.
    pub reason: Reason,
}

/// Why a combination is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The unroll is not 1 to [`Tile::MAX_UNROLL`].
    Unroll(usize),
    /// The accumulators do not divide the unroll.
    Accumulators(Tile),
    /// Loop-carried vectors and one vector's working set do not fit the register file.
    Registers {
        /// Vectors needed.
        needed: usize,
        /// Registers that the ISA has.
        available: usize,
    },
    /// The pass has no non-temporal stores, or stable Rust has none for the ISA.
    NonTemporal,
    /// Stable Rust has no prefetches for the ISA.
    Prefetch,
    /// A row that is taken whole is short, so there is nothing to prefetch and no second stream.
    WholeRows,
    /// The streams do not divide the unroll.
    Streams {
        /// How many.
        streams: usize,
        /// Vectors of the tile.
        unroll: usize,
    },
    /// What an iteration takes of a stream, in elements, does not divide the stream.
    StreamElements(usize),
    /// The pass must go forward: it reduces, or has several streams.
    Backward,
    /// The exp core has no exponentials relative to nothing, which the pass needs because it knows no maximum.
    NeedsMaximum,
    /// The exp core rounds x - max, which the pass has no maximum for: relative to a constant that costs more.
    RoundsDifference,
    /// The exp core looks up a larger table than the ISA's instructions can.
    Lookup {
        /// Entries needed.
        needed: usize,
        /// Entries that one instruction looks up.
        available: usize,
    },
}

/// Registers that evaluating one vector needs beside the loop-carried ones: the argument, its integer part,
/// the polynomial, and one for a constant (the rest of the constants can be memory operands).
const WORKING_SET: usize = 4;

impl Reason {
    /// Why `variant` cannot be generated, if it cannot.
    pub fn against(variant: &PassVariant) -> Option<Reason> {
        let tile = variant.tile;
        if tile.unroll == 0 || tile.unroll > Tile::MAX_UNROLL {
            return Some(Reason::Unroll(tile.unroll));
        }
        let divides = tile.accumulators > 0 && tile.unroll.is_multiple_of(tile.accumulators);
        if !divides || (!variant.pass.reduces() && tile.accumulators != 1) {
            return Some(Reason::Accumulators(tile));
        }
        if !variant.pass.knows_maximum() && variant.exp.is_some_and(|exp| !exp.reduction.extends()) {
            return Some(Reason::NeedsMaximum);
        }
        let rounds = |exp: Exp| Algorithm::Fused.rounds_difference(exp.reduction);
        if variant.pass == Pass::FusedSoftmax && variant.exp.is_some_and(rounds) {
            return Some(Reason::RoundsDifference);
        }
        if let Some(reason) = Reason::against_memory(variant) {
            return Some(reason);
        }
        let (lookup, available) =
            (variant.exp.map_or(0, |exp| exp.reduction.lookup_entries()), variant.isa.lookup_entries());
        if lookup > available {
            return Some(Reason::Lookup { needed: lookup, available });
        }
        let row = if variant.pass.is_resident() { tile.unroll } else { 0 };
        let carried = variant.carried_vectors() + row;
        let needed = carried + WORKING_SET;
        let available = variant.isa.registers();
        (needed > available).then_some(Reason::Registers { needed, available })
    }

    /// The same of a variant's way through memory, for an unroll that is not 0.
    fn against_memory(variant: &PassVariant) -> Option<Reason> {
        let PassVariant { pass, isa, tile: Tile { unroll, .. }, memory, .. } = *variant;
        let (prefetches, streams) = (memory.prefetch != Prefetch::NONE, memory.streams.count());
        if memory.store == Store::NonTemporal && !(pass.maps() && isa.controls_caches()) {
            return Some(Reason::NonTemporal);
        }
        if pass.takes_whole_rows() && (prefetches || streams > 1) {
            return Some(Reason::WholeRows);
        }
        if prefetches && !isa.controls_caches() {
            return Some(Reason::Prefetch);
        }
        if !unroll.is_multiple_of(streams) {
            return Some(Reason::Streams { streams, unroll });
        }
        if streams > 1 && !Streams::ELEMENTS.is_multiple_of(variant.stream_elements()) {
            return Some(Reason::StreamElements(variant.stream_elements()));
        }
        let may_turn = pass.maps() && streams == 1;
        (memory.direction == Direction::Backward && !may_turn).then_some(Reason::Backward)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unroll(unroll) => {
                write!(f, "an unroll of {unroll} vectors is not in 1..={}", Tile::MAX_UNROLL)
            }
            Reason::Accumulators(Tile { unroll, accumulators }) => {
                write!(f, "{accumulators} accumulators do not divide an unroll of {unroll} vectors")
            }
            Reason::Registers { needed, available } => {
                write!(f, "{needed} live vectors do not fit {available} registers")
            }
            Reason::NonTemporal => {
                write!(f, "non-temporal stores are for passes that write long rows, on ISAs for which ")?;
                write!(f, "stable Rust has them")
            }
            Reason::Prefetch => write!(f, "stable Rust has no prefetches for the ISA"),
            Reason::WholeRows => {
                write!(
                    f,
                    "whole rows, in registers or in the L1 cache, are neither prefetched nor divided among streams"
                )
            }
            Reason::Streams { streams, unroll } => {
                write!(f, "{streams} streams do not divide an unroll of {unroll} vectors")
            }
            Reason::StreamElements(elements) => {
                write!(f, "the tile's parts, {elements} elements, do not divide the ")?;
                write!(f, "{} of a stream", Streams::ELEMENTS)
            }
            Reason::Backward => {
                write!(f, "only passes that store and reduce nothing go backward, and only in one stream")
            }
            Reason::RoundsDifference => {
                write!(f, "without a maximum the exp core would round differences of up to 128")
            }
            Reason::NeedsMaximum => {
                write!(f, "the reduction needs the row's maximum, which the pass does not know")
            }
            Reason::Lookup { needed, available } => {
                write!(f, "the exp core looks up {needed} entries, and the ISA's instructions {available}")
            }
        }
    }
}

impl Grid {
    /// The most combinations that a spec may have, kept or pruned. The compiler takes 16 ms for a variant, and the macro 0.2 MB: as
    /// many variants would take it four minutes and 3 GB.
    pub const MOST_COMBINATIONS: usize = 1 << 14;

    /// Every combination, kept or pruned.
    pub fn enumerate(&self) -> Enumeration {
        let mut pruned = Vec::new();
        let mut variants = BTreeSet::new();
        for variant in self.blocks.iter().flat_map(Block::combinations) {
            match variant.pruning_reason() {
                Some(reason) => pruned.push(Pruned { variant, reason }),
                None => {
                    variants.insert(variant);
                }
            }
        }
        Enumeration { variants: variants.into_iter().collect(), pruned }
    }
}

impl Enumeration {
    /// A fingerprint of the variants' ids, so that a profile can tell which grid it was tuned on.
    pub fn hash(&self) -> u64 {
        fingerprint(self.variants.iter().flat_map(|variant| (variant.id() + "\n").into_bytes()))
    }
}

impl Block {
    /// How many combinations it has, kept or pruned, without making them.
    pub fn count(&self) -> usize {
        let of_pass = |&pass: &Pass| {
            let memories = [
                (Axis::Store, self.stores.len()),
                (Axis::Prefetch, self.prefetches.len()),
                (Axis::Streams, self.streams.len()),
                (Axis::Direction, self.directions.len()),
            ];
            let of_some = [(Axis::Accumulators, self.accumulators.len()), (Axis::Exp, self.exps.len())];
            let of_some = of_some.into_iter().chain(memories).filter(|(axis, _)| axis.is_of(pass));
            let of_all = [self.elements.len(), self.isas.len(), self.unrolls.len()];
            of_all.into_iter().chain(of_some.map(|(_, values)| values)).fold(1, usize::saturating_mul)
        };
        self.passes.iter().map(of_pass).fold(0, usize::saturating_add)
    }

    fn combinations(&self) -> impl Iterator<Item = PassVariant> {
        let mut combinations = Vec::new();
        for &element in &self.elements {
            for &pass in &self.passes {
                for &isa in &self.isas {
                    for &exp in &self.exps_of(pass) {
                        for &unroll in &self.unrolls {
                            for &accumulators in self.accumulators_of(pass) {
                                let tile = Tile { unroll, accumulators };
                                let variant = |&memory| PassVariant { pass, element, isa, exp, tile, memory };
                                combinations.extend(self.memories_of(pass).iter().map(variant));
                            }
                        }
                    }
                }
            }
        }
        combinations.into_iter()
    }

    fn exps_of(&self, pass: Pass) -> Vec<Option<Exp>> {
        match Axis::Exp.is_of(pass) {
            true => self.exps.iter().copied().map(Some).collect(),
            false => vec![None],
        }
    }

    fn memories_of(&self, pass: Pass) -> Vec<Memory> {
        let stores = if Axis::Store.is_of(pass) { &self.stores[..] } else { &[Store::Temporal] };
        let prefetches = if Axis::Prefetch.is_of(pass) { &self.prefetches[..] } else { &[Prefetch::NONE] };
        let streams = if Axis::Streams.is_of(pass) { &self.streams[..] } else { &[Streams::ONE] };
        let directions =
            if Axis::Direction.is_of(pass) { &self.directions[..] } else { &[Direction::Forward] };
        let mut memories = Vec::new();
        for &store in stores {
            for &prefetch in prefetches {
                for &streams in streams {
                    let memory = |&direction| Memory { store, prefetch, streams, direction };
                    memories.extend(directions.iter().map(memory));
                }
            }
        }
        memories
    }

    fn accumulators_of(&self, pass: Pass) -> &[usize] {
        match Axis::Accumulators.is_of(pass) {
            true => &self.accumulators,
            false => &[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Every tile and core, and with one core every way through memory.
    fn everything() -> Grid {
        let tiles = Block {
            elements: Element::ALL.to_vec(),
            passes: Pass::ALL.to_vec(),
            isas: Isa::ALL.to_vec(),
            unrolls: (1..=Tile::MAX_UNROLL).collect(),
            accumulators: (1..=Tile::MAX_UNROLL).collect(),
            exps: Exp::all().collect(),
            stores: Store::ALL.to_vec(),
            prefetches: vec![Prefetch::NONE],
            streams: vec![Streams::ONE],
            directions: vec![Direction::Forward],
        };
        let memories = Block {
            accumulators: vec![1, 2],
            exps: vec!["d5".parse().unwrap()],
            prefetches: [0, 16, 1024].iter().filter_map(|&distance| Prefetch::new(distance)).collect(),
            streams: Streams::ALL.to_vec(),
            directions: Direction::ALL.to_vec(),
            ..tiles.clone()
        };
        Grid { blocks: vec![tiles, memories] }
    }

    #[test]
    fn ids_are_unique_and_parse_back_over_the_whole_grid() {
        let enumeration = everything().enumerate();
        let ids: HashSet<String> = enumeration.variants.iter().map(PassVariant::id).collect();
        assert_eq!(ids.len(), enumeration.variants.len());
        assert!(enumeration.variants.len() > 10_000);
        for variant in &enumeration.variants {
            assert_eq!(variant.id().parse(), Ok(*variant));
        }
    }

    #[test]
    fn combinations_are_counted_without_being_made() {
        for block in everything().blocks {
            assert_eq!(block.count(), block.combinations().count());
        }
        let many = Block { elements: vec![Element::F32; 1 << 20], ..everything().blocks[0].clone() };
        let huge = Block {
            accumulators: vec![1; 1 << 20],
            unrolls: vec![1; 1 << 20],
            isas: vec![Isa::Avx2; 1 << 20],
            ..many
        };
        assert_eq!((huge.count(), Block::default().count()), (usize::MAX, 0));
    }

    #[test]
    fn every_pruned_combination_says_why() {
        let enumeration = everything().enumerate();
        assert!(
            enumeration.pruned.iter().all(|pruned| pruned.variant.pruning_reason() == Some(pruned.reason))
        );
        let registers =
            enumeration.pruned.iter().find(|p| matches!(p.reason, Reason::Registers { .. })).unwrap();
        assert!(registers.reason.to_string().contains("do not fit 16 registers"), "{}", registers.reason);
    }

    #[test]
    fn overlapping_blocks_hold_a_variant_once() {
        let once = everything();
        let twice = Grid { blocks: [once.blocks.clone(), once.blocks.clone()].concat() };
        assert_eq!(once.enumerate().variants, twice.enumerate().variants);
        assert_eq!(once.enumerate().hash(), twice.enumerate().hash());
    }

    #[test]
    fn an_axis_that_a_pass_lacks_does_not_multiply_it() {
        let mut grid = everything();
        grid.blocks.truncate(1);
        grid.blocks[0].passes = vec![Pass::Max];
        grid.blocks[0].accumulators = vec![1];
        grid.blocks[0].directions = Direction::ALL.to_vec();
        let count = Isa::ALL.len() * Tile::MAX_UNROLL;
        assert_eq!(grid.enumerate().variants.len(), count);
        assert!(grid.enumerate().pruned.is_empty());
    }
}
