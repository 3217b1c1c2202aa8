//! Cells: series cut into as many jobs as there may be, the longest as short as that allows.

use super::{Item, Series, Shard};
use crate::error::bad_input;
use anyhow::Result;
use serde::Serialize;
use softmax_codegen::GRID_VARIABLE;
use softmax_spec::{Pass, PassVariant, Selection};
use std::collections::BTreeSet;

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// Of its own in the matrix.
    pub name: String,
    /// What the machine must have.
    pub isa: &'static str,
    /// As in `uname -m`, or `any`.
    pub arch: &'static str,
    /// For rustup.
    pub toolchain: String,
    /// How many it tests.
    pub variants: usize,
    /// How long it is busy with them, on one core, beside what is the same for all jobs. An estimate.
    pub seconds: f64,
    /// For a shell in the workspace's directory.
    pub command: String,
}

impl Cell {
    /// For reading.
    pub fn text(&self) -> String {
        format!(
            "{:>5} variants {:6.1} s  {}\n{:>26}{}\n",
            self.variants, self.seconds, self.name, "", self.command
        )
    }
}

/// What cells are cut from, beside the series.
pub struct Context<'a> {
    /// All of the grid.
    pub grid: &'a [PassVariant],
    /// The toolchain that needs no naming.
    pub pinned: &'a str,
    /// The share that they are of.
    pub shard: Option<Shard>,
}

/// At most `max` cells that together hold every item once.
pub fn cells(all: &[Series], max: usize, context: &Context) -> Result<Vec<Cell>> {
    if max < all.len() {
        let least = all.len();
        return Err(bad_input(format!(
            "--max-jobs {max} is too few for {least} pairs of toolchain and ISA, the minimum is {least}"
        )));
    }
    let weights: Vec<Vec<f64>> =
        all.iter().map(|series| series.items.iter().map(|item| item.weight).collect()).collect();
    let limit = lightest_limit(&weights, max);
    let names_toolchain = all.iter().any(|series| series.toolchain != all[0].toolchain);
    let mut cells = Vec::new();
    for (series, weights) in all.iter().zip(weights) {
        let parts = cut(&weights, limit).len();
        // Of this series alone the parts may be more alike.
        let parts = cut(&weights, lightest_limit(std::slice::from_ref(&weights), parts));
        let count = parts.len();
        for (i, range) in parts.into_iter().enumerate() {
            let place = Place { number: i + 1, count, names_toolchain };
            cells.push(cell(series, &series.items[range], &place, context));
        }
    }
    Ok(cells)
}

/// Runs of items whose weight is at most `limit`, or that are one item; as few as possible.
fn cut(weights: &[f64], limit: f64) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut sum) = (0, 0.0);
    for (i, weight) in weights.iter().enumerate() {
        if i > start && sum + weight > limit {
            parts.push(start..i);
            (start, sum) = (i, 0.0);
        }
        sum += weight;
    }
    if start < weights.len() {
        parts.push(start..weights.len());
    }
    parts
}

/// The least limit with which there are at most `max` runs, but for rounding.
fn lightest_limit(all: &[Vec<f64>], max: usize) -> f64 {
    let count = |limit: f64| all.iter().map(|weights| cut(weights, limit).len()).sum::<usize>();
    let (mut low, mut high) = (0.0, all.iter().map(|weights| weights.iter().sum()).fold(0.0, f64::max));
    // As many halvings as a float has bits: what is left is no weight's difference.
    for _ in 0..f64::MANTISSA_DIGITS {
        let middle = (low + high) / 2.0;
        match count(middle) <= max {
            true => high = middle,
            false => low = middle,
        }
    }
    high
}

/// Which cell of a series.
struct Place {
    number: usize,
    count: usize,
    names_toolchain: bool,
}

fn cell(series: &Series, items: &[Item], place: &Place, context: &Context) -> Cell {
    let isa = series.isa;
    let variants: Vec<PassVariant> = items.iter().map(|item| item.variant).collect();
    let weight: f64 = items.iter().map(|item| item.weight).sum();
    let is_pinned = series.toolchain == context.pinned;
    let toolchain = if is_pinned { String::new() } else { format!(" +{}", series.toolchain) };
    Cell {
        name: name(series, &variants, place, context.shard),
        isa: isa.id(),
        arch: isa.arch().unwrap_or("any"),
        toolchain: series.toolchain.clone(),
        variants: variants.len(),
        seconds: (weight * 10.0).round() / 10.0,
        command: format!(
            "SOFTMAX_REQUIRE_ISA={isa} {GRID_VARIABLE}={} \
             cargo{toolchain} test --release -p softmax-kernels --features full-grid --test variants",
            Selection::of(&variants, context.grid)
        ),
    }
}

/// `avx512 2/7: ext_sum to scale`, and on which toolchain and of which share where there are others.
fn name(series: &Series, variants: &[PassVariant], place: &Place, shard: Option<Shard>) -> String {
    let passes: BTreeSet<Pass> = variants.iter().map(|variant| variant.pass).collect();
    let ends: BTreeSet<Option<&Pass>> = [passes.first(), passes.last()].into();
    let passes: Vec<&str> = ends.into_iter().flatten().map(|pass| pass.id()).collect();
    let toolchain = if place.names_toolchain { format!(" on {}", series.toolchain) } else { String::new() };
    let shard = shard.map_or_else(String::new, |shard| format!(" of share {shard}"));
    let Place { number, count, .. } = place;
    format!("{}{toolchain} {number}/{count}{shard}: {}", series.isa, passes.join(" to "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_as_light_as_their_number_allows() {
        let weights = [3.0, 1.0, 1.0, 1.0, 4.0, 2.0].to_vec();
        for (max, expected) in [(1, 12.0), (2, 6.0), (3, 5.0), (4, 4.0), (9, 4.0)] {
            let parts = cut(&weights, lightest_limit(std::slice::from_ref(&weights), max));
            let heaviest = parts.iter().map(|part| weights[part.clone()].iter().sum()).fold(0.0, f64::max);
            assert_eq!(heaviest, expected, "{max}: {parts:?}");
            assert!(parts.len() <= max, "{max}: {parts:?}");
            assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        }
    }
}
