//! What a search has found out so far: what passes took by themselves, at the lengths where they were timed, and where plans were raced.

use super::field::Field;
use super::race::Row;
use crate::measuring::statistics::median;
use softmax_spec::{PassVariant, Plan};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Nanoseconds per element of passes on rows of one length.
pub type PassTimes = HashMap<PassVariant, f64>;

/// Times by length and plans by row, which a search fills from the shortest on.
#[derive(Debug, Default)]
pub struct Known {
    by_length: BTreeMap<usize, PassTimes>,
    raced: HashMap<(Row, usize), HashSet<Plan>>,
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
    pub fn note(&mut self, len: usize, times: impl Iterator<Item = (PassVariant, f64)>) {
        self.by_length.insert(len, times.collect());
    }

    /// Notes the plans of a group that were raced on a row.
    pub fn note_raced(&mut self, row: Row, group: usize, field: &Field) {
        self.raced.entry((row, group)).or_default().extend(field.of_group(group).cloned());
    }

    /// Whether a plan of a group was raced on a row.
    pub fn was_raced(&self, row: Row, group: usize, plan: &Plan) -> bool {
        self.raced.get(&(row, group)).is_some_and(|plans| plans.contains(plan))
    }

    /// The longest row that passes were timed on, 0 before there is one.
    pub fn longest(&self) -> usize {
        self.by_length.keys().next_back().copied().unwrap_or(0)
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
        let times = self.by_length.values().next_back();
        times.map_or(0.0, |times| median(&times.values().copied().collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
