//! The vocabulary of softmax kernels, shared by the compiler, the run-time crate's macros, the measuring
//! process and the tuner.
//!
//! Every fact about a variant is stated here, once: what an ISA offers, what a pass reads and writes, which
//! passes make up an algorithm, how a variant is called. The other crates ask; they never keep a second list.
//! Adding an ISA, a pass or an exp reduction is one row of the table in its file.
//!
//! Nothing here knows how code looks (that is `softmax-codegen`) or how files look (its `profile` module).

#![warn(clippy::missing_errors_doc)]

mod algorithm;
pub mod certificate;
mod element;
mod exp;
pub mod exp_table;
mod fingerprint;
pub mod floats;
mod grid;
mod id;
mod isa;
mod memory;
pub mod minimax;
mod pass;
mod plan;
pub mod polynomial;
pub mod profile;
mod rows;
mod selection;
mod tile;
mod typical;
mod variant;

pub use algorithm::{Accuracy, Algorithm};
pub use element::Element;
pub use exp::{Exp, Reduction};
pub use fingerprint::fingerprint;
pub use grid::{Axis, Block, Enumeration, Grid, Pruned, Reason};
pub use id::{UnknownId, nearest};
pub use isa::{Isa, Rounding};
pub use memory::{Direction, Memory, Prefetch, Store, Streams};
pub use pass::Pass;
pub use plan::{InvalidPlan, Plan, REGULAR_MAX};
pub use rows::Rows;
pub use selection::Selection;
pub use tile::Tile;
pub use typical::{typical_pass, typical_plan};
pub use variant::{InvalidVariant, PassVariant};
