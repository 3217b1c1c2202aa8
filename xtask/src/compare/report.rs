//! A comparison as a table for people and as JSON lines for scripts.

use super::field::Field;
use super::standing::{Rival, Standing};
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

/// What is said about the whole run.
pub struct Circumstances<'a> {
    /// The CPU.
    pub cpu: &'a str,
    /// The ISA that ours was restricted to.
    pub isa: Option<&'a str>,
    /// The accuracy asked of ours.
    pub accuracy: &'a str,
    /// Whether output overwrote input.
    pub in_place: bool,
    /// The name of the effort level.
    pub effort: &'a str,
}

/// How to read the table.
const LEGEND: &str = "\
time        ours, median, for all rows of the shape; +- is its 95 % interval
GB/s        counting one read and one write of every element, the least that softmax moves
x memcpy    our time over that of copying as many bytes
roofline    copying, for single rows (and rows beyond the L2 cache) also reading once more, over our time
peers       their time over ours, so above 1 ours is faster; `best peer` is the fastest of them
ULP         the largest error in the check before, on rows of up to 100000 elements, U(-10, 10) and 5 N(0, 1)
";

/// A title, the table and how to read it.
pub fn text(field: &Field, run: &Circumstances, standings: &[Standing]) -> String {
    let place = if run.in_place { "in place" } else { "out of place" };
    let isa = run.isa.map(|isa| format!(" on {isa}")).unwrap_or_default();
    let title = format!("f32, {place}, one thread of {}; ours {}{isa}", run.cpu, run.accuracy);
    format!("{title}\n{}\n\n{LEGEND}\n{}", grid(field, standings).trim_fmt(), names(field))
}

fn grid(field: &Field, standings: &[Standing]) -> Table {
    let mut grid = Table::new();
    grid.load_style(comfy_table::presets::NOTHING);
    let fixed = ["shape", "time", "+-", "ns/elem", "GB/s", "x memcpy", "roofline"];
    let peers = field.peers.iter().map(|peer| peer.id.as_str());
    grid.set_header(fixed.into_iter().chain(peers).chain(["best peer"]));
    for standing in standings {
        grid.add_row(row(standing));
    }
    grid.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    grid
}

fn row(standing: &Standing) -> Vec<String> {
    let (low, high) = standing.interval;
    let mut row = vec![
        standing.shape.to_string(),
        duration(standing.total_ns()),
        format!("{:.1} %", (high - low) / 2.0 / standing.time * 100.0),
        format!("{:.4}", standing.time),
        format!("{:.1}", standing.gb_per_s()),
        format!("{:.2}", standing.to_memcpy),
        format!("{:.0} %", standing.roofline * 100.0),
    ];
    row.extend(standing.peers.iter().map(|peer| format!("{:.2}", peer.to_ours)));
    row.push(
        standing.best().map_or_else(|| "-".to_owned(), |best| format!("{:.2} {}", best.to_ours, best.id)),
    );
    row
}

/// Three or more digits, in a unit that needs no more than three before the point.
fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// The peers and how exact they are.
fn names(field: &Field) -> String {
    let line = |id: &str, name: &str, ulp: f64| format!("{id:<11} {name}, at most {ulp:.0} ULP off\n");
    let all = std::iter::once(&field.ours).chain(&field.peers);
    all.map(|contestant| line(&contestant.id, &contestant.name, contestant.max_ulp)).collect()
}

/// The first JSON line: who took part, and how.
pub fn head(field: &Field, run: &Circumstances) -> Value {
    let all = std::iter::once(&field.ours).chain(&field.peers);
    let contestants = all.map(|one| json!({ "id": one.id, "name": one.name, "max_ulp": one.max_ulp }));
    let skipped = field.skipped.iter().map(|peer| json!({ "id": peer.id, "reason": peer.reason }));
    json!({
        "cpu": run.cpu,
        "isa": run.isa,
        "accuracy": run.accuracy,
        "in_place": run.in_place,
        "effort": run.effort,
        "contestants": contestants.collect::<Value>(),
        "skipped": skipped.collect::<Value>(),
    })
}

