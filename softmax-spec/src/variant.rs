//! A pass variant: one generated function. Its id, its place in the registry and its code all come from the
//! one struct here.

use crate::id::number;
use crate::{Element, Exp, Isa, Memory, Pass, Reason, Streams, Tile, UnknownId};
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

/// One point of the grid: a pass for an element type and an ISA, with its tile and exp core.
///
/// The id reads `f32_ext_sum__avx512_p5_u128_acc2`: element, pass, ISA, exp core where there is one, unroll in
/// elements, accumulators unless there is just one, and its way through memory where that is not the default, as in
/// `f32_ext_scale__avx512_d5_u64_nt_pf1024_back`.
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
    /// Its way through memory.
    pub memory: Memory,
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
        (terms / terms_per_tile).max(1) * self.tile_elements()
    }

    /// Whether accumulators keep what rounding takes from them, one more vector each. Where one lane holds most of a row's
    /// sum, each term that it adds costs up to half an ULP, too much for cores that are meant to be accurate. Not in pairs
    /// with a maximum or an exponent.
    pub fn sums_exactly(&self) -> bool {
        self.sums_vectors() && self.exp.is_some_and(Exp::sums_accurately)
    }

    /// Whether sums start afresh after every [`PassVariant::block_elements`] and go into a total.
    pub fn sums_in_blocks(&self) -> bool {
        self.pass.sums() && !self.sums_exactly()
    }

    /// Whether the total keeps what rounding takes from it, one more vector. Each block rounds once, and where blocks are
    /// alike always in one direction. Where a sum is one vector that costs next to nothing; pairs with a maximum or an exponent,
    /// which must be brought to a common one, need it only for as many blocks as whole windows are.
    pub fn compensates_total(&self) -> bool {
        self.sums_in_blocks() && (self.sums_vectors() || self.memory.streams != Streams::ONE)
    }

    /// Whether an accumulator is a sum and nothing else.
    fn sums_vectors(&self) -> bool {
        self.pass.sums() && self.pass.state_per_accumulator() == 1
    }

    /// Vectors that are carried from iteration to iteration.
    pub fn carried_vectors(&self) -> usize {
        let state = self.pass.state_per_accumulator();
        let accumulator = state + usize::from(self.sums_exactly());
        let total = if self.sums_in_blocks() { state + usize::from(self.compensates_total()) } else { 0 };
        accumulator * self.tile.accumulators + total
    }

    /// Elements after which a caller should start a new sum and add it to the others in f64: then rounding errors do
    /// not grow with the row. Whole windows, where there are several streams.
    /// Of a pass that takes whole rows, the longest one.
    pub fn call_elements(&self) -> usize {
        if let Some(longest) = self.longest_row() {
            return longest;
        }
        let elements = BLOCKS_PER_CALL_AND_LANE * self.lanes() * self.block_elements();
        match self.memory.streams {
            Streams::ONE => elements,
            streams => elements.next_multiple_of(streams.window()),
        }
    }

    /// Elements of a tile that are next to each other: those of one stream.
    pub fn stream_elements(&self) -> usize {
        self.tile_elements() / self.memory.streams.count()
    }

    /// The longest row that [`Pass::FusedSoftmax`] takes: x and its exponentials fill an L1 cache of 32 KiB.
    pub const LONGEST_FUSED: usize = 4096;

    /// The longest row that it takes; `None` for any.
    pub fn longest_row(&self) -> Option<usize> {
        match self.pass {
            Pass::Softmax => Some(self.tile_elements()),
            Pass::FusedSoftmax => Some(PassVariant::LONGEST_FUSED),
            _ => None,
        }
    }

    /// The shortest row that it is worth timing on; shorter ones it also takes, but another variant does no worse there
    /// ([`Memory::shortest_row`]).
    pub fn shortest_row(&self) -> usize {
        self.memory.shortest_row()
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
        match self.memory == Memory::default() {
            true => Ok(()),
            false => write!(f, "_{}", self.memory),
        }
    }
}

/// Why a text is no variant id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidVariant {
    /// Not of the form `ELEMENT_PASS__ISA[_EXP]_uELEMENTS[_accN][_nt][_pfN][_stN][_back]`.
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
                write!(f, "`{text}` is no variant id: expected ELEMENT_PASS__ISA[_EXP]_uELEMENTS[_accN]")?;
                write!(f, "[_nt][_pfN][_stN][_back], ")?;
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
        let memory = Memory::take(&mut parts).ok_or_else(malformed)?;
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
            memory,
        };
        match variant.pruning_reason() {
            Some(reason) => Err(InvalidVariant::Pruned(variant, reason)),
            None => Ok(variant),
        }
    }
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
            ("f32_max__avx2_u32_pf0", "is no variant id"),
            ("f32_max__avx2_u32_pf100", "is no variant id"),
            ("f32_max__avx2_u32_st1", "is no variant id"),
            ("f32_max__avx2_u32_st3", "is no variant id"),
            ("f32_max__avx2_u32_st2_pf16", "is no variant id"),
            ("f32_scale__avx2_u32_back_nt", "is no variant id"),
            ("f32_max__avx2_u32_nt", "non-temporal stores are for"),
            ("f32_max__scalar_u4_pf16", "no prefetches"),
            ("f32_max__avx2_u16_st4", "4 streams do not divide an unroll of 2 vectors"),
            ("f32_max__avx2_u48_st2", "24 elements, do not divide the 16384 of a stream"),
            ("f32_max__avx2_u32_back", "passes that store and reduce nothing"),
            ("f32_scale__avx2_u32_st2_back", "in one stream"),
            ("f32_softmax__avx2_d5_u32_pf16", "in registers"),
            ("f32_scale__neon_u16_nt", "for which stable Rust has them"),
            ("f32_max__neon_u16_pf1024", "no prefetches for the ISA"),
            ("f32_sum_exp__neon_e3_u16", "looks up 8 entries, and the ISA's instructions 0"),
            ("f32_max__neon_u18", "is no variant id"),
        ] {
            let error = text.parse::<PassVariant>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
