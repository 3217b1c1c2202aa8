//! What a search leaves, for tests of what goes on with it: a profile and a journal of the machine that is a model.

use super::clock::Clock;
use super::effort::Effort;
use super::gate::Gate;
use super::journal::{self, Codes, Journal, Journaled};
use super::known::Known;
use super::model::Model;
use super::progress::Progress;
use super::search::Search;
use super::weight::weight;
use crate::profiles::samples;
use crate::{flags, project};
use softmax_spec::profile::Profile;
use softmax_spec::{Accuracy, Isa, PassVariant, Rows};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SIZES: [usize; 3] = [1 << 10, 1 << 14, 1 << 20];

/// Tunes AVX2 with one exp core and writes `profile.toml` and its journal into a directory. Where the profile is.
pub fn tune(directory: &Path) -> PathBuf {
    let path = directory.join("profile.toml");
    let (mut model, mut codes) = (Model::new(1), Codes::default());
    let header = journal::header(&samples::host(), "rustc 1").unwrap();
    let opened = Journal::resume(&journal::beside(&path), header, &mut codes).unwrap();
    let wall = model.time.clone();
    let mut machine = Journaled::new(&mut model, opened, codes, Box::new(move || wall.now()));
    let time = machine.time();
    let tables = Search {
        machine: &mut machine,
        effort: &Effort::new(flags::Effort::Quick),
        clock: &mut Clock::new(time, Duration::from_secs(3600), weight(&SIZES, &Rows::ALL)),
        progress: &Progress::silent(),
        gate: &mut Gate::default(),
        default: &project::default_profile().unwrap(),
        isa: Isa::Avx2,
        accuracies: &Accuracy::ALL[..1],
        rows: &Rows::ALL,
        variants: variants(),
        known: Known::default(),
    }
    .run(&SIZES)
    .unwrap();
    machine.into_journal().complete(100.0).unwrap();
    std::fs::write(&path, softmax_codegen::profile::write(&Profile { tables, ..samples::profile(vec![]) }))
        .unwrap();
    path
}

fn variants() -> Vec<PassVariant> {
    let is_wanted = |variant: &PassVariant| {
        let has_core = variant.exp.is_none() || variant.id().contains("_d5_");
        variant.isa == Isa::Avx2 && has_core && variant.shortest_row() == 0
    };
    project::grid().unwrap().variants.into_iter().filter(is_wanted).collect()
}