/// The JSON line of a shape.
pub fn line(standing: &Standing) -> Value {
    let peer = |peer: &Rival| json!({ "id": peer.id, "ns_per_element": peer.time, "ratio": peer.to_ours });
    let best = standing.best();
    json!({
        "shape": standing.shape.to_string(),
        "rows": standing.shape.rows,
        "len": standing.shape.len,
        "ns": standing.total_ns(),
        "ns_per_element": standing.time,
        "interval": [standing.interval.0, standing.interval.1],
        "gb_per_s": standing.gb_per_s(),
        "memcpy_ns_per_element": standing.memcpy,
        "ratio_to_memcpy": standing.to_memcpy,
        "roofline": standing.roofline,
        "peers": standing.peers.iter().map(peer).collect::<Value>(),
        "best_peer": best.map(|best| best.id.as_str()),
        "ratio_to_best_peer": best.map(|best| best.to_ours),
    })
}

#[cfg(test)]
mod tests {
    use super::super::field::Contestant;
    use super::super::{Shape, lines};
    use super::*;

    fn standing(peers: &[(&str, f64)]) -> Standing {
        let rival = |&(id, to_ours): &(&str, f64)| Rival { id: id.to_owned(), time: 0.4 * to_ours, to_ours };
        Standing {
            shape: Shape { rows: 512, len: 1000 },
            time: 0.4,
            interval: (0.39, 0.41),
            memcpy: 0.1,
            to_memcpy: 4.0,
            roofline: 0.25,
            peers: peers.iter().map(rival).collect(),
        }
    }

    #[test]
    fn a_row_has_a_cell_per_peer_and_the_best_one() {
        let expected =
            ["512x1000", "204.80 us", "2.5 %", "0.4000", "20.0", "4.00", "25 %", "1.50", "1.10", "1.10 b"];
        assert_eq!(row(&standing(&[("a", 1.5), ("b", 1.1)])), expected);
        assert_eq!(row(&standing(&[])).last().unwrap(), "-");
    }

    #[test]
    fn durations_have_a_readable_unit() {
        let shown = [31.62, 999.94, 1234.0, 56_789_000.0, 1.5e9].map(duration);
        assert_eq!(shown, ["31.6 ns", "999.9 ns", "1.23 us", "56.79 ms", "1.50 s"]);
    }

    #[test]
    fn a_json_line_is_one_line_and_names_the_best_peer() {
        let line = line(&standing(&[("a", 1.5), ("b", 0.9)]));
        assert!(!line.to_string().contains('\n'));
        assert_eq!((&line["best_peer"], &line["ratio_to_best_peer"]), (&json!("b"), &json!(0.9)));
        assert_eq!(super::line(&standing(&[]))["best_peer"], Value::Null);
    }

    #[test]
    fn lines_are_read_back() {
        let contestant = |id: &str| Contestant {
            id: id.to_owned(),
            candidate: format!("peer:{id}"),
            name: format!("{id} 1"),
            max_ulp: 3.0,
        };
        let field = Field { ours: contestant("ours"), peers: vec![contestant("a")], skipped: vec![] };
        let run =
            Circumstances { cpu: "A CPU", isa: None, accuracy: "fast", in_place: true, effort: "quick" };
        let head: lines::Head = serde_json::from_value(head(&field, &run)).unwrap();
        assert_eq!((head.cpu.as_str(), head.isa, head.in_place), ("A CPU", None, true));
        assert_eq!(head.contestants[1], lines::Contestant { id: "a".to_owned(), name: "a 1".to_owned() });
        let contest: lines::Contest = serde_json::from_value(line(&standing(&[("a", 1.5)]))).unwrap();
        assert_eq!((contest.shape.as_str(), contest.ns_per_element), ("512x1000", 0.4));
        assert_eq!((contest.peers[0].id.as_str(), contest.peers[0].ratio), ("a", 1.5));
    }
}
