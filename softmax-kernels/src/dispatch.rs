//! Which table of which profile is used on this machine. Decided once per [`Situation`]; from then on a relaxed atomic load away.

use crate::Accuracy;
use crate::detection::host;
use crate::grid::PROFILES;
#[cfg(feature = "std")]
use crate::plan::Backup;
use crate::plan::Plan;
use crate::profile::{Host, Profile, Table};
use core::fmt;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Environment variable that restricts the choice to one ISA, for tests and support. Read once; without the feature `std` there is
/// no environment, and it is not read.
pub const FORCE_ISA_VARIABLE: &str = "SOFTMAX_FORCE_ISA";

/// What was chosen for a row length, and why.
#[derive(Debug, Clone, Copy)]
pub struct Selection {
    /// The profile's name.
    pub profile: &'static str,
    /// Whether it is from a table for batches, which calls with one row do not use.
    pub batch: bool,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Only this ISA was considered.
    To(&'static str),
    /// It names no ISA that is compiled in and supported by this CPU, and was ignored.
    Ignored(&'static str),
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
        write!(f, "{algorithm}(")?;
        for (i, pass) in passes.iter().enumerate() {
            write!(f, "{}{pass}", if i == 0 { "" } else { ", " })?;
        }
        let (profile, of_table) = (self.profile, if self.batch { ", batches" } else { "" });
        write!(f, ") from profile `{profile}`{of_table}: {}", self.reason)?;
        match self.forced {
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

/// What a table is chosen by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub accuracy: Accuracy,
    pub in_place: bool,
    /// Whether there are two rows or more. Not how many: a row's result does not depend on how many others there are.
    pub batch: bool,
}

/// Chosen tables by accuracy, in place or not, batch or not. Null until first asked for.
static TABLES: [[[AtomicPtr<Table>; 2]; 2]; 2] =
    [const { [const { [const { AtomicPtr::new(core::ptr::null_mut()) }; 2] }; 2] }; 2];

/// The table for rows of `len` elements on this machine.
#[inline]
pub(crate) fn table(situation: Situation, len: usize) -> &'static Table {
    let table = chosen(situation);
    if situation.batch && !table.reaches(len) {
        return chosen(Situation { batch: false, ..situation });
    }
    table
}

#[inline]
fn chosen(situation: Situation) -> &'static Table {
    let slot =
        &TABLES[situation.accuracy as usize][usize::from(situation.in_place)][usize::from(situation.batch)];
    let table = slot.load(Ordering::Relaxed);
    if table.is_null() {
        return choose_into(slot, situation);
    }
    // SAFETY: a slot that is not null was stored by `choose_into` from a `&'static Table`, never written through.
    unsafe { &*table }
}

#[cold]
fn choose_into(slot: &AtomicPtr<Table>, situation: Situation) -> &'static Table {
    let Choice { table, .. } = choose_here(situation);
    slot.store(core::ptr::from_ref(table).cast_mut(), Ordering::Relaxed);
    table
}

/// What [`table`] and the plan in it are, with the reason.
pub(crate) fn selection(situation: Situation, len: usize) -> Selection {
    let choice = choose_here(situation);
    let is_single = situation.batch && !choice.table.reaches(len);
    let choice = if is_single { choose_here(Situation { batch: false, ..situation }) } else { choice };
    let Choice { profile, table, reason } = choice;
    let upper = table.classes.iter().map(|class| class.upper).find(|&upper| len <= upper);
    Selection {
        profile: profile.name,
        batch: table.batch,
        upper: upper.unwrap_or(usize::MAX),
        plan: table.plan(len),
        reason,
        forced: forced(),
    }
}

/// What takes over on `isa` from plans that give a row up, whatever their accuracy, if a profile has a table for it.
#[cfg(feature = "std")]
pub(crate) fn backup(isa: &str) -> Option<Backup> {
    let mut tables = PROFILES.iter().flat_map(|profile| profile.tables);
    tables.find(|table| table.isa == isa && table.accuracy == Accuracy::Accurate).map(|table| table.backup)
}

