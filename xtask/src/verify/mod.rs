//! `verify`: the largest error of every exp core over every float of its domain, against the certificate; and of whole rows against
//! their length.
//!
//! ```text
//! grid -> subjects -> measuring process: every float through all cores -> worst of each -> judged, or written
//!      -> plans    -> measuring process: random rows through all of them -> worst by length -> held to what is promised
//! ```

mod cores;
mod document;
mod judge;
mod plans;
mod report;
mod rows;

use crate::error::bad_input;
use crate::measuring::{Child, child};
use crate::{flags, host, output, project, stderr, stdout};
use anyhow::{Result, bail};
use cores::Coverage;
use judge::Judged;
use softmax_bench::emulator;
use softmax_codegen::certificate;
use softmax_spec::certificate::{Certificate, Row, Subject};
use softmax_spec::{Exp, Isa, PassVariant};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Runs the command.
pub fn run(flags: &flags::Verify) -> Result<()> {
    let wanted = Wanted::new(flags, &host::isas())?;
    let grid = project::grid()?.variants;
    match flags.rows {
        true => rows::run(flags, &wanted, &grid, &build()?),
        false => verify_cores(flags, &wanted, &grid),
    }
}

fn build() -> Result<PathBuf> {
    if let Some(emulator) = emulator::detect() {
        stderr::say(format_args!("this runs under {emulator}, which takes long and changes no result"));
    }
    stderr::say("building the measuring process with the full grid");
    child::build(&[])
}

/// As many threads as there are cores.
fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// What the flags leave, on this CPU.
struct Wanted {
    isas: Vec<Isa>,
    /// None for all.
    cores: Vec<Exp>,
}

impl Wanted {
    fn new(flags: &flags::Verify, available: &[Isa]) -> Result<Wanted> {
        flags.isa.iter().try_for_each(|&isa| host::require(isa, available))?;
        let isas = available.iter().filter(|isa| flags.isa.is_empty() || flags.isa.contains(isa));
        Ok(Wanted { isas: isas.copied().collect(), cores: flags.core.clone() })
    }

    fn core(&self, exp: Exp) -> bool {
        self.cores.is_empty() || self.cores.contains(&exp)
    }

    fn subject(&self, subject: &Subject) -> bool {
        self.isas.contains(&subject.isa) && self.core(subject.exp)
    }
}

fn verify_cores(flags: &flags::Verify, wanted: &Wanted, grid: &[PassVariant]) -> Result<()> {
    let all = Subject::of_grid(grid);
    let subjects: BTreeSet<Subject> = all.iter().copied().filter(|subject| wanted.subject(subject)).collect();
    if subjects.is_empty() {
        return Err(bad_input("the grid has no such core on these ISAs: see `cargo xtask list`"));
    }
    let known = match project::certificate_path().exists() || !flags.write {
        true => project::certificate()?,
        false => Certificate::default(),
    };
    let coverage = match flags.sample {
        true => Coverage::Sample(&known),
        false => Coverage::Everything,
    };
    let mut child = Child::start(&build()?, vec![])?;
    let rows = cores::measure(&mut child, &subjects, grid, coverage)?;
    if flags.write {
        return write(flags, &all, known, rows);
    }
    let judged: Vec<Judged> = rows.iter().map(|row| judge::row(row, &known, coverage)).collect();
    let strangers = judge::strangers(&known, &all);
    match flags.json {
        true => stdout::print(&report::json_lines(&judged, &strangers, &known))?,
        false => stdout::print(&report::text(&judged, &strangers, &known, coverage))?,
    }
    match judged.iter().filter(|one| one.problem.is_some()).count() + strangers.len() {
        0 => Ok(()),
        wrong => bail!(
            "{wrong} {} not as certified: if the code is meant so, `cargo xtask verify --write` certifies it",
            if wrong == 1 { "core is" } else { "cores are" }
        ),
    }
}

/// Rows of other subjects stay as they are.
fn write(flags: &flags::Verify, all: &BTreeSet<Subject>, known: Certificate, rows: Vec<Row>) -> Result<()> {
    let judged: Vec<Judged> = rows.iter().map(judge::unjudged).collect();
    let updated = known.updated(rows, all);
    let (certificate, semantics) = (project::certificate_path(), document::path());
    let document = document::with_table(&project::read(&semantics)?, &updated)?;
    output::replace(&certificate, certificate::write(&updated))?;
    output::replace(&semantics, &document)?;
    match flags.json {
        true => stdout::print(&report::json_lines(&judged, &[], &updated))?,
        false => stdout::print(&report::text(&judged, &[], &updated, Coverage::Everything))?,
    }
    stderr::say(format_args!("wrote {} and {}", certificate.display(), semantics.display()));
    Ok(())
}
