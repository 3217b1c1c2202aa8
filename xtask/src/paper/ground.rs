//! What the experiments stand on: the caches, and how long rows may be.

use super::caches::{self, Caches, FAR, Place};
use super::curve::{self, Point};
use super::lab::Lab;
use crate::compare::Machine;
use crate::length::{self, Length};
use crate::measuring::cost::{CALIBRATION, sample_seconds, setup_seconds};
use crate::measuring::statistics::lower_quartile;
use anyhow::Result;
use serde_json::{Value, json};
use softmax_bench::protocol::{READ_SUM, TimeRequest};

/// The longest rows are of so many last-level caches, as STREAM's are.
const LONGEST: f64 = 4.0;
/// The part of all time that reading rows may take.
const READING: f64 = 0.3;
/// Samples of a point of the curve.
const ROUNDS: usize = 7;
/// Reading an element from memory takes no longer, as far as is known before.
const SLOW_NS: f64 = 0.5;
/// Where the curve shows no cache, rows of this length are taken for short.
const SHORT: usize = 2048;

/// The memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    /// What the time of reading shows.
    pub caches: Caches,
    /// Elements of the longest row that is measured.
    pub longest: usize,
    /// What kept rows from being longer, or from being known to be out of cache.
    pub limit: Option<String>,
}

/// How long rows may be, and why not longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Elements of all rows together.
    pub elements: usize,
    /// Who says so.
    pub by: &'static str,
    /// Bytes of the last cache, as the CPU says; 0 if it does not. Only to doubt what is seen.
    told: u64,
}

impl Bound {
    /// The least of what the measuring process takes, the effort allows, and half of the memory that may be had holds: input,
    /// output, and in place a copy.
    pub fn new(effort: usize, memory: Option<u64>, told: u64) -> Bound {
        let power = |elements: usize| 1 << elements.max(SHORT).ilog2();
        match power(length::held_by(memory)) {
            elements if elements < effort => Bound { elements, by: "half of the memory that is free", told },
            _ => Bound { elements: effort, by: "--effort", told },
        }
    }
}

impl Ground {
    /// Reads rows of ever more elements again and again.
    pub fn survey<M: Machine>(lab: &mut Lab<M>, bound: Bound, weight: f64) -> Result<Ground> {
        lab.clock.step(weight);
        lab.progress.step(&lab.clock, "reading rows to find the caches");
        let mut seconds = READING * lab.clock.remaining().as_secs_f64();
        let mut curve = Vec::new();
        let mut limit = None;
        for len in curve::lengths(bound.elements) {
            seconds -= cost(len, lab.effort.sample_us);
            if seconds < 0.0 {
                limit = Some(format!("the budget ends the search for caches at rows of {}", Length(len)));
                break;
            }
            curve.push(Point { len, ns: read(lab, len)? });
        }
        let ground = Ground::of(Caches::of(&curve), bound, limit);
        ground.limit.iter().for_each(|limit| lab.progress.note(limit));
        Ok(ground)
    }

    fn of(caches: Caches, bound: Bound, limit: Option<String>) -> Ground {
        let Bound { elements, by, told } = bound;
        let may_be_cache = caches.memory_ns.is_some() && 2.0 * told as f64 > caches.measured_to();
        let wanted = caches.beyond(LONGEST);
        let limit = limit.or_else(|| match wanted {
            Some(wanted) if wanted > elements => Some(format!(
                "rows have at most {} elements, not the {} of {LONGEST} last-level caches: {by} ends them",
                Length(elements),
                Length(wanted)
            )),
            Some(_) if may_be_cache => Some(format!(
                "the CPU says that its last cache has {} MiB, and rows end at {} elements: what is called memory may be that cache",
                told >> 20,
                Length(elements)
            )),
            Some(_) => None,
            None => Some(format!(
                "no memory is seen behind the caches up to rows of {}: {by} ends them",
                Length(elements)
            )),
        });
        Ground { longest: wanted.map_or(elements, |wanted| wanted.min(elements)), caches, limit }
    }

    /// Nanoseconds per element read from the slowest that was seen.
    pub fn memory_ns(&self) -> f64 {
        let slowest = self.caches.memory_ns.or(self.caches.levels.last().map(|level| level.ns));
        slowest.unwrap_or(SLOW_NS)
    }

    /// A row in the first cache.
    pub fn near(&self) -> (usize, Place) {
        (self.caches.within(0).unwrap_or(SHORT), Place::Cache(0))
    }

