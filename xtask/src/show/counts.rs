//! What a variant does per vector and per element: the operations that were emitted beside the instructions that the
//! compiler made of them.

use super::assembly::{HotLoop, Listing};
use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_codegen::Operations;
use softmax_spec::PassVariant;

/// What is said where nothing is counted in the assembly.
const NO_HOT_LOOP: &str =
    "no hot loop: code of its own for every number of vectors, of which the IR's operations are for the most";

/// The hot loop of a variant, in both languages.
pub struct Comparison<'a> {
    variant: &'a PassVariant,
    emitted: Operations,
    /// `None` for rows in registers, whose function has a loop for every number of vectors.
    compiled: Option<HotLoop<'a>>,
}

impl<'a> Comparison<'a> {
    /// Of a variant and its assembly.
    pub fn new(variant: &'a PassVariant, listing: &Listing<'a>) -> Result<Comparison<'a>> {
        let tile = variant.tile_elements() * element_bytes(variant);
        let hot_loop = || {
            listing
                .hot_loop(tile)
                .with_context(|| format!("no loop in the assembly of {variant} reads a row"))
        };
        let compiled = if variant.pass.is_resident() { None } else { Some(hot_loop()?) };
        Ok(Comparison { variant, emitted: softmax_codegen::operations(variant), compiled })
    }

    /// A line about the loop and a table.
    pub fn text(&self) -> String {
        let (lanes, tile) = (self.variant.lanes(), self.variant.tile_elements());
        let what = match &self.compiled {
            Some(hot_loop) => {
                format!("hot loop: {}, {} elements an iteration", hot_loop.label, self.elements())
            }
            None => NO_HOT_LOOP.to_owned(),
        };
        format!("tile: {tile} elements in vectors of {lanes}; {what}\n{}\n", self.grid().trim_fmt())
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(comfy_table::presets::NOTHING);
        grid.set_header(["", "IR/vector", "assembly/vector", "IR/element", "assembly/element"]);
        for (name, emitted, compiled) in self.instructions() {
            let emitted = emitted.map(|n| n as f64 / self.variant.tile_elements() as f64);
            let compiled = compiled.map(|n| n as f64 / self.elements() as f64);
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
    fn instructions(&self) -> [(&'static str, Option<usize>, Option<usize>); 8] {
        let (emitted, compiled) = (self.emitted, self.compiled.as_ref().map(|hot_loop| hot_loop.counts));
        [
            ("arithmetic", Some(emitted.arithmetic), compiled.map(|c| c.arithmetic)),
            ("loads", Some(emitted.loads), compiled.map(|c| c.loads)),
            ("stores", Some(emitted.stores), compiled.map(|c| c.stores)),
            ("constants", None, compiled.map(|c| c.constants)),
            ("spills", None, compiled.map(|c| c.spills)),
            ("copies", None, compiled.map(|c| c.copies)),
            ("scalar", None, compiled.map(|c| c.scalar)),
            ("calls", None, compiled.map(|c| c.calls)),
        ]
    }

    /// Whole counts, each with the elements that they are for. Without a hot loop `assembly` is null, and a note says why.
    pub fn json(&self) -> Value {
        let mut emitted = json!({ "elements": self.variant.tile_elements() });
        let mut compiled = json!({ "elements": self.elements() });
        for (name, operations, instructions) in self.instructions() {
            if let Some(instructions) = instructions {
                compiled[name] = json!(instructions);
            }
            if let Some(operations) = operations {
                emitted[name] = json!(operations);
            }
        }
        let mut json = json!({ "id": self.variant.id(), "lanes": self.variant.lanes(), "ir": emitted });
        match self.compiled {
            Some(_) => json["assembly"] = compiled,
            None => {
                json["assembly"] = Value::Null;
                json["note"] = json!(NO_HOT_LOOP);
            }
        }
        json
    }

    /// Elements that an iteration of the compiled loop takes: a tile's, unless the compiler unrolled it further.
    fn elements(&self) -> usize {
        self.compiled.as_ref().map_or(0, |hot_loop| hot_loop.bytes / element_bytes(self.variant))
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
    use crate::show::assembly::{Code, Counts};

    fn comparison(variant: &PassVariant) -> Comparison<'_> {
        let counts = Counts { arithmetic: 9, loads: 8, spills: 2, ..Counts::default() };
        let compiled = Some(HotLoop { label: ".LBB0_1", bytes: 256, counts });
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

    #[test]
    fn without_a_hot_loop_both_forms_say_so() {
        let variant: PassVariant = "f32_softmax__avx512_t2_u256".parse().unwrap();
        let emitted = softmax_codegen::operations(&variant);
        let comparison = Comparison { variant: &variant, emitted, compiled: None };
        let json = comparison.json();
        assert_eq!(json["assembly"], Value::Null);
        assert!(json["note"].as_str().unwrap().starts_with("no hot loop: "), "{json}");
        assert_eq!(json["ir"]["elements"], 256);
        assert!(comparison.text().contains(NO_HOT_LOOP));
    }

    /// Each vector is read once and written at most once, whatever the compiler did to the loop.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn hot_loops_move_what_was_emitted_and_call_nothing() {
        use softmax_spec::{Isa, Pass};
        let swept = Pass::ALL.into_iter().filter(|pass| !pass.is_resident());
        let of_pass = |(pass, isa): (Pass, Isa)| {
            let exp = if pass.exponentiates() { "_a5" } else { "" };
            format!("f32_{pass}__{isa}{exp}_u32")
        };
        let plain = swept.flat_map(|pass| [(pass, Isa::Avx2), (pass, Isa::Avx512)]).map(of_pass);
        let memories = [
            "f32_max__avx512_u64_st4",
            "f32_scale__avx2_u32_nt_pf1024_st2",
            "f32_scale__avx512_u32_pf16_back",
        ];
        for id in plain.chain(memories.map(str::to_owned)) {
            let variant: PassVariant = id.parse().unwrap();
            let assembly = crate::show::compile::assembly(&variant).unwrap();
            let listing = Code::of(&assembly).listing(&variant.id()).unwrap();
            let comparison = Comparison::new(&variant, &listing).unwrap();
            let (emitted, compiled) = (comparison.emitted, comparison.compiled.as_ref().unwrap().counts);
            let (tiles, text) = (comparison.elements() / variant.tile_elements(), comparison.text());
            assert!(tiles > 0 && emitted.arithmetic > 0 && compiled.arithmetic > 0, "{variant}\n{text}");
            assert_eq!(compiled.loads, emitted.loads * tiles, "{variant}\n{text}");
            assert_eq!(compiled.stores, emitted.stores * tiles, "{variant}\n{text}");
            assert_eq!(compiled.calls, 0, "{variant}\n{text}");
        }
    }
}
