//! A pass variant: one generated function. Its id, its place in the registry and its code all come from the
//! one struct here.

use crate::{Element, Exp, Isa, Pass, Reason, Store, Tile, UnknownId};
use std::fmt;
use std::str::FromStr;

/// Terms far below a lane's sum are rounded away, always in one direction: with 16 terms that costs about a quarter of
/// an ULP, with 256 four (x ~ U(-10, 10)).
const TERMS_PER_LANE: usize = 16;

/// A single lane's random errors do not average out, so it adds fewer terms: 4, two lanes 8.
const TERMS_PER_LANE_AND_LANES: usize = 4;

/// Blocks are alike, so that nothing is lost between them; a lane's error is random, grows with the root of their number
/// and averages out over the lanes. A call costs one to two per cent of the time of as many blocks.
const BLOCKS_PER_CALL_AND_LANE: usize = 4;

/// How an id ends whose stores are non-temporal.
const NON_TEMPORAL: &str = "nt";

/// One point of the grid: a pass for an element type and an ISA, with its tile and exp core.
///
/// The id reads `f32_ext_sum__avx512_p5_u128_acc2`: element, pass, ISA, exp core where there is one, unroll in
/// elements, accumulators unless there is just one, `nt` for non-temporal stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassVariant {
    /// What it computes.
    pub pass: Pass,
    /// Of which elements.
    pub element: Element,
    /// With which instructions.
    pub isa: Isa,
    /// The exp core; present exactly if the pass exponentiates.
    pub exp: Option<Exp>,
    /// Unroll and accumulators.
    pub tile: Tile,
    /// How it stores.
    pub store: Store,
}

impl PassVariant {
    /// Elements that one iteration of the main loop covers.
    pub fn tile_elements(&self) -> usize {
        self.tile.unroll * self.lanes()
    }

    /// Elements after which a sum of exponentials starts afresh, whole tiles: in a block each lane of an accumulator
    /// adds at most 16 terms (fewer where there are few lanes), or those of one tile.
    pub fn block_elements(&self) -> usize {
        let terms_per_tile = self.tile.unroll / self.tile.accumulators;
        let terms = TERMS_PER_LANE.min(TERMS_PER_LANE_AND_LANES * self.lanes());
        let tiles = if self.sums_each_tile() { 1 } else { (terms / terms_per_tile).max(1) };
        tiles * self.tile_elements()
    }

    /// Whether every tile, and every vector that is left, is a block. Where one lane holds most of a row's sum, each term
    /// that it adds costs up to half an ULP, too much for cores that are meant to be accurate.
    pub fn sums_each_tile(&self) -> bool {
        self.pass.sums() && self.exp.is_some_and(Exp::sums_accurately)
    }

    /// Elements after which a caller should start a new sum and add it to the others in f64: then rounding errors do
    /// not grow with the row.
    /// Of a pass that takes rows in registers, the longest one.
    pub fn call_elements(&self) -> usize {
        if let Some(longest) = self.longest_row() {
            return longest;
        }
        BLOCKS_PER_CALL_AND_LANE * self.lanes() * self.block_elements()
    }

    /// The longest row that it takes; `None` for any.
    pub fn longest_row(&self) -> Option<usize> {
        self.pass.is_resident().then_some(self.tile_elements())
    }

    /// Elements in one vector.
    pub fn lanes(&self) -> usize {
        self.isa.lanes(self.element)
    }

    /// The id, which is also the name of the generated function.
    pub fn id(&self) -> String {
        self.to_string()
    }

    /// Why this combination cannot be generated, if it cannot.
    pub fn pruning_reason(&self) -> Option<Reason> {
        Reason::against(self)
    }
}

impl fmt::Display for PassVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}__{}", self.element, self.pass, self.isa)?;
        if let Some(exp) = self.exp {
            write!(f, "_{exp}")?;
        }
        write!(f, "_u{}", self.tile_elements())?;
        if self.tile.accumulators != 1 {
            write!(f, "_acc{}", self.tile.accumulators)?;
        }
        match self.store {
            Store::Temporal => Ok(()),
            Store::NonTemporal => write!(f, "_{NON_TEMPORAL}"),
        }
    }
}