    /// The shortest row that is out of cache; `None` if none is.
    pub fn far(&self) -> Option<usize> {
        self.caches.beyond(FAR).filter(|&len| len <= self.longest)
    }

    /// Lengths to race algorithms at: in every cache, and twice out of it; or from the first cache on in such steps.
    pub fn lengths(&self, step_log2: Option<u32>) -> Vec<usize> {
        let (near, _) = self.near();
        let mut lengths: Vec<usize> = match step_log2 {
            None => (0..self.caches.levels.len()).filter_map(|level| self.caches.within(level)).collect(),
            Some(step) => {
                let steps = std::iter::successors(Some(near), |len| Some(len << step));
                steps.take_while(|len| *len < self.longest).collect()
            }
        };
        lengths.extend([self.longest / 2, self.longest]);
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }

    /// A line for scripts.
    pub fn json(&self) -> Value {
        let level = |level: &caches::Level| {
            json!({
                "bytes": level.bytes,
                "flat_to": level.flat_to,
                "next_from": level.next_from,
                "read_ns_per_element": level.ns,
            })
        };
        json!({
            "kind": "caches",
            "levels": self.caches.levels.iter().map(level).collect::<Value>(),
            "memory_read_ns_per_element": self.caches.memory_ns,
            "curve": self.caches.curve.iter().map(|point| json!([point.bytes(), point.ns])).collect::<Value>(),
            "longest_row": self.longest,
            "limit": self.limit,
        })
    }
}

fn cost(len: usize, sample_us: f64) -> f64 {
    let call = len as f64 * SLOW_NS * 1e-9;
    setup_seconds(len) + (ROUNDS as f64 + CALIBRATION) * sample_seconds(sample_us * 1e-6, call)
}

/// Nanoseconds per element. Others only slow it down, so the lower samples are nearer to what the machine can do.
fn read<M: Machine>(lab: &mut Lab<M>, len: usize) -> Result<f64> {
    let samples = lab.machine.all_samples(&TimeRequest {
        candidates: vec![READ_SUM.to_owned()],
        rows: 1,
        len,
        in_place: false,
        rounds: ROUNDS,
        sample_us: lab.effort.sample_us,
    })?;
    Ok(lower_quartile(&samples[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(effort: usize, memory: Option<u64>) -> (usize, &'static str) {
        let Bound { elements, by, .. } = Bound::new(effort, memory, 0);
        (elements, by)
    }

    #[test]
    fn rows_are_bounded_by_effort_and_half_of_the_memory() {
        assert_eq!(bound(1 << 25, None), (1 << 25, "--effort"));
        assert_eq!(bound(1 << 25, Some(64 << 30)), (1 << 25, "--effort"));
        // 1 GiB / 2 / 12 bytes = 44.7 million elements
        assert_eq!(bound(1 << 26, Some(1 << 30)), (1 << 25, "half of the memory that is free"));
        assert_eq!(bound(1 << 26, Some(0)).0, SHORT);
    }

    /// A cache of 1 MiB and memory, or another cache, behind it.
    fn ground(told: u64, elements: usize) -> Ground {
        let ns = |len: usize| if len <= 1 << 18 { 0.05 } else { 0.3 };
        let curve: Vec<Point> = curve::lengths(elements).map(|len| Point { len, ns: ns(len) }).collect();
        Ground::of(Caches::of(&curve), Bound::new(elements, None, told), None)
    }

    #[test]
    fn what_may_be_a_cache_is_doubted() {
        let sure = ground(1 << 20, 1 << 22);
        assert_eq!((sure.longest, sure.far(), sure.limit.as_ref()), (1 << 21, Some(1 << 20), None));
        assert!(ground(32 << 20, 1 << 22).limit.unwrap().contains("32 MiB, and rows end at 4m elements"));
        let short = ground(0, 1 << 20);
        assert!(short.limit.unwrap().contains("not the 2m of 4 last-level caches: --effort ends them"));
    }

    #[test]
    fn lengths_are_one_per_cache_or_go_in_steps_and_end_at_the_longest() {
        let ground = ground(0, 1 << 22);
        assert_eq!(ground.lengths(None), [1 << 16, 1 << 20, 1 << 21]);
        assert_eq!(ground.lengths(Some(2)), [1 << 16, 1 << 18, 1 << 20, 1 << 21]);
    }
}
