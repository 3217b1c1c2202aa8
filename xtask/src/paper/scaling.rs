//! Weak scaling: every thread has a row of its own, out of cache, and as many rows are raced on one thread alone.

use super::contest::expected_ns;
use super::estimate::Estimate;
use super::lab::Race;
use super::published::ALGORITHMS;
use crate::compare::Shape;
use crate::length::Length;
use softmax_bench::protocol::{Candidate, MEMCPY, THREADS};
use softmax_spec::{Isa, Plan};

/// What so many threads came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// The ISA of the plans.
    pub isa: Isa,
    /// Threads, and rows.
    pub threads: usize,
    /// The length of a row.
    pub len: usize,
    /// Of each algorithm, as [`ALGORITHMS`] has them: the speed of a thread relative to one that is alone.
    pub speed: [Estimate; 3],
    /// The same of memcpy.
    pub memcpy: Estimate,
    /// The time of the faster Three-Pass algorithm over that of Two-Pass, on one thread and on all.
    pub gain: [Estimate; 2],
}

/// The numbers of threads that are raced on so many cores: doubling, and all.
pub fn threads(cores: usize) -> Vec<usize> {
    let mut threads: Vec<usize> = (1..).map(|i| 1 << i).take_while(|&threads| threads < cores).collect();
    threads.extend((cores > 1).then_some(cores));
    threads
}

/// Everybody on one thread, then everybody on all.
pub fn race(plans: &[Plan; 3], threads: usize, len: usize, memory_ns: f64) -> Race {
    let names: Vec<String> = plans.iter().map(Plan::to_string).chain([MEMCPY.to_owned()]).collect();
    let on = |count: usize| names.iter().map(move |name| -> Candidate { format!("{name}{THREADS}{count}") });
    Race {
        what: format!("{}: {threads} threads with a row of {} each", plans[0].isa(), Length(len)),
        shape: Shape { rows: threads, len },
        in_place: false,
        candidates: on(1).chain(on(threads)).collect(),
        ns: expected_ns(memory_ns),
    }
}

/// What the samples of [`race`] say.
pub fn of(plans: &[Plan; 3], race: &Race, samples: &[Vec<f64>]) -> Scaling {
    let (alone, together) = samples.split_at(ALGORITHMS.len() + 1);
    let threads = race.shape.rows;
    // One thread takes T1 for all rows, so T1 / threads for one; all together take T for one row each.
    let speed = |i: usize| Estimate::ratio(&alone[i], &together[i]).times(1.0 / threads as f64);
    let gain = |times: &[Vec<f64>]| {
        let [recompute, reload] = [1, 2].map(|i| Estimate::ratio(&times[i], &times[0]));
        if recompute.middle <= reload.middle { recompute } else { reload }
    };
    Scaling {
        isa: plans[0].isa(),
        threads,
        len: race.shape.len,
        speed: [0, 1, 2].map(speed),
        memcpy: speed(ALGORITHMS.len()),
        gain: [gain(alone), gain(together)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_double_up_to_all_cores() {
        assert_eq!(
            [1, 2, 3, 4, 6, 8].map(threads),
            [vec![], vec![2], vec![2, 3], vec![2, 4], vec![2, 4, 6], vec![2, 4, 8]]
        );
    }
}
