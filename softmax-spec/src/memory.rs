//! The way of a row through memory: what a kernel does for rows that do not fit in the caches, and what makes no
//! difference to its results.

use crate::id::impl_ids;
use std::fmt;

/// How a pass goes over a row, and what it tells the caches. The default is what suits rows that fit there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Memory {
    /// How it stores.
    pub store: Store,
    /// How far ahead of its loads it prefetches.
    pub prefetch: Prefetch,
    /// Where one iteration of the main loop takes its vectors from.
    pub streams: Streams,
    /// From which end it starts.
    pub direction: Direction,
}

/// Elements, 256 KiB: what even a small L2 cache holds.
const CACHED: usize = 1 << 16;

impl Memory {
    /// The shortest row for which it can be better than the default. Up to here a prefetch finds its line in the cache
    /// whatever its distance, a direction finds the whole row, and streams have no window. Stores that are non-temporal always make a difference.
    pub fn shortest_row(self) -> usize {
        let window = if self.streams == Streams::ONE { 0 } else { self.streams.window() };
        let is_idle_in_cache = self.prefetch != Prefetch::NONE || self.direction != Direction::Forward;
        window.max(if is_idle_in_cache { CACHED } else { 0 })
    }

    /// Takes its part of an id from the words of that id; `None` if one of them says what is left out by default, or
    /// what cannot be.
    pub(crate) fn take<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Memory> {
        let mut memory = Memory::default();
        if words.next_if_eq(&NON_TEMPORAL).is_some() {
            memory.store = Store::NonTemporal;
        }
        if let Some(word) = words.next_if(|word| word.starts_with(PREFETCH)) {
            let prefetch = Prefetch::new(crate::id::number(word, PREFETCH)?)?;
            memory.prefetch = Some(prefetch).filter(|&prefetch| prefetch != Prefetch::NONE)?;
        }
        if let Some(word) = words.next_if(|word| word.starts_with(STREAMS)) {
            let streams = Streams::new(crate::id::number(word, STREAMS)?)?;
            memory.streams = Some(streams).filter(|&streams| streams != Streams::ONE)?;
        }
        if words.next_if_eq(&BACKWARD).is_some() {
            memory.direction = Direction::Backward;
        }
        Some(memory)
    }
}

/// How non-temporal stores, the prefetch distance, the number of streams and the direction are written in an id.
const NON_TEMPORAL: &str = "nt";
const PREFETCH: &str = "pf";
const STREAMS: &str = "st";
const BACKWARD: &str = "back";

/// The words that end an id, `nt_pf1024_st4_back`, each only where it is not the default; empty for the default.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.store == Store::NonTemporal).then(|| NON_TEMPORAL.to_owned()),
            (self.prefetch != Prefetch::NONE).then(|| format!("{PREFETCH}{}", self.prefetch.distance())),
            (self.streams != Streams::ONE).then(|| format!("{STREAMS}{}", self.streams.count())),
            (self.direction == Direction::Backward).then(|| BACKWARD.to_owned()),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        write!(f, "{}", words.join("_"))
    }
}

/// How a pass stores its vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Store {
    /// Through the caches, which read a line before it is written (write-allocate).
    #[default]
    Temporal,
    /// Streaming stores past the caches, whole lines at a time: nothing is read first, and nothing is left in the
    /// caches. For rows that do not fit there.
    NonTemporal,
}

impl Store {
    /// Every way to store.
    pub const ALL: [Store; 2] = [Store::Temporal, Store::NonTemporal];

    /// Id, as in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Store::Temporal => "temporal",
            Store::NonTemporal => "non_temporal",
        }
    }
}

impl_ids!(Store, "store");

/// The prefetch distance: how many elements ahead of its loads the main loop asks for a line. What hardware prefetches by
/// itself ends at the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefetch(usize);

impl Prefetch {
    /// No prefetches.
    pub const NONE: Prefetch = Prefetch(0);

    /// Distances are multiples of this, a cache line of f32: less would ask for the same line.
    pub const STEP: usize = 16;

    /// The largest distance, what a small L2 cache holds: what is asked for further ahead may be gone when it is needed.
    pub const MAX: usize = CACHED;

    /// So many elements ahead, 0 for no prefetches; `None` for a distance that is not a multiple of [`Prefetch::STEP`] up
    /// to [`Prefetch::MAX`].
    pub fn new(distance: usize) -> Option<Prefetch> {
        (distance <= Prefetch::MAX && distance.is_multiple_of(Prefetch::STEP)).then_some(Prefetch(distance))
    }

    /// In elements; 0 for no prefetches.
    pub const fn distance(self) -> usize {
        self.0
    }
}

/// The number of sequential streams that are read, and written, in turn. More streams keep more of the hardware's
/// prefetchers, and of the banks of memory, busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Streams(usize);

impl Streams {
    /// One: the row from end to end.
    pub const ONE: Streams = Streams(1);

    /// Every number of streams.
    pub const ALL: [Streams; 4] = [Streams::ONE, Streams(2), Streams(4), Streams(8)];

    /// Elements of a stream in a window, 64 KiB of f32: several pages, so that prefetchers find every stream, and a
    /// multiple of the cache line, so that all streams are aligned alike.
    pub const ELEMENTS: usize = 1 << 14;

    /// So many; `None` for a number that is not in [`Streams::ALL`].
    pub fn new(count: usize) -> Option<Streams> {
        Streams::ALL.into_iter().find(|streams| streams.0 == count)
    }

    /// How many.
    pub const fn count(self) -> usize {
        self.0
    }

    /// Elements that the streams take side by side. A row is so many windows, and a rest of one stream.
    pub const fn window(self) -> usize {
        self.0 * Streams::ELEMENTS
    }
}

impl Default for Streams {
    fn default() -> Streams {
        Streams::ONE
    }
}

/// From which end of the row a pass starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Direction {
    /// From the first element to the last.
    #[default]
    Forward,
    /// From the last element to the first: a last pass so starts with what the pass before it has left in the caches.
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Forward, Direction::Backward];

    /// Id, as in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        }
    }
}

impl_ids!(Direction, "direction");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_whole_lines_up_to_the_largest() {
        let distances = [0, 16, 1024, Prefetch::MAX].map(|n| Prefetch::new(n).map(Prefetch::distance));
        assert_eq!(distances, [Some(0), Some(16), Some(1024), Some(Prefetch::MAX)]);
        assert_eq!([8, 1000, Prefetch::MAX + 16].map(Prefetch::new), [None; 3]);
        assert_eq!([0, 3, 16].map(Streams::new), [None; 3]);
    }

    #[test]
    fn short_rows_are_left_to_the_default() {
        let memory = |text: &str| Memory::take(&mut text.split('_').peekable()).unwrap();
        let shortest = ["nt", "pf1024", "pf65536", "st2", "st8", "back", "nt_pf1024_st8_back"].map(memory);
        assert_eq!(
            shortest.map(Memory::shortest_row),
            [0, CACHED, CACHED, 2 * Streams::ELEMENTS, 8 * Streams::ELEMENTS, CACHED, 8 * Streams::ELEMENTS]
        );
    }
}
