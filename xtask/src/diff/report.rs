//! Differences as tables for people and as JSON for scripts.

use super::race::Standing;
use super::{Difference, Outcome, Side, TableDiff};
use crate::explain::short;
use crate::length::Length;
use crate::profiles::{Opinion, lengths, situation_json};
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_spec::profile::{Class, Profile};
use std::path::Path;

/// How to read a table.
const LEGEND: &str = "\
ns/elem  as that profile's run measured it, at that length; times of two runs do not compare
A of B   what A's evidence says of B's plan: its time against that of A's plan, a tie, or nothing (-)
";
/// How to read the columns of a race.
const RACE_LEGEND: &str = "\
B - A    raced here at that length, interleaved, in several processes: B's time against A's, 95 % interval
";

/// The two profiles, in order, with their paths.
type Sides<'a> = [(&'a Path, &'a Profile); 2];

/// A table per situation in which they differ.
pub fn text(sides: Sides, tables: &[TableDiff]) -> String {
    let mut out = String::new();
    for (name, (path, profile)) in ["A", "B"].iter().zip(sides) {
        out += &format!("{name}  {}, {}\n", profile.name, path.display());
    }
    let different: Vec<&TableDiff> = tables.iter().filter(|table| !table.is_same()).collect();
    for table in &different {
        out += &format!("\n{}", table.situation);
        out += &match &table.outcome {
            Outcome::OnlyIn(side) => format!(": only in {side:?}\n"),
            Outcome::Differences(differences) => format!("\n{}\n", grid(differences).trim_fmt()),
        };
    }
    if different.is_empty() {
        return out + "no differences\n";
    }
    if different.iter().any(|table| matches!(table.outcome, Outcome::Differences(_))) {
        out += &format!("\n{LEGEND}");
    }
    out + &race_text(&standings(tables))
}

/// Of every race.
fn standings(tables: &[TableDiff]) -> Vec<Standing> {
    tables.iter().flat_map(TableDiff::differences).filter_map(|difference| difference.standing).collect()
}

/// What is said below the tables of a race; nothing if there was none.
fn race_text(standings: &[Standing]) -> String {
    if standings.is_empty() {
        return String::new();
    }
    let most = |loss: fn(&Standing) -> f64| standings.iter().map(loss).fold(0.0, f64::max);
    let (a, b) = (most(|standing| percent(1.0 / standing.ratio)), most(|standing| percent(standing.ratio)));
    let count = standings.len();
    format!(
        "{RACE_LEGEND}\nraced {count} differences: A is at most {a:.1} % slower than B, B at most {b:.1} % slower than A\n"
    )
}

/// By how many per cent a ratio is above 1.
fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

fn grid(differences: &[Difference]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(comfy_table::presets::NOTHING);
    let is_raced = differences.iter().any(|difference| difference.standing.is_some());
    let of_race: &[&str] = if is_raced { &["raced at", "B - A"] } else { &[] };
    let header = ["lengths", "A", "ns/elem", "at n", "B", "ns/elem", "at n", "A of B", "B of A"];
    grid.set_header(header.iter().chain(of_race));
    for difference in differences {
        let [a_of_b, b_of_a] = difference.opinions().map(opinion_text);
        let mut row = vec![lengths(difference.from, difference.upper)];
        row.extend([difference.a, difference.b].into_iter().flat_map(side_text));
        row.extend([a_of_b, b_of_a]);
        row.extend(difference.standing.iter().flat_map(standing_text));
        grid.add_row(row);
    }
    for column in [2, 3, 5, 6, 7, 8, 9, 10] {
        if let Some(column) = grid.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

fn side_text(class: Option<&Class>) -> [String; 3] {
    let Some(class) = class else {
        return ["as single rows", "-", "-"].map(str::to_owned);
    };
    let plan = format!("{} {}", class.plan.algorithm(), short(&class.plan));
    match &class.evidence {
        Some(evidence) => [plan, format!("{:.4}", evidence.ns_per_element), Length(evidence.len).to_string()],
        None => [plan, "-".to_owned(), "-".to_owned()],
    }
}

fn opinion_text(opinion: Option<Opinion>) -> String {
    match opinion {
        None | Some(Opinion::Same) => "-".to_owned(),
        Some(Opinion::Tie) => "tie".to_owned(),
        Some(Opinion::Ratio(ratio)) => format!("{:+.1} %", percent(ratio)),
    }
}

fn standing_text(standing: &Standing) -> [String; 2] {
    let (low, high) = standing.interval;
    let text = format!("{:+.1} % ({:+.1} to {:+.1})", percent(standing.ratio), percent(low), percent(high));
    [Length(standing.len).to_string(), text]
}

/// Everything, for scripts.
pub fn json(sides: Sides, tables: &[TableDiff]) -> Value {
    let side =
        |(path, profile): (&Path, &Profile)| json!({ "path": path.to_string_lossy(), "name": profile.name });
    json!({
        "a": side(sides[0]),
        "b": side(sides[1]),
        "same": tables.iter().all(TableDiff::is_same),
        "tables": tables.iter().map(table_json).collect::<Value>(),
    })
}

fn table_json(table: &TableDiff) -> Value {
    let mut object = situation_json(table.situation);
    let only_in = match &table.outcome {
        Outcome::OnlyIn(Side::A) => Some("a"),
        Outcome::OnlyIn(Side::B) => Some("b"),
        Outcome::Differences(_) => None,
    };
    object["only_in"] = json!(only_in);
    object["differences"] = table.differences().iter().map(difference_json).collect();
    object
}

fn difference_json(difference: &Difference) -> Value {
    let [a_of_b, b_of_a] = difference.opinions();
    json!({
        "from": difference.from,
        "upper": difference.upper,
        "a": class_json(difference.a, a_of_b),
        "b": class_json(difference.b, b_of_a),
        "tie": difference.is_tie(),
        "race": difference.standing.map(|Standing { len, ratio, interval }| json!({
            "len": len,
            "time_of_b_over_a": ratio,
            "interval": [interval.0, interval.1],
        })),
    })
}

fn class_json(class: Option<&Class>, of_other: Option<Opinion>) -> Value {
    let Some(class) = class else { return Value::Null };
    let ratio = match of_other {
        Some(Opinion::Ratio(ratio)) => Some(ratio),
        _ => None,
    };
    let evidence = class.evidence.as_ref();
    json!({
        "plan": class.plan.to_string(),
        "len": evidence.map(|evidence| evidence.len),
        "ns_per_element": evidence.map(|evidence| evidence.ns_per_element),
        "interval": evidence.map(|evidence| [evidence.interval.0, evidence.interval.1]),
        "ties_with_other": of_other == Some(Opinion::Tie),
        "ratio_of_other": ratio,
    })
}
