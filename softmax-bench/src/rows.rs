//! The rows that a candidate must get right before anybody times it.

use crate::random::Random;
use softmax_spec::{PassVariant, Streams};

/// A row and what it is, for the message that says on which one a candidate failed.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Its elements.
    pub x: Vec<f32>,
}

impl Row {
    fn new(name: impl Into<String>, x: Vec<f32>) -> Row {
        Row { name: name.into(), x }
    }
}

/// The lengths at which kernels with these tiles (in elements) can go wrong: around the tail, the
/// one-vector remainder and the main block, and two that exercise summation.
pub fn lengths(tiles: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut lengths = vec![0, 1, 2, 3, 17, 1000, 100_000];
    lengths.extend(tiles.into_iter().flat_map(|tile| [tile - 1, tile, tile + 1, 4 * tile + 3]));
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The lengths at which a variant with several streams can go wrong beside those: around its window, and beyond two of them.
pub fn window_lengths(variant: &PassVariant) -> Vec<usize> {
    let window = variant.memory.streams.window();
    match beyond_window(variant) {
        Some(beyond) => vec![window - 1, window, beyond, 2 * window + 5],
        None => vec![],
    }
}

/// A window and a row that reaches every other loop, for a variant with several streams.
pub fn beyond_window(variant: &PassVariant) -> Option<usize> {
    let streams = variant.memory.streams;
    (streams != Streams::ONE).then(|| streams.window() + variant.tile_elements() + variant.lanes() + 3)
}

/// The rows for which accuracy is promised: U(-10, 10) and 5 N(0, 1) of every length.
pub fn ordinary(lengths: &[usize]) -> impl Iterator<Item = Row> {
    lengths.iter().flat_map(|&len| {
        let mut random = Random::new(len as u64);
        let uniform = (0..len).map(|_| random.uniform(-10.0, 10.0)).collect();
        let normal = (0..len).map(|_| random.normal(5.0)).collect();
        [
            Row::new(format!("U(-10, 10), n = {len}"), uniform),
            Row::new(format!("5 N(0, 1), n = {len}"), normal),
        ]
    })
}

/// Rows of which one element has 0.94 to 0.99 of the sum, as it happens in 5 N(0, 1): whatever its lane adds after it, rounds.
pub fn dominated(lengths: &[usize]) -> impl Iterator<Item = Row> {
    let lengths = lengths.iter().filter(|&&len| len > 1);
    lengths.flat_map(|&len| {
        let mut random = Random::new(len as u64);
        [0.94, 0.96, 0.975, 0.99].map(|share: f64| {
            let average = ((1.0 - share) / share / (len - 1) as f64).ln();
            let mut x: Vec<f32> = (0..len).map(|_| random.uniform(average - 1.0, average + 1.0)).collect();
            x[random.uniform(0.0, len as f64) as usize % len] = 0.0;
            Row::new(format!("one element of {share} of the sum, n = {len}"), x)
        })
    })
}

/// Rows of one value, in whose sums every element weighs the same: one that is left out or read twice shows.
pub fn constant(lengths: &[usize]) -> impl Iterator<Item = Row> {
    lengths.iter().map(|&len| Row::new(format!("all -7, n = {len}"), vec![-7.0; len]))
}

/// Rows of `len` elements with `value` at each position in turn. The others are negative, so that a reduction that
/// starts from 0, or fills a masked vector with it, shows.
pub fn spikes(len: usize, value: f32) -> impl Iterator<Item = Row> {
    (0..len).map(move |i| {
        let mut x = vec![-9.0; len];
        x[i] = value;
        Row::new(format!("all -9 but {value} at {i}, n = {len}"), x)
    })
}

/// Ordinary rows some of whose elements, but not all, are -inf.
pub fn partly_masked(len: usize) -> Vec<Row> {
    let base = |seed| {
        let mut random = Random::new(seed);
        (0..len).map(move |_| random.uniform(-10.0, 10.0))
    };
    let masked = |name: &str, keep: &dyn Fn(usize) -> bool| {
        let x = base(1).enumerate().map(|(i, x)| if keep(i) { x } else { f32::NEG_INFINITY }).collect();
        Row::new(format!("-inf {name}, n = {len}"), x)
    };
    vec![
        masked("at every third element", &|i| i % 3 != 1),
        masked("everywhere but first", &|i| i == 0),
        masked("everywhere but last", &|i| i + 1 == len),
        masked("in the first half", &|i| i >= len / 2),
    ]
}

/// Rows that must come out right although nobody promises their last digits, and rows that must be NaN.
pub fn special(len: usize) -> Vec<Row> {
    let mut random = Random::new(2);
    let mut around = |name: &str, centre: f32, spread: f64| {
        let x = (0..len).map(|_| centre + random.uniform(-spread, spread)).collect();
        Row::new(format!("{name}, n = {len}"), x)
    };
    let mut rows = vec![
        around("around 2^14", 16384.0, 10.0),
        around("around -2^14", -16384.0, 10.0),
        around("around 2^20", 1_048_576.0, 10.0),
        around("around 2^24", 16_777_216.0, 20.0),
        around("around -2^24", -16_777_216.0, 20.0),
        around("around 1e9", 1e9, 1000.0),
        around("U(-60, 60)", 0.0, 60.0),
        around("U(-100, 100)", 0.0, 100.0),
        around("U(-1e6, 1e6)", 0.0, 1e6),
        around("U(-3.4e38, 3.4e38)", 0.0, 3.4e38),
    ];
    for value in [0.0, -0.0, 1e-40, 100.0, -100.0, 1e30, -1e30, 3.4e38, -3.4e38] {
        rows.push(Row::new(format!("all {value:e}, n = {len}"), vec![value; len]));
    }
    let ramp = (0..len).map(|i| -104.0 * (i as f32 + 0.5) / len as f32).collect();
    rows.push(Row::new(format!("0 down to -104, into the subnormals, n = {len}"), ramp));
    let subnormal = (0..len).map(|i| if i == 0 { 0.0 } else { -88.0 - (i % 16) as f32 }).collect();
    rows.push(Row::new(format!("almost only subnormals, n = {len}"), subnormal));

    let ordinary: Vec<f32> = (0..len).map(|_| random.uniform(-10.0, 10.0)).collect();
    for value in [f32::NAN, f32::INFINITY, 3.4e38, -3.4e38, f32::MAX, f32::MIN] {
        for (place, i) in [("first", 0), ("in the middle", len / 2), ("last", len.saturating_sub(1))] {
            let mut x = ordinary.clone();
            if let Some(element) = x.get_mut(i) {
                *element = value;
            }
            rows.push(Row::new(format!("{value:e} {place}, n = {len}"), x));
        }
    }
    let mut both = ordinary;
    both.iter_mut().enumerate().for_each(|(i, x)| match i % 4 {
        0 => *x = f32::NEG_INFINITY,
        1 => *x = f32::INFINITY,
        _ => {}
    });
    rows.push(Row::new(format!("both infinities, n = {len}"), both));
    rows.push(Row::new(format!("all -inf, n = {len}"), vec![f32::NEG_INFINITY; len]));
    rows.push(Row::new(format!("all +inf, n = {len}"), vec![f32::INFINITY; len]));
    rows.push(Row::new(format!("all NaN, n = {len}"), vec![f32::NAN; len]));
    rows.extend(partly_masked(len));
    rows
}

/// Rows whose maximum keeps rising, so that what was summed before matters little, and then nothing.
pub fn rising(len: usize) -> Vec<Row> {
    let ramp = |height: f32| {
        let x = (0..len).map(|i| height * (i as f32 / len as f32 - 0.5)).collect();
        Row::new(format!("rising by {height}, n = {len}"), x)
    };
    vec![ramp(60.0), ramp(300.0), ramp(4000.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_surround_every_tile() {
        assert_eq!(lengths([8]), [0, 1, 2, 3, 7, 8, 9, 17, 35, 1000, 100_000]);
    }

    #[test]
    fn a_partly_masked_row_is_never_wholly_masked() {
        for len in [1, 2, 3, 100] {
            for row in partly_masked(len) {
                let kept = row.x.iter().filter(|x| x.is_finite()).count();
                assert!(kept >= 1, "{}", row.name);
            }
        }
    }
}
