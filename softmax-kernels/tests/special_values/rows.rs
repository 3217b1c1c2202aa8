//! The rows of the table: every special value alone, among ordinary elements, among masks and among extremes, at every
//! position that a kernel may treat in a way of its own; pairs of them; and rows that are extreme as a whole.

use super::values::{INF, VALUES};
use softmax_bench::rows;

/// Every row of `len` elements.
pub fn of_length(len: usize) -> Vec<Vec<f32>> {
    let mut all: Vec<Vec<f32>> = VALUES.iter().map(|&value| vec![value; len]).collect();
    if len > 0 {
        all.extend(bases(len).iter().flat_map(|base| with_one(base)));
        all.extend(Some(len).filter(|&len| len <= EVERY).into_iter().flat_map(|len| with_two(&ramp(len))));
        all.extend(magnitudes(len));
        all.extend(subnormal(len));
        all.extend(rows::special(len).into_iter().chain(rows::rising(len)).map(|row| row.x));
    }
    all
}

/// What the special values are put into.
fn bases(len: usize) -> [Vec<f32>; 4] {
    let mut half_masked = ramp(len);
    half_masked.iter_mut().step_by(2).for_each(|x| *x = -INF);
    [ramp(len), half_masked, vec![-INF; len], vec![-3.4e38; len]]
}

fn ramp(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 13) as f32 - 6.0).collect()
}

/// Each value at each position.
fn with_one(base: &[f32]) -> impl Iterator<Item = Vec<f32>> {
    let at = |position: usize, value: f32| {
        let mut x = base.to_vec();
        x[position] = value;
        x
    };
    positions(base.len()).flat_map(move |position| VALUES.map(|value| at(position, value)))
}

/// Rows up to here have every position; in longer ones some lanes of the first vectors, in the midst, and of the last vectors and
/// the tail are enough, and no pairs.
const EVERY: usize = 70;

fn positions(len: usize) -> impl Iterator<Item = usize> {
    let matters = move |i| i % 5 == 0 && (i < 20 || i + 20 >= len) || i == len / 2 || i + 1 == len;
    (0..len).filter(move |&i| len <= EVERY || matters(i))
}

/// Each pair of values, in the same vector and at both ends.
fn with_two(base: &[f32]) -> Vec<Vec<f32>> {
    let last = base.len() - 1;
    let places = [(0, 1.min(last)), (0, last)];
    let pair = |(first, second): (usize, usize), a: f32, b: f32| {
        let mut x = base.to_vec();
        (x[first], x[second]) = (a, b);
        x
    };
    let of_places = |places| VALUES.into_iter().flat_map(move |a| VALUES.map(|b| pair(places, a, b)));
    places.into_iter().flat_map(of_places).collect()
}

/// Rows around a magnitude, a few floats apart, so that neighbours of the maximum matter.
fn magnitudes(len: usize) -> impl Iterator<Item = Vec<f32>> {
    let around = move |magnitude: f32| {
        let step = magnitude.abs() * f32::EPSILON * 8.0;
        ramp(len).iter().map(|v| magnitude + v * step).collect()
    };
    let magnitudes = [1e3, 8190.0, 8200.0, 16384.0, 1e6, 16_777_216.0, 1e9, 3.3e38];
    magnitudes.into_iter().flat_map(|magnitude| [magnitude, -magnitude]).map(around)
}

/// Rows of subnormal numbers, and rows most of whose outputs are.
fn subnormal(len: usize) -> [Vec<f32>; 2] {
    let deep = (0..len).map(|i| if i == len / 2 { 0.0 } else { -80.0 - (i % 25) as f32 });
    [(0..len).map(|i| f32::from_bits(1 + i as u32 * 1000)).collect(), deep.collect()]
}
