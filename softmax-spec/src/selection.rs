//! Some variants of a grid, in a text that is short enough for an environment variable.

use crate::{Isa, PassVariant};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Variants of a grid, as ranges.
///
/// Written `FIRST..LAST` with two ids, both of which belong to it, as one id, or as an ISA's name for all of its variants; several are
/// separated by commas. A range goes over the variants of one ISA, in the order of [`crate::Enumeration::variants`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    ranges: Vec<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    Of(PassVariant, PassVariant),
    All(Isa),
}

impl Selection {
    /// The selection of exactly those of the grid's variants that are `chosen`.
    pub fn of(chosen: &[PassVariant], grid: &[PassVariant]) -> Selection {
        let chosen: BTreeSet<&PassVariant> = chosen.iter().collect();
        let mut ranges = Vec::new();
        for isa in Isa::ALL {
            let of_isa: Vec<&PassVariant> = grid.iter().filter(|variant| variant.isa == isa).collect();
            let runs = of_isa.chunk_by(|a, b| chosen.contains(a) == chosen.contains(b));
            let runs = runs.filter(|run| chosen.contains(run[0]));
            ranges.extend(runs.map(|run| Range::Of(*run[0], *run[run.len() - 1])));
        }
        Selection { ranges }
    }

    /// The variants that it selects, each once, in the grid's order.
    ///
    /// # Errors
    /// One line, if a range does not begin and end in the grid, or selects nothing.
    pub fn select(&self, grid: &[PassVariant]) -> Result<Vec<PassVariant>, String> {
        self.ranges.iter().try_for_each(|range| range.check(grid))?;
        let is_within = |variant: &&PassVariant| self.ranges.iter().any(|range| range.contains(variant));
        Ok(grid.iter().filter(is_within).copied().collect())
    }
}

impl Range {
    fn check(&self, grid: &[PassVariant]) -> Result<(), String> {
        match self {
            Range::Of(first, last) => match [first, last].into_iter().find(|end| !grid.contains(end)) {
                Some(missing) => {
                    Err(format!("`{missing}` is not in the grid, so this is a selection from another grid"))
                }
                None => Ok(()),
            },
            Range::All(isa) => match grid.iter().any(|variant| variant.isa == *isa) {
                true => Ok(()),
                false => Err(format!("the grid has no variant for {isa}")),
            },
        }
    }

    fn contains(&self, variant: &PassVariant) -> bool {
        match self {
            Range::Of(first, last) => variant.isa == first.isa && (first..=last).contains(&variant),
            Range::All(isa) => variant.isa == *isa,
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match range {
                Range::All(isa) => write!(f, "{comma}{isa}")?,
                Range::Of(first, last) if first == last => write!(f, "{comma}{first}")?,
                Range::Of(first, last) => write!(f, "{comma}{first}..{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Selection, String> {
        let ranges: Result<Vec<Range>, String> = text.split(',').map(str::parse).collect();
        Ok(Selection { ranges: ranges? })
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        if let Ok(isa) = text.parse() {
            return Ok(Range::All(isa));
        }
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let variant = |id: &str| id.parse::<PassVariant>().map_err(|error| error.to_string());
        let (first, last) = (variant(first)?, variant(last)?);
        if first.isa != last.isa {
            return Err(format!("`{text}` goes from {} to {}: a range is of one ISA", first.isa, last.isa));
        }
        if last < first {
            return Err(format!("`{text}` selects nothing: its last variant comes before its first"));
        }
        Ok(Range::Of(first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<PassVariant> {
        let ids = ["max__avx2_u8", "max__avx2_u16", "max__avx512_u16", "scale__avx2_u8", "scale__avx512_u16"];
        ids.map(|id| format!("f32_{id}").parse().unwrap()).into()
    }

    #[test]
    fn every_subset_comes_back_from_its_text() {
        let grid = grid();
        for bits in 1..1 << grid.len() {
            let is_chosen = |(i, _): &(usize, &PassVariant)| bits >> i & 1 == 1;
            let chosen: Vec<PassVariant> =
                grid.iter().enumerate().filter(is_chosen).map(|(_, variant)| *variant).collect();
            let text = Selection::of(&chosen, &grid).to_string();
            assert_eq!(text.parse::<Selection>().unwrap().select(&grid).unwrap(), chosen, "{text}");
        }
    }

    #[test]
    fn a_range_skips_other_isas() {
        let grid = grid();
        let all: Vec<PassVariant> = grid.iter().copied().filter(|variant| variant.isa == Isa::Avx2).collect();
        assert_eq!(Selection::of(&all, &grid).to_string(), "f32_max__avx2_u8..f32_scale__avx2_u8");
        let some = Selection::of(&[all[0], all[2]], &grid);
        assert_eq!(some.to_string(), "f32_max__avx2_u8,f32_scale__avx2_u8");
    }

    #[test]
    fn an_isa_is_all_of_its_variants() {
        let selection: Selection = "avx512,f32_max__avx2_u8".parse().unwrap();
        let ids: Vec<String> = selection.select(&grid()).unwrap().iter().map(PassVariant::id).collect();
        assert_eq!(ids, ["f32_max__avx2_u8", "f32_max__avx512_u16", "f32_scale__avx512_u16"]);
        assert_eq!(selection.to_string(), "avx512,f32_max__avx2_u8");
        let missing: Selection = "neon".parse().unwrap();
        assert_eq!(missing.select(&grid()).unwrap_err(), "the grid has no variant for neon");
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        for (text, reason) in [
            ("", "is no variant id"),
            ("f32_max__avx2_u8,", "is no variant id"),
            ("f32_max__avx2_u8..f32_max__avx512_u16", "from avx2 to avx512"),
            ("f32_scale__avx2_u8..f32_max__avx2_u8", "comes before its first"),
        ] {
            let error = text.parse::<Selection>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let other: Selection = "f32_max__avx2_u8..f32_max__avx2_u64".parse().unwrap();
        assert!(other.select(&grid()).unwrap_err().contains("`f32_max__avx2_u64` is not in the grid"));
    }
}
