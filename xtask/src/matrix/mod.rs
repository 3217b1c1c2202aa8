//! `matrix`: the tests of the grid's variants, split into jobs of similar length for CI.
//!
//! ```text
//! grid -> variants wanted -> a series per toolchain and ISA, with weights -> share -> cells -> JSON
//! ```
//!
//! A cell has one ISA, because that decides which machine can run it, one toolchain, and variants that follow each other
//! in the grid, so that its command is short whatever it holds.

mod cell;
mod github;
mod shard;
mod toolchain;
mod weight;

pub use shard::Shard;
pub use toolchain::parse as toolchain;

use crate::error::bad_input;
use crate::flags::{self, Format};
use crate::{project, stderr, stdout};
use anyhow::Result;
use cell::{Cell, cells};
use shard::share;
use softmax_spec::{Isa, PassVariant};
use weight::Weights;

/// What GitHub takes as the output of a job, and as much as anybody wants to look at.
const MOST_BYTES: usize = 1 << 20;
/// What GitHub takes in a matrix.
const MOST_JOBS: usize = 256;
/// The outputs of a step: the matrix, and how many jobs there are, because GitHub takes none without any.
const OUTPUTS: [&str; 2] = ["matrix", "jobs"];

/// More would each be busy with little but what is the same for all.
const JOBS_PER_TOOLCHAIN: usize = 8;

/// Variants of one ISA for one toolchain, in the grid's order.
#[derive(Debug, Clone)]
struct Series {
    toolchain: String,
    isa: Isa,
    items: Vec<Item>,
}

/// A variant, and how long a job is busy with it.
#[derive(Debug, Clone, Copy)]
struct Item {
    variant: PassVariant,
    weight: f64,
}

/// Runs the command.
pub fn run(flags: &flags::Matrix) -> Result<()> {
    if flags.github_output && flags.format != Format::Github {
        return Err(bad_input("--github-output is for --format github"));
    }
    let grid = project::grid()?.variants;
    let pinned = toolchain::pinned()?;
    let toolchains = toolchains(flags, &pinned);
    let weights = flags.journal.as_deref().map(Weights::from_journal).transpose()?.unwrap_or_default();
    let all = series(&grid, flags, &toolchains, &weights);
    let shared = match flags.shard {
        Some(shard) => share(all, shard),
        None => all,
    };
    if shared.is_empty() && !flags.allow_empty {
        return Err(bad_input(
            "no variants are left by --isa, --pass, --filter and --shard: see `cargo xtask list`, or pass --allow-empty",
        ));
    }
    let context = cell::Context { grid: &grid, pinned: &pinned, shard: flags.shard };
    let max = flags.max_jobs.map_or(JOBS_PER_TOOLCHAIN * toolchains.len(), usize::from);
    let cells = cells(&shared, max, &context)?;
    publish(flags, &cells)
}

/// What is wanted, without what is empty.
fn series(
    grid: &[PassVariant],
    flags: &flags::Matrix,
    toolchains: &[String],
    weights: &Weights,
) -> Vec<Series> {
    let of = |toolchain: &String, isa: Isa| {
        let wanted = grid.iter().filter(|variant| variant.isa == isa && flags.variants.hold(variant));
        let items = wanted.map(|variant| Item { variant: *variant, weight: weights.of(variant) }).collect();
        Series { toolchain: toolchain.clone(), isa, items }
    };
    let all = toolchains.iter().flat_map(|toolchain| Isa::ALL.map(|isa| of(toolchain, isa)));
    all.filter(|series| !series.items.is_empty()).collect()
}

/// Those asked for, each once, in the order in which they come first; the pinned one if none is.
fn toolchains(flags: &flags::Matrix, pinned: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for toolchain in &flags.toolchain {
        if !seen.contains(toolchain) {
            seen.push(toolchain.clone());
        }
    }
    if seen.is_empty() { vec![pinned.to_owned()] } else { seen }
}

fn publish(flags: &flags::Matrix, cells: &[Cell]) -> Result<()> {
    match flags.format {
        Format::List => stdout::print(&cells.iter().map(Cell::text).collect::<String>())?,
        Format::Json => stdout::print(&format!("{}\n", small(serde_json::to_string(cells)?)?))?,
        Format::Github => {
            if cells.len() > MOST_JOBS {
                return Err(bad_input(format!(
                    "GitHub takes {MOST_JOBS} jobs per matrix and these are {}: lower --max-jobs, or print parts by --shard",
                    cells.len()
                )));
            }
            let matrix = small(serde_json::json!({ "include": cells }).to_string())?;
            match flags.github_output {
                true => github::output(OUTPUTS.into_iter().zip([matrix, cells.len().to_string()]))?,
                false => stdout::print(&format!("{matrix}\n"))?,
            }
        }
    }
    let tests: usize = cells.iter().map(|cell| cell.variants).sum();
    stderr::say(format_args!("{} jobs with the tests of {tests} variants", cells.len()));
    Ok(())
}

/// Refuses a matrix that is too large for CI.
fn small(json: String) -> Result<String> {
    match json.len() <= MOST_BYTES {
        true => Ok(json),
        false => Err(bad_input(format!(
            "the matrix has {} bytes and CI takes {MOST_BYTES}: lower --max-jobs, or print parts by --shard",
            json.len()
        ))),
    }
}

#[cfg(test)]
mod tests;
