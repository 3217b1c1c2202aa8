//! What a search found, as a table for people and as JSON for scripts.

use super::control;
use super::effort::Effort;
use super::gate::Failure;
use crate::explain::short;
use crate::length::Length;
use crate::measuring::{BYTES_PER_ELEMENT, contention};
use crate::profiles::situation_json;
use comfy_table::{CellAlignment, Table as Grid};
use serde_json::{Value, json};
use softmax_codegen::profile;
use softmax_spec::Rows;
use softmax_spec::profile::{Class, Evidence, Profile, SampleCounts, Table};
use std::path::Path;

/// Failures shown in full; all are in the JSON.
const FAILURES_SHOWN: usize = 3;

/// A table per situation.
pub fn text(tuned: &Profile) -> String {
    let tables =
        tuned.tables.iter().map(|table| format!("{}\n{}\n\n", table.situation, grid(table).trim_fmt()));
    tables.chain(footer(tuned)).collect()
}

/// How far the tables can be trusted, a line each.
fn footer(tuned: &Profile) -> Vec<String> {
    let noise = control::worst(tuned).map(|noise| {
        let noise = noise * 100.0;
        format!("noise     a plan raced against itself differs by up to {noise:.1} %; a margin below its class's noise means nothing\n")
    });
    let classes = tuned.tables.iter().flat_map(|table| &table.classes);
    let evidence: Vec<&Evidence> = classes.filter_map(|class| class.evidence.as_ref()).collect();
    let tied = evidence.iter().filter(|evidence| !evidence.ties.is_empty()).count();
    let ties = (tied > 0).then(|| {
        let classes = evidence.len();
        format!("ties      in {tied} of {classes} classes other plans are slower by 2 % at most; another search may pick one of those (explain names them)\n")
    });
    let samples = tuned.origin.as_ref().map(|origin| {
        let counts = origin.samples.as_ref();
        let busy = counts.is_some_and(contention::is_too_busy);
        let advice = if busy { "; stop what else runs and tune again" } else { "" };
        format!("samples   {}{advice}\n", contention::text(counts))
    });
    let complete = tuned.origin.as_ref().and_then(|origin| origin.complete).map(|complete| match complete {
        true => "search    complete: every length was measured and every bound found\n".to_owned(),
        false => "search    ended by its budget: lengths are missing or bounds only estimated; --budget gives it more\n".to_owned(),
    });
    [noise, ties, samples, complete].into_iter().flatten().collect()
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
        "noise",
        "ties",
        "runner-up",
    ]);
    for class in &table.classes {
        grid.add_row(row(class));
    }
    for column in [0, 3, 4, 5, 6, 7, 8, 9, 10] {
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

fn numbers(evidence: &Evidence) -> [String; 9] {
    let time = evidence.ns_per_element;
    let (low, high) = evidence.interval;
    let runner_up = evidence.runner_up.as_ref().map(|(plan, ratio)| {
        let error = evidence.trust.as_ref().and_then(|trust| half(trust.runner_up_interval?));
        let error = error.map(|half| format!(" +-{:.1}", half * 100.0)).unwrap_or_default();
        let tie = if evidence.ties.contains(plan) { " (tie)" } else { "" };
        format!("{} {:+.1}{error} %{tie}", plan.algorithm(), (ratio - 1.0) * 100.0)
    });
    [
        format!("{time:.4}"),
        format!("{:.1} %", (high - low) / 2.0 / time * 100.0),
        format!("{:.1}", BYTES_PER_ELEMENT / time),
        format!("{:.2}", time / evidence.memcpy_ns_per_element),
        format!("{:.0} %", evidence.roofline * 100.0),
        gain(evidence),
        evidence.trust.as_ref().map_or_else(unknown, |trust| format!("{:.1} %", trust.noise * 100.0)),
        evidence.ties.len().to_string(),
        runner_up.unwrap_or_else(unknown),
    ]
}

fn gain(evidence: &Evidence) -> String {
    let error = evidence.trust.as_ref().and_then(|trust| half(trust.speedup_interval));
    let error = error.map(|half| format!(" +-{half:.2}")).unwrap_or_default();
    format!("{:.2}x{error}", evidence.speedup_over_default)
}

/// Half the width of an interval, if it has one: the plan beside itself has none.
fn half((low, high): (f64, f64)) -> Option<f64> {
    (high > low).then_some((high - low) / 2.0)
}

fn unknown() -> String {
    "-".to_owned()
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

/// What a search leaves.
pub struct Files<'a> {
    /// The profile; `None` if it was not written.
    pub profile: Option<&'a Path>,
    /// The journal.
    pub journal: &'a Path,
}

/// Everything, for scripts.
pub fn json(tuned: &Profile, files: &Files, seconds: f64, failures: &[Failure]) -> Value {
    json!({
        "profile": files.profile.map(Path::to_string_lossy),
        "journal": files.journal.to_string_lossy(),
        "name": tuned.name,
        "seconds": seconds,
        "complete": tuned.origin.as_ref().and_then(|origin| origin.complete),
        "samples": tuned.origin.as_ref().and_then(|origin| origin.samples).map(counts_json),
        "noise": control::worst(tuned),
        "tables": tuned.tables.iter().map(table_json).collect::<Value>(),
        "failures": failures.iter().map(failure_json).collect::<Value>(),
        "toml": profile::write(tuned),
    })
}

fn counts_json(counts: SampleCounts) -> Value {
    let SampleCounts { taken, retaken, contended } = counts;
    json!({ "taken": taken, "retaken": retaken, "contended": contended })
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
    let trust = evidence.trust.as_ref();
    let pair = |(low, high)| [low, high];
    json!({
        "len": evidence.len,
        "ns_per_element": evidence.ns_per_element,
        "interval": pair(evidence.interval),
        "memcpy_ns_per_element": evidence.memcpy_ns_per_element,
        "roofline": evidence.roofline,
        "speedup_over_default": evidence.speedup_over_default,
        "speedup_interval": trust.map(|trust| pair(trust.speedup_interval)),
        "runner_up": evidence.runner_up.as_ref().map(|(plan, _)| plan.to_string()),
        "runner_up_ratio": evidence.runner_up.as_ref().map(|(_, ratio)| ratio),
        "runner_up_interval": trust.and_then(|trust| trust.runner_up_interval).map(pair),
        "noise": trust.map(|trust| trust.noise),
        "contended": trust.and_then(|trust| trust.contended),
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
    use crate::profiles::samples;
    use softmax_spec::profile::Trust;

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
            trust: None,
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
            "-",
            "0",
            "two_pass +12.3 %",
        ];
        assert_eq!(row(&class()), expected);
        let mut class = class();
        class.evidence.as_mut().unwrap().trust = Some(trust((1.47, 1.55)));
        let row = row(&class);
        assert_eq!(row[8..], ["1.50x +-0.04", "1.2 %", "0", "two_pass +12.3 +-1.2 %"]);
    }

    fn trust(speedup_interval: (f64, f64)) -> Trust {
        let runner_up_interval = Some((1.11, 1.134));
        Trust { speedup_interval, runner_up_interval, noise: 0.012, contended: Some(0.0) }
    }

    #[test]
    fn a_gain_of_exactly_one_has_no_error() {
        let mut evidence = class().evidence.unwrap();
        (evidence.speedup_over_default, evidence.trust) = (1.0, Some(trust((1.0, 1.0))));
        assert_eq!(gain(&evidence), "1.00x");
    }

    #[test]
    fn what_the_tables_rest_on_is_said_below_them() {
        let mut own = samples::table(&[(None, samples::X)]);
        own.classes[0].evidence.as_mut().unwrap().trust = Some(trust((1.0, 1.0)));
        let mut profile = samples::profile(vec![own]);
        let mut said = |complete, samples: Option<SampleCounts>| {
            let origin = profile.origin.as_mut().unwrap();
            (origin.complete, origin.samples) = (complete, samples);
            footer(&profile).concat()
        };
        let counts = SampleCounts { taken: 1000, retaken: 4, contended: 0 };
        let text = said(Some(true), Some(counts));
        assert!(text.contains("by up to 1.2 %") && text.contains("search    complete"), "{text}");
        assert!(
            text.contains("samples   1000 samples; 4 contended") && !text.contains("stop what"),
            "{text}"
        );
        let text = said(Some(false), Some(SampleCounts { contended: 200, ..counts }));
        assert!(text.contains("ended by its budget"), "{text}");
        assert!(text.contains("200 stayed so (20.0 %); stop what else runs"), "{text}");
        assert!(said(None, None).contains("this system does not tell"));
        assert!(!text.contains("ties"), "{text}");
        let plan = profile.tables[0].classes[0].plan.clone();
        profile.tables[0].classes[0].evidence.as_mut().unwrap().ties = vec![plan];
        assert!(footer(&profile).concat().contains("\nties      in 1 of 1 classes"));
        profile.origin = None;
        profile.tables[0].classes[0].evidence = None;
        assert_eq!(footer(&profile), Vec::<String>::new());
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
