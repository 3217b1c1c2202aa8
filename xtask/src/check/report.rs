//! A check as tables for people and as JSON for scripts.

use super::claim::{ALPHA, Claim};
use super::race::Finding;
use super::verdict::{Comparison, Verdict};
use crate::explain::short;
use crate::length::Length;
use crate::profiles::{PROCESSES_DIFFER, situation_json};
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_spec::profile::Profile;
use std::path::Path;

/// What is said about the whole run.
pub struct Run<'a> {
    /// Where the profile is.
    pub path: &'a Path,
    /// The profile.
    pub profile: &'a Profile,
    /// This CPU.
    pub cpu: &'a str,
    /// The name of the effort level.
    pub effort: &'a str,
}

/// How to read a table.
const LEGEND: &str = "\
x memcpy      the plan's time over that of copying as many bytes
vs default    the time of the default profile's plan over this plan's, 99 % interval now; - if they are one plan
vs runner-up  the same for the best plan of another algorithm
claimed       what the profile says, as surely as it knows its plan's time
caught up     the gain is less than claimed, but the plan as fast beside memcpy: the other plan got faster
";

/// A table per situation, how to read them, and the count of verdicts.
pub fn text(run: &Run, claims: &[Claim], findings: &[Finding]) -> String {
    let mut out = format!("{}, {}, on {}\n", run.profile.name, run.path.display(), run.cpu);
    let rows: Vec<(&Claim, &Finding)> = claims.iter().zip(findings).collect();
    for table in rows.chunk_by(|(a, _), (b, _)| a.situation == b.situation) {
        out += &format!("\n{}\n{}\n", table[0].0.situation, grid(table).trim_fmt());
        out += &table.iter().filter_map(|(claim, finding)| note(claim, finding)).collect::<String>();
    }
    format!("{out}\n{LEGEND}\n{}\n", counts_text(findings))
}

fn grid(rows: &[(&Claim, &Finding)]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(comfy_table::presets::NOTHING);
    grid.set_header([
        "up to",
        "n",
        "plan",
        "x memcpy",
        "claimed",
        "vs default",
        "claimed",
        "vs runner-up",
        "claimed",
        "verdict",
    ]);
    for (claim, finding) in rows {
        grid.add_row(row(claim, finding));
    }
    for column in [0, 1, 3, 4, 5, 6, 7, 8] {
        if let Some(column) = grid.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

fn row(claim: &Claim, finding: &Finding) -> Vec<String> {
    let dash = || "-".to_owned();
    let mut row = vec![
        claim.upper.map_or_else(|| "any".to_owned(), |upper| upper.to_string()),
        claim.evidence.as_ref().map_or_else(dash, |evidence| Length(evidence.len).to_string()),
        format!("{} {}", claim.plan.algorithm(), short(&claim.plan)),
        finding.copying.map_or_else(dash, |copying| format!("{:.2}", 1.0 / copying.measured)),
        claim.evidence.as_ref().map_or_else(dash, |evidence| {
            format!("{:.2}", evidence.ns_per_element / evidence.memcpy_ns_per_element)
        }),
    ];
    for comparison in [finding.gain, finding.margin] {
        let cells = comparison.map(|comparison| [comparison.interval, comparison.claimed_interval]);
        row.extend(cells.map_or_else(|| [dash(), dash()], |cells| cells.map(interval)));
    }
    row.push(finding.verdict.to_string());
    row
}

fn interval((low, high): (f64, f64)) -> String {
    format!("{low:.2} to {high:.2}")
}

fn note(claim: &Claim, finding: &Finding) -> Option<String> {
    let note = finding.note.as_ref()?;
    Some(format!("{}: {}: {note}\n", finding.verdict, claim.plan))
}

fn counts(findings: &[Finding]) -> impl Iterator<Item = (Verdict, usize)> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    Verdict::ALL.into_iter().map(move |verdict| (verdict, count(verdict)))
}

fn counts_text(findings: &[Finding]) -> String {
    let some = counts(findings).filter(|&(_, count)| count > 0);
    let some: Vec<String> = some.map(|(verdict, count)| format!("{count} {verdict}")).collect();
    format!("{} classes: {}", findings.len(), some.join(", "))
}

/// Everything, for scripts.
pub fn json(run: &Run, claims: &[Claim], findings: &[Finding]) -> Value {
    let counts: serde_json::Map<_, _> =
        counts(findings).map(|(verdict, count)| (verdict.id().to_owned(), count.into())).collect();
    json!({
        "profile": run.path.to_string_lossy(),
        "name": run.profile.name,
        "cpu": run.cpu,
        "effort": run.effort,
        "tolerance": PROCESSES_DIFFER,
        "confidence": 1.0 - ALPHA,
        "counts": counts,
        "classes": claims.iter().zip(findings).map(class_json).collect::<Value>(),
    })
}

fn class_json((claim, finding): (&Claim, &Finding)) -> Value {
    let mut object = situation_json(claim.situation);
    object["upper"] = json!(claim.upper);
    object["len"] = json!(claim.evidence.as_ref().map(|evidence| evidence.len));
    object["plan"] = json!(claim.plan.to_string());
    object["default"] = json!(claim.default.as_ref().map(ToString::to_string));
    object["runner_up"] = json!(claim.runner_up().map(ToString::to_string));
    object["memcpy"] = json!(finding.copying.map(comparison_json));
    object["gain"] = json!(finding.gain.map(comparison_json));
    object["margin"] = json!(finding.margin.map(comparison_json));
    object["verdict"] = json!(finding.verdict.id());
    object["note"] = json!(finding.note);
    object
}

fn comparison_json(comparison: Comparison) -> Value {
    let Comparison { claimed, claimed_interval, measured, interval } = comparison;
    json!({
        "claimed": claimed,
        "claimed_interval": [claimed_interval.0, claimed_interval.1],
        "measured": measured,
        "interval": [interval.0, interval.1],
    })
}
