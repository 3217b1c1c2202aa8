//! Time per element, and bandwidth, against the length of rows: a panel per situation, a curve per algorithm.

use super::axes::{Axes, Axis};
use super::canvas::{self, CENTER, HEADER, LABEL, LEFT, SMALL, Spot};
use super::data::Data;
use super::data::curves::{Curve, Landscape, Point};
use super::figure::{Area, Figure, Panel, Table, WIDTH};
use super::palette::{self, Ink, Look, Marker};
use crate::measuring::BYTES_PER_ELEMENT;
use anyhow::Result;
use softmax_spec::Accuracy;
use std::rc::Rc;

/// What is shown of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Time,
    Bandwidth,
}

impl Quantity {
    fn of(self, ns: f64) -> f64 {
        match self {
            Quantity::Time => ns,
            Quantity::Bandwidth => BYTES_PER_ELEMENT / ns,
        }
    }

    fn axis(self) -> &'static str {
        match self {
            Quantity::Time => "ns per element, lower is better; against row length",
            Quantity::Bandwidth => "GB/s, higher is better; against row length",
        }
    }
}

/// Time per element.
pub fn time(data: &Data, landscapes: &[Rc<Landscape>]) -> Figure {
    let table = Table {
        columns: &["situation", "series", "elements", "ns_per_element", "plan"],
        rows: rows(landscapes, |point| format!("{:.5}", point.ns)),
    };
    let caption = format!(
        "{} The dark line is the roofline, the time of reading the row plus that of copying it in the same race (of batches, \
         whose rows are still in a cache when they are read again, copying alone): what memory allows, as far as memcpy comes \
         near that. {}",
        source(data),
        borders(data, landscapes),
    );
    figure(data, landscapes, Quantity::Time, ("time", "Time per element"), caption, table)
}

/// Bandwidth.
pub fn bandwidth(data: &Data, landscapes: &[Rc<Landscape>]) -> Figure {
    let table = Table {
        columns: &["situation", "series", "elements", "gb_per_s", "plan"],
        rows: rows(landscapes, |point| format!("{:.3}", Quantity::Bandwidth.of(point.ns))),
    };
    let caption = "The same times as bandwidth, counting one read and one write of every element, the least that softmax \
                   moves. An algorithm that goes over the row more often moves more than is counted here."
        .to_owned();
    figure(data, landscapes, Quantity::Bandwidth, ("bandwidth", "Bandwidth"), caption, table)
}

fn figure(
    data: &Data,
    landscapes: &[Rc<Landscape>],
    quantity: Quantity,
    (name, title): (&'static str, &'static str),
    caption: String,
    table: Table,
) -> Figure {
    let panel = |landscape: &Rc<Landscape>| -> Box<dyn Panel> {
        Box::new(CurvePanel { landscape: Rc::clone(landscape), quantity })
    };
    Figure {
        name,
        title,
        caption,
        panels: landscapes.iter().map(panel).collect(),
        table,
        missing: data.times.as_ref().err().cloned().into_iter().collect(),
    }
}

/// How the times came about.
fn source(data: &Data) -> &'static str {
    match &data.times {
        Ok(_) => {
            "At each length the fastest plan of every algorithm, as the median of all its samples in the journal's races. \
             Rings are the tuner's picks, with the 95 % interval of the confirming race."
        }
        Err(_) => {
            "At one length of each size class the tuner's pick (a ring, with its 95 % interval) and the best plan of another \
             algorithm, as the profile has them."
        }
    }
}

/// What the lines and bands at the caches' sizes are.
fn borders(data: &Data, landscapes: &[Rc<Landscape>]) -> &'static str {
    let is_seen = landscapes.iter().any(|landscape| !landscape.rises.is_empty());
    match (&data.times, is_seen) {
        (Ok(_), true) => {
            "Dashed lines are where a lone row's input and output outgrow the caches that the CPU reports. Grey bands are measured: \
             from the length at their left to that at their right the time of reading an element rises by a fifth or more."
        }
        (Ok(_), false) => {
            "Dashed lines are where a lone row's input and output outgrow the caches that the CPU reports. Reading shows no rise of a \
             fifth or more between the lengths that were measured."
        }
        (Err(_), _) => {
            "Dashed lines are where a lone row's input and output outgrow the caches that the CPU reports."
        }
    }
}

fn rows(landscapes: &[Rc<Landscape>], number: impl Fn(&Point) -> String) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for landscape in landscapes {
        for curve in &landscape.curves {
            for point in &curve.points {
                rows.push(vec![
                    landscape.situation.to_string(),
                    palette::name(curve.series),
                    point.len.to_string(),
                    number(point),
                    point.plan.as_ref().map(|plan| plan.to_string()).unwrap_or_default(),
                ]);
            }
        }
    }
    rows
}

/// One situation.
struct CurvePanel {
    landscape: Rc<Landscape>,
    quantity: Quantity,
}

/// For the labels at the right.
const MARGIN: i32 = 148;
/// From one label to the next.
const GAP: i32 = 14;

impl Panel for CurvePanel {
    fn height(&self) -> u32 {
        320
    }

