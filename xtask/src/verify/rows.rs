//! Errors of whole rows against their length, by decade.

use super::plans::{self, Contestant};
use super::{Wanted, threads};
use crate::host::FORCE_ISA;
use crate::length::Length;
use crate::measuring::Child;
use crate::progress::Steps;
use crate::{flags, stdout};
use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};
use softmax_bench::protocol::{Distribution, RowErrors, RowsRequest};
use softmax_spec::{Accuracy, Isa, PassVariant};
use std::num::NonZeroUsize;
use std::path::Path;

/// Rows of one order of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decade {
    shortest: usize,
    longest: usize,
    rows: usize,
}

const fn decade(shortest: usize, longest: usize, rows: usize) -> Decade {
    Decade { shortest, longest, rows }
}

/// To 2^26: so many rows of each distribution that each decade from 100 on but the last has 40 million elements.
const ALL: [Decade; 8] = [
    decade(1, 99, 100_000),
    decade(100, 999, 100_000),
    decade(1_000, 9_999, 10_000),
    decade(10_000, 99_999, 1_000),
    decade(100_000, 999_999, 100),
    decade(1_000_000, 9_999_999, 10),
    decade(10_000_000, (1 << 26) - 1, 2),
    decade(1 << 26, 1 << 26, 1),
];

/// To 2^20, in a tenth of a minute.
const SAMPLE: [Decade; 6] = [
    decade(1, 99, 2_000),
    decade(100, 999, 2_000),
    decade(1_000, 9_999, 200),
    decade(10_000, 99_999, 20),
    decade(100_000, (1 << 20) - 1, 3),
    decade(1 << 20, 1 << 20, 1),
];

const DISTRIBUTIONS: [(Distribution, &str); 2] =
    [(Distribution::Uniform, "U(-10, 10)"), (Distribution::Normal, "5 N(0, 1)")];

/// Rows from here on are held by one thread at a time: with its exact softmax each takes a gigabyte.
const LONG: usize = 9_999_999;

/// How to read the tables.
const LEGEND: &str = "\
promise  the largest error of an output that is a normal float, in floats from the one nearest to the exact value; - for none
columns  the largest error of the rows of that length, in floats, and after the slash in units of the last place;
         - beyond the longest row of the algorithm
";

/// What was found of a contestant on an ISA.
#[derive(Debug, Clone)]
struct Found {
    isa: Isa,
    contestant: Contestant,
    /// By decade, both distributions.
    errors: Vec<[RowErrors; 2]>,
}

/// Runs the command.
pub fn run(flags: &flags::Verify, wanted: &Wanted, grid: &[PassVariant], process: &Path) -> Result<()> {
    let decades: &[Decade] = if flags.sample { &SAMPLE } else { &ALL };
    let steps = Steps::new(wanted.isas.len() * decades.len() * DISTRIBUTIONS.len());
    let mut found = Vec::new();
    for &isa in &wanted.isas {
        let contestants: Vec<Contestant> =
            plans::plans(grid, isa, wanted).into_iter().chain(plans::ours()).collect();
        // The library is told by its environment.
        let mut child = Child::start(process, vec![(FORCE_ISA, isa.id().to_owned())])?;
        found.extend(measure(&mut child, isa, contestants, decades, &steps)?);
    }
    drop(steps);
    match flags.json {
        true => stdout::print(&json_lines(&found, decades))?,
        false => stdout::print(&text(&found, decades))?,
    }
    match found.iter().filter(|one| !one.holds()).count() {
        0 => Ok(()),
        1 => bail!("a promise is not kept: see what is marked `beyond`"),
        n => bail!("{n} promises are not kept: see what is marked `beyond`"),
    }
}

fn measure(
    child: &mut Child,
    isa: Isa,
    contestants: Vec<Contestant>,
    decades: &[Decade],
    steps: &Steps,
) -> Result<Vec<Found>> {
    let found = contestants.into_iter().map(|contestant| Found { isa, contestant, errors: vec![] });
    let mut found: Vec<Found> = found.collect();
    for &Decade { shortest, longest, rows } in decades {
        for one in &mut found {
            one.errors.push(Default::default());
        }
        for (i, (distribution, name)) in DISTRIBUTIONS.into_iter().enumerate() {
            steps.begin(&format!("{isa}: {rows} rows, {name}, n from {}", Length(shortest)));
            let errors = child.row_errors(RowsRequest {
                candidates: found.iter().map(|one| one.contestant.candidate.clone()).collect(),
                distribution,
                shortest,
                longest,
                count: rows,
                threads: if longest > LONG { NonZeroUsize::MIN } else { threads() },
            })?;
            for (one, errors) in found.iter_mut().zip(errors) {
                if let Some(last) = one.errors.last_mut() {
                    last[i] = errors;
                }
            }
            steps.end();
        }
    }
    Ok(found)
}

