//! From the time of reading rows of ever more elements to the caches: where does it rise, and from what to what?

use super::caches::{Caches, Level};
use crate::measuring::statistics::median;

/// A row of this many elements takes so long to read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Elements.
    pub len: usize,
    /// Nanoseconds per element.
    pub ns: f64,
}

impl Point {
    /// Of the row.
    pub fn bytes(&self) -> f64 {
        (self.len * size_of::<f32>()) as f64
    }
}

/// A rise from one point to the next, half an octave, that is no noise.
const RISING: f64 = 1.05;
/// Between two levels the time rises by at least this: by 1.25 to 1.8 from the L2 of Zen 3 to its L3, as clocks go, and less is noise
/// of memory.
const STEP: f64 = 1.2;
/// Points, an octave, over which the time must be level for a level to be one.
const PLATEAU: usize = 3;
/// The first and the last of a rise, in logarithms, belong to the levels: creeping, or noise, of which memory has most.
const MARGIN: f64 = 0.15;

impl Caches {
    /// Finds the levels in a curve by ascending length.
    pub fn of(curve: &[Point]) -> Caches {
        let times = ascending(curve);
        let rises = rises(&times);
        let mut levels = Vec::new();
        let mut from = 0;
        for (i, &(start, end)) in rises.iter().enumerate() {
            let to = rises.get(i + 1).map_or(times.len() - 1, |next| next.0);
            if to + 1 - end < PLATEAU {
                // Still rising where the curve ends, so that neither the next level nor this one's size is known.
                return Caches { levels, memory_ns: None, curve: curve.to_vec() };
            }
            let (ns, next) = (median(&times[from..=start]), median(&times[end..=to]));
            levels.push(Level {
                bytes: crossing(curve, &times, (start, end), (ns * next).sqrt()),
                flat_to: curve[start].bytes(),
                next_from: curve[end].bytes(),
                ns,
            });
            from = end;
        }
        let memory_ns = (!levels.is_empty()).then(|| median(&times[from..]));
        Caches { levels, memory_ns, curve: curve.to_vec() }
    }
}

/// The times as they would be if they never fell: where one is less than one before it, all between get their mean (in
/// logarithms). Noise is evened out and steps stay where they are.
fn ascending(curve: &[Point]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for point in curve {
        let mut block = (point.ns.ln(), 1);
        while let Some(&(sum, count)) = blocks.last()
            && sum / count as f64 >= block.0 / block.1 as f64
        {
            blocks.pop();
            block = (sum + block.0, count + block.1);
        }
        blocks.push(block);
    }
    let level = |(sum, count): (f64, usize)| std::iter::repeat_n((sum / count as f64).exp(), count);
    blocks.into_iter().flat_map(level).collect()
}

/// The steps between levels, as the last point before and the first one behind. What is level for less than an octave is part
/// of a step.
fn rises(times: &[f64]) -> Vec<(usize, usize)> {
    let mut rises: Vec<(usize, usize)> = Vec::new();
    for (i, pair) in times.windows(2).enumerate() {
        let is_rising = pair[1] > RISING * pair[0];
        match rises.last_mut() {
            Some((_, end)) if is_rising && i + 1 - *end < PLATEAU => *end = i + 1,
            _ if is_rising => rises.push((i, i + 1)),
            _ => {}
        }
    }
    // The shortest rows are read in a few ten nanoseconds, and the first of them may be fast by luck.
    rises.retain(|&(start, end)| times[end] >= STEP * times[start] && start + 1 >= PLATEAU);
    rises.into_iter().map(|rise| steep(times, rise)).collect()
}

/// A rise without its margins.
fn steep(times: &[f64], (start, end): (usize, usize)) -> (usize, usize) {
    let (bottom, top) = (times[start], times[end]);
    let margin = (top / bottom).powf(MARGIN);
    let first = (start..end).rfind(|&i| times[i] <= bottom * margin).unwrap_or(start);
    let last = (first + 1..=end).find(|&i| times[i] * margin >= top).unwrap_or(end);
    (first, last)
}

/// The bytes at which the time passes `level`, on a straight line in logarithms.
fn crossing(curve: &[Point], times: &[f64], (start, end): (usize, usize), level: f64) -> f64 {
    let above = (start + 1..end).find(|&i| times[i] >= level).unwrap_or(end);
    let (a, b) = (above - 1, above);
    let part = (level / times[a]).ln() / (times[b] / times[a]).ln();
    curve[a].bytes() * (curve[b].bytes() / curve[a].bytes()).powf(part.clamp(0.0, 1.0))
}

