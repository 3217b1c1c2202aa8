//! The tables of several profiles for one situation, made one.

use super::choice::{Place, Proposal, Range, Reason, best_evidenced, choose};
use crate::flags::Prefer;
use crate::profiles::spans;
use softmax_spec::profile::{Class, Origin, Situation, Table};

/// A table of one of the profiles.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The profile's place on the command line.
    pub place: usize,
    /// How it was made.
    pub origin: Option<&'a Origin>,
    /// Whether that was from the present grid.
    pub is_current: bool,
    /// The table.
    pub table: &'a Table,
}

impl<'a> Source<'a> {
    fn proposal(&self, class: &'a Class) -> Proposal<'a> {
        let &Source { place, origin, is_current, .. } = self;
        Proposal { place, origin, is_current, class }
    }
}

/// A range of lengths for which profiles have different plans.
#[derive(Debug)]
pub struct Conflict<'a> {
    /// The table's.
    pub situation: Situation,
    /// The lengths.
    pub range: Range,
    /// What each of them has.
    pub proposals: Vec<Proposal<'a>>,
    /// The one that is taken.
    pub taken: usize,
    /// Why.
    pub reason: Reason,
}

/// A range of the merged table, with all proposals of its plan.
struct Agreed<'a> {
    range: Range,
    proposals: Vec<Proposal<'a>>,
}

/// One table for the situation of all sources, of which there is at least one.
pub fn merge<'a>(
    situation: Situation,
    sources: &[Source<'a>],
    prefer: Option<Prefer>,
) -> (Table, Vec<Conflict<'a>>) {
    let tables: Vec<&Table> = sources.iter().map(|source| source.table).collect();
    let (mut agreed, mut conflicts) = (Vec::<Agreed>::new(), Vec::new());
    for span in spans(&tables) {
        let range = Range { from: span.from, upper: span.upper };
        let of_span = sources.iter().zip(span.classes);
        let proposals: Vec<Proposal> =
            of_span.filter_map(|(source, class)| Some(source.proposal(class?))).collect();
        if proposals.is_empty() {
            // Every table has ended: they are for batches.
            continue;
        }
        let plan = if proposals.iter().all(|proposal| proposal.class.plan == proposals[0].class.plan) {
            &proposals[0].class.plan
        } else {
            let before = agreed.last().map(|last| &last.proposals[0].class.plan);
            let (taken, reason) = choose(&proposals, Place { range, before }, prefer);
            let conflict = Conflict { situation, range, proposals: proposals.clone(), taken, reason };
            conflicts.push(conflict);
            &proposals[taken].class.plan
        };
        let of_plan: Vec<Proposal> =
            proposals.iter().filter(|proposal| proposal.class.plan == *plan).copied().collect();
        match agreed.last_mut().filter(|last| last.proposals[0].class.plan == *plan) {
            Some(last) => {
                last.range.upper = range.upper;
                last.proposals.extend(of_plan);
            }
            None => agreed.push(Agreed { range, proposals: of_plan }),
        }
    }
    (Table { situation, classes: agreed.iter().map(Agreed::class).collect() }, conflicts)
}

impl Agreed<'_> {
    /// With the best evidence there is for its plan.
    fn class(&self) -> Class {
        let all: Vec<usize> = (0..self.proposals.len()).collect();
        let place = Place { range: self.range, before: None };
        let best = self.proposals[best_evidenced(&self.proposals, &all, place)].class;
        Class { upper: self.range.upper, ..best.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::samples::*;

    fn source(place: usize, table: &Table) -> Source<'_> {
        Source { place, origin: None, is_current: false, table }
    }

    /// The merged table as bounds and plans, and the conflicts' bounds.
    fn merged(tables: &[Table], prefer: Option<Prefer>) -> (Vec<(Option<usize>, String)>, Vec<usize>) {
        let sources: Vec<Source> =
            tables.iter().enumerate().map(|(place, table)| source(place, table)).collect();
        let (table, conflicts) = merge(tables[0].situation, &sources, prefer);
        let classes = table.classes.iter().map(|class| (class.upper, class.plan.to_string())).collect();
        (classes, conflicts.iter().map(|conflict| conflict.range.from).collect())
    }

    fn owned(classes: &[(Option<usize>, &str)]) -> Vec<(Option<usize>, String)> {
        classes.iter().map(|&(upper, text)| (upper, text.to_owned())).collect()
    }

    #[test]
    fn a_table_alone_stays_as_it_is() {
        let alone = table(&[(Some(100), X), (None, Y)]);
        let (table, conflicts) = merge(alone.situation, &[source(0, &alone)], None);
        assert_eq!((table, conflicts.len()), (alone, 0));
    }

    #[test]
    fn neighbouring_ranges_of_one_plan_are_one_class() {
        let both = [table(&[(Some(50), X), (Some(100), X), (None, Y)]), table(&[(Some(100), X), (None, Y)])];
        assert_eq!(merged(&both, None), (owned(&[(Some(100), X), (None, Y)]), vec![]));
    }

    #[test]
    fn conflicts_are_decided_range_by_range() {
        let both = [table(&[(Some(100), X), (None, Y)]), table(&[(Some(50), X), (Some(200), Z), (None, Y)])];
        let (first, conflicts) = merged(&both, Some(Prefer::First));
        assert_eq!((first, conflicts), (owned(&[(Some(100), X), (None, Y)]), vec![51, 101]));
        let (last, _) = merged(&both, Some(Prefer::Last));
        assert_eq!(last, owned(&[(Some(50), X), (Some(200), Z), (None, Y)]));
    }

    #[test]
    fn where_one_table_for_batches_has_ended_the_other_goes_on() {
        let both = [(Some(100), X), (Some(200), Y)].map(|class| batch(table(&[class])));
        for prefer in [None, Some(Prefer::First), Some(Prefer::Last)] {
            let (classes, conflicts) = merged(&both, prefer);
            assert_eq!(conflicts, [1]);
            assert_eq!(classes.last(), owned(&[(Some(200), Y)]).first());
        }
        let (first, _) = merged(&both, Some(Prefer::First));
        assert_eq!(first, owned(&[(Some(100), X), (Some(200), Y)]));
    }

    #[test]
    fn a_bound_never_exceeds_what_a_plan_takes() {
        let resident = "resident(f32_softmax__avx2_e3_u32)";
        let both = [table(&[(Some(20), resident), (None, X)]), table(&[(Some(30), resident), (None, X)])];
        for prefer in [None, Some(Prefer::First), Some(Prefer::Last)] {
            let (classes, _) = merged(&both, prefer);
            assert!(classes[0].1 == resident && classes[0].0 <= Some(30), "{classes:?}");
            assert_eq!(classes.len(), 2);
        }
    }

    #[test]
    fn evidence_comes_from_within_the_range_if_there_is_any() {
        // The classes' evidence is from their upper bounds, 100 and 64.
        let both = [table(&[(Some(100), X), (None, Y)]), table(&[(Some(64), X), (None, Y)])];
        let sources = [0, 1].map(|place| source(place, &both[place]));
        let (table, _) = merge(both[0].situation, &sources, Some(Prefer::Last));
        assert_eq!((table.classes[0].upper, table.classes[0].evidence.as_ref().unwrap().len), (Some(64), 64));
    }
}
