//! The findings as tables for people, and the claims beside them.

use super::caches::{Level, Place};
use super::claims::Absent;
use super::contest::{Contest, Run};
use super::estimate::Estimate;
use super::finding::Finding;
use super::ground::Ground;
use super::published::{PASSES, TUNED};
use super::tiles::Winner;
use super::verdict::{Claim, Verdict};
use crate::length::Length;
use comfy_table::{CellAlignment, Table};
use softmax_spec::profile::Host;
use softmax_spec::{Algorithm, Isa, PassVariant};

/// Everything but the claims, as far as it was measured.
pub fn findings(findings: &[Finding], host: &Host, isas: &[Isa]) -> String {
    let mut out =
        findings.iter().filter_map(Finding::ground).map(|ground| caches(ground, host)).collect::<String>();
    for &isa in isas {
        let sections = [
            tiles(findings, isa),
            contests(findings, isa),
            bandwidths(findings, isa),
            scalings(findings, isa),
        ];
        sections.into_iter().flatten().for_each(|section| out += &section);
    }
    out
}

/// A title, a table, and how to read it.
fn section(title: &str, table: &Table, legend: &str) -> String {
    format!("{title}\n{}\n{legend}\n", table.trim_fmt())
}

/// The first columns are text.
fn table(header: &[&str], texts: usize, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    rows.into_iter().for_each(|row| _ = table.add_row(row));
    let numbers = table.column_iter_mut().skip(texts);
    numbers.for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn caches(ground: &Ground, host: &Host) -> String {
    let found = &ground.caches;
    // Only where as many were seen as the CPU tells of.
    let told = [host.l1d_kib, host.l2_kib, host.l3_kib];
    let told = told.map(|kib| if kib > 0 { bytes(f64::from(kib) * 1024.0) } else { "-".to_owned() });
    let level = |(i, level): (usize, &Level)| {
        let told = if found.levels.len() == told.len() { told[i].clone() } else { "-".to_owned() };
        vec![
            Place::Cache(i).to_string(),
            bytes(level.bytes),
            bytes(level.flat_to),
            bytes(level.next_from),
            format!("{:.1}", BYTES / level.ns),
            told,
        ]
    };
    let memory = found.memory_ns.map(|ns| {
        let mut row = vec![Place::Memory.to_string()];
        row.resize(4, "-".to_owned());
        row.extend([format!("{:.1}", BYTES / ns), "-".to_owned()]);
        row
    });
    let rows = found.levels.iter().enumerate().map(level).chain(memory);
    let header = ["level", "about", "as fast up to", "next level from", "GB/s", "CPU says"];
    let longest = bytes(ground.longest as f64 * BYTES);
    let limit = ground.limit.as_ref().map(|limit| format!("{limit}\n")).unwrap_or_default();
    let legend = format!(
        "where the time of reading rows of up to {} rises; softmax is measured on rows of up to {longest}, and as much for output\n\
         {limit}",
        bytes(found.measured_to())
    );
    section("caches", &table(&header, 1, rows), &legend)
}

/// Of an element.
const BYTES: f64 = size_of::<f32>() as f64;

fn bytes(bytes: f64) -> String {
    match bytes {
        bytes if bytes < 1024.0 * 1024.0 => format!("{:.0} KiB", bytes / 1024.0),
        bytes => format!("{:.0} MiB", bytes / 1024.0 / 1024.0),
    }
}

fn tiles(findings: &[Finding], isa: Isa) -> Option<String> {
    let winners = findings.iter().filter_map(Finding::winner).filter(|winner| winner.variant.isa == isa);
    let winners: Vec<&Winner> = winners.collect();
    let mut sites: Vec<(usize, Place)> = winners.iter().map(|winner| (winner.len, winner.place)).collect();
    sites.dedup();
    let columns: Vec<_> = TUNED.iter().filter(|tuned| tuned.isa == isa).collect();
    let rows = PASSES.into_iter().filter_map(|pass| {
        let of_pass: Vec<&&Winner> = winners.iter().filter(|winner| winner.variant.pass == pass).collect();
        let here = sites.iter().map(|site| {
            let at_site = of_pass.iter().find(|winner| (winner.len, winner.place) == *site);
            at_site.map_or_else(dash, |winner| winner_text(winner))
        });
        let there =
            columns.iter().map(|tuned| tuned.variant(pass).map_or_else(dash, |variant| tile(&variant)));
        let row: Vec<String> = std::iter::once(pass.to_string()).chain(here).chain(there).collect();
        (!of_pass.is_empty()).then_some(row)
    });
    let mut header = vec!["pass".to_owned()];
    header.extend(sites.iter().map(|(len, place)| format!("here, {place}, n={}", Length(*len))));
    header.extend(columns.iter().map(|tuned| tuned.cpu.to_owned()));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let legend = "elements x accumulators of the fastest tile, and how many others are as fast; what the paper found best\n";
    let title = format!("{isa}: tiles");
    (!winners.is_empty()).then(|| section(&title, &table(&header, 1, rows), legend))
}

fn winner_text(winner: &Winner) -> String {
    let ties = if winner.ties > 0 { format!(" (+{})", winner.ties) } else { String::new() };
    format!("{}{ties}", tile(&winner.variant))
}

fn tile(variant: &PassVariant) -> String {
    match variant.tile.accumulators {
        1 => variant.tile_elements().to_string(),
        accumulators => format!("{}x{accumulators}", variant.tile_elements()),
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn contests(findings: &[Finding], isa: Isa) -> Option<String> {
    let contests = findings.iter().filter_map(Finding::contest).filter(|contest| contest.isa == isa);
    let rows: Vec<Vec<String>> = contests.flat_map(contest_rows).collect();
    let header = ["where", "n", "algorithm", "ns/elem", "+-", "GB/s", "time / Two-Pass"];
    let legend = "\
GB/s count the rows that an algorithm reads and writes; time / Two-Pass above 1: Two-Pass is faster; at the edge input and
output do not fit into the last cache, but the input may\n";
    let title = format!("{isa}: algorithms, one thread");
    (!rows.is_empty()).then(|| section(&title, &table(&header, 3, rows), legend))
}

/// A row per algorithm, and memcpy's; the first says what they are of.
fn contest_rows(contest: &Contest) -> Vec<Vec<String>> {
    let of_run = |run: &Run| {
        let algorithm = run.plan.algorithm();
        let ratio = match algorithm {
            Algorithm::TwoPass => dash(),
            other => contest.ratio(other, Algorithm::TwoPass).to_string(),
        };
        let fastest = if algorithm == contest.fastest() { " *" } else { "" };
        times(&format!("{algorithm}{fastest}"), &run.ns(), run.gb_per_s(), ratio)
    };
    let mut rows: Vec<Vec<String>> = contest.runs.iter().map(of_run).collect();
    let memcpy = &contest.memcpy;
    rows.push(times("memcpy", memcpy, 2.0 * BYTES / memcpy.middle, dash()));
    for (i, row) in rows.iter_mut().enumerate() {
        let place = contest.place.map_or_else(|| "?".to_owned(), |place| place.to_string());
        let head = if i == 0 { [place, Length(contest.len).to_string()] } else { Default::default() };
        row.splice(..0, head);
    }
    rows
}

fn times(name: &str, ns: &Estimate, gb_per_s: f64, ratio: String) -> Vec<String> {
    vec![name.to_owned(), format!("{:.4}", ns.middle), uncertainty(ns), format!("{gb_per_s:.1}"), ratio]
}

fn uncertainty(estimate: &Estimate) -> String {
    format!("{:.1} %", estimate.uncertainty() * 100.0)
}

fn bandwidths(findings: &[Finding], isa: Isa) -> Option<String> {
    let all: Vec<_> =
        findings.iter().filter_map(Finding::bandwidth).filter(|bandwidth| bandwidth.isa == isa).collect();
    let row = |bandwidth: &&super::bandwidth::Bandwidth| {
        let place = if bandwidth.in_place { ", in place" } else { "" };
        vec![
            format!("{}{place}", bandwidth.what.name()),
            format!("{:.4}", bandwidth.ns.middle),
            uncertainty(&bandwidth.ns),
            format!("{:.1}", bandwidth.gb_per_s()),
            bandwidth.of_stream.to_string(),
            bandwidth.of_copy.map_or_else(dash, |share| share.to_string()),
        ]
    };
    let title = format!("{isa}: passes out of cache, n={}", Length(all.first()?.len));
    let header = ["pass or loop", "ns/elem", "+-", "GB/s", "of STREAM", "of copy"];
    let legend = "\
speed relative to the loop that moves as much, `read` or `scale loop`, and to memcpy, which may store past the caches\n";
    Some(section(&title, &table(&header, 1, all.iter().map(row)), legend))
}

fn scalings(findings: &[Finding], isa: Isa) -> Option<String> {
    let all: Vec<_> =
        findings.iter().filter_map(Finding::scaling).filter(|scaling| scaling.isa == isa).collect();
    let row = |scaling: &&super::scaling::Scaling| {
        let mut row = vec![scaling.threads.to_string(), Length(scaling.len).to_string()];
        row.extend(
            scaling.speed.iter().chain([&scaling.memcpy]).chain(&scaling.gain).map(Estimate::to_string),
        );
        row
    };
    let header =
        ["threads", "n each", "two-pass", "recompute", "reload", "memcpy", "gain on one", "gain on all"];
    let legend = "\
the speed of a thread among so many, each with a row of its own, relative to one that is alone; and the time of the faster
Three-Pass algorithm over that of Two-Pass on one thread and on all\n";
    let title = format!("{isa}: weak scaling");
    (!all.is_empty()).then(|| section(&title, &table(&header, 0, all.iter().map(row)), legend))
}

/// The claims, and how many agree; those about ISAs that were not measured are only counted.
pub fn claims(claims: &[Claim], absent: &[Absent]) -> String {
    let is_absent = |claim: &&Claim| absent.iter().any(|absent| claim.isa == Some(absent.isa));
    let measured: Vec<&Claim> = claims.iter().filter(|claim| !is_absent(claim)).collect();
    let row = |(i, claim): (usize, &&Claim)| {
        let isa = claim.isa.map_or_else(dash, |isa| isa.to_string());
        let texts = [isa, claim.what.to_owned(), claim.paper.clone(), claim.here.clone()];
        let mut row = vec![(i + 1).to_string(), claim.verdict.to_string()];
        row.extend(texts);
        row
    };
    let header = ["", "verdict", "ISA", "claim", "paper", "here"];
    let rows = table(&header, header.len(), measured.iter().enumerate().map(row));
    let absent = absent.iter().map(|Absent { isa, reason }| {
        let count = claims.iter().filter(|claim| claim.isa == Some(*isa)).count();
        format!("{isa}: {count} claims are untested: {reason}\n")
    });
    let notes: String = reasons(&measured).into_iter().chain(absent).collect();
    section("claims", &rows, &format!("{notes}{}", counts(claims)))
}

/// Why claims are untested, each reason once.
fn reasons(claims: &[&Claim]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (i, claim) in claims.iter().enumerate() {
        let Verdict::Untested(reason) = &claim.verdict else { continue };
        let number = (i + 1).to_string();
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, numbers)) => numbers.push(number),
            None => reasons.push((reason, vec![number])),
        }
    }
    reasons
        .into_iter()
        .map(|(reason, numbers)| format!("{} untested: {reason}\n", numbers.join(", ")))
        .collect()
}

