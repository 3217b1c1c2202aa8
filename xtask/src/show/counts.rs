//! What a variant does per vector and per element: the operations that were emitted beside the instructions that the
//! compiler made of them.

use super::assembly::{HotLoop, Listing};
use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_codegen::Operations;
use softmax_spec::PassVariant;

/// The hot loop of a variant, in both languages.
pub struct Comparison<'a> {
    variant: &'a PassVariant,
    emitted: Operations,
    compiled: HotLoop<'a>,
}

impl<'a> Comparison<'a> {
    /// Of a variant and its assembly.
    pub fn new(variant: &'a PassVariant, listing: &Listing<'a>) -> Result<Comparison<'a>> {
        let tile = variant.tile_elements() * element_bytes(variant);
        let compiled = listing.hot_loop(tile);
        let compiled =
            compiled.with_context(|| format!("no loop in the assembly of {variant} reads a row"))?;
        Ok(Comparison { variant, emitted: softmax_codegen::operations(variant), compiled })
    }

    /// A line about the loop and a table.
    pub fn text(&self) -> String {
        let (lanes, label) = (self.variant.lanes(), self.compiled.label);
        let (tile, iteration) = (self.variant.tile_elements(), self.elements());
        format!(
            "tile: {tile} elements in vectors of {lanes}; hot loop: {label}, {iteration} elements an iteration\n{}\n",
            self.grid().trim_fmt()
        )
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(comfy_table::presets::NOTHING);
        grid.set_header(["", "IR/vector", "assembly/vector", "IR/element", "assembly/element"]);
        for (name, emitted, compiled) in self.instructions() {
            let emitted = emitted.map(|n| n as f64 / self.variant.tile_elements() as f64);
            let compiled = Some(compiled as f64 / self.elements() as f64);
            let lanes = self.variant.lanes() as f64;
            grid.add_row([
                name.to_owned(),
                cell(emitted.map(|n| n * lanes), 2),
                cell(compiled.map(|n| n * lanes), 2),
                cell(emitted, 4),
                cell(compiled, 4),
            ]);
        }
        for column in grid.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        grid
    }

    /// Name, operations per tile, instructions per iteration. The IR knows nothing of registers and loops.
    fn instructions(&self) -> [(&'static str, Option<usize>, usize); 8] {
        let (emitted, compiled) = (self.emitted, self.compiled.counts);
        [
            ("arithmetic", Some(emitted.arithmetic), compiled.arithmetic),
            ("loads", Some(emitted.loads), compiled.loads),
            ("stores", Some(emitted.stores), compiled.stores),
            ("constants", None, compiled.constants),
            ("spills", None, compiled.spills),
            ("copies", None, compiled.copies),
            ("scalar", None, compiled.scalar),
            ("calls", None, compiled.calls),
        ]
    }

    /// Whole counts, each with the elements that they are for.
    pub fn json(&self) -> Value {
        let mut emitted = json!({ "elements": self.variant.tile_elements() });
        let mut compiled = json!({ "elements": self.elements() });
        for (name, operations, instructions) in self.instructions() {
            compiled[name] = json!(instructions);
            if let Some(operations) = operations {
                emitted[name] = json!(operations);
            }
        }
        json!({
            "id": self.variant.id(),
            "lanes": self.variant.lanes(),
            "ir": emitted,
            "assembly": compiled,
        })
    }

    /// Elements that an iteration of the compiled loop takes: a tile's, unless the compiler unrolled it further.
    fn elements(&self) -> usize {
        self.compiled.bytes / element_bytes(self.variant)
    }
}

/// A number to that many digits; a dash where there is none.
fn cell(n: Option<f64>, digits: usize) -> String {
    n.map_or_else(|| "-".to_owned(), |n| format!("{n:.digits$}"))
}

fn element_bytes(variant: &PassVariant) -> usize {
    variant.element.bits() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::assembly::Counts;

    fn comparison(variant: &PassVariant) -> Comparison<'_> {
        let counts = Counts { arithmetic: 9, loads: 8, spills: 2, ..Counts::default() };
        let compiled = HotLoop { label: ".LBB0_1", bytes: 256, counts };
        Comparison { variant, emitted: softmax_codegen::operations(variant), compiled }
    }

    #[test]
    fn the_table_is_per_vector_and_per_element() {
        let variant: PassVariant = "f32_max__avx2_u32".parse().unwrap();
        let text = comparison(&variant).text();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[2], ["arithmetic", "1.00", "1.12", "0.1250", "0.1406"]);
        assert_eq!(rows[6], ["spills", "-", "0.25", "-", "0.0312"]);
    }

    #[test]
    fn json_counts_are_whole() {
        let variant: PassVariant = "f32_max__avx2_u32".parse().unwrap();
        let json = comparison(&variant).json();
        assert_eq!(json["ir"], json!({ "elements": 32, "arithmetic": 4, "loads": 4, "stores": 0 }));
        assert_eq!(json["assembly"]["elements"], 64);
        assert_eq!(json["assembly"]["arithmetic"], 9);
    }

    /// Each vector is read once and written at most once, whatever the compiler did to the loop.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn hot_loops_move_what_was_emitted_and_call_nothing() {
        use softmax_spec::{Isa, Pass};
        for (pass, isa) in Pass::ALL.into_iter().flat_map(|pass| [(pass, Isa::Avx2), (pass, Isa::Avx512)]) {
            let exp = if pass.exponentiates() { "_a5" } else { "" };
            let variant: PassVariant = format!("f32_{pass}__{isa}{exp}_u32").parse().unwrap();
            let assembly = crate::show::compile::assembly(&variant).unwrap();
            let listing = Listing::of(&variant.id(), &assembly).unwrap();
            let comparison = Comparison::new(&variant, &listing).unwrap();
            let (emitted, compiled) = (comparison.emitted, comparison.compiled.counts);
            let (tiles, text) = (comparison.elements() / variant.tile_elements(), comparison.text());
            assert!(tiles > 0 && emitted.arithmetic > 0 && compiled.arithmetic > 0, "{variant}\n{text}");
            assert_eq!(compiled.loads, emitted.loads * tiles, "{variant}\n{text}");
            assert_eq!(compiled.stores, emitted.stores * tiles, "{variant}\n{text}");
            assert_eq!(compiled.calls, 0, "{variant}\n{text}");
        }
    }
}
