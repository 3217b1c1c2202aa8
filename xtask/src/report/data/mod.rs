//! Everything that is drawn, gathered in one place: what is there, and what is missing with the command that makes it.

pub mod cost;
pub mod curves;
pub mod peers;
pub mod tiles;
pub mod times;

pub use softmax_spec::profile::Situation;

use crate::error::{bad_input, is_bad_input};
use crate::profiles;
use crate::tune::journal;
use crate::{flags, host, project};
use anyhow::Result;
use cost::Cost;
use peers::Peers;
use softmax_spec::PassVariant;
use softmax_spec::profile::{Profile, Table};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use times::Times;

/// What is drawn.
pub struct Data {
    /// Where the profile is.
    pub path: PathBuf,
    /// The profile.
    pub profile: Profile,
    /// From its journal.
    pub times: Result<Times, Missing>,
    /// From `compare`.
    pub peers: Result<Peers, Missing>,
    /// The variants of the grid.
    pub grid: Vec<PassVariant>,
    /// From building the grid.
    pub cost: Result<Cost, Missing>,
}

/// Something that a report could show and does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// What, and why: a clause.
    pub what: String,
    /// The command that makes it.
    pub command: String,
}

impl Data {
    /// Gathers what the flags name. What they name must be there; what they do not name may be missing.
    pub fn gather(flags: &flags::Report) -> Result<Data> {
        let path = flags.profile.clone();
        if !path.exists() {
            return Err(bad_input(format!(
                "there is no profile {}: name another, or make it: {}",
                path.display(),
                tune(&path)
            )));
        }
        let profile = profiles::read(&path)?;
        if profile.tables.is_empty() {
            let path = path.display();
            return Err(bad_input(format!("{path} has no tables, so there is nothing to draw: tune again")));
        }
        let times = times(flags, &profile)?;
        let peers = match &flags.compare {
            Some(path) => Ok(peers::read(path)?),
            None => Err(Missing {
                what:
                    "no times of other libraries: run the command, then report with --compare compare.jsonl"
                        .to_owned(),
                command: "cargo xtask compare --json >compare.jsonl".to_owned(),
            }),
        };
        let cost = match flags.compile {
            true => Ok(cost::measure()?),
            false => Err(Missing {
                what: "no time and no machine code per variant: that takes a build of the whole grid"
                    .to_owned(),
                command: format!("cargo xtask report {} --compile", path.display()),
            }),
        };
        Ok(Data { grid: project::grid()?.variants, path, profile, times, peers, cost })
    }

    /// The situations that the profile has tables for, the most capable ISA first.
    pub fn situations(&self) -> Vec<Situation> {
        let mut situations: Vec<Situation> = profiles::situations([&self.profile]).into_iter().collect();
        situations.sort_by_key(|situation| Reverse(situation.isa));
        situations
    }

    /// The profile's table for a situation.
    pub fn table(&self, situation: Situation) -> Option<&Table> {
        self.profile.table(situation)
    }

    /// What is missing.
    pub fn missing(&self) -> impl Iterator<Item = &Missing> {
        let [times, peers, cost] =
            [self.times.as_ref().err(), self.peers.as_ref().err(), self.cost.as_ref().err()];
        [times, peers, cost].into_iter().flatten()
    }
}

/// The command that makes a profile there, with its journal beside it.
fn tune(profile: &Path) -> String {
    format!("cargo xtask tune --output {}", profile.display())
}

/// The journal that the flags name, or that beside the profile, if it is there and of the same machine.
fn times(flags: &flags::Report, profile: &Profile) -> Result<Result<Times, Missing>> {
    let beside = journal::beside(&flags.profile);
    let path = flags.journal.as_ref().unwrap_or(&beside);
    let missing = |what: String| Ok(Err(Missing { what, command: tune(&flags.profile) }));
    if flags.journal.is_none() && !path.exists() {
        return missing(format!("no journal {}: only what the profile holds is drawn", path.display()));
    }
    let times = match Times::read(path) {
        Err(error) if flags.journal.is_none() && is_bad_input(&error) => {
            return missing(format!("no journal that can be read: {error}"));
        }
        read => read?,
    };
    match profile.host.as_ref() {
        Some(host) if times.is_of(host) => Ok(Ok(times)),
        of => {
            let of = of.map_or("no machine".to_owned(), host::model_text);
            let what = format!("{} is of another machine than the profile, which is of {of}", path.display());
            if flags.journal.is_some() { Err(bad_input(what)) } else { missing(what) }
        }
    }
}
