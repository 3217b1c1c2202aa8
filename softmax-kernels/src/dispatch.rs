//! Which table of which profile is used on this machine. Decided once per [`Situation`]; from then on a relaxed atomic load away.

use crate::Accuracy;
use crate::detection::host;
use crate::grid::PROFILES;
#[cfg(feature = "std")]
use crate::plan::Backup;
use crate::profile::{Host, Profile, Table};
#[cfg(feature = "std")]
use crate::selection::FORCE_ISA_VARIABLE;
use crate::selection::{Forced, Reason, Selection, SetAside, Unfit};
use core::sync::atomic::{AtomicPtr, Ordering};

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
    let Choice { table, .. } = Question::here(situation).choose(PROFILES);
    slot.store(core::ptr::from_ref(table).cast_mut(), Ordering::Relaxed);
    table
}

/// What [`table`] and the plan in it are, with the reason.
pub(crate) fn selection(situation: Situation, len: usize) -> Selection {
    let (mut question, forced) = (Question::here(situation), forced());
    let mut choice = question.choose(PROFILES);
    if situation.batch && !choice.table.reaches(len) {
        question.situation.batch = false;
        choice = question.choose(PROFILES);
    }
    let Choice { profile, table, reason } = choice;
    let upper = table.classes.of(len).map(|class| class.upper);
    Selection {
        profile: profile.name,
        batch: table.batch,
        upper: upper.unwrap_or(usize::MAX),
        plan: table.plan(len),
        reason,
        forced,
        set_aside: question.set_aside(PROFILES, &choice),
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

/// Everything that decides a choice.
struct Question {
    situation: Situation,
    host: Option<Host<[u8; 12]>>,
    forced: Option<&'static str>,
}

impl Question {
    /// In this process.
    fn here(situation: Situation) -> Question {
        Question { situation, host: host(), forced: forced_isa() }
    }

    /// Of the tables of the most capable supported ISA the one whose profile fits best: a profile for less than this CPU has
    /// must not hold it back. Of equals the first, so that a build's own profile goes before the shipped ones. Of one profile a
    /// batch takes the table for batches, if there is one; that another profile has one does not matter.
    fn choose(&self, profiles: &'static [Profile]) -> Choice {
        let best = best_of(profiles.iter().flat_map(|profile| self.fitting(profile)));
        best.expect("the default profile has scalar tables for every situation")
    }

    /// Why the profile that the build was given is not the one that was chosen, if there is one.
    fn set_aside(&self, profiles: &'static [Profile], choice: &Choice) -> Option<SetAside> {
        let given = profiles.iter().find(|profile| profile.is_given)?;
        let is_used = core::ptr::eq(given, choice.profile);
        (!is_used).then(|| SetAside { profile: given.name, unfit: self.unfit(given, choice) })
    }

    fn unfit(&self, given: &'static Profile, choice: &Choice) -> Unfit {
        let admitted = self.asked_for(given).filter(|table| self.admits(table));
        let least = admitted.min_by_key(|table| table.isa_rank);
        match (least, best_of(self.fitting(given))) {
            (_, Some(best)) if best.table.isa_rank < choice.table.isa_rank => {
                Unfit::LessCapable(best.table.isa)
            }
            (_, Some(_)) => Unfit::FitsLess,
            (Some(table), None) if !(table.supported)() => Unfit::Unsupported(table.isa),
            (Some(_), None) => Unfit::OtherCpu,
            (None, None) => match self.forced {
                Some(isa) if self.asked_for(given).next().is_some() => Unfit::NotForced(isa),
                _ => Unfit::NoTable,
            },
        }
    }

    /// A profile's tables for such calls, whatever their ISA.
    fn asked_for(&self, profile: &'static Profile) -> impl Iterator<Item = &'static Table> {
        let Situation { accuracy, in_place, batch } = self.situation;
        profile.tables.iter().filter(move |table| {
            table.accuracy == accuracy && table.in_place == in_place && (batch || !table.batch)
        })
    }

    fn admits(&self, table: &Table) -> bool {
        self.forced.is_none_or(|isa| isa == table.isa)
    }

    /// Those of them that this machine can and may use.
    fn fitting(&self, profile: &'static Profile) -> impl Iterator<Item = Choice> {
        let usable = self.asked_for(profile).filter(|table| self.admits(table) && (table.supported)());
        usable.filter_map(move |table| {
            let reason = fit(profile, table, &self.host)?;
            Some(Choice { profile, table, reason })
        })
    }
}

/// The best of these, of equals the first.
fn best_of(choices: impl Iterator<Item = Choice>) -> Option<Choice> {
    choices.reduce(|best, next| if next.goes_before(&best) { next } else { best })
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
        // The table's ISA is supported, as `fitting` has seen to; L2 sizes say which rows leave the cache.
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
    let word = || std::env::var_os(FORCE_ISA_VARIABLE).map(|word| word.to_string_lossy().into_owned());
    WORD.get_or_init(word).as_deref()
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
    use crate::profile::{Class, Classes};

    /// For tests, which are over soon.
    fn leaked<T>(values: Vec<T>) -> &'static [T] {
        Vec::leak(values)
    }

    /// A table with the plans of the default profile's scalar one, of another rank where that is asked for.
    fn table(isa_rank: usize, batch: bool, upper: usize) -> Table {
        let tables = PROFILES.iter().filter(|profile| profile.host.is_none()).flat_map(|p| p.tables);
        let scalar = tables.into_iter().find(|table| table.isa == "scalar").expect("a scalar table");
        let Table { isa, supported, accuracy, in_place, backup, shardable, .. } = *scalar;
        let classes = Classes::new(leaked(vec![Class { upper, plan: backup.robust }]));
        Table { isa, isa_rank, supported, accuracy, in_place, batch, backup, shardable, classes }
    }

    fn profile(name: &'static str, host: Option<Host>, tables: Vec<Table>) -> Profile {
        Profile { name, is_given: false, host, tables: leaked(tables) }
    }

    const VENDOR: &str = "GenuineTests";

    fn tuned(name: &'static str, tables: Vec<Table>) -> Profile {
        profile(name, Some(Host { vendor: VENDOR, family: 6, model: 1, stepping: 2, l2_kib: 512 }), tables)
    }

    fn question(batch: bool) -> Question {
        let here = Host { vendor: *b"GenuineTests", family: 6, model: 1, stepping: 2, l2_kib: 512 };
        let situation = Situation { accuracy: Accuracy::Fast, in_place: false, batch };
        Question { situation, host: Some(here), forced: None }
    }

    /// The profile's name, whether the table is one for batches, and its upper bound.
    fn chosen(profiles: Vec<Profile>, batch: bool) -> (&'static str, bool, usize) {
        let Choice { profile, table, .. } = question(batch).choose(leaked(profiles));
        (profile.name, table.batch, table.classes.all()[0].upper)
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
    fn a_class_is_found_as_by_looking_through_all() {
        let plan = table(1, false, MAX).backup.robust;
        let many = leaked((0..300).map(|i| Class { upper: 10 + 3 * i, plan }).collect());
        let tables = PROFILES.iter().flat_map(|profile| profile.tables).map(|table| table.classes);
        for classes in tables.chain([Classes::new(many), Classes::new(&[])]) {
            let ends = classes.all().iter().flat_map(|class| [class.upper, class.upper.saturating_add(1)]);
            for len in ends.chain(0..300).chain((0..usize::BITS).map(|bit| 1 << bit)).chain([MAX]) {
                let looked = classes.all().iter().find(|class| len <= class.upper);
                assert_eq!(
                    classes.of(len).map(|class| class.upper),
                    looked.map(|class| class.upper),
                    "{len}"
                );
            }
        }
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
        let longest = super::chosen(situation).classes.all().last().map_or(0, |class| class.upper);
        for len in [1, 64, longest, longest.saturating_add(1), MAX] {
            let table = super::table(situation, len);
            assert!(table.reaches(len) && (!table.batch || len <= longest), "{len}");
            assert!(!super::table(Situation { batch: false, ..situation }, len).batch, "{len}");
            assert_eq!(selection(situation, len).batch, table.batch, "{len}");
        }
    }
    /// What is said of a profile with these tables that the build was given, beside a default with tables of ranks 0 and 2.
    fn said(given: Vec<Table>, host: Option<Host>, question: Question) -> Option<String> {
        let given = Profile { is_given: true, ..profile("own", host, given) };
        let default = profile("default", None, vec![table(0, false, MAX), table(2, false, MAX)]);
        let profiles = leaked(vec![given, default]);
        let choice = question.choose(profiles);
        question.set_aside(profiles, &choice).map(|set_aside| set_aside.to_string())
    }

    #[test]
    fn a_profile_that_was_given_and_is_not_used_is_told_with_the_reason() {
        let isa = |isa, isa_rank, is_here: bool| Table {
            isa,
            supported: if is_here { || true } else { || false },
            ..table(isa_rank, false, MAX)
        };
        let of_another = Some(Host { vendor: VENDOR, family: 6, model: 2, stepping: 2, l2_kib: 1024 });
        let accurate = Table { accuracy: Accuracy::Accurate, ..table(2, false, MAX) };
        let to_scalar = || Question { forced: Some("scalar"), ..question(false) };
        let said_of = |given, host| said(given, host, question(false)).unwrap_or_default();

        let missing = || isa("avx512", 3, false);
        assert_eq!(
            said_of(vec![missing()], None),
            "profile `own` has no table below avx512, which this CPU lacks"
        );
        let two = vec![missing(), isa("avx2", 2, false)];
        assert_eq!(said_of(two, None), "profile `own` has no table below avx2, which this CPU lacks");
        let less = vec![missing(), isa("sse2", 1, true)];
        assert_eq!(said_of(less, None), "profile `own` has no table above sse2, less than this CPU has");
        assert_eq!(said_of(vec![isa("avx2", 2, true)], of_another), "profile `own` was tuned on another CPU");
        assert_eq!(said_of(vec![accurate], None), "profile `own` has no table for such calls");
        let forced = said(vec![isa("avx2", 2, true)], None, to_scalar());
        assert_eq!(forced.as_deref(), Some("profile `own` has no table for scalar"));
        assert_eq!(said(vec![missing(), isa("avx2", 2, true)], None, question(false)), None, "it is used");

        let fitting_less = vec![
            Profile { is_given: true, ..profile("own", None, vec![table(2, false, MAX)]) },
            tuned("shipped", vec![table(2, false, MAX)]),
        ];
        let profiles = leaked(fitting_less);
        let choice = question(false).choose(profiles);
        let set_aside = question(false).set_aside(profiles, &choice).map(|set_aside| set_aside.unfit);
        assert_eq!((choice.profile.name, set_aside), ("shipped", Some(Unfit::FitsLess)));
    }
}
