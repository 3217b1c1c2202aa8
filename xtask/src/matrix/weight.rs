//! How long a job is busy with a variant, in seconds of one core: compiling it, and testing it.

use crate::tune::journal;
use anyhow::Result;
use softmax_bench::protocol::Candidate;
use softmax_spec::{Pass, PassVariant, Streams};
use std::collections::HashMap;
use std::path::Path;

/// To compile one vector's worth of code, here and in [`SECONDS_PER_ELEMENT`] on a server core of 2023.
const SECONDS_PER_VECTOR: f64 = 0.0015;
/// Vectors of code around the main loop: the one for single vectors, the tail.
const VECTORS_AROUND: usize = 2;
/// To check one element against f64.
const SECONDS_PER_ELEMENT: f64 = 2.3e-8;
/// Rows of each length in `softmax_bench::verify`: two ordinary ones and a constant one.
const ROWS: usize = 3;
/// Elements of a row of each length that the tuner's gate checks beside those around a tile.
const GATE_LENGTHS: usize = 1023;

/// Weights of variants.
#[derive(Debug, Default)]
pub struct Weights {
    /// Seconds that verifying them took in a tuner's gate.
    verified: HashMap<Candidate, f64>,
}

impl Weights {
    /// With what a journal of tune knows.
    pub fn from_journal(path: &Path) -> Result<Weights> {
        Ok(Weights { verified: journal::verification_seconds(path)? })
    }

    /// That of a variant.
    pub fn of(&self, variant: &PassVariant) -> f64 {
        let per_element = self.verified.get(&variant.id()).map(|seconds| seconds / gate_elements(variant));
        code_vectors(variant) * SECONDS_PER_VECTOR
            + test_elements(variant) * per_element.unwrap_or(SECONDS_PER_ELEMENT)
    }
}

/// Vectors that a variant's code handles one by one.
fn code_vectors(variant: &PassVariant) -> f64 {
    let unroll = variant.tile.unroll;
    let main = match variant.pass {
        // An arm for every number of vectors up to the unroll.
        Pass::Softmax => unroll * (unroll + 1) / 2,
        _ => unroll,
    };
    (main + VECTORS_AROUND) as f64
}

/// Elements of the rows that its test checks: of every length up to four tiles, with several streams of some windows.
fn test_elements(variant: &PassVariant) -> f64 {
    let longest = 4 * variant.tile_elements() + 3;
    (ROWS * (longest * (longest + 1) / 2 + 5 * window(variant)) + special_elements(variant)) as f64
}

/// Elements of the rows that the tuner's gate checks.
fn gate_elements(variant: &PassVariant) -> f64 {
    (ROWS * (GATE_LENGTHS + 7 * variant.tile_elements() + window(variant)) + special_elements(variant)) as f64
}

/// Elements of rows of one length, which both check: partly masked ones, and a maximum at each position.
fn special_elements(variant: &PassVariant) -> usize {
    let masked = 4 * (4 * variant.tile_elements() + 8);
    match variant.pass {
        Pass::Max | Pass::OnlineSum => masked + (2 * variant.tile_elements() + variant.lanes() + 1).pow(2),
        _ => masked,
    }
}

/// Elements after which several streams begin anew.
fn window(variant: &PassVariant) -> usize {
    match variant.memory.streams {
        Streams::ONE => 0,
        streams => streams.window(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(id: &str) -> PassVariant {
        id.parse().expect(id)
    }

    #[test]
    fn larger_tiles_and_more_streams_take_longer() {
        let ids = ["max__avx2_u8", "max__avx2_u64_acc2", "max__avx2_u128_acc2", "max__avx2_u64_acc2_st4"];
        let of = |id: &str| Weights::default().of(&variant(&format!("f32_{id}")));
        assert!(of(ids[0]) < of(ids[1]) && of(ids[1]) < of(ids[2]) && of(ids[1]) < of(ids[3]));
    }

    #[test]
    fn a_variant_that_took_twice_as_long_to_verify_takes_twice_as_long_to_test() {
        let variant = variant("f32_ext_sum__avx512_p5_u128_acc2");
        let tests = |seconds: f64| {
            let verified = HashMap::from([(variant.id(), seconds)]);
            Weights { verified }.of(&variant) - code_vectors(&variant) * SECONDS_PER_VECTOR
        };
        assert!((tests(0.02) / tests(0.01) - 2.0).abs() < 1e-9);
        let usual = gate_elements(&variant) * SECONDS_PER_ELEMENT;
        assert!((tests(usual) / (test_elements(&variant) * SECONDS_PER_ELEMENT) - 1.0).abs() < 1e-9);
    }
}