/// A table, the profile that it is from, and how well that fits.
#[derive(Debug, Clone, Copy)]
struct Choice {
    profile: &'static Profile,
    table: &'static Table,
    reason: Reason,
}

/// The choice of this process.
fn choose_here(situation: Situation) -> Choice {
    choose(PROFILES, situation, &host(), forced_isa())
}

/// Of the tables of the most capable supported ISA the one whose profile fits best: a profile for less than this CPU has
/// must not hold it back. Of equals the first, so that a build's own profile goes before the shipped ones. Of one profile a
/// batch takes the table for batches, if there is one; that another profile has one does not matter.
fn choose(
    profiles: &'static [Profile],
    situation: Situation,
    host: &Option<Host<[u8; 12]>>,
    forced: Option<&str>,
) -> Choice {
    let tables = profiles.iter().flat_map(|profile| profile.tables.iter().map(move |table| (profile, table)));
    let eligible = tables.filter(|(_, table)| {
        let asked_for = table.accuracy == situation.accuracy && table.in_place == situation.in_place;
        let for_rows = situation.batch || !table.batch;
        asked_for && for_rows && forced.is_none_or(|isa| isa == table.isa) && (table.supported)()
    });
    let fitting = eligible.filter_map(|(profile, table)| {
        let reason = fit(profile, table, host)?;
        Some(Choice { profile, table, reason })
    });
    let best = fitting.reduce(|best, next| if next.goes_before(&best) { next } else { best });
    best.expect("the default profile has scalar tables for every situation")
}

impl Choice {
    /// Whether it is better than one that came earlier.
    fn goes_before(&self, earlier: &Choice) -> bool {
        let rank = |choice: &Choice| (choice.table.isa_rank, choice.reason);
        let is_of_the_same = core::ptr::eq(self.profile, earlier.profile);
        match rank(self).cmp(&rank(earlier)) {
            core::cmp::Ordering::Equal => is_of_the_same && self.table.batch && !earlier.table.batch,
            order => order.is_gt(),
        }
    }
}

/// How well a profile's table fits this machine; `None` if it is for another one.
fn fit(profile: &Profile, table: &Table, host: &Option<Host<[u8; 12]>>) -> Option<Reason> {
    let Some(tuned_on) = &profile.host else {
        return Some(Reason::Default);
    };
    let host = host.as_ref()?;
    let same_model = tuned_on.vendor.as_bytes() == host.vendor
        && (tuned_on.family, tuned_on.model) == (host.family, host.model);
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
fn forced() -> Option<Forced> {
    let word = asked_for()?;
    let mut tables = PROFILES.iter().flat_map(|profile| profile.tables);
    match tables.any(|table| table.isa == word && (table.supported)()) {
        true => Some(Forced::To(word)),
        false => Some(Forced::Ignored(word)),
    }
}

/// The value of [`FORCE_ISA_VARIABLE`], where it is set. What it was first it remains.
#[cfg(feature = "std")]
fn asked_for() -> Option<&'static str> {
    static WORD: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    WORD.get_or_init(|| std::env::var(FORCE_ISA_VARIABLE).ok()).as_deref()
}

/// There is no environment.
#[cfg(not(feature = "std"))]
fn asked_for() -> Option<&'static str> {
    None
}

