//! Errors of cores as a table for people and as JSON lines for scripts.

use super::cores::Coverage;
use super::judge::{Judged, Stranger};
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};
use softmax_spec::Isa;
use softmax_spec::certificate::{Certificate, Row, Subject, Worst};

/// How to read the table.
const LEGEND: &str = "\
form    relative: e^(x - max) from the maximum down to 2^-126 of it; shifted: for any maximum, by cores that never subtract it;
        extended: e^x as m 2^n. What ln 2 rounded to f32 makes of x is counted in `relative` alone, it cancels in the others
ULP     the largest |result - exact| in units of the last place, rounded up, and the lowest x that has it
floats  the most steps from a result to the float nearest to the exact value, and the lowest x that has it
units   the largest |result / exact - 1| in units of 2^-24, rounded up, and the lowest x that has it; an ULP is one to two of them
";

/// The table, what is wrong, and what is not known.
pub fn text(
    judged: &[Judged],
    strangers: &[Stranger],
    certificate: &Certificate,
    coverage: Coverage,
) -> String {
    let problems = judged.iter().filter_map(|one| Some((one.found.subject, one.problem.as_deref()?)));
    let strangers = strangers.iter().map(|stranger| (stranger.subject, stranger.problem));
    let lines: String =
        problems.chain(strangers).map(|(subject, what)| format!("wrong: {subject}: {what}\n")).collect();
    let inputs: u64 = judged.iter().map(|one| one.found.worst.inputs).sum();
    let of = match coverage {
        Coverage::Everything => "every float of each domain",
        Coverage::Sample(_) => "a sample of the floats of each domain",
    };
    let summary = format!("{} cores, {:.1} billion exponentials: {of}\n", judged.len(), inputs as f64 * 1e-9);
    format!("{}\n\n{LEGEND}\n{lines}{summary}{}", grid(judged).trim_fmt(), unknown(certificate))
}

fn unknown(certificate: &Certificate) -> String {
    let line = |isa: &Isa| format!("{isa} is not certified yet: no machine that has it has measured\n");
    certificate.uncertified.iter().map(line).collect()
}

fn grid(judged: &[Judged]) -> Table {
    let mut grid = Table::new();
    grid.load_style(comfy_table::presets::NOTHING);
    grid.set_header(["core", "form", "ISA", "ULP", "at", "floats", "at", "units", "at", "inputs"]);
    for Judged { found: Row { subject: Subject { exp, form, isa }, worst, .. }, .. } in judged {
        grid.add_row([
            exp.to_string(),
            form.to_string(),
            isa.to_string(),
            error_text(worst.ulp),
            worst.at.to_string(),
            worst.distance.to_string(),
            worst.distance_at.to_string(),
            error_text(worst.units),
            worst.units_at.to_string(),
            worst.inputs.to_string(),
        ]);
    }
    for column in 3..10 {
        if let Some(column) = grid.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

fn error_text(error: f64) -> String {
    match error == f64::MAX {
        true => "no number".to_owned(),
        false => format!("{error:.0$}", Worst::DIGITS),
    }
}

/// A line per core, and one that concludes.
pub fn json_lines(judged: &[Judged], strangers: &[Stranger], certificate: &Certificate) -> String {
    let cores = judged.iter().map(|Judged { found, certified, problem }| {
        let mut line = row_json(found);
        line["kind"] = json!("core");
        line["certified"] = certified.as_ref().map_or(Value::Null, row_json);
        line["problem"] = json!(problem);
        line
    });
    let strangers: Vec<Value> = strangers
        .iter()
        .map(|Stranger { subject, problem }| json!({ "subject": subject.to_string(), "problem": problem }))
        .collect();
    let wrong = judged.iter().filter(|one| one.problem.is_some()).count();
    let end = json!({
        "kind": "conclusion",
        "cores": judged.len(),
        "wrong": wrong + strangers.len(),
        "strangers": strangers,
        "uncertified": certificate.uncertified.iter().map(|isa| isa.id()).collect::<Vec<_>>(),
    });
    cores.chain([end]).map(|line| format!("{line}\n")).collect()
}

fn row_json(Row { subject: Subject { exp, form, isa }, worst, code }: &Row) -> Value {
    let (low, high) = form.domain();
    json!({
        "exp": exp.to_string(),
        "form": form.id(),
        "isa": isa.id(),
        "domain": [low, high],
        "inputs": worst.inputs,
        "ulp": worst.ulp,
        "at": worst.at,
        "distance": worst.distance,
        "distance_at": worst.distance_at,
        "units": worst.units,
        "units_at": worst.units_at,
        "code": format!("{code:016x}"),
    })
}
