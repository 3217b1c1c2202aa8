//! What `--json` prints, as commands read it that go on with it: of each line what they need.

use serde::Deserialize;

/// The first line: who took part, and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Head {
    /// The CPU.
    pub cpu: String,
    /// The ISA that ours was restricted to.
    pub isa: Option<String>,
    /// The accuracy asked of ours.
    pub accuracy: String,
    /// Whether output overwrote input.
    pub in_place: bool,
    /// Everybody, ours first.
    pub contestants: Vec<Contestant>,
}

/// Who took part.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Contestant {
    /// A short name.
    pub id: String,
    /// Name and version.
    pub name: String,
}

/// The line of a shape.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Contest {
    /// The shape, rows x elements.
    pub shape: String,
    /// Our time.
    pub ns_per_element: f64,
    /// The peers, in the order of the contestants.
    pub peers: Vec<Peer>,
}

/// A peer's time at a shape.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Peer {
    /// Its id.
    pub id: String,
    /// Nanoseconds per element.
    pub ns_per_element: f64,
    /// Its time over ours: above 1, ours is faster.
    pub ratio: f64,
}