/// Lengths of a curve up to `longest`: half octaves from 4 KiB on, whole cache lines.
pub fn lengths(longest: usize) -> impl Iterator<Item = usize> {
    const SHORTEST_LOG2: usize = 10;
    const LINE: usize = 16;
    let half_octaves = (2 * SHORTEST_LOG2..).map(|i| (i as f64 / 2.0).exp2() as usize / LINE * LINE);
    half_octaves.take_while(move |&len| len <= longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measuring::statistics::uniform;
    use crate::paper::caches::Place;

    /// Half octaves from 4 KiB on, with these times up to these bytes each, ramps of an octave between them, and noise.
    fn curve(levels: &[(f64, f64)], noise: f64, seed: u64) -> Vec<Point> {
        let mut random = seed;
        let mut uniform = || uniform(&mut random);
        let truth = |bytes: f64| {
            let missing = |size: f64| ((bytes / size).log2() + 0.5).clamp(0.0, 1.0);
            levels
                .windows(2)
                .fold(levels[0].1, |ns, pair| ns * (pair[1].1 / pair[0].1).powf(missing(pair[0].0)))
        };
        let point = |len| Point { len, ns: truth((len * 4) as f64) * (1.0 + noise * uniform()) };
        lengths(1 << 25).map(point).collect()
    }

    const KIB: f64 = 1024.0;
    const MIB: f64 = 1024.0 * KIB;
    const PLANTED: [(f64, f64); 4] =
        [(32.0 * KIB, 0.03), (512.0 * KIB, 0.048), (16.0 * MIB, 0.09), (f64::INFINITY, 0.35)];

    fn bytes(caches: &Caches) -> Vec<f64> {
        caches.levels.iter().map(|level| level.bytes).collect()
    }

    #[test]
    fn planted_steps_are_found_through_noise() {
        for seed in 1..=20 {
            for noise in [0.0, 0.1, 0.2] {
                let caches = Caches::of(&curve(&PLANTED, noise, seed));
                assert_eq!(caches.levels.len(), 3, "seed {seed}, noise {noise}: {caches:?}");
                for (found, (planted, _)) in bytes(&caches).into_iter().zip(PLANTED) {
                    assert!((found / planted).log2().abs() < 0.75, "seed {seed}: {found} for {planted}");
                }
                let memory = caches.memory_ns.unwrap();
                assert!((0.34..0.43).contains(&memory), "seed {seed}: {memory}");
                assert!(
                    caches
                        .levels
                        .iter()
                        .all(|level| level.flat_to < level.bytes && level.bytes < level.next_from)
                );
            }
        }
    }

    /// Nanoseconds per element on an AMD EPYC of family 25, model 1, in a virtual machine, while others ran: slow shortest rows; a
    /// memory with a spike; a fast first row, and a curve that a budget ended.
    const MEASURED: [&[f64]; 3] = [
        &[
            0.0465, 0.0434, 0.0301, 0.0335, 0.0313, 0.0308, 0.0298, 0.0496, 0.0520, 0.0443, 0.0413, 0.0451,
            0.0489, 0.0577, 0.0725, 0.0926, 0.1062, 0.1059, 0.1063, 0.0945, 0.1050, 0.0819, 0.0871, 0.0869,
            0.1597, 0.2566, 0.2866, 0.3588, 0.3463, 0.3536, 0.3313,
        ],
        &[
            0.032, 0.025, 0.023, 0.023, 0.022, 0.022, 0.023, 0.042, 0.042, 0.042, 0.043, 0.048, 0.043, 0.045,
            0.056, 0.071, 0.071, 0.083, 0.077, 0.070, 0.062, 0.069, 0.080, 0.137, 0.402, 0.355, 0.432, 0.696,
            0.508, 0.569, 0.551,
        ],
        &[
            0.0245, 0.0378, 0.0283, 0.0296, 0.0294, 0.0292, 0.0372, 0.0487, 0.0477, 0.0476, 0.0483, 0.0499,
            0.0493, 0.0552, 0.0664, 0.0796, 0.0756, 0.0811, 0.0723, 0.0678, 0.0794, 0.0901, 0.0830, 0.1344,
            0.3028, 0.4739, 0.4765, 0.4056, 0.4028,
        ],
    ];

    #[test]
    fn measured_curves_have_three_levels() {
        for ns in MEASURED {
            let points = lengths(1 << 25).zip(ns).map(|(len, &ns)| Point { len, ns });
            let caches = Caches::of(&points.collect::<Vec<_>>());
            let sizes = bytes(&caches);
            assert_eq!(sizes.len(), 3, "{caches:?}");
            assert!((24.0 * KIB..45.0 * KIB).contains(&sizes[0]), "{sizes:?}");
            assert!((362.0 * KIB..640.0 * KIB).contains(&sizes[1]), "{sizes:?}");
            assert!((11.0 * MIB..23.0 * MIB).contains(&sizes[2]), "{sizes:?}");
            assert!(caches.memory_ns.is_some_and(|ns| ns > 0.3), "{caches:?}");
        }
    }

    #[test]
    fn a_curve_that_ends_too_early_knows_no_memory() {
        let all = curve(&PLANTED, 0.05, 1);
        let caches = Caches::of(&all[..all.len() - 6]);
        assert_eq!((caches.levels.len(), caches.memory_ns), (2, None));
        assert_eq!((caches.last_bytes(), caches.beyond(4.0)), (None, None));
        assert_eq!(caches.place(1 << 24), None);
        assert_eq!(caches.place(1 << 10), Some(Place::Cache(0)));
        let flat: Vec<Point> = all.iter().map(|point| Point { ns: 0.03, ..*point }).collect();
        assert_eq!(Caches::of(&flat).levels, []);
        assert_eq!(Caches::of(&[]).memory_ns, None);
    }
}
