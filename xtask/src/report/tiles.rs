//! Tiles: how unroll and accumulators change the time of each pass, a heat map per ISA.

use super::canvas::{self, CENTER, LABEL, LEFT, LINE, RIGHT, SMALL};
use super::data::Data;
use super::data::tiles::{Reach, Tiles, axis};
use super::figure::{Area, Figure, Panel, Table, WIDTH};
use super::palette::{Ink, STEPS};
use anyhow::Result;
use softmax_spec::{Isa, Tile};

/// The figure.
pub fn figure(data: &Data) -> Figure {
    let tiles = data.tiles();
    let of = |isa: Isa, reach: Reach| -> Vec<Tiles> {
        tiles.iter().filter(|tiles| (tiles.isa, tiles.reach) == (isa, reach)).cloned().collect()
    };
    let mut panels: Vec<Box<dyn Panel>> = Vec::new();
    for reach in [Reach::Cached, Reach::Beyond] {
        for isa in Isa::ALL.into_iter().rev() {
            let passes = of(isa, reach);
            if !passes.is_empty() {
                panels.push(Box::new(TilePanel { isa, reach, passes }));
            }
        }
    }
    Figure {
        name: "tiles",
        title: "Unroll and accumulators",
        caption: "Of each pass by itself, how much longer every tile takes than the best, in per cent: the median over exp cores \
                  and row lengths, each compared with the fastest tile of the same core at the same length. Unroll is in vectors; \
                  rows are accumulators, the independent sums of a tile. Framed is the best. Out of place, one row, without ways \
                  through memory of its own; from the rounds in which the tuner screens passes, where slow ones drop out early."
            .to_owned(),
        panels,
        table: table(&tiles),
        missing: data.times.as_ref().err().cloned().into_iter().collect(),
    }
}

fn table(tiles: &[Tiles]) -> Table {
    let mut rows = Vec::new();
    for Tiles { isa, reach, pass, cells } in tiles {
        for (Tile { unroll, accumulators }, cell) in cells {
            rows.push(vec![
                isa.to_string(),
                reach.text().to_owned(),
                pass.to_string(),
                unroll.to_string(),
                accumulators.to_string(),
                format!("{:.4}", cell.ratio),
                cell.comparisons.to_string(),
            ]);
        }
    }
    Table {
        columns: &["isa", "rows", "pass", "unroll", "accumulators", "ratio_to_best", "comparisons"],
        rows,
    }
}

/// The passes of an ISA.
struct TilePanel {
    isa: Isa,
    reach: Reach,
    passes: Vec<Tiles>,
}

/// Pixels from the left to the first cell: names of passes, then numbers of accumulators.
const NAMES: i32 = 118;
/// Of a cell.
const CELL_HEIGHT: i32 = 19;
/// Between passes.
const SPACE: i32 = 7;
/// The title, what is below it, and the numbers of vectors.
const TOP: i32 = 70;

/// Slower by less than this, in per cent, is the first, second, ... step of the scale.
const LIMITS: [f64; STEPS - 1] = [1.0, 3.0, 6.0, 12.0, 25.0, 50.0];

fn step(percent: f64) -> usize {
    LIMITS.iter().position(|&limit| percent < limit).unwrap_or(STEPS - 1)
}

impl TilePanel {
    fn cell_width(&self, columns: usize) -> i32 {
        ((WIDTH as i32 - NAMES - 10) / columns.max(1) as i32).min(40)
    }

    fn rows(tiles: &Tiles) -> Vec<usize> {
        axis(&[tiles], |tile| tile.accumulators)
    }