fn counts(claims: &[Claim]) -> String {
    let count = |wanted: &Verdict| {
        let same = |claim: &&Claim| std::mem::discriminant(&claim.verdict) == std::mem::discriminant(wanted);
        claims.iter().filter(same).count()
    };
    format!(
        "of {} claims {} agree, {} disagree, {} are untested\n",
        claims.len(),
        count(&Verdict::Agrees),
        count(&Verdict::Disagrees),
        count(&Verdict::Untested(String::new()))
    )
}

/// Where Two-Pass loses, said plainly.
pub fn losses(findings: &[Finding], isa: Isa) -> Option<String> {
    let contests = findings.iter().filter_map(Finding::contest).filter(|contest| contest.isa == isa);
    let lost: Vec<&Contest> =
        contests.filter(|contest| contest.gain().is_above(1.0) == Some(false)).collect();
    let text = |lost: &[&Contest]| {
        let place = lost[0].place.map_or_else(|| "?".to_owned(), |place| place.to_string());
        let lengths: Vec<String> = lost.iter().map(|contest| Length(contest.len).to_string()).collect();
        let best = |contest: &&Contest| contest.ratio(Algorithm::TwoPass, contest.fastest()).middle;
        let worst = lost.iter().map(best).fold(0.0, f64::max);
        format!("{place} (n={}, up to {worst:.2} times the fastest's time)", lengths.join(", "))
    };
    let places: Vec<String> = lost.chunk_by(|a, b| a.place == b.place).map(text).collect();
    (!lost.is_empty()).then(|| format!("{isa}: Two-Pass loses in {}\n", places.join(", ")))
}
