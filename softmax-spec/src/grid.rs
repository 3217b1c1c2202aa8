//! The grid: lists of axis values, their product, and the reason for every combination that is left out.

use crate::{Element, Exp, Isa, Pass, PassVariant, Store, Tile};
use std::collections::BTreeSet;
use std::fmt;

/// A union of blocks. What `kernels!` is given, what the tuner searches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grid {
    /// The blocks; a variant that several of them hold is there once.
    pub blocks: Vec<Block>,
}

/// One product of axis values. An axis that a pass does not have (exp cores for `max`, accumulators for
/// `scale`) does not multiply it.
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
    /// The pass or the ISA has no non-temporal stores.
    NonTemporal,
    /// The exp core has no exponentials relative to nothing, which the pass needs because it knows no maximum.
    NeedsMaximum,
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

/// Vectors of a sum's total: the sum and what rounding has taken from it, or a mantissa and an exponent.
const TOTAL_STATE: usize = 2;

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
        let streams = variant.pass.streams() && variant.isa.streams();
        if variant.store == Store::NonTemporal && !streams {
            return Some(Reason::NonTemporal);
        }
        let (lookup, available) =
            (variant.exp.map_or(0, |exp| exp.reduction.lookup_entries()), variant.isa.lookup_entries());
        if lookup > available {
            return Some(Reason::Lookup { needed: lookup, available });
        }
        let totals = if variant.pass.sums() { TOTAL_STATE } else { 0 };
        let row = if variant.pass.is_resident() { tile.unroll } else { 0 };
        let carried = variant.pass.state_per_accumulator() * tile.accumulators + totals + row;
        let needed = carried + WORKING_SET;
        let available = variant.isa.registers();
        (needed > available).then_some(Reason::Registers { needed, available })
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
                write!(f, "non-temporal stores are for passes that write long rows, on ISAs that have them")
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
    /// A fingerprint of the variants' ids (64-bit FNV-1a), so that a profile can tell which grid it was tuned on.
    pub fn hash(&self) -> u64 {
        let bytes = self.variants.iter().flat_map(|variant| (variant.id() + "\n").into_bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}

impl Block {
    fn combinations(&self) -> impl Iterator<Item = PassVariant> {
        let mut combinations = Vec::new();
        for &element in &self.elements {
            for &pass in &self.passes {
                for &isa in &self.isas {
                    for &exp in &self.exps_of(pass) {
                        for &unroll in &self.unrolls {
                            for &accumulators in self.accumulators_of(pass) {
                                let tile = Tile { unroll, accumulators };
                                let variant = |&store| PassVariant { pass, element, isa, exp, tile, store };
                                combinations.extend(self.stores_of(pass).iter().map(variant));
                            }
                        }
                    }
                }
            }
        }
        combinations.into_iter()
    }

    fn exps_of(&self, pass: Pass) -> Vec<Option<Exp>> {
        match pass.exponentiates() {
            true => self.exps.iter().copied().map(Some).collect(),
            false => vec![None],
        }
    }

    fn stores_of(&self, pass: Pass) -> &[Store] {
        match pass.streams() {
            true => &self.stores,
            false => &[Store::Temporal],
        }
    }

    fn accumulators_of(&self, pass: Pass) -> &[usize] {
        match pass.reduces() {
            true => &self.accumulators,
            false => &[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn everything() -> Grid {
        Grid {
            blocks: vec![Block {
                elements: Element::ALL.to_vec(),
                passes: Pass::ALL.to_vec(),
                isas: Isa::ALL.to_vec(),
                unrolls: (1..=Tile::MAX_UNROLL).collect(),
                accumulators: (1..=Tile::MAX_UNROLL).collect(),
                exps: Exp::all().collect(),
                stores: Store::ALL.to_vec(),
            }],
        }
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
        grid.blocks[0].passes = vec![Pass::Max];
        grid.blocks[0].accumulators = vec![1];
        let count = Isa::ALL.len() * Tile::MAX_UNROLL;
        assert_eq!(grid.enumerate().variants.len(), count);
        assert!(grid.enumerate().pruned.is_empty());
    }
}
