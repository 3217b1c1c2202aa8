//! How large errors are, beyond the question of whether they are too large: of exp cores over every float of a domain, and of
//! whole rows against their length.

mod core;
mod exact;
#[cfg(test)]
mod published;
mod references;
mod rows;

pub use core::{Evaluator, Range, sweep};
pub use rows::row_errors;
