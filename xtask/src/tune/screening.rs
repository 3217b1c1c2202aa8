//! Screening: single passes, raced so that only good ones get into plans.
//!
//! Variants are compared in groups: those that differ in their tiles alone, and all of an exp core that go forward.

use super::compose::{self, Shortlist};
use super::race::{Entry, Finish, Row, decide};
use crate::measuring::statistics::median;
use softmax_spec::{Direction, Exp, Memory, Pass, PassVariant};
use std::collections::BTreeMap;

/// Passes with their places in groups.
#[derive(Debug, Default)]
pub struct Screening {
    /// What to time.
    pub entries: Vec<Entry>,
    /// In the same order.
    variants: Vec<PassVariant>,
    groups: BTreeMap<Group, usize>,
}

/// A way through memory, or whatever goes forward.
pub type Group = (Pass, Option<Exp>, Option<Memory>);

/// The variants that differ from one in their tiles alone.
pub fn tiles_of(variant: &PassVariant) -> Group {
    (variant.pass, variant.exp, Some(variant.memory))
}

impl Screening {
    /// Adds a pass that can be timed on such a row.
    pub fn add(&mut self, variant: PassVariant, row: Row) {
        let id = match row.times_passes() {
            true => variant.id(),
            false => compose::of_one_pass(&variant).map_or_else(String::new, |plan| plan.to_string()),
        };
        let goes_forward = variant.memory.direction == Direction::Forward;
        let forward = goes_forward.then_some((variant.pass, variant.exp, None));
        let mut place = |group| {
            let next = self.groups.len();
            *self.groups.entry(group).or_insert(next)
        };
        let groups = [tiles_of(&variant)].into_iter().chain(forward).map(&mut place).collect();
        self.entries.push(Entry { id, groups });
        self.variants.push(variant);
    }

    /// Nanoseconds per element.
    pub fn times(&self, finish: &Finish) -> impl Iterator<Item = (PassVariant, f64)> {
        self.variants.iter().copied().zip(finish.samples.iter().map(|samples| median(samples)))
    }

    /// Of every exp core so many tiles that go forward, and of every way through memory one.
    pub fn shortlist(&self, finish: &Finish, tiles: usize) -> Shortlist {
        let key = |i: usize| (self.variants[i].tile_elements(), self.entries[i].id.as_str());
        let times: Vec<(PassVariant, f64)> = self.times(finish).collect();
        let mut shortlist = Shortlist::new();
        for (&(pass, exp, way), &group) in &self.groups {
            let best = match way {
                Some(_) => {
                    let members = finish.ranking(&self.entries, group);
                    decide(&finish.samples, &members, key)
                        .map(|decision| decision.winner)
                        .into_iter()
                        .collect()
                }
                None => finish.best(&self.entries, group, tiles, key),
            };
            let chosen = shortlist.entry((pass, exp)).or_default();
            for timed in best.into_iter().map(|i: usize| times[i]) {
                if !chosen.contains(&timed) {
                    chosen.push(timed);
                }
            }
        }
        shortlist
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::Rows;

    fn shortlist(timed: &[(&str, f64)], tiles: usize) -> Vec<String> {
        let mut screening = Screening::default();
        let row = Row { len: 4096, in_place: false, rows: Rows::Single };
        for (id, _) in timed {
            screening.add(id.parse().unwrap(), row);
        }
        let samples = timed.iter().map(|(_, time)| vec![*time; 3]).collect();
        let finish = Finish { samples, alive: vec![true; timed.len()], contended: None };
        let [passes] = &screening.shortlist(&finish, tiles).into_values().collect::<Vec<_>>()[..] else {
            panic!("one pass was timed");
        };
        passes.iter().map(|(variant, _)| variant.id()).collect()
    }

    #[test]
    fn of_tiles_that_tie_the_smallest_goes_on_and_of_every_way_one() {
        let timed = [
            ("f32_scale__avx2_u96", 1.0),
            ("f32_scale__avx2_u64", 1.005),
            ("f32_scale__avx2_u32", 1.008),
            ("f32_scale__avx2_u16", 1.3),
            ("f32_scale__avx2_u64_back", 2.0),
            ("f32_scale__avx2_u32_back", 1.99),
            ("f32_scale__avx2_u64_nt", 3.0),
            ("f32_scale__avx2_u32_nt", 3.5),
        ];
        let way = ["f32_scale__avx2_u32", "f32_scale__avx2_u64_nt", "f32_scale__avx2_u32_back"];
        let chosen = |tiles| {
            let mut chosen = shortlist(&timed, tiles);
            chosen.retain(|id| !way.contains(&id.as_str()));
            chosen
        };
        assert!(way.iter().all(|id| shortlist(&timed, 1).iter().any(|chosen| chosen == id)));
        assert_eq!(chosen(1), ["f32_scale__avx2_u96"]);
        assert_eq!(chosen(2), chosen(1), "the second is the smallest that is as good");
        assert_eq!(chosen(4), ["f32_scale__avx2_u96", "f32_scale__avx2_u64", "f32_scale__avx2_u16"]);
    }
}
