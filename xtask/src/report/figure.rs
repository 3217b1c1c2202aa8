//! A figure: panels that are drawn, the numbers behind them, and what is said about them.

use super::data::Missing;
use super::palette::{self, Ink};
use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};

/// Something to draw on, in pixels.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width of every panel in pixels: two are side by side on a screen, and on a phone the text of one is still legible.
pub const WIDTH: u32 = 440;
/// Panels side by side in a drawing that holds all of a figure's.
const COLUMNS: usize = 2;

/// A plot and what belongs to it.
pub struct Figure {
    /// What it is called on the command line and in names of files.
    pub name: &'static str,
    /// Its headline.
    pub title: &'static str,
    /// How to read it, and how its numbers came about.
    pub caption: String,
    /// What is drawn; empty if there is nothing to draw.
    pub panels: Vec<Box<dyn Panel>>,
    /// The numbers.
    pub table: Table,
    /// What it lacks.
    pub missing: Vec<Missing>,
}

/// One drawing of a figure.
pub trait Panel {
    /// Its height in pixels.
    fn height(&self) -> u32;
    /// What it shows that others of the figure do not.
    fn title(&self) -> String;
    /// Whether it is among those that are looked at first.
    fn leads(&self) -> bool {
        true
    }
    /// Draws it on an area of its size.
    fn draw(&self, area: &Area) -> Result<()>;
}

/// Numbers with a name for each column.
pub struct Table {
    /// The names.
    pub columns: &'static [&'static str],
    /// As many cells in each.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As CSV.
    pub fn csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns)?;
        self.rows.iter().try_for_each(|row| writer.write_record(row))?;
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

impl Figure {
    /// One drawing with every panel, that follows what its reader prefers.
    pub fn svg(&self) -> Result<String> {
        let rows: Vec<&[Box<dyn Panel>]> = self.panels.chunks(COLUMNS).collect();
        let heights = rows.iter().map(|row| row.iter().map(|panel| panel.height()).max().unwrap_or(0));
        let heights: Vec<u32> = heights.collect();
        let columns = self.panels.len().min(COLUMNS) as u32;
        let svg = draw((columns * WIDTH, heights.iter().sum()), |area| {
            let mut rest = area.clone();
            for (row, height) in rows.iter().zip(&heights) {
                let (mut this, below) = rest.split_vertically(*height);
                rest = below;
                for panel in *row {
                    let (left, right) = this.split_horizontally(WIDTH);
                    panel.draw(&left.split_vertically(panel.height()).0)?;
                    this = right;
                }
            }
            Ok(())
        })?;
        let style =
            format!("<style>@media (prefers-color-scheme: dark) {{\n{}}}</style>\n", palette::dark_rules());
        let (tag, inner) = svg.split_at(svg.find('\n').map_or(0, |end| end + 1));
        Ok(format!("{tag}{style}{inner}"))
    }
}

/// One panel.
pub fn panel_svg(panel: &dyn Panel) -> Result<String> {
    draw((WIDTH, panel.height()), |area| panel.draw(area))
}

fn draw(size: (u32, u32), inner: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&Ink::Paper.color())?;
        inner(&area)?;
        area.present()?;
    }
    Ok(svg)
}
