//! What the grid costs to compile: variants, and with `--compile` machine code and time.

use super::axes::{self, Axes, Axis};
use super::canvas::{self, HEADER, LABEL, LEFT, LINE, RIGHT, SMALL};
use super::data::Data;
use super::data::cost::Cost;
use super::figure::{Area, Figure, Panel, Table, WIDTH};
use super::palette::{Ink, Look, Marker};
use anyhow::Result;
use softmax_spec::{Isa, Pass};
use std::collections::BTreeMap;

/// The figure.
pub fn figure(data: &Data) -> Figure {
    let mut counts: BTreeMap<(Pass, Isa), f64> = BTreeMap::new();
    for variant in &data.grid {
        *counts.entry((variant.pass, variant.isa)).or_default() += 1.0;
    }
    let total = data.grid.len();
    let mut panels: Vec<Box<dyn Panel>> =
        vec![Box::new(Bars { title: "Variants", axis: "kernels in the grid", values: counts.clone() })];
    let mut caption =
        format!("The grid has {total} kernels; a build has those alone that its profiles name.");
    if let Ok(cost) = &data.cost {
        caption = format!("{caption} {}", told(cost));
        let median = |&(pass, isa): &(Pass, Isa)| Some(((pass, isa), cost.median_bytes(isa, pass)?));
        let values = counts.keys().filter_map(median).collect();
        panels.push(Box::new(Bars { title: "Machine code", axis: "bytes of the median kernel", values }));
    }
    let missing = data.cost.as_ref().err().cloned().into_iter().collect();
    let table = table(&counts, data.cost.as_ref().ok());
    Figure { name: "compile", title: "What kernels cost to compile", caption, panels, table, missing }
}

/// In words.
fn told(cost: &Cost) -> String {
    let Cost { shortlist, grid, cores, .. } = cost;
    format!(
        "{:.1} ms of wall time each on {cores} cores: softmax-kernels took {:.1} s with all {} kernels and {:.1} s with the {} of \
         its shortlist. All together they are {:.2} MB of machine code.",
        cost.ms_per_variant(),
        grid.seconds,
        grid.variants,
        shortlist.seconds,
        shortlist.variants,
        cost.total_bytes() as f64 / 1e6,
    )
}

fn table(counts: &BTreeMap<(Pass, Isa), f64>, cost: Option<&Cost>) -> Table {
    let row = |(&(pass, isa), count): (&(Pass, Isa), &f64)| {
        let bytes = cost.and_then(|cost| cost.bytes.get(&(isa, pass)));
        let median = cost.and_then(|cost| cost.median_bytes(isa, pass));
        let text = |number: Option<String>| number.unwrap_or_default();
        vec![
            pass.to_string(),
            isa.to_string(),
            count.to_string(),
            text(median.map(|bytes| format!("{bytes:.0}"))),
            text(bytes.map(|bytes| bytes.iter().sum::<u64>().to_string())),
        ]
    };
    Table {
        columns: &["pass", "isa", "variants", "median_bytes", "total_bytes"],
        rows: counts.iter().map(row).collect(),
    }
}

/// A bar per pass and ISA.
struct Bars {
    title: &'static str,
    axis: &'static str,
    values: BTreeMap<(Pass, Isa), f64>,
}

const NAMES: i32 = 100;
const BAR: i32 = 11;
const SPACE: i32 = 8;

/// Of ISAs, as in [`Isa::ALL`].
const INKS: [Ink; Isa::ALL.len()] = [Ink::Grey, Ink::Green, Ink::Orange, Ink::Blue, Ink::Vermilion];

fn look(isa: Isa) -> Look {
    let place = Isa::ALL.iter().position(|other| *other == isa).unwrap_or(0);
    Look { ink: INKS[place], marker: Marker::Square, is_open: false }
}

impl Bars {
    fn passes(&self) -> BTreeMap<Pass, Vec<(Isa, f64)>> {
        let mut passes: BTreeMap<Pass, Vec<(Isa, f64)>> = BTreeMap::new();
        for (&(pass, isa), &value) in &self.values {
            passes.entry(pass).or_default().push((isa, value));
        }
        passes
    }

    fn keys(&self) -> Vec<(String, Look)> {
        let has = |isa: &Isa| self.values.keys().any(|(_, other)| other == isa);
        Isa::ALL.into_iter().filter(has).map(|isa| (isa.to_string(), look(isa))).collect()
    }

    fn bottom(&self) -> i32 {
        HEADER + self.values.len() as i32 * BAR + self.passes().len() as i32 * SPACE
    }
}

impl Panel for Bars {
    fn height(&self) -> u32 {
        (self.bottom() + 32 + LINE) as u32
    }

    fn title(&self) -> String {
        self.title.to_owned()
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, self.title, self.axis)?;
        let most = self.values.values().copied().fold(1.0, f64::max);
        let x = Axis::linear((0.0, most), (NAMES, WIDTH as i32 - 52));
        let axes = Axes { x, y: Axis::linear((0.0, 1.0), (self.bottom(), HEADER)) };
        for tick in axes::linear_ticks(most) {
            axes.x_tick(area, tick, &tick.to_string())?;
        }
        let mut top = HEADER + SPACE / 2;
        for (pass, bars) in self.passes() {
            let middle = top + bars.len() as i32 * BAR / 2;
            canvas::text(area, (NAMES - 8, middle), &pass.to_string(), LABEL, Ink::Text, RIGHT)?;
            for (isa, value) in bars {
                canvas::fill(
                    area,
                    (NAMES, top),
                    (x.at(value).max(NAMES + 1), top + BAR - 1),
                    look(isa).ink,
                    1.0,
                )?;
                let spot = (x.at(value) + 5, top + BAR / 2);
                canvas::text(area, spot, &format!("{value:.0}"), SMALL, Ink::Soft, LEFT)?;
                top += BAR;
            }
            top += SPACE;
        }
        canvas::legend(area, &self.keys(), self.bottom() + 32)
    }
}