    fn draw_pass(&self, area: &Area, tiles: &Tiles, unrolls: &[usize], top: i32) -> Result<()> {
        let rows = TilePanel::rows(tiles);
        let middle = top + rows.len() as i32 * CELL_HEIGHT / 2;
        canvas::text(area, (8, middle), &tiles.pass.to_string(), LABEL, Ink::Text, LEFT)?;
        let wide = self.cell_width(unrolls.len());
        for (row, &accumulators) in rows.iter().enumerate() {
            let y = top + row as i32 * CELL_HEIGHT;
            if rows.len() > 1 {
                let spot = (NAMES - 6, y + CELL_HEIGHT / 2);
                canvas::text(area, spot, &accumulators.to_string(), SMALL, Ink::Soft, RIGHT)?;
            }
            for (column, &unroll) in unrolls.iter().enumerate() {
                let Some(cell) = tiles.cells.get(&Tile { unroll, accumulators }) else { continue };
                let percent = (cell.ratio - 1.0) * 100.0;
                let (x, step) = (NAMES + column as i32 * wide, step(percent));
                canvas::fill(area, (x, y), (x + wide - 1, y + CELL_HEIGHT - 1), Ink::Step(step), 1.0)?;
                let spot = (x + wide / 2, y + CELL_HEIGHT / 2);
                canvas::text(area, spot, &format!("{percent:.0}"), SMALL, Ink::on_step(step), CENTER)?;
            }
        }
        self.frame_best(area, tiles, unrolls, top)
    }

    fn frame_best(&self, area: &Area, tiles: &Tiles, unrolls: &[usize], top: i32) -> Result<()> {
        let Some(best) = tiles.best() else { return Ok(()) };
        let place = |values: &[usize], value: usize| values.iter().position(|&other| other == value);
        let (column, row) = (place(unrolls, best.unroll), place(&TilePanel::rows(tiles), best.accumulators));
        let (Some(column), Some(row)) = (column, row) else { return Ok(()) };
        let wide = self.cell_width(unrolls.len());
        let (x, y) = (NAMES + column as i32 * wide, top + row as i32 * CELL_HEIGHT);
        canvas::frame(area, (x, y), (x + wide - 2, y + CELL_HEIGHT - 2), Ink::Vermilion)
    }

    /// What the colours mean.
    fn draw_scale(&self, area: &Area, top: i32) -> Result<()> {
        const WIDE: i32 = 44;
        canvas::text(area, (8, top + CELL_HEIGHT / 2), "% over the best", LABEL, Ink::Soft, LEFT)?;
        for step in 0..STEPS {
            let x = NAMES + step as i32 * WIDE;
            canvas::fill(area, (x, top), (x + WIDE - 1, top + CELL_HEIGHT - 1), Ink::Step(step), 1.0)?;
            let words = match LIMITS.get(step) {
                Some(limit) => format!("< {limit}"),
                None => format!("{} +", LIMITS[STEPS - 2]),
            };
            let spot = (x + WIDE / 2, top + CELL_HEIGHT / 2);
            canvas::text(area, spot, &words, SMALL, Ink::on_step(step), CENTER)?;
        }
        Ok(())
    }
}

impl Panel for TilePanel {
    fn height(&self) -> u32 {
        let rows: usize = self.passes.iter().map(|tiles| TilePanel::rows(tiles).len()).sum();
        (TOP + rows as i32 * CELL_HEIGHT + self.passes.len() as i32 * SPACE + CELL_HEIGHT + LINE) as u32
    }

    fn title(&self) -> String {
        format!("{}, {}", self.isa, self.reach.text())
    }

    fn leads(&self) -> bool {
        self.reach == Reach::Cached
    }

    fn draw(&self, area: &Area) -> Result<()> {
        canvas::header(area, &self.title(), "unroll in vectors across, accumulators down")?;
        let unrolls = axis(&self.passes.iter().collect::<Vec<_>>(), |tile| tile.unroll);
        let wide = self.cell_width(unrolls.len());
        for (column, unroll) in unrolls.iter().enumerate() {
            let spot = (NAMES + column as i32 * wide + wide / 2, TOP - 11);
            canvas::text(area, spot, &unroll.to_string(), LABEL, Ink::Soft, CENTER)?;
        }
        let mut top = TOP;
        for tiles in &self.passes {
            self.draw_pass(area, tiles, &unrolls, top)?;
            top += TilePanel::rows(tiles).len() as i32 * CELL_HEIGHT + SPACE;
        }
        self.draw_scale(area, top + SPACE)
    }
}
