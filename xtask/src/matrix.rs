//! `matrix`: the grid's tests, split into cells of similar size for CI.
//!
//! A cell has one ISA, because that decides which machine can run it, and whole passes, because that is what the
//! tests can be restricted to.

use crate::error::bad_input;
use crate::flags::{self, Format};
use crate::{project, stdout};
use anyhow::Result;
use serde::Serialize;
use softmax_spec::{Isa, Pass, PassVariant};
use std::collections::BTreeMap;

/// Variants tested by one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Cell {
    name: String,
    isa: &'static str,
    passes: Vec<&'static str>,
    variants: usize,
    command: String,
}

/// Passes with their numbers of variants.
type Bundle = Vec<(Pass, usize)>;

/// Runs the command.
pub fn run(flags: &flags::Matrix) -> Result<()> {
    let mut variants = project::grid()?.variants;
    variants.retain(|variant| flags.isa.is_empty() || flags.isa.contains(&variant.isa));
    let cells = cells(&variants, usize::from(flags.max_cells))?;
    match flags.format {
        Format::Github => stdout::print(&format!("{}\n", serde_json::json!({ "include": cells }))),
        Format::Json => stdout::print_json(&serde_json::to_value(&cells)?),
        Format::List => stdout::print(&cells.iter().map(line).collect::<String>()),
    }
}

fn line(cell: &Cell) -> String {
    format!("{:>5} variants  {}\n                {}\n", cell.variants, cell.name, cell.command)
}

/// At most `max` cells that together hold every variant once, the largest as small as that allows.
fn cells(variants: &[PassVariant], max: usize) -> Result<Vec<Cell>> {
    let mut by_isa: BTreeMap<Isa, BTreeMap<Pass, usize>> = BTreeMap::new();
    for variant in variants {
        *by_isa.entry(variant.isa).or_default().entry(variant.pass).or_default() += 1;
    }
    if by_isa.is_empty() {
        return Err(bad_input("the grid has no variants of these ISAs: see `cargo xtask list`"));
    }
    if max < by_isa.len() {
        let least = by_isa.len();
        return Err(bad_input(format!(
            "--max-cells {max} is too few for {least} ISAs, the minimum is {least}"
        )));
    }
    let mut shares: Vec<(Isa, Bundle, usize)> =
        by_isa.into_iter().map(|(isa, passes)| (isa, passes.into_iter().collect(), 1)).collect();
    for _ in shares.len()..max {
        let heaviest =
            shares.iter_mut().max_by_key(|(_, passes, parts)| weight_of_largest(&split(passes, *parts)));
        let (_, passes, parts) = heaviest.expect("there is an ISA");
        // A cell of one pass cannot be split, and more cells elsewhere would end no sooner.
        let largest = split(passes, *parts).into_iter().max_by_key(weight);
        if largest.is_none_or(|bundle| bundle.len() < 2) {
            break;
        }
        *parts += 1;
    }
    let bundles =
        shares.iter().flat_map(|(isa, passes, parts)| split(passes, *parts).into_iter().map(|b| (*isa, b)));
    Ok(bundles.map(|(isa, bundle)| cell(isa, bundle)).collect())
}

fn weight(bundle: &Bundle) -> usize {
    bundle.iter().map(|(_, count)| count).sum()
}

fn weight_of_largest(bundles: &[Bundle]) -> usize {
    bundles.iter().map(weight).max().unwrap_or(0)
}

/// `parts` bundles: the largest pass first, each into the lightest bundle.
fn split(passes: &Bundle, parts: usize) -> Vec<Bundle> {
    let mut sorted = passes.clone();
    sorted.sort_by_key(|&(pass, count)| (std::cmp::Reverse(count), pass));
    let mut bundles = vec![Bundle::new(); parts.min(passes.len())];
    for item in sorted {
        let lightest = bundles.iter_mut().min_by_key(|bundle| weight(bundle));
        lightest.expect("an ISA has passes").push(item);
    }
    for bundle in &mut bundles {
        bundle.sort();
    }
    bundles
}

fn cell(isa: Isa, bundle: Bundle) -> Cell {
    let passes: Vec<&'static str> = bundle.iter().map(|(pass, _)| pass.id()).collect();
    Cell {
        name: format!("{isa}: {}", passes.join(", ")),
        isa: isa.id(),
        variants: weight(&bundle),
        command: format!(
            "SOFTMAX_REQUIRE_ISA={isa} SOFTMAX_TEST_PASSES={} \
             cargo test --release -p softmax-kernels --features full-grid --test variants",
            passes.join(",")
        ),
        passes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn variants() -> Vec<PassVariant> {
        project::grid().unwrap().variants
    }

    #[test]
    fn every_variant_is_in_exactly_one_cell_for_every_maximum() {
        let variants = variants();
        let isas = variants.iter().map(|variant| variant.isa).collect::<BTreeSet<_>>().len();
        for max in isas..=256 {
            let cells = cells(&variants, max).unwrap();
            assert!(cells.len() <= max, "{max}: {}", cells.len());
            for variant in &variants {
                let holds =
                    |cell: &&Cell| cell.isa == variant.isa.id() && cell.passes.contains(&variant.pass.id());
                assert_eq!(cells.iter().filter(holds).count(), 1, "{max}: {variant}");
            }
            assert_eq!(cells.iter().map(|cell| cell.variants).sum::<usize>(), variants.len());
            assert_eq!(cells.iter().map(|cell| &cell.name).collect::<BTreeSet<_>>().len(), cells.len());
        }
    }

    #[test]
    fn more_cells_never_make_the_largest_larger() {
        let variants = variants();
        let largest = |max| cells(&variants, max).unwrap().iter().map(|cell| cell.variants).max();
        assert!((5..=64).all(|max| largest(max) <= largest(max - 1)));
    }

    #[test]
    fn too_few_cells_name_the_minimum() {
        let error = cells(&variants(), 1).unwrap_err().to_string();
        assert!(error.contains("the minimum is"), "{error}");
    }

    #[test]
    fn a_cell_says_how_to_run_it() {
        let cell = cell(Isa::Avx2, vec![(Pass::Max, 3), (Pass::Scale, 4)]);
        assert_eq!(cell.variants, 7);
        assert!(
            cell.command.starts_with("SOFTMAX_REQUIRE_ISA=avx2 SOFTMAX_TEST_PASSES=max,scale cargo test")
        );
    }
}
