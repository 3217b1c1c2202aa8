//! Other libraries' times over ours, shape by shape.

use super::axes::{self, Axes, Axis};
use super::canvas::{self, HEADER, LABEL, RIGHT};
use super::data::Data;
use super::data::peers::Peers;
use super::figure::{Area, Figure, Panel, Table, WIDTH};
use super::palette::{Ink, Look, Marker};
use crate::compare::lines::{Contest, Head, Peer};
use anyhow::Result;

/// The figure.
pub fn figure(data: &Data) -> Figure {
    let caption = "How many times as long as ours each library takes for a shape, rows x elements: right of 1, ours is faster. All \
                   were interleaved in one run of cargo xtask compare, round by round.";
    let (panels, table, caption) = match &data.peers {
        Ok(peers) => (panels(peers), table(peers), format!("{caption} {}", circumstances(&peers.head))),
        Err(_) => (vec![], table_of(&[]), caption.to_owned()),
    };
    let missing = data.peers.as_ref().err().cloned().into_iter().collect();
    Figure { name: "peers", title: "Speed-up over other libraries", caption, panels, table, missing }
}

fn circumstances(head: &Head) -> String {
    let place = if head.in_place { "in place" } else { "out of place" };
    let isa = head.isa.as_ref().map(|isa| format!(", restricted to {isa}")).unwrap_or_default();
    let names: Vec<&str> =
        head.contestants.iter().skip(1).map(|contestant| contestant.name.as_str()).collect();
    format!("{}, {place}; ours {}{isa}. Peers: {}.", head.cpu, head.accuracy, names.join(", "))
}

fn panels(peers: &Peers) -> Vec<Box<dyn Panel>> {
    let mut ids: Vec<String> = Vec::new();
    for peer in peers.contests.iter().flat_map(|contest| &contest.peers) {
        if !ids.contains(&peer.id) {
            ids.push(peer.id.clone());
        }
    }
    vec![Box::new(PeerPanel { ids, contests: peers.contests.clone() })]
}

fn table(peers: &Peers) -> Table {
    table_of(&peers.contests)
}

fn table_of(contests: &[Contest]) -> Table {
    let mut rows = Vec::new();
    for Contest { shape, ns_per_element, peers } in contests {
        for Peer { id, ns_per_element: theirs, ratio } in peers {
            rows.push(vec![
                shape.clone(),
                id.clone(),
                format!("{ns_per_element:.5}"),
                format!("{theirs:.5}"),
                format!("{ratio:.4}"),
            ]);
        }
    }
    Table {
        columns: &["shape", "peer", "our_ns_per_element", "their_ns_per_element", "their_time_over_ours"],
        rows,
    }
}

/// All shapes of a run.
struct PeerPanel {
    ids: Vec<String>,
    contests: Vec<Contest>,
}

const ROW: i32 = 22;
const NAMES: i32 = 84;
/// Beyond this factor a point stands at the edge, with its number.
const FARTHEST: f64 = 16.0;

impl PeerPanel {
    fn bottom(&self) -> i32 {
        HEADER + self.contests.len() as i32 * ROW
    }

    fn look(&self, id: &str) -> Look {
        let place = self.ids.iter().position(|other| other == id).unwrap_or(0);
        Look {
            ink: Ink::HUES[place % Ink::HUES.len()],
            marker: Marker::ALL[place % Marker::ALL.len()],
            is_open: false,
        }
    }

    fn keys(&self) -> Vec<(String, Look)> {
        self.ids.iter().map(|id| (id.clone(), self.look(id))).collect()
    }

    /// From the slowest of ours to the fastest.
    fn range(&self) -> (f64, f64) {
        let ratios = || self.contests.iter().flat_map(|contest| &contest.peers).map(|peer| peer.ratio);
        let (low, high) = (ratios().fold(1.0, f64::min), ratios().fold(1.0, f64::max));
        (low.max(1.0 / FARTHEST) / 1.1, high.clamp(2.0, FARTHEST) * 1.1)
    }

    fn draw_row(&self, area: &Area, axes: &Axes, row: usize, contest: &Contest) -> Result<()> {
        let y = HEADER + row as i32 * ROW + ROW / 2;
        canvas::text(area, (NAMES - 8, y), &contest.shape, LABEL, Ink::Text, RIGHT)?;
        let (left, right) = axes.x.ends();
        let guide = Look { ink: Ink::Grid, marker: Marker::Nothing, is_open: false };
        canvas::line(area, &[(left, y), (right, y)], guide, 1)?;
        for peer in &contest.peers {
            canvas::mark(area, (axes.x.at(peer.ratio), y), self.look(&peer.id), 4)?;
        }
        let far: Vec<String> = contest
            .peers
            .iter()
            .filter(|peer| !axes.x.holds(peer.ratio))
            .map(|peer| format!("{:.0}x", peer.ratio))
            .collect();
        match far.is_empty() {
            true => Ok(()),
            false => canvas::text(area, (right - 10, y), &far.join(", "), canvas::SMALL, Ink::Soft, RIGHT),
        }
    }
}

impl Panel for PeerPanel {
    fn height(&self) -> u32 {
        (self.bottom() + 38 + canvas::legend_height(&self.keys())) as u32
    }

    fn title(&self) -> String {
        "peers".to_owned()
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, "Their time over ours", "rows x elements; right of 1 ours is faster")?;
        let range = self.range();
        let x = Axis::logarithmic(range, (NAMES, WIDTH as i32 - 16));
        let axes = Axes { x, y: Axis::linear((0.0, 1.0), (self.bottom(), HEADER)) };
        canvas::fill(area, (NAMES, HEADER), (x.at(1.0), self.bottom()), Ink::Loss, 0.35)?;
        for tick in axes::decimal_ticks(range.0, range.1) {
            axes.x_tick(area, tick, &format!("{tick}x"))?;
        }
        let one = Look { ink: Ink::Text, marker: Marker::Nothing, is_open: false };
        canvas::line(area, &[(x.at(1.0), self.bottom()), (x.at(1.0), HEADER)], one, 2)?;
        for (row, contest) in self.contests.iter().enumerate() {
            self.draw_row(area, &axes, row, contest)?;
        }
        axes.floor(area)?;
        canvas::legend(area, &self.keys(), self.bottom() + 32)
    }
}
