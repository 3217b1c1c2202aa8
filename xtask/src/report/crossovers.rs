//! The crossover map: which algorithm runs at which length, in every situation.

use super::canvas;
use super::data::Data;
use super::data::curves::Series;
use super::figure::{Area, Figure, Panel, Table};
use super::palette::{self, Ink, Look};
use super::strips::{self, Fill, Segment, Strip};
use crate::explain::short;
use anyhow::Result;
use softmax_spec::{Algorithm, Isa};
use std::collections::BTreeSet;

/// The figure.
pub fn figure(data: &Data) -> Figure {
    let strips = Strip::by_isa(data);
    let table = table(strips.iter().flat_map(|(_, strips)| strips));
    let panel =
        |(isa, strips): (Isa, Vec<Strip>)| -> Box<dyn Panel> { Box::new(CrossoverPanel { isa, strips }) };
    Figure {
        name: "crossovers",
        title: "Which plan runs where",
        caption: "The size classes of the profile: from one length to the next, this algorithm. The bounds are the crossovers that \
                  the tuner measured. A further class of the same algorithm has other tiles, which the numbers name. Where batches \
                  end, longer rows run as if alone."
            .to_owned(),
        panels: strips.into_iter().map(panel).collect(),
        table,
        missing: vec![],
    }
}

fn table<'a>(strips: impl Iterator<Item = &'a Strip>) -> Table {
    let mut rows = Vec::new();
    for strip in strips {
        for segment in &strip.segments {
            let Segment { from, upper, class } = segment;
            let upper = upper.map(|upper| upper.to_string()).unwrap_or_default();
            let (algorithm, tiles) = (class.plan.algorithm().to_string(), short(&class.plan));
            rows.push(vec![
                strip.situation.to_string(),
                from.to_string(),
                upper,
                algorithm,
                tiles,
                class.plan.to_string(),
            ]);
        }
    }
    Table { columns: &["situation", "from", "to", "algorithm", "exp_and_tiles", "plan"], rows }
}

/// The situations of an ISA.
struct CrossoverPanel {
    isa: Isa,
    strips: Vec<Strip>,
}

impl CrossoverPanel {
    /// The algorithms that it shows.
    fn keys(&self) -> Vec<(String, Look)> {
        let segments = self.strips.iter().flat_map(|strip| &strip.segments);
        let all: BTreeSet<Algorithm> = segments.map(|segment| segment.class.plan.algorithm()).collect();
        let key = |algorithm| {
            (palette::name(Series::Algorithm(algorithm)), palette::look(Series::Algorithm(algorithm)))
        };
        all.into_iter().map(key).collect()
    }
}

impl Panel for CrossoverPanel {
    fn height(&self) -> u32 {
        (strips::height(self.strips.len()) + canvas::legend_height(&self.keys()) + 12) as u32
    }

    fn title(&self) -> String {
        self.isa.to_string()
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, &self.title(), "algorithm by row length")?;
        strips::draw(area, &self.strips, fill)?;
        let top = strips::height(self.strips.len()) + 8;
        canvas::legend(area, &self.keys(), top)
    }
}

fn fill(segment: &Segment) -> Fill {
    let series = Series::Algorithm(segment.class.plan.algorithm());
    let look = palette::look(series);
    let name = palette::name(series);
    // The family, where there is no room for more.
    let family = name.split(' ').next().map(str::to_owned);
    Fill {
        ink: look.ink,
        opacity: 0.22,
        words_ink: Ink::Text,
        words: [Some(name), family].into_iter().flatten().collect(),
        look: Some(look),
    }
}
