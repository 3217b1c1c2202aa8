//! Which table of which profile is used on this machine. Decided once per accuracy and in place or not; from then
//! on a relaxed atomic load away.

use crate::Accuracy;
use crate::grid::PROFILES;
use crate::plan::{Backup, Plan};
use crate::profile::{Host, Profile, Table};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Environment variable that restricts the choice to one ISA, for tests and support. Read once.
pub const FORCE_ISA_VARIABLE: &str = "SOFTMAX_FORCE_ISA";

/// What was chosen for a row length, and why.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The profile's name.
    pub profile: &'static str,
    /// The longest row for which this plan is used; `usize::MAX` in the last class.
    pub upper: usize,
    /// The plan.
    pub plan: &'static Plan,
    /// Why this profile.
    pub reason: Reason,
    /// What became of `SOFTMAX_FORCE_ISA`, where it is set.
    pub forced: Option<Forced>,
}

/// Why a profile was chosen, the best reason last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No profile fits this machine: the default of the ISA.
    Default,
    /// Tuned on a CPU of another model with the same ISA and as large an L2 cache.
    CacheClass,
    /// Tuned on a CPU of the same vendor, family and model.
    Model,
    /// Tuned on a CPU of the same vendor, family, model and stepping.
    Fingerprint,
}

/// What became of `SOFTMAX_FORCE_ISA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forced {
    /// Only this ISA was considered.
    To(String),
    /// It names no ISA that is compiled in and supported by this CPU, and was ignored.
    Ignored(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Default => "no profile fits this CPU: the default of its ISA",
            Reason::CacheClass => "tuned on another CPU with the same ISA and L2 cache size",
            Reason::Model => "tuned on the same CPU family and model",
            Reason::Fingerprint => "tuned on the same CPU",
        })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { algorithm, passes, .. } = self.plan;
        write!(f, "{algorithm}({}) from profile `{}`: {}", passes.join(", "), self.profile, self.reason)?;
        match &self.forced {
            None => Ok(()),
            Some(Forced::To(isa)) => write!(f, "; {FORCE_ISA_VARIABLE}={isa}"),
            Some(Forced::Ignored(word)) => {
                write!(
                    f,
                    "; {FORCE_ISA_VARIABLE}={word} ignored: no such ISA is compiled in and supported here"
                )
            }
        }
    }
}

/// Chosen tables by accuracy and in place or not. Null until first asked for.
static TABLES: [[AtomicPtr<Table>; 2]; 2] =
    [const { [const { AtomicPtr::new(std::ptr::null_mut()) }; 2] }; 2];

/// The table for this machine.
#[inline]
pub(crate) fn table(accuracy: Accuracy, in_place: bool) -> &'static Table {
    let slot = &TABLES[accuracy as usize][usize::from(in_place)];
    let table = slot.load(Ordering::Relaxed);
    if table.is_null() {
        return choose_into(slot, accuracy, in_place);
    }
    // SAFETY: a slot that is not null was stored by `choose_into` from a `&'static Table`, never written through.
    unsafe { &*table }
}

#[cold]
fn choose_into(slot: &AtomicPtr<Table>, accuracy: Accuracy, in_place: bool) -> &'static Table {
    let (_, table, _) = choose(accuracy, in_place);
    slot.store(std::ptr::from_ref(table).cast_mut(), Ordering::Relaxed);
    table
}

/// What [`table`] and the plan in it are, with the reason.
pub(crate) fn selection(accuracy: Accuracy, in_place: bool, len: usize) -> Selection {
    let (profile, table, reason) = choose(accuracy, in_place);
    let plan = table.plan(len);
    let upper = table.classes.iter().map(|class| class.upper).find(|&upper| len <= upper);
    let forced = forced().clone();
    Selection { profile: profile.name, upper: upper.unwrap_or(usize::MAX), plan, reason, forced }
}

/// What takes over on `isa` from plans that give a row up, whatever their accuracy, if a profile has a table for it.
pub(crate) fn backup(isa: &str) -> Option<Backup> {
    let mut tables = PROFILES.iter().flat_map(|profile| profile.tables);
    tables.find(|table| table.isa == isa && table.accuracy == Accuracy::Accurate).map(|table| table.backup)
}