impl Found {
    fn holds(&self) -> bool {
        let worst = self.errors.iter().flatten().map(|errors| errors.distance).max().unwrap_or(0);
        self.contestant.promise.is_none_or(|promise| worst <= promise.max_ulp())
    }
}

fn text(found: &[Found], decades: &[Decade]) -> String {
    let rows: usize = decades.iter().map(|decade| decade.rows * DISTRIBUTIONS.len()).sum();
    let tables = found.chunk_by(|a, b| a.isa == b.isa).map(|of_isa| {
        let title =
            format!("{}, U(-10, 10) and 5 N(0, 1), {rows} rows, out of place and in place", of_isa[0].isa);
        format!("{title}\n{}\n\n", grid(of_isa, decades).trim_fmt())
    });
    tables.chain([LEGEND.to_owned()]).collect()
}

fn grid(found: &[Found], decades: &[Decade]) -> Table {
    let mut grid = Table::new();
    grid.load_style(comfy_table::presets::NOTHING);
    let lengths = decades.iter().map(|decade| match decade.shortest == decade.longest {
        true => format!("n = {}", Length(decade.longest)),
        false => format!("from {}", Length(decade.shortest)),
    });
    let head = ["softmax", "promise"].map(str::to_owned).into_iter().chain(lengths).chain([String::new()]);
    grid.set_header(head);
    for one in found {
        let promise = one.contestant.promise.map_or("-".to_owned(), |promise| promise.max_ulp().to_string());
        let errors = one.errors.iter().map(|[uniform, normal]| {
            let ulp = uniform.ulp.max(normal.ulp);
            if uniform.outputs + normal.outputs == 0 {
                return "-".to_owned();
            }
            let ulp = if ulp == f64::MAX { "no number".to_owned() } else { format!("{ulp:.2}") };
            format!("{} / {ulp}", uniform.distance.max(normal.distance))
        });
        let mark = if one.holds() { "" } else { "beyond" };
        grid.add_row(
            [one.contestant.name.clone(), promise].into_iter().chain(errors).chain([mark.to_owned()]),
        );
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    grid
}

/// A line per candidate, decade and distribution, and one that concludes.
fn json_lines(found: &[Found], decades: &[Decade]) -> String {
    let lines = found.iter().flat_map(|one| {
        one.errors.iter().zip(decades).flat_map(move |(errors, decade)| {
            let with_names = DISTRIBUTIONS.into_iter().zip(errors);
            with_names.map(move |((_, distribution), errors)| json_line(one, decade, distribution, errors))
        })
    });
    let wrong = found.iter().filter(|one| !one.holds()).count();
    let end = json!({ "kind": "conclusion", "candidates": found.len(), "wrong": wrong });
    lines.chain([end]).map(|line| format!("{line}\n")).collect()
}

fn json_line(found: &Found, decade: &Decade, distribution: &str, errors: &RowErrors) -> Value {
    json!({
        "kind": "rows",
        "isa": found.isa.id(),
        "softmax": found.contestant.name,
        "candidate": found.contestant.candidate,
        "promise": found.contestant.promise.map(Accuracy::max_ulp),
        "distribution": distribution,
        "shortest": decade.shortest,
        "longest": decade.longest,
        "rows": decade.rows,
        "outputs": errors.outputs,
        "distance": errors.distance,
        "rows_at_distance": errors.rows,
        "ulp": errors.ulp,
        "len": errors.len,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(promise: Option<Accuracy>, distance: u32) -> Found {
        let errors = RowErrors { outputs: 1, ulp: f64::from(distance), len: 100, distance, rows: 1 };
        let contestant =
            Contestant { candidate: "two_pass(...)".to_owned(), name: "two_pass p5".to_owned(), promise };
        Found { isa: Isa::Avx2, contestant, errors: vec![[RowErrors::default(), errors]; SAMPLE.len()] }
    }

    #[test]
    fn decades_follow_one_another_to_the_longest_row() {
        for decades in [&ALL[..], &SAMPLE] {
            assert_eq!(decades[0].shortest, 1);
            assert!(decades.windows(2).all(|pair| pair[1].shortest == pair[0].longest + 1));
        }
        assert_eq!(ALL.last().unwrap().longest, 1 << 26);
    }

    #[test]
    fn a_promise_is_kept_to_the_float() {
        assert!(found(Some(Accuracy::Accurate), 4).holds() && !found(Some(Accuracy::Accurate), 5).holds());
        assert!(found(Some(Accuracy::Fast), 20).holds() && !found(Some(Accuracy::Fast), 21).holds());
        assert!(found(None, 1000).holds());
        let all = [found(Some(Accuracy::Accurate), 5)];
        assert!(text(&all, &SAMPLE).contains("beyond"));
        let lines = json_lines(&all, &SAMPLE);
        assert_eq!(lines.lines().count(), SAMPLE.len() * 2 + 1);
        assert!(lines.lines().last().unwrap().contains("\"wrong\":1"));
    }
}
