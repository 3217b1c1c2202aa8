//! `report`: what a tune found, as plots that a person reads at a glance.
//!
//! ```text
//! profile, journal, compare's lines, a build -> data -> figures (panels, numbers) -> HTML, SVG, PNG or CSV
//! ```
//!
//! [`data`] gathers and concludes, a file per plot draws, and what a figure lacks it says, with the command that makes it.

mod axes;
mod canvas;
mod compile;
mod crossovers;
mod curves;
mod data;
mod figure;
mod gain;
mod html;
mod palette;
mod peers;
mod png;
mod strips;
#[cfg(test)]
mod tests;
mod tiles;

use crate::error::bad_input;
use crate::flags::{self, ReportFormat};
use crate::output::Output;
use crate::stderr;
use crate::tune::journal;
use anyhow::{Context, Result};
use data::Data;
use figure::Figure;
use png::Rasteriser;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The names of the plots, in the order of the report.
pub const PLOTS: [&str; 7] = ["time", "bandwidth", "crossovers", "gain", "peers", "tiles", "compile"];

/// Runs the command.
pub fn run(flags: &flags::Report) -> Result<()> {
    if flags.plot.is_some() && flags.format == ReportFormat::Html {
        return Err(bad_input("--plot is for --format svg, png or csv: the HTML file has every plot"));
    }
    let target = Target::new(flags)?;
    let data = Data::gather(flags).inspect_err(|_| target.withdraw())?;
    for missing in data.missing() {
        stderr::say(format_args!("missing: {}: {}", missing.what, missing.command));
    }
    let figures = figures(&data);
    let written = match &target {
        Target::Page(output) => {
            output.write(html::page(&data, &figures)?)?;
            output.path().to_owned()
        }
        Target::Plot(name, output) => {
            let figure =
                figures.iter().find(|figure| figure.name == name).context("every plot has a figure")?;
            let contents = Writer::new(flags.format)?.contents(figure)?;
            let contents = contents.ok_or_else(|| bad_input(nothing_in(figure)))?;
            output.write(contents)?;
            output.path().to_owned()
        }
        Target::Directory { path, .. } => {
            write_all(&figures, flags, path)?;
            path.clone()
        }
    };
    stderr::say(format_args!("wrote {}", written.display()));
    Ok(())
}

/// Every figure, in the order of [`PLOTS`].
fn figures(data: &Data) -> Vec<Figure> {
    let landscapes: Vec<_> = data.landscapes().into_iter().map(Rc::new).collect();
    vec![
        curves::time(data, &landscapes),
        curves::bandwidth(data, &landscapes),
        crossovers::figure(data),
        gain::figure(data),
        peers::figure(data),
        tiles::figure(data),
        compile::figure(data),
    ]
}

/// Where a report goes.
enum Target {
    /// Everything into one file.
    Page(Output),
    /// A plot into a file.
    Plot(String, Output),
    /// Every plot into a directory, a file each.
    Directory { path: PathBuf, is_new: bool },
}

impl Target {
    /// Refuses a path that cannot be written to before there is work in it.
    fn new(flags: &flags::Report) -> Result<Target> {
        let extension = extension(flags.format);
        let path = |usual: String| flags.output.clone().unwrap_or_else(|| PathBuf::from(usual));
        match (&flags.plot, flags.format) {
            (_, ReportFormat::Html) => {
                Ok(Target::Page(output(flags, &path("softmax-report.html".to_owned()))?))
            }
            (Some(plot), _) => {
                let path = path(format!("softmax-report-{plot}.{extension}"));
                Ok(Target::Plot(plot.clone(), output(flags, &path)?))
            }
            (None, _) => {
                let path = path("softmax-report".to_owned());
                let refuse = |error| {
                    bad_input(format!("cannot make the directory --output {}: {error}", path.display()))
                };
                let is_new = !path.exists();
                fs::create_dir_all(&path).map_err(refuse)?;
                Output::new(&path.join(format!("{}.{extension}", PLOTS[0])))?;
                Ok(Target::Directory { path, is_new })
            }
        }
    }

    /// Takes back a directory that was made for plots when none comes.
    fn withdraw(&self) {
        if let Target::Directory { path, is_new: true } = self {
            // Where something is in it, it stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Refuses to replace what is read.
fn output(flags: &flags::Report, path: &Path) -> Result<Output> {
    let output = Output::new(path)?;
    let beside = journal::beside(&flags.profile);
    let named = [flags.journal.as_ref(), flags.compare.as_ref()];
    let mut read = [&flags.profile, &beside].into_iter().chain(named.into_iter().flatten());
    match read.find(|read| output.replaces(read)) {
        Some(read) => Err(bad_input(format!("--output would replace {}, which is read", read.display()))),
        None => Ok(output),
    }
}

fn extension(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Html => "html",
        ReportFormat::Svg => "svg",
        ReportFormat::Png => "png",
        ReportFormat::Csv => "csv",
    }
}

/// Writes every figure that has something to show.
fn write_all(figures: &[Figure], flags: &flags::Report, directory: &Path) -> Result<()> {
    let format = flags.format;
    let writer = Writer::new(format)?;
    for figure in figures {
        match writer.contents(figure)? {
            Some(contents) => {
                let path = directory.join(format!("{}.{}", figure.name, extension(format)));
                output(flags, &path)?.write(contents)?;
            }
            None => {
                stderr::say(format_args!("no {}.{}: there is nothing in it", figure.name, extension(format)))
            }
        }
    }
    Ok(())
}

fn nothing_in(figure: &Figure) -> String {
    let why = figure.missing.iter().map(|missing| format!("{}: {}", missing.what, missing.command));
    format!("nothing to draw in `{}`: {}", figure.name, why.collect::<Vec<_>>().join("; "))
}

/// Makes files of figures.
enum Writer {
    Csv,
    Svg,
    Png(Rasteriser),
}

impl Writer {
    fn new(format: ReportFormat) -> Result<Writer> {
        match format {
            ReportFormat::Csv => Ok(Writer::Csv),
            ReportFormat::Png => Rasteriser::build().map(Writer::Png),
            ReportFormat::Svg | ReportFormat::Html => Ok(Writer::Svg),
        }
    }

    /// `None` if the figure has nothing to show.
    fn contents(&self, figure: &Figure) -> Result<Option<Vec<u8>>> {
        let is_empty = match self {
            Writer::Csv => figure.table.rows.is_empty(),
            _ => figure.panels.is_empty(),
        };
        if is_empty {
            return Ok(None);
        }
        Ok(Some(match self {
            Writer::Csv => figure.table.csv()?.into_bytes(),
            Writer::Svg => figure.svg()?.into_bytes(),
            Writer::Png(rasteriser) => rasteriser.png(&figure.svg()?)?,
        }))
    }
}
