//! The speed-up over the default profile's plans, by length, in every situation.

use super::canvas;
use super::data::{Data, Missing};
use super::figure::{Area, Figure, Panel, Table};
use super::palette::{Ink, STEPS};
use super::strips::{self, Fill, Segment, Strip};
use anyhow::Result;
use softmax_spec::Isa;

/// The figure.
pub fn figure(data: &Data) -> Figure {
    let strips = Strip::by_isa(data);
    let table = table(strips.iter().flat_map(|(_, strips)| strips));
    let is_measured = |strips: &Vec<Strip>| {
        strips.iter().flat_map(|strip| &strip.segments).any(|s| s.class.evidence.is_some())
    };
    let panel = |(isa, strips): (Isa, Vec<Strip>)| -> Box<dyn Panel> { Box::new(GainPanel { isa, strips }) };
    let panels: Vec<Box<dyn Panel>> =
        strips.into_iter().filter(|(_, strips)| is_measured(strips)).map(panel).collect();
    let missing = panels.is_empty().then(|| Missing {
        what: "the profile was not measured: it has plans and no times".to_owned(),
        command: "cargo xtask tune".to_owned(),
    });
    Figure {
        name: "gain",
        title: "Speed-up over the default plans",
        caption: "How many times as fast as the plan of the default profile the pick of each class was, round by round in the race \
                  that confirmed it, at one length of the class. Where the default was picked it is 1."
            .to_owned(),
        panels,
        table,
        missing: missing.into_iter().collect(),
    }
}

fn table<'a>(strips: impl Iterator<Item = &'a Strip>) -> Table {
    let mut rows = Vec::new();
    for strip in strips {
        for Segment { from, upper, class } in &strip.segments {
            let Some(evidence) = &class.evidence else { continue };
            rows.push(vec![
                strip.situation.to_string(),
                from.to_string(),
                upper.map(|upper| upper.to_string()).unwrap_or_default(),
                evidence.len.to_string(),
                format!("{:.4}", evidence.speedup_over_default),
                format!("{:.5}", evidence.ns_per_element),
                format!("{:.5}", evidence.interval.0),
                format!("{:.5}", evidence.interval.1),
                format!("{:.3}", evidence.roofline),
            ]);
        }
    }
    Table {
        columns: &[
            "situation",
            "from",
            "to",
            "measured_at",
            "speed_up",
            "ns_per_element",
            "interval_low",
            "interval_high",
            "roofline_fraction",
        ],
        rows,
    }
}

/// The situations of an ISA.
struct GainPanel {
    isa: Isa,
    strips: Vec<Strip>,
}

impl Panel for GainPanel {
    fn height(&self) -> u32 {
        (strips::height(self.strips.len()) + 4) as u32
    }

    fn title(&self) -> String {
        self.isa.to_string()
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, &self.title(), "times as fast as the default plan, by row length")?;
        strips::draw(area, &self.strips, fill)
    }
}

/// From this speed-up on the last, the one before, ... step of the scale.
const LIMITS: [f64; STEPS - 1] = [2.0, 1.6, 1.4, 1.25, 1.1, 1.03];
/// Slower than the default, and not by noise.
const LOSS: f64 = 0.97;

fn fill(segment: &Segment) -> Fill {
    let Some(evidence) = &segment.class.evidence else {
        let words = vec!["not measured".to_owned(), "-".to_owned()];
        return Fill { ink: Ink::Shade, opacity: 1.0, words_ink: Ink::Soft, words, look: None };
    };
    let gain = evidence.speedup_over_default;
    let step = LIMITS.iter().position(|&limit| gain >= limit).unwrap_or(STEPS - 1);
    let (ink, words_ink) = match gain < LOSS {
        true => (Ink::Loss, Ink::Text),
        false => (Ink::Step(step), Ink::on_step(step)),
    };
    let words = vec![format!("{gain:.2}x"), format!("{gain:.2}"), format!("{gain:.1}")];
    Fill { ink, opacity: 1.0, words_ink, words, look: None }
}
