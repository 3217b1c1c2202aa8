//! What a search has found out so far: what passes took by themselves, at the lengths where they were timed, and where plans were raced.

use super::compose::{Family, family};
use super::field::Field;
use super::race::{Finish, Row};
use crate::measuring::statistics::median;
use softmax_spec::{PassVariant, Plan};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Nanoseconds per element of passes on rows of one length.
pub type PassTimes = HashMap<PassVariant, f64>;

/// Times by length and plans by row, which a search fills from the shortest on.
#[derive(Debug, Default)]
pub struct Known {
    by_length: BTreeMap<usize, Screened>,
    raced: HashMap<(Row, usize), Standings>,
}

/// What screening found out at a length.
#[derive(Debug, Default)]
struct Screened {
    times: PassTimes,
    /// Those that were in contention to the end.
    left: HashSet<PassVariant>,
}

/// How many times as long as the best plans took that were raced on a row.
type Standings = HashMap<Plan, f64>;

/// What a pass took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    /// Nanoseconds per element.
    pub ns: f64,
    /// Elements of the row.
    pub len: usize,
}

impl Known {
    /// Notes what was timed at a length, and which passes were in contention to the end.
    pub fn note(&mut self, len: usize, timed: impl Iterator<Item = (PassVariant, f64, bool)>) {
        let mut screened = Screened::default();
        for (variant, ns, is_left) in timed {
            screened.times.insert(variant, ns);
            screened.left.extend(is_left.then_some(variant));
        }
        self.by_length.insert(len, screened);
    }

    /// Whether a pass was clearly slower than others at the last length that passes were timed on.
    pub fn dropped_out(&self, variant: &PassVariant) -> bool {
        let last = self.by_length.values().next_back();
        last.is_some_and(|last| last.times.contains_key(variant) && !last.left.contains(variant))
    }

    /// Notes how the plans of a group did that were raced on a row.
    pub fn note_raced(&mut self, row: Row, group: usize, field: &Field, raced: &Finish) {
        self.raced.entry((row, group)).or_default().extend(field.standings(group, raced));
    }

    /// Whether a plan of a group was raced on a row.
    pub fn was_raced(&self, row: Row, group: usize, plan: &Plan) -> bool {
        self.standing(row, group, plan).is_some()
    }

    /// How many times as long as the best a plan of a group took on a row, if it was raced there.
    pub fn standing(&self, row: Row, group: usize, plan: &Plan) -> Option<f64> {
        self.raced.get(&(row, group))?.get(plan).copied()
    }

    /// Plans of a group that took at most so many times as long as the best on a row, the fastest first.
    pub fn close(&self, row: Row, group: usize, most: f64) -> Vec<Plan> {
        let standings = self.raced.get(&(row, group)).into_iter().flatten();
        let mut close: Vec<(&Plan, f64)> =
            standings.map(|(plan, &ratio)| (plan, ratio)).filter(|&(_, ratio)| ratio <= most).collect();
        close.sort_by(|(a, one), (b, other)| {
            one.total_cmp(other).then_with(|| a.to_string().cmp(&b.to_string()))
        });
        close.into_iter().map(|(plan, _)| plan.clone()).collect()
    }

    /// Families of plans of a group all of whose members took more than so many times as long as the best on a row.
    pub fn far_behind(&self, row: Row, group: usize, most: f64) -> HashSet<Family> {
        let mut best: HashMap<Family, f64> = HashMap::new();
        for (plan, &ratio) in self.raced.get(&(row, group)).into_iter().flatten() {
            let best = best.entry(family(plan)).or_insert(ratio);
            *best = best.min(ratio);
        }
        best.into_iter().filter(|&(_, ratio)| ratio > most).map(|(family, _)| family).collect()
    }

    /// The longest row that passes were timed on, 0 before there is one.
    pub fn longest(&self) -> usize {
        self.by_length.keys().next_back().copied().unwrap_or(0)
    }

    /// Where a pass was timed last, which is the longest row that it was timed on.
    pub fn last(&self, variant: &PassVariant) -> Option<Timed> {
        let mut lengths = self.by_length.iter().rev();
        lengths.find_map(|(&len, screened)| screened.times.get(variant).map(|&ns| Timed { ns, len }))
    }

    /// The times at the length that is nearest to this one, by ratio.
    pub fn near(&self, len: usize) -> Option<&PassTimes> {
        let distance = |other: usize| (other.max(len) as f64 / other.min(len) as f64).ln();
        let lengths = self.by_length.iter();
        lengths
            .min_by(|(a, _), (b, _)| distance(**a).total_cmp(&distance(**b)))
            .map(|(_, screened)| &screened.times)
    }

    /// Nanoseconds per element of a usual pass on the longest rows; 0 before there are any.
    pub fn usual(&self) -> f64 {
        let last = self.by_length.values().next_back();
        last.map_or(0.0, |last| median(&last.times.values().copied().collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::Rows;

    #[test]
    fn plans_are_close_by_themselves_and_far_behind_by_families() {
        let row = Row { len: 1 << 20, in_place: false, rows: Rows::Single };
        let mut known = Known::default();
        assert!(known.close(row, 0, 9.0).is_empty() && known.far_behind(row, 0, 0.0).is_empty());
        let plan = |tile: &str, way: &str| -> Plan {
            let text = format!("two_pass(f32_ext_sum__avx2_p5_{tile}, f32_ext_scale__avx2_p5_{tile}{way})");
            text.parse().unwrap()
        };
        let timed =
            [("u8", "", 1.0), ("u16", "", 1.05), ("u32", "", 3.0), ("u8", "_nt", 2.5), ("u16", "_nt", 2.1)];
        let (mut field, mut samples) = (Field::default(), Vec::new());
        for (tile, way, time) in timed {
            field.add(&plan(tile, way), Some(0));
            samples.push(vec![time; 3]);
        }
        let raced = Finish { alive: vec![true; samples.len()], samples, contended: None };
        known.note_raced(row, 0, &field, &raced);
        assert_eq!(known.close(row, 0, 1.06), [plan("u8", ""), plan("u16", "")]);
        assert_eq!(known.far_behind(row, 0, 2.0), HashSet::from([family(&plan("u64", "_nt"))]));
        assert!(known.was_raced(row, 0, &plan("u32", "")) && !known.was_raced(row, 1, &plan("u32", "")));
        assert_eq!(known.standing(row, 0, &plan("u16", "_nt")), Some(2.1));
    }

    #[test]
    fn times_are_of_the_longest_row_or_of_the_nearest_length() {
        let [one, other] = ["f32_max__avx2_u32", "f32_max__avx2_u64"].map(|id| id.parse().unwrap());
        let mut known = Known::default();
        assert_eq!((known.longest(), known.last(&one), known.near(100).is_none()), (0, None, true));
        known.note(64, [(one, 1.0, true), (other, 2.0, false)].into_iter());
        assert_eq!([one, other].map(|pass| known.dropped_out(&pass)), [false, true]);
        known.note(1024, [(one, 3.0, true)].into_iter());
        assert!(!known.dropped_out(&other), "it was not timed there");
        assert_eq!((known.longest(), known.usual()), (1024, 3.0));
        assert_eq!(known.last(&one), Some(Timed { ns: 3.0, len: 1024 }));
        assert_eq!(known.last(&other), Some(Timed { ns: 2.0, len: 64 }));
        for (len, nearest) in [(1, 1.0), (64, 1.0), (255, 1.0), (257, 3.0), (1 << 20, 3.0)] {
            assert_eq!(known.near(len).unwrap()[&one], nearest, "{len}");
        }
    }
}