    fn title(&self) -> String {
        self.landscape.situation.to_string()
    }

    fn leads(&self) -> bool {
        let situation = self.landscape.situation;
        situation.accuracy == Accuracy::Fast && !situation.in_place
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, &self.title(), self.quantity.axis())?;
        let axes = self.axes();
        self.draw_caches(area, &axes)?;
        axes.length_ticks(area, 7)?;
        axes.decimal_ticks(area)?;
        self.draw_borders(area, &axes)?;
        axes.floor(area)?;
        for curve in &self.landscape.curves {
            self.draw_curve(area, &axes, curve)?;
        }
        self.draw_picks(area, &axes)?;
        self.draw_labels(area, &axes)
    }
}

impl CurvePanel {
    fn points(&self) -> impl Iterator<Item = &Point> {
        self.landscape.curves.iter().flat_map(|curve| &curve.points)
    }

    fn axes(&self) -> Axes {
        let lens = || self.points().map(|point| point.len as f64);
        let values = || self.points().map(|point| self.quantity.of(point.ns));
        let low = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(f64::INFINITY, f64::min);
        let high = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(0.0, f64::max);
        let x =
            Axis::logarithmic((low(&mut lens()) / 1.3, high(&mut lens()) * 1.3), (46, WIDTH as i32 - MARGIN));
        let pixels = (self.height() as i32 - 30, HEADER + 12);
        let y = Axis::logarithmic((low(&mut values()) / 1.2, high(&mut values()) * 1.1), pixels);
        Axes { x, y }
    }

    /// Where reading was seen to slow down.
    fn draw_caches(&self, area: &Area, axes: &Axes) -> Result<()> {
        let (bottom, top) = axes.y.ends();
        for &(from, to) in &self.landscape.rises {
            canvas::fill(
                area,
                (axes.x.at(from as f64), top),
                (axes.x.at(to as f64), bottom),
                Ink::Shade,
                1.0,
            )?;
        }
        Ok(())
    }

    /// Where rows outgrow the caches that the CPU reports.
    fn draw_borders(&self, area: &Area, axes: &Axes) -> Result<()> {
        let (bottom, top) = axes.y.ends();
        let dotted = Look { ink: Ink::Soft, marker: Marker::Nothing, is_open: true };
        for boundary in self.landscape.reported.iter().filter(|boundary| axes.x.holds(boundary.len)) {
            let x = axes.x.at(boundary.len);
            canvas::line(area, &[(x, bottom), (x, top)], dotted, 1)?;
            canvas::text(area, (x, top - 7), boundary.cache, SMALL, Ink::Soft, CENTER)?;
        }
        Ok(())
    }

    fn spots(&self, axes: &Axes, curve: &Curve) -> Vec<Spot> {
        curve.points.iter().map(|point| axes.at(point.len as f64, self.quantity.of(point.ns))).collect()
    }

    fn draw_curve(&self, area: &Area, axes: &Axes, curve: &Curve) -> Result<()> {
        let (look, spots) = (palette::look(curve.series), self.spots(axes, curve));
        canvas::line(area, &spots, look, 2)?;
        spots.into_iter().try_for_each(|spot| canvas::mark(area, spot, look, 3))
    }

    fn draw_picks(&self, area: &Area, axes: &Axes) -> Result<()> {
        let bar = Look { ink: Ink::Text, marker: Marker::Nothing, is_open: false };
        let ring = Look { ink: Ink::Text, marker: Marker::Ring, is_open: true };
        for pick in &self.landscape.picks {
            let at = |ns: f64| axes.at(pick.len as f64, self.quantity.of(ns));
            canvas::line(area, &[at(pick.interval.0), at(pick.interval.1)], bar, 1)?;
            canvas::mark(area, at(pick.ns), ring, 6)?;
        }
        Ok(())
    }

    /// Names at the right, by the height of what they name, with a line to it where it reaches so far.
    fn draw_labels(&self, area: &Area, axes: &Axes) -> Result<()> {
        let longest = self.points().map(|point| point.len).max();
        let curves = &self.landscape.curves;
        let ends: Vec<Spot> = curves.iter().filter_map(|curve| self.spots(axes, curve).pop()).collect();
        let (bottom, top) = axes.y.ends();
        let places = canvas::apart(&ends.iter().map(|spot| spot.1).collect::<Vec<_>>(), GAP, top, bottom);
        let column = axes.x.ends().1;
        for ((curve, end), place) in curves.iter().zip(ends).zip(places) {
            let look = palette::look(curve.series);
            if curve.points.last().map(|point| point.len) == longest {
                let leader = Look { is_open: false, marker: Marker::Nothing, ..look };
                canvas::line(area, &[(end.0 + 5, end.1), (column + 6, place)], leader, 1)?;
            }
            let key = (column + 14, place);
            match look.marker {
                Marker::Nothing => canvas::line(area, &[(key.0 - 7, place), (key.0 + 6, place)], look, 2)?,
                _ => canvas::mark(area, key, look, 4)?,
            }
            canvas::text(area, (key.0 + 10, place), &palette::name(curve.series), LABEL, Ink::Text, LEFT)?;
        }
        Ok(())
    }
}