/// The ISA that the choice is restricted to.
fn forced_isa() -> Option<&'static str> {
    match forced() {
        Some(Forced::To(isa)) => Some(isa),
        Some(Forced::Ignored(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Class;

    /// For tests, which are over soon.
    fn leaked<T>(values: Vec<T>) -> &'static [T] {
        Vec::leak(values)
    }

    /// A table with the plans of the default profile's scalar one, of another rank where that is asked for.
    fn table(isa_rank: usize, batch: bool, upper: usize) -> Table {
        let tables = PROFILES.iter().filter(|profile| profile.host.is_none()).flat_map(|p| p.tables);
        let scalar = tables.into_iter().find(|table| table.isa == "scalar").expect("a scalar table");
        let Table { isa, supported, accuracy, in_place, backup, shardable, .. } = *scalar;
        let classes = leaked(vec![Class { upper, plan: backup.robust }]);
        Table { isa, isa_rank, supported, accuracy, in_place, batch, backup, shardable, classes }
    }

    fn profile(name: &'static str, host: Option<Host>, tables: Vec<Table>) -> Profile {
        Profile { name, host, tables: leaked(tables) }
    }

    const VENDOR: &str = "GenuineTests";

    fn tuned(name: &'static str, tables: Vec<Table>) -> Profile {
        profile(name, Some(Host { vendor: VENDOR, family: 6, model: 1, stepping: 2, l2_kib: 512 }), tables)
    }

    /// The profile's name, whether the table is one for batches, and its upper bound.
    fn chosen(profiles: Vec<Profile>, batch: bool) -> (&'static str, bool, usize) {
        let here = Host { vendor: *b"GenuineTests", family: 6, model: 1, stepping: 2, l2_kib: 512 };
        let situation = Situation { accuracy: Accuracy::Fast, in_place: false, batch };
        let Choice { profile, table, .. } = choose(leaked(profiles), situation, &Some(here), None);
        (profile.name, table.batch, table.classes[0].upper)
    }

    const MAX: usize = usize::MAX;

    #[test]
    fn batches_have_their_own_table_and_single_rows_never_use_it() {
        for own in [[table(1, false, MAX), table(1, true, 9)], [table(1, true, 9), table(1, false, MAX)]] {
            let profiles = || vec![tuned("own", own.iter().map(copy).collect())];
            assert_eq!(chosen(profiles(), true), ("own", true, 9));
            assert_eq!(chosen(profiles(), false), ("own", false, MAX));
        }
    }

    /// Tables are not `Clone`, because nobody else needs that.
    fn copy(table: &Table) -> Table {
        Table { ..*table }
    }

    #[test]
    fn a_profile_from_before_there_were_batches_means_what_it_meant() {
        let profiles = || {
            vec![
                tuned("old", vec![table(1, false, MAX)]),
                tuned("new", vec![table(1, false, MAX), table(1, true, 9)]),
                profile("default", None, vec![table(1, false, MAX), table(1, true, 9)]),
            ]
        };
        assert_eq!(chosen(profiles(), true), ("old", false, MAX));
        assert_eq!(chosen(profiles(), false), ("old", false, MAX));
    }

    #[test]
    fn the_isa_and_the_fit_go_before_a_table_for_batches() {
        let profiles = || {
            vec![
                profile("default", None, vec![table(2, false, MAX), table(2, true, 9)]),
                tuned("same", vec![table(2, false, MAX), table(1, true, 9)]),
            ]
        };
        assert_eq!(chosen(profiles(), true), ("same", false, MAX));
    }

    #[test]
    fn a_profile_for_batches_alone_leaves_single_rows_to_the_next() {
        let profiles = || {
            vec![
                profile("default", None, vec![table(1, false, MAX)]),
                tuned("batches", vec![table(1, true, 9)]),
            ]
        };
        assert_eq!(chosen(profiles(), true), ("batches", true, 9));
        assert_eq!(chosen(profiles(), false), ("default", false, MAX));
    }

    #[test]
    fn rows_that_a_table_for_batches_does_not_reach_are_looked_up_as_single_ones() {
        let situation = Situation { accuracy: Accuracy::Fast, in_place: false, batch: true };
        let longest = super::chosen(situation).classes.last().map_or(0, |class| class.upper);
        for len in [1, 64, longest, longest.saturating_add(1), MAX] {
            let table = super::table(situation, len);
            assert!(table.reaches(len) && (!table.batch || len <= longest), "{len}");
            assert!(!super::table(Situation { batch: false, ..situation }, len).batch, "{len}");
            assert_eq!(selection(situation, len).batch, table.batch, "{len}");
        }
    }
}
