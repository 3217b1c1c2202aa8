//! What a race says of its plans: by its own samples, or where these are noisy by what all races say together.

use super::field::Field;
use super::pooled::Estimates;
use super::race::{Decision, Finish, choose, decide, members};
use crate::profiles::TIE;
use softmax_spec::Plan;
use std::collections::BTreeMap;

/// A race that was run.
#[derive(Debug)]
pub struct Outcome {
    /// Who took part.
    pub field: Field,
    /// How it ended.
    pub raced: Finish,
    /// What all races of a group say of the row, where samples are noisy.
    pooled: BTreeMap<usize, Estimates>,
}

impl Outcome {
    /// Of a race, with what all say together by group, as far as that counts.
    pub fn new(field: Field, raced: Finish, pooled: BTreeMap<usize, Estimates>) -> Outcome {
        Outcome { field, raced, pooled }
    }

    /// The plan of an entry.
    pub fn plan(&self, entry: usize) -> &Plan {
        self.field.plans[entry].as_ref().expect("references are in no group")
    }

    /// What all races of a group say of the row, if that counts.
    pub fn pooled(&self, group: usize) -> Option<&Estimates> {
        self.pooled.get(&group)
    }

    /// Members of a group, fastest first.
    pub fn ranking(&self, group: usize) -> Vec<usize> {
        let mut ranking = self.raced.ranking(&self.field.entries, group);
        if let Some(estimates) = self.pooled(group) {
            ranking.sort_by(|&a, &b| self.time(estimates, a).total_cmp(&self.time(estimates, b)));
        }
        ranking
    }

    /// So many members of a group, at most, to go on with.
    pub fn best<K: Ord>(&self, group: usize, count: usize, key: impl Fn(usize) -> K) -> Vec<usize> {
        match self.pooled(group) {
            Some(_) => self.ranking(group).into_iter().take(count).collect(),
            None => {
                let best = self.raced.best(&self.field.entries, group, count, key);
                best.into_iter().filter(|&i| self.raced.alive[i]).collect()
            }
        }
    }

    /// How many times as long as another of its group an entry takes.
    pub fn ratio(&self, group: usize, entry: usize, other: usize) -> f64 {
        match self.pooled(group) {
            Some(estimates) => self.time(estimates, entry) / self.time(estimates, other),
            None => self.raced.ratio(entry, other),
        }
    }

    /// Whether an entry is slower than another of its group by more than a tie, and not by chance.
    pub fn is_beaten(&self, group: usize, entry: usize, by: usize) -> bool {
        match self.pooled(group) {
            Some(_) => self.ratio(group, entry, by) > TIE,
            None => self.raced.is_beaten(entry, by),
        }
    }

    /// The fastest of those of a group that ran to the end, or of those that are as good the one with the smallest `key`.
    pub fn decide<K: Ord>(&self, group: usize, key: impl Fn(usize) -> K) -> Option<Decision> {
        let members: Vec<usize> = members(&self.field.entries, group).collect();
        match self.pooled(group) {
            Some(_) => {
                let fastest = *self.ranking(group).first()?;
                choose(&members, |i| self.ratio(group, i, fastest), key)
            }
            None => decide(&self.raced.samples, &members, key),
        }
    }

    fn time(&self, estimates: &Estimates, entry: usize) -> f64 {
        estimates.time(self.plan(entry)).expect("it was raced")
    }
}
