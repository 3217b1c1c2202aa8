//! The caches, as reading shows them: a row that is read again and again takes longer per element once it no longer fits.
//!
//! What a virtual machine reports of its caches is a setting, and part of them may be somebody else's. So experiments go by
//! where the time of reading rises.

use super::curve::Point;
use std::fmt;

/// A cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// About so many bytes of it are ours: halfway, in ratios, between its time and that of the next level.
    pub bytes: f64,
    /// Up to so many bytes nothing is slower.
    pub flat_to: f64,
    /// From so many bytes on the next level is all that is seen.
    pub next_from: f64,
    /// Nanoseconds per element read from it.
    pub ns: f64,
}

/// What a curve of reading times shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Caches {
    /// From the fastest on.
    pub levels: Vec<Level>,
    /// Nanoseconds per element read from memory; `None` if the curve ends before that is seen.
    pub memory_ns: Option<f64>,
    /// What was measured.
    pub curve: Vec<Point>,
}

/// Where a softmax's rows are while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Input and output fit into this level, counted from 0.
    Cache(usize),
    /// They do not fit into the last level, but the input, or much of it, may.
    Edge,
    /// The input is at least twice the last level.
    Memory,
}

impl Caches {
    /// Bytes up to which was measured.
    pub fn measured_to(&self) -> f64 {
        self.curve.last().map_or(0.0, Point::bytes)
    }

    /// Bytes of the last level, if memory was seen behind it.
    pub fn last_bytes(&self) -> Option<f64> {
        self.memory_ns.and(self.levels.last()).map(|level| level.bytes)
    }

    /// Where rows of `len` elements are while a softmax goes over them out of place; `None` if that was not seen.
    pub fn place(&self, len: usize) -> Option<Place> {
        let input = (len * size_of::<f32>()) as f64;
        let fits = |&level: &usize| self.room(level).is_some_and(|room| 2.0 * input <= room);
        match ((0..self.levels.len()).find(fits), self.last_bytes()) {
            (Some(level), _) => Some(Place::Cache(level)),
            (None, None) => None,
            (None, Some(last)) if input < FAR * last => Some(Place::Edge),
            (None, Some(_)) => Some(Place::Memory),
        }
    }

    /// The shortest power of two whose row is `times` the last level.
    pub fn beyond(&self, times: f64) -> Option<usize> {
        let elements = times * self.last_bytes()? / size_of::<f32>() as f64;
        Some((elements.ceil() as usize).next_power_of_two())
    }

    /// Bytes of a level that a softmax may count on. The last one is shared with others, who are felt before it is full.
    fn room(&self, level: usize) -> Option<f64> {
        let Level { bytes, flat_to, .. } = *self.levels.get(level)?;
        let is_last = level + 1 == self.levels.len();
        Some(USABLE * if is_last { flat_to } else { bytes })
    }

    /// The longest power of two whose row, input and output, fits into a level.
    pub fn within(&self, level: usize) -> Option<usize> {
        let elements = self.room(level)? / (2 * size_of::<f32>()) as f64;
        (elements >= 1.0).then(|| 1 << (elements as usize).ilog2())
    }
}

/// Of a level, for the stack, code, and whoever else is there.
const USABLE: f64 = 0.75;

/// A row of so many last-level caches no longer profits from what the pass before it left there.
pub const FAR: f64 = 2.0;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Cache(level) => f.pad(&format!("L{}", level + 1)),
            Place::Edge => f.pad("edge"),
            Place::Memory => f.pad("memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::curve::lengths;

    /// 32 KiB, 512 KiB, 16 MiB, and memory.
    fn caches() -> Caches {
        let ns = |len: usize| match len {
            len if len <= 1 << 13 => 0.03,
            len if len <= 1 << 17 => 0.05,
            len if len <= 1 << 22 => 0.1,
            _ => 0.35,
        };
        Caches::of(&lengths(1 << 25).map(|len| Point { len, ns: ns(len) }).collect::<Vec<_>>())
    }

    #[test]
    fn rows_are_placed_by_input_and_output() {
        let caches = caches();
        let places: Vec<String> = [1 << 11, 1 << 13, 1 << 18, 1 << 22, 1 << 24]
            .map(|len| caches.place(len).unwrap().to_string())
            .into();
        assert_eq!(places, ["L1", "L2", "L3", "edge", "memory"]);
        assert_eq!(
            (caches.within(0), caches.within(1), caches.within(3)),
            (Some(1 << 11), Some(1 << 15), None)
        );
        assert_eq!(caches.place(caches.beyond(FAR).unwrap()), Some(Place::Memory));
        assert_eq!(caches.beyond(4.0), Some(2 * caches.beyond(FAR).unwrap()));
    }
}