/// Of the tables of the most capable supported ISA the one whose profile fits best: a profile for less than this CPU has
/// must not hold it back. Of equals the first, so that a build's own profile goes before the shipped ones.
fn choose(accuracy: Accuracy, in_place: bool) -> (&'static Profile, &'static Table, Reason) {
    let host = host();
    let forced = forced_isa();
    let tables = PROFILES.iter().flat_map(|profile| profile.tables.iter().map(move |table| (profile, table)));
    let eligible = tables.filter(|(_, table)| {
        let asked_for = table.accuracy == accuracy && table.in_place == in_place;
        asked_for && forced.is_none_or(|isa| isa == table.isa) && (table.supported)()
    });
    let fitting = eligible.filter_map(|(profile, table)| Some((profile, table, fit(profile, table, &host)?)));
    let best = fitting.reduce(|best, next| {
        let rank = |(_, table, reason): &(_, &Table, Reason)| (table.isa_rank, *reason);
        if rank(&next) > rank(&best) { next } else { best }
    });
    best.expect("the default profile has scalar tables for every situation")
}

/// How well a profile's table fits this machine; `None` if it is for another one.
fn fit(profile: &Profile, table: &Table, host: &Option<Host<String>>) -> Option<Reason> {
    let Some(tuned_on) = &profile.host else {
        return Some(Reason::Default);
    };
    let host = host.as_ref()?;
    let same_model =
        (tuned_on.vendor, tuned_on.family, tuned_on.model) == (host.vendor.as_str(), host.family, host.model);
    match (same_model, tuned_on.stepping == host.stepping) {
        (true, true) => Some(Reason::Fingerprint),
        (true, false) => Some(Reason::Model),
        // The table's ISA is supported, as `choose` has seen to; L2 sizes say which rows leave the cache.
        _ if tuned_on.l2_kib == host.l2_kib && host.l2_kib > 0 && table.isa_rank > 0 => {
            Some(Reason::CacheClass)
        }
        _ => None,
    }
}

/// What the environment asks for, and whether this CPU supports it and a table has it.
fn forced() -> &'static Option<Forced> {
    static FORCED: OnceLock<Option<Forced>> = OnceLock::new();
    FORCED.get_or_init(|| {
        let word = std::env::var(FORCE_ISA_VARIABLE).ok()?;
        let mut tables = PROFILES.iter().flat_map(|profile| profile.tables);
        match tables.any(|table| table.isa == word && (table.supported)()) {
            true => Some(Forced::To(word)),
            false => Some(Forced::Ignored(word)),
        }
    })
}

/// The ISA that the choice is restricted to.
fn forced_isa() -> Option<&'static str> {
    match forced() {
        Some(Forced::To(isa)) => Some(isa),
        Some(Forced::Ignored(_)) | None => None,
    }
}

/// This machine, from CPUID.
#[cfg(target_arch = "x86_64")]
fn host() -> Option<Host<String>> {
    use std::arch::x86_64::__cpuid;
    let vendor = __cpuid(0);
    let bytes: Vec<u8> =
        [vendor.ebx, vendor.edx, vendor.ecx].iter().flat_map(|word| word.to_le_bytes()).collect();
    let signature = __cpuid(1).eax;
    let (base_family, base_model) = (signature >> 8 & 0xf, signature >> 4 & 0xf);
    let extended = base_family == 0xf || base_family == 6;
    Some(Host {
        vendor: String::from_utf8_lossy(&bytes).into_owned(),
        family: if base_family == 0xf { base_family + (signature >> 20 & 0xff) } else { base_family },
        model: if extended { (signature >> 16 & 0xf) << 4 | base_model } else { base_model },
        stepping: signature & 0xf,
        // Leaf 0x8000_0006 reports the L2 cache in KiB on both large vendors.
        l2_kib: if __cpuid(0x8000_0000).eax >= 0x8000_0006 { __cpuid(0x8000_0006).ecx >> 16 } else { 0 },
    })
}

/// Elsewhere nothing identifies the machine, and the ISA's default is used.
#[cfg(not(target_arch = "x86_64"))]
fn host() -> Option<Host<String>> {
    None
}
