//! Profiles: which plan is best on which machine, for every size class, and how that is known.
//!
//! This is the model only. `softmax-codegen` reads and writes it as TOML; the macro turns it into static tables.

use crate::{Accuracy, Element, Isa, Plan, Rows};
use std::fmt;

/// Version of the file format that is written. Those before it are read, too: 1 lacks what says how sure the evidence is
/// ([`Evidence::trust`], [`Origin::complete`], [`Origin::samples`]).
pub const SCHEMA: u32 = 2;

/// The best plans for one machine, or, without a host, for any machine of an ISA.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Short name, shown by `selected`.
    pub name: String,
    /// The machine it was tuned on; `None` for a profile that fits any.
    pub host: Option<Host>,
    /// How it was made; `None` for one written by hand, or merged from profiles of several grids or compilers.
    pub origin: Option<Origin>,
    /// One table per situation.
    pub tables: Vec<Table>,
}

/// The machine that a profile was tuned on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// CPUID vendor, such as `GenuineIntel`.
    pub vendor: String,
    /// CPUID display family.
    pub family: u32,
    /// CPUID display model.
    pub model: u32,
    /// CPUID stepping.
    pub stepping: u32,
    /// Brand string.
    pub brand: String,
    /// The best ISA it supports.
    pub isa: Isa,
    /// Logical processors.
    pub cores: u32,
    /// L1 data cache in KiB, as reported.
    pub l1d_kib: u32,
    /// L2 cache in KiB, as reported.
    pub l2_kib: u32,
    /// L3 cache in KiB, as reported.
    pub l3_kib: u32,
    /// Whether it runs under a hypervisor.
    pub vm: bool,
}

/// How a profile was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// `rustc --version`.
    pub rustc: String,
    /// Fingerprint of the grid it was tuned on.
    pub grid_hash: u64,
    /// Variants in that grid.
    pub grid_variants: usize,
    /// `quick`, `standard` or `exhaustive`.
    pub effort: String,
    /// Wall time in seconds that the search was given, where that is not the effort's own.
    pub budget_seconds: Option<u64>,
    /// Wall time of the search in seconds.
    pub seconds: f64,
    /// Whether the search measured every length and found every bound that it was meant to, rather than ending with its
    /// budget; `None` where nothing tells.
    pub complete: Option<bool>,
    /// What became of the samples that the search took; `None` where nothing tells.
    pub samples: Option<SampleCounts>,
}

/// Samples of a search, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleCounts {
    /// That the search rests on.
    pub taken: usize,
    /// That were taken again, because others had the core, or a part of it, for a while.
    pub retaken: usize,
    /// Of those taken, that were disturbed in every try.
    pub contended: usize,
}

/// What plans are chosen by, beside the length of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Situation {
    /// The ISA of the plans.
    pub isa: Isa,
    /// Element type.
    pub element: Element,
    /// The accuracy that every plan reaches.
    pub accuracy: Accuracy,
    /// Whether output overwrites input.
    pub in_place: bool,
    /// A row alone, or a batch.
    pub rows: Rows,
    /// Threads: 1. Results must have the same bits for any number of threads, so that one plan is for all; tables for other
    /// numbers are read and never used.
    pub threads: u32,
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.in_place { "in place" } else { "out of place" };
        write!(f, "{} {}, {}, {place}", self.element, self.isa, self.accuracy)?;
        if self.rows == Rows::Batch {
            f.write_str(", batches")?;
        }
        match self.threads {
            1 => Ok(()),
            threads => write!(f, ", {threads} threads"),
        }
    }
}

/// The plans for one situation, by row length.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it is for.
    pub situation: Situation,
    /// Size classes by ascending upper length. The last one of a table for single rows has none; one for batches may end, and
    /// longer rows are then looked up as single ones.
    pub classes: Vec<Class>,
}

/// A range of row lengths and the plan for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The longest row of the class in elements; `None` without a bound.
    pub upper: Option<usize>,
    /// The plan.
    pub plan: Plan,
    /// What was measured; `None` in a profile written by hand.
    pub evidence: Option<Evidence>,
}

/// What was measured for a class, on one length that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Row length in elements.
    pub len: usize,
    /// Median time in nanoseconds per element.
    pub ns_per_element: f64,
    /// 95 % interval of that median.
    pub interval: (f64, f64),
    /// Median time of an in-run memcpy of as many bytes, in nanoseconds per element.
    pub memcpy_ns_per_element: f64,
    /// In-run roofline (the times to read the row once and to copy it once, out of place) as a fraction of the time. 1 is
    /// the limit out of place, as far as memcpy is one; in place, where half the memory is touched, more is possible.
    pub roofline: f64,
    /// Time of the plan that was the default before, divided by this one's; above 1 is a gain.
    pub speedup_over_default: f64,
    /// The next best plan of another algorithm, and its time divided by this one's.
    pub runner_up: Option<(Plan, f64)>,
    /// Plans that are slower than this one by 2 % at most.
    pub ties: Vec<Plan>,
    /// How sure all that is; `None` where nothing tells.
    pub trust: Option<Trust>,
}

/// How sure the evidence for a class is. Everything is of the one race that it is from.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    /// 95 % interval of [`Evidence::speedup_over_default`].
    pub speedup_interval: (f64, f64),
    /// 95 % interval of the runner-up's ratio; `None` without a runner-up.
    pub runner_up_interval: Option<(f64, f64)>,
    /// The A/A control: by how much, as a fraction, the ratio of one plan's times to those of the same plan, raced as another,
    /// may differ from 1; the farther end of a 95 % interval.
    pub noise: f64,
    /// The share of samples that others disturbed in every try; `None` where the system does not tell.
    pub contended: Option<f64>,
}

impl Profile {
    /// Its table for a situation.
    pub fn table(&self, situation: Situation) -> Option<&Table> {
        self.tables.iter().find(|table| table.situation == situation)
    }

    /// The plan for rows of `len` elements, as the library would choose if there were no other profiles: for batches that of
    /// a single row where nothing is said of batches, and without a table what the library falls back to.
    pub fn plan(&self, situation: Situation, len: usize) -> Plan {
        let alone = Situation { rows: Rows::Single, ..situation };
        let class = |situation| self.table(situation).and_then(|table| table.class(len));
        let class = class(situation).or_else(|| class(alone));
        class.map_or_else(|| Plan::robust(situation.isa, situation.element), |class| class.plan.clone())
    }
}

impl Table {
    /// The class that `len` falls into; `None` beyond the last one.
    pub fn class(&self, len: usize) -> Option<&Class> {
        self.classes.iter().find(|class| class.upper.is_none_or(|upper| len <= upper))
    }
}
