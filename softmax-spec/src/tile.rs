//! The tile: how much of a row one iteration of a kernel's main loop covers.

/// Shape of a kernel's main loop, counted in vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Vectors per iteration, 1 to [`Tile::MAX_UNROLL`].
    pub unroll: usize,
    /// Independent accumulators, a divisor of `unroll`; 1 in passes that reduce nothing.
    pub accumulators: usize,
}

impl Tile {
    /// The largest unroll.
    pub const MAX_UNROLL: usize = 16;
}