/// Why a text is no variant id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidVariant {
    /// Not of the form `ELEMENT_PASS__ISA[_EXP]_uELEMENTS[_accN][_nt]`.
    Form(String),
    /// One of its parts is unknown.
    Part(UnknownId),
    /// It is well formed, but no such kernel can be generated.
    Pruned(PassVariant, Reason),
}

impl fmt::Display for InvalidVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidVariant::Form(text) => {
                write!(
                    f,
                    "`{text}` is no variant id: expected ELEMENT_PASS__ISA[_EXP]_uELEMENTS[_accN][_nt], "
                )?;
                write!(f, "such as f32_ext_sum__avx512_p5_u128_acc2")
            }
            InvalidVariant::Part(unknown) => unknown.fmt(f),
            InvalidVariant::Pruned(variant, reason) => write!(f, "`{variant}` cannot be generated: {reason}"),
        }
    }
}

impl std::error::Error for InvalidVariant {}

impl From<UnknownId> for InvalidVariant {
    fn from(unknown: UnknownId) -> Self {
        InvalidVariant::Part(unknown)
    }
}

impl FromStr for PassVariant {
    type Err = InvalidVariant;

    fn from_str(text: &str) -> Result<Self, InvalidVariant> {
        let malformed = || InvalidVariant::Form(text.to_owned());
        let (what, how) = text.split_once("__").ok_or_else(malformed)?;
        let (element, pass) = what.split_once('_').ok_or_else(malformed)?;
        let (element, pass): (Element, Pass) = (element.parse()?, pass.parse()?);

        let mut parts = how.split('_').peekable();
        let isa: Isa = parts.next().ok_or_else(malformed)?.parse()?;
        let exp = match pass.exponentiates() {
            true => Some(parts.next().ok_or_else(malformed)?.parse()?),
            false => None,
        };
        let elements: usize = parts.next().and_then(|part| number(part, "u")).ok_or_else(malformed)?;
        let accumulators = match parts.next_if(|part| part.starts_with("acc")) {
            Some(part) => number(part, "acc").filter(|&n| n != 1).ok_or_else(malformed)?,
            None => 1,
        };
        let store = match parts.next_if_eq(&NON_TEMPORAL) {
            Some(_) => Store::NonTemporal,
            None => Store::Temporal,
        };
        let lanes = isa.lanes(element);
        if parts.next().is_some() || !elements.is_multiple_of(lanes) {
            return Err(malformed());
        }
        let variant = PassVariant {
            pass,
            element,
            isa,
            exp,
            tile: Tile { unroll: elements / lanes, accumulators },
            store,
        };
        match variant.pruning_reason() {
            Some(reason) => Err(InvalidVariant::Pruned(variant, reason)),
            None => Ok(variant),
        }
    }
}

/// `part` is `prefix` and a canonical decimal number (no sign, no leading zero).
fn number(part: &str, prefix: &str) -> Option<usize> {
    let digits = part.strip_prefix(prefix)?;
    let n: usize = digits.parse().ok()?;
    (n.to_string() == digits).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_ids_are_refused_with_the_reason() {
        for (text, reason) in [
            ("f32_max", "is no variant id"),
            ("f32_max__avx2_u33", "is no variant id"),
            ("f32_max__avx2_u32_acc1", "is no variant id"),
            ("f32_max__avx2_u032", "is no variant id"),
            ("f32_max__avx2_p5_u32", "is no variant id"),
            ("f32_mux__avx2_u32", "did you mean `max`?"),
            ("f32_sum_exp__avx2_p9_u32", "unknown exp core `p9`"),
            ("f32_max__avx2_u32_acc3", "3 accumulators do not divide an unroll of 4 vectors"),
            ("f32_max__avx2_u0", "unroll of 0"),
        ] {
            let error = text.parse::<PassVariant>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
