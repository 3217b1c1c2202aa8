//! What the journal of a search says about times: the median of every candidate on every row.

use super::Situation;
use crate::measuring::statistics::median;
use crate::tune::journal::reading::{self, Batch, Measured};
use anyhow::Result;
use serde_json::Value;
use softmax_bench::protocol::{MEMCPY, READ_SUM, THREADS};
use softmax_spec::profile::Host;
use softmax_spec::{PassVariant, Plan, Rows};
use std::collections::BTreeMap;
use std::path::Path;

/// The times of a journal.
pub struct Times {
    /// Who was timed, by ground and length.
    pub entries: Vec<Entry>,
    /// Samples behind them.
    pub samples: usize,
    /// Whether the search had ended.
    pub is_complete: bool,
    host: Value,
}

/// A candidate's time on one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Under which circumstances.
    pub ground: Ground,
    /// Elements of a row.
    pub len: usize,
    /// Who.
    pub who: Who,
    /// The median of all samples, in nanoseconds per element.
    pub ns: f64,
}

/// What was timed.
#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    /// A pass by itself.
    Pass(PassVariant),
    /// A softmax.
    Plan(Plan),
    /// Copying the row.
    Memcpy,
    /// Reading the row.
    Reading,
}

/// Circumstances of a timing that its candidate does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ground {
    /// Whether output overwrote input.
    pub in_place: bool,
    /// A row alone, or a batch.
    pub rows: Rows,
    /// Threads.
    pub threads: u32,
}

impl Ground {
    /// Where the plans of a situation were timed.
    pub fn of(situation: Situation) -> Ground {
        let Situation { in_place, rows, threads, .. } = situation;
        Ground { in_place, rows, threads }
    }
}

impl Times {
    /// Reads a journal.
    pub fn read(path: &Path) -> Result<Times> {
        reading::read(path).map(Times::new)
    }

    fn new(measured: Measured) -> Times {
        let mut all: BTreeMap<(Ground, usize, &str), Vec<f64>> = BTreeMap::new();
        for batch in &measured.batches {
            for (id, samples) in &batch.samples {
                let (name, threads) = split(id);
                let &Batch { in_place, len, rows, .. } = batch;
                let ground = Ground { in_place, rows: Rows::of(rows), threads };
                all.entry((ground, len, name)).or_default().extend(samples);
            }
        }
        let samples = all.values().map(Vec::len).sum();
        let entry = |((ground, len, name), samples): ((Ground, usize, &str), Vec<f64>)| {
            Some(Entry { ground, len, who: who(name)?, ns: median(&samples) })
        };
        Times {
            entries: all.into_iter().filter_map(entry).collect(),
            samples,
            is_complete: measured.is_complete,
            host: measured.header.host,
        }
    }

    /// Whether they were measured on this machine, or one like it.
    pub fn is_of(&self, host: &Host) -> bool {
        let is = |key: &str, number: u32| self.host[key] == number;
        self.host["vendor"] == host.vendor.as_str()
            && self.host["brand"] == host.brand.as_str()
            && is("family", host.family)
            && is("model", host.model)
            && is("stepping", host.stepping)
    }

    /// The times of a reference on a ground, by ascending length.
    pub fn reference(&self, ground: Ground, who: &Who) -> BTreeMap<usize, f64> {
        let wanted = self.entries.iter().filter(|entry| entry.ground == ground && entry.who == *who);
        wanted.map(|entry| (entry.len, entry.ns)).collect()
    }
}

/// A candidate's name without its threads, and those.
fn split(id: &str) -> (&str, u32) {
    let parts = id.rsplit_once(THREADS).and_then(|(name, threads)| Some((name, threads.parse().ok()?)));
    parts.unwrap_or((id, 1))
}

/// `None` for what is not drawn.
fn who(name: &str) -> Option<Who> {
    match name {
        MEMCPY => Some(Who::Memcpy),
        READ_SUM => Some(Who::Reading),
        name => name.parse().map(Who::Pass).ok().or_else(|| name.parse().map(Who::Plan).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_told_apart_with_their_threads() {
        assert_eq!(split("ref:memcpy@2"), ("ref:memcpy", 2));
        assert_eq!(split("f32_max__avx2_u32"), ("f32_max__avx2_u32", 1));
        assert!(matches!(who("f32_max__avx2_u32"), Some(Who::Pass(_))));
        let plan = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u64)";
        assert!(matches!(who(plan), Some(Who::Plan(_))));
        assert_eq!((who(MEMCPY), who("peer:rten")), (Some(Who::Memcpy), None));
    }
}
