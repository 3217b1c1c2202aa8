//! What a search found, as a table for people and as JSON for scripts.

use super::effort::Effort;
use super::gate::Failure;
use crate::explain::short;
use crate::length::Length;
use crate::profiles::situation_json;
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_codegen::profile;
use softmax_spec::Rows;
use softmax_spec::profile::{Class, Evidence, Profile, Table};
use std::path::Path;

/// Bytes that softmax moves per element at least: a read and a write of an f32.
const BYTES_PER_ELEMENT: f64 = 8.0;
/// Failures shown in full; all are in the JSON.
const FAILURES_SHOWN: usize = 3;

/// A table per situation.
pub fn text(tuned: &Profile) -> String {
    tuned.tables.iter().map(|table| format!("{}\n{}\n\n", table.situation, grid(table).trim_fmt())).collect()
}

fn grid(table: &Table) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(comfy_table::presets::NOTHING);
    grid.set_header([
        "up to",
        "algorithm",
        "exp tiles",
        "ns/elem",
        "+-",
        "GB/s",
        "x memcpy",
        "roofline",
        "vs default",
        "runner-up",
    ]);
    for class in &table.classes {
        grid.add_row(row(class));
    }
    for column in [0, 3, 4, 5, 6, 7, 8] {
        if let Some(column) = grid.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

fn row(class: &Class) -> Vec<String> {
    let upper = class.upper.map_or_else(|| "any".to_owned(), |upper| upper.to_string());
    let mut row = vec![upper, class.plan.algorithm().to_string(), short(&class.plan)];
    row.extend(class.evidence.iter().flat_map(numbers));
    row
}

fn numbers(evidence: &Evidence) -> [String; 7] {
    let time = evidence.ns_per_element;
    let (low, high) = evidence.interval;
    let runner_up = evidence.runner_up.as_ref().map(|(plan, ratio)| {
        let tie = if evidence.ties.contains(plan) { " (tie)" } else { "" };
        format!("{} {:+.1} %{tie}", plan.algorithm(), (ratio - 1.0) * 100.0)
    });
    [
        format!("{time:.4}"),
        format!("{:.1} %", (high - low) / 2.0 / time * 100.0),
        format!("{:.1}", BYTES_PER_ELEMENT / time),
        format!("{:.2}", time / evidence.memcpy_ns_per_element),
        format!("{:.0} %", evidence.roofline * 100.0),
        format!("{:.2}x", evidence.speedup_over_default),
        runner_up.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// A few lines about what failed the gate; none if nothing did.
pub fn failures(failures: &[Failure]) -> Vec<String> {
    let (plans, variants): (Vec<_>, Vec<_>) = failures.iter().partition(|failure| failure.max_ulp.is_some());
    let mut lines = Vec::new();
    for (kind, of_kind) in [("variant", variants), ("plan", plans)] {
        let shown = of_kind.iter().take(FAILURES_SHOWN);
        lines.extend(
            shown.map(|failure| format!("wrong, so never timed: {}: {}", failure.candidate, failure.what)),
        );
        if of_kind.len() > FAILURES_SHOWN {
            lines.push(format!("and {} more wrong {kind}s (all: --json)", of_kind.len() - FAILURES_SHOWN));
        }
    }
    lines
}

/// Everything, for scripts.
pub fn json(tuned: &Profile, [output, journal]: [&Path; 2], seconds: f64, failures: &[Failure]) -> Value {
    json!({
        "profile": output.to_string_lossy(),
        "journal": journal.to_string_lossy(),
        "name": tuned.name,
        "seconds": seconds,
        "tables": tuned.tables.iter().map(table_json).collect::<Value>(),
        "failures": failures.iter().map(failure_json).collect::<Value>(),
        "toml": profile::write(tuned),
    })
}

fn failure_json(failure: &Failure) -> Value {
    json!({ "candidate": failure.candidate, "max_ulp": failure.max_ulp, "what": failure.what })
}

fn table_json(table: &Table) -> Value {
    let mut object = situation_json(table.situation);
    object["classes"] = table.classes.iter().map(class_json).collect();
    object
}

fn class_json(class: &Class) -> Value {
    json!({
        "upper": class.upper,
        "algorithm": class.plan.algorithm().id(),
        "plan": class.plan.to_string(),
        "evidence": class.evidence.as_ref().map(evidence_json),
    })
}

fn evidence_json(evidence: &Evidence) -> Value {
    json!({
        "len": evidence.len,
        "ns_per_element": evidence.ns_per_element,
        "interval": [evidence.interval.0, evidence.interval.1],
        "memcpy_ns_per_element": evidence.memcpy_ns_per_element,
        "roofline": evidence.roofline,
        "speedup_over_default": evidence.speedup_over_default,
        "runner_up": evidence.runner_up.as_ref().map(|(plan, _)| plan.to_string()),
        "runner_up_ratio": evidence.runner_up.as_ref().map(|(_, ratio)| ratio),
        "ties": evidence.ties.iter().map(ToString::to_string).collect::<Value>(),
    })
}

/// What a search would do.
pub fn dry_run(effort: &Effort, isas: &[(String, usize)], rows: &[Rows]) -> String {
    let (name, seconds) = (effort.name, effort.budget.as_secs_f64());
    let sizes: Vec<String> = effort.sizes.iter().map(|&len| Length(len).to_string()).collect();
    let row = |rows: &Rows| match rows.longest_row() {
        None => "single".to_owned(),
        Some(longest) => format!("batches of up to {}", Length(longest)),
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let isas: Vec<String> = isas.iter().map(|(isa, variants)| format!("{variants} of {isa}")).collect();
    format!(
        "effort    {name}\nvariants  {}\nlengths   {}\nrows      {}\ntime      at most {seconds:.0} s of measuring, after building the kernels\n",
        isas.join(", "),
        sizes.join(", "),
        rows.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class() -> Class {
        let plan = "two_pass(f32_ext_sum__avx2_p5_u64_acc2, f32_ext_scale__avx2_p5_u32)";
        let evidence = Evidence {
            len: 64,
            ns_per_element: 0.4,
            interval: (0.39, 0.41),
            memcpy_ns_per_element: 0.1,
            roofline: 0.4,
            speedup_over_default: 1.5,
            runner_up: Some((plan.parse().unwrap(), 1.123)),
            ties: vec![],
        };
        Class { upper: None, plan: plan.parse().unwrap(), evidence: Some(evidence) }
    }

    #[test]
    fn a_row_says_it_all_in_short() {
        let expected = [
            "any",
            "two_pass",
            "p5 64x2/32",
            "0.4000",
            "2.5 %",
            "20.0",
            "4.00",
            "40 %",
            "1.50x",
            "two_pass +12.3 %",
        ];
        assert_eq!(row(&class()), expected);
    }

    #[test]
    fn many_failures_are_counted_not_listed() {
        let failure = |max_ulp| Failure { candidate: "c".to_owned(), max_ulp, what: "w".to_owned() };
        let all = [vec![failure(None)], vec![failure(Some(4)); 10]].concat();
        let lines = failures(&all);
        assert_eq!(lines.len(), 1 + FAILURES_SHOWN + 1);
        assert!(lines.last().unwrap().contains("7 more wrong plans"));
    }
}
