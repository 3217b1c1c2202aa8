//! What a search has found out so far: what passes took by themselves, at the lengths where they were timed, and how plans did in races.

use super::pooled::{Estimates, Heat};
use super::race::Row;
use crate::measuring::statistics::median;
use softmax_spec::{PassVariant, Plan};
use std::collections::{BTreeMap, HashMap};

/// Nanoseconds per element of passes on rows of one length.
pub type PassTimes = HashMap<PassVariant, f64>;

/// Times by length and plans by row, which a search fills from the shortest on.
#[derive(Debug, Default)]
pub struct Known {
    by_length: BTreeMap<usize, PassTimes>,
    /// Of every group, in the order in which they were run.
    races: HashMap<usize, Vec<Heat>>,
}

/// What a pass took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    /// Nanoseconds per element.
    pub ns: f64,
    /// Elements of the row.
    pub len: usize,
}

impl Known {
    /// Notes what was timed at a length.
    pub fn note(&mut self, len: usize, timed: impl Iterator<Item = (PassVariant, f64)>) {
        self.by_length.insert(len, timed.collect());
    }

    /// Notes how the plans of a group did in a race.
    pub fn note_raced(&mut self, group: usize, heat: Heat) {
        self.races.entry(group).or_default().push(heat);
    }

    /// Whether a plan of a group was raced on a row.
    pub fn was_raced(&self, row: Row, group: usize, plan: &Plan) -> bool {
        self.of_group(group).any(|heat| heat.row == row && heat.plans().any(|raced| raced == plan))
    }

    /// What all races of a group say of plans on a row: those in the same situation, on rows that are alike.
    pub fn estimates(&self, row: Row, group: usize, is_alike: impl Fn(Row) -> bool) -> Option<Estimates> {
        let is_of_situation = |heat: &&Heat| (heat.row.in_place, heat.row.rows) == (row.in_place, row.rows);
        let heats = self.of_group(group).filter(is_of_situation).filter(|heat| is_alike(heat.row));
        Estimates::new(heats, row.len)
    }

    fn of_group(&self, group: usize) -> impl Iterator<Item = &Heat> {
        self.races.get(&group).into_iter().flatten()
    }

    /// The longest row that passes were timed on, 0 before there is one.
    pub fn longest(&self) -> usize {
        self.by_length.keys().next_back().copied().unwrap_or(0)
    }

    /// The longest row that plans were raced on, 0 before there is one.
    pub fn longest_raced(&self) -> usize {
        self.races.values().flatten().map(|heat| heat.row.len).max().unwrap_or(0)
    }

    /// Where a pass was timed last, which is the longest row that it was timed on.
    pub fn last(&self, variant: &PassVariant) -> Option<Timed> {
        let mut lengths = self.by_length.iter().rev();
        lengths.find_map(|(&len, times)| times.get(variant).map(|&ns| Timed { ns, len }))
    }

    /// The times at the length that is nearest to this one, by ratio.
    pub fn near(&self, len: usize) -> Option<&PassTimes> {
        let distance = |other: usize| (other.max(len) as f64 / other.min(len) as f64).ln();
        let lengths = self.by_length.iter();
        lengths.min_by(|(a, _), (b, _)| distance(**a).total_cmp(&distance(**b))).map(|(_, times)| times)
    }

    /// Nanoseconds per element of a usual pass on the longest rows; 0 before there are any.
    pub fn usual(&self) -> f64 {
        let last = self.by_length.values().next_back();
        last.map_or(0.0, |last| median(&last.values().copied().collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::field::Field;
    use crate::tune::look_back::tests::even;
    use softmax_spec::Rows;

    #[test]
    fn races_tell_of_their_own_situation_and_of_rows_that_are_alike() {
        let row = Row { len: 1 << 20, in_place: false, rows: Rows::Single };
        let [one, other] = ["u8", "u16"].map(|tile| -> Plan {
            format!("two_pass(f32_ext_sum__avx2_p5_{tile}, f32_ext_scale__avx2_p5_{tile})").parse().unwrap()
        });
        let (mut known, mut field) = (Known::default(), Field::default());
        field.add(&one, Some(0));
        known.note_raced(0, Heat::new(row, &field, 0, &even(&field)));
        let longer = Row { len: 1 << 21, ..row };
        assert_eq!(known.longest_raced(), row.len);
        assert!(known.was_raced(row, 0, &one));
        assert!(
            ![(row, 0, &other), (row, 1, &one), (longer, 0, &one)]
                .iter()
                .any(|&(row, group, plan)| known.was_raced(row, group, plan))
        );
        assert!(known.estimates(longer, 0, |_| true).is_some());
        for none in [
            known.estimates(longer, 0, |row| row == longer),
            known.estimates(longer, 1, |_| true),
            known.estimates(Row { in_place: true, ..longer }, 0, |_| true),
        ] {
            assert!(none.is_none());
        }
    }

    #[test]
    fn times_are_of_the_longest_row_or_of_the_nearest_length() {
        let [one, other] = ["f32_max__avx2_u32", "f32_max__avx2_u64"].map(|id| id.parse().unwrap());
        let mut known = Known::default();
        assert_eq!((known.longest(), known.last(&one), known.near(100).is_none()), (0, None, true));
        known.note(64, [(one, 1.0), (other, 2.0)].into_iter());
        known.note(1024, [(one, 3.0)].into_iter());
        assert_eq!((known.longest(), known.usual()), (1024, 3.0));
        assert_eq!(known.last(&one), Some(Timed { ns: 3.0, len: 1024 }));
        assert_eq!(known.last(&other), Some(Timed { ns: 2.0, len: 64 }));
        for (len, nearest) in [(1, 1.0), (64, 1.0), (255, 1.0), (257, 3.0), (1 << 20, 3.0)] {
            assert_eq!(known.near(len).unwrap()[&one], nearest, "{len}");
        }
    }
}
