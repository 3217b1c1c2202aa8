//! Strips: the size classes of each situation side by side along an axis of lengths.

use super::axes::{Axes, Axis};
use super::canvas::{self, HEADER, LABEL, LEFT, LINE, SMALL, Spot};
use super::data::{Data, Situation};
use super::figure::{Area, WIDTH};
use super::palette::{Ink, Look};
use anyhow::Result;
use softmax_spec::Isa;
use softmax_spec::profile::{Class, Table};

/// The classes of a situation.
#[derive(Debug, Clone)]
pub struct Strip {
    /// The situation.
    pub situation: Situation,
    /// By ascending length.
    pub segments: Vec<Segment>,
}

/// A class.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The shortest row.
    pub from: usize,
    /// The longest; `None` without a bound.
    pub upper: Option<usize>,
    /// The class.
    pub class: Class,
}

impl Strip {
    /// The strips of every situation, by ISA in the order of the situations.
    pub fn by_isa(data: &Data) -> Vec<(Isa, Vec<Strip>)> {
        let situations = data.situations();
        let strip = |&situation: &Situation| Some(Strip::of(situation, data.table(situation)?));
        let of_isa = |these: &[Situation]| (these[0].isa, these.iter().filter_map(strip).collect());
        situations.chunk_by(|a, b| a.isa == b.isa).map(of_isa).collect()
    }

    fn of(situation: Situation, table: &Table) -> Strip {
        let mut from = 1;
        let segment = |class: &Class| {
            let segment = Segment { from, upper: class.upper, class: class.clone() };
            from = class.upper.map_or(from, |upper| upper.saturating_add(1));
            segment
        };
        Strip { situation, segments: table.classes.iter().map(segment).collect() }
    }

    /// The situation without the ISA, which the panel names.
    pub fn label(&self) -> String {
        let all = self.situation.to_string();
        let before = format!("{} {}, ", self.situation.element, self.situation.isa);
        all.strip_prefix(&before).map_or_else(|| all.clone(), str::to_owned)
    }
}

/// How a segment is drawn.
pub struct Fill {
    /// Its colour.
    pub ink: Ink,
    /// How much of it.
    pub opacity: f64,
    /// Of its words.
    pub words_ink: Ink,
    /// What stands in it, the longest that there is room for.
    pub words: Vec<String>,
    /// What marks it.
    pub look: Option<Look>,
}

/// A label above each strip, then the strip.
const PITCH: i32 = 45;
const THICK: i32 = 22;

/// The height of so many strips with their axis.
pub fn height(strips: usize) -> i32 {
    HEADER + strips as i32 * PITCH + 24
}

/// The shortest and the longest row that strips are drawn for: a bit more than what has bounds or was measured.
pub fn range(strips: &[Strip]) -> (f64, f64) {
    let segments = || strips.iter().flat_map(|strip| &strip.segments);
    let measured =
        segments().filter_map(|segment| segment.class.evidence.as_ref()).map(|evidence| evidence.len);
    let bounds = segments().filter_map(|segment| segment.upper);
    let all: Vec<usize> = measured.chain(bounds).collect();
    let (low, high) = (all.iter().min().copied().unwrap_or(64), all.iter().max().copied().unwrap_or(1 << 20));
    (low as f64 / 2.0, high as f64 * 4.0)
}

/// Draws strips below the header of a panel.
pub fn draw(area: &Area, strips: &[Strip], fill: impl Fn(&Segment) -> Fill) -> Result<()> {
    let bottom = HEADER + strips.len() as i32 * PITCH;
    let x = Axis::logarithmic(range(strips), (10, WIDTH as i32 - 12));
    let axes = Axes { x, y: Axis::linear((0.0, 1.0), (bottom, HEADER)) };
    axes.length_ticks(area, 9)?;
    for (i, strip) in strips.iter().enumerate() {
        let top = HEADER + i as i32 * PITCH + LINE;
        // Over the lines of the axis.
        let label = strip.label();
        let end = (10 + canvas::width(&label, LABEL) + 4, top - 1);
        canvas::fill(area, (10, top - LINE + 1), end, Ink::Paper, 1.0)?;
        canvas::text(area, (10, top - 8), &label, LABEL, Ink::Text, LEFT)?;
        for segment in &strip.segments {
            let end = segment.upper.map_or(f64::INFINITY, |upper| upper as f64);
            draw_segment(area, (x.at(segment.from as f64), top), x.at(end), &fill(segment))?;
        }
    }
    axes.floor(area)
}

fn draw_segment(area: &Area, (left, top): Spot, right: i32, fill: &Fill) -> Result<()> {
    let (right, bottom) = ((right - 2).max(left + 1), top + THICK);
    canvas::fill(area, (left, top), (right, bottom), Ink::Paper, 1.0)?;
    canvas::fill(area, (left, top), (right, bottom), fill.ink, fill.opacity)?;
    let mut x = left + 4;
    if let Some(look) = fill.look {
        canvas::fill(area, (left, bottom - 3), (right, bottom), fill.ink, 1.0)?;
        if right - left >= 14 {
            canvas::mark(area, (left + 8, top + THICK / 2 - 1), look, 4)?;
        }
        x += 14;
    }
    let fits = |words: &&String| x + canvas::width(words, SMALL) < right;
    match fill.words.iter().find(fits) {
        Some(words) => canvas::text(area, (x, top + THICK / 2 - 1), words, SMALL, fill.words_ink, LEFT),
        None => Ok(()),
    }
}
