//! Algorithms as sequences of kernels over one row.
//!
//! Sums are taken in blocks whose results add up in f64, so that rounding errors do not grow with the row. Each
//! algorithm looks at what its first passes found before it gives up x: whether the exp core is exact there.

use crate::ext_sum::WideExtSum;
use crate::kernel::*;
use crate::parts::Parts;

/// An algorithm with a kernel for each pass, in the order in which they run. The variants are those of
/// `softmax_spec::Algorithm`, the fields are named as their passes.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "fields are kernels, documented as such")]
pub enum Steps {
    /// The sum with an exponent of its own, then everything by it: no maximum (Dukhan and Ablavatski, arXiv 2001.04438,
    /// Algorithm 3).
    TwoPass { ext_sum: ExtSumKernel, ext_scale: ExtScaleKernel },
    /// Every exponential twice (same paper, Algorithm 1).
    ThreePassRecompute { max: MaxKernel, sum_exp: SumExpKernel, scale_exp: ScaleExpKernel },
    /// Every exponential once, stored and scaled in place (same paper, Algorithm 2).
    ThreePassReload { max: MaxKernel, store_exp: StoreExpKernel, scale: ScaleKernel },
    /// Maximum and sum in one pass (Milakov and Gimelshein, arXiv 1805.02867, Algorithm 3).
    Online { online_sum: OnlineSumKernel, scale_exp: ScaleExpKernel },
    /// As `ThreePassReload`, by blocks that stay in the L1 cache.
    BlockedReload { max: MaxKernel, store_exp: StoreExpKernel, scale: ScaleKernel },
    /// As `ThreePassRecompute`, by such blocks.
    BlockedRecompute { max: MaxKernel, sum_exp: SumExpKernel, scale_exp: ScaleExpKernel },
    /// As `ThreePassReload`, from the largest of sixteen samples instead of the maximum.
    SampledReload { store_exp: StoreExpKernel, scale: ScaleKernel },
    /// As `ThreePassRecompute`, from such samples.
    SampledRecompute { sum_exp: SumExpKernel, scale_exp: ScaleExpKernel },
    /// `Resident`, a row in registers, and `Fused`, a row in the L1 cache: all of it in one kernel.
    WholeRows { softmax: SoftmaxKernel },
}

/// Elements of a block of the blocked algorithms: 16 KiB, half of a small L1 cache.
const BLOCK: usize = 4096;

/// From where the blocked algorithms, like [`OnlineSumKernel::START`], look for a larger maximum. Finite, so that
/// differences of maxima are no NaN.
const START: f32 = OnlineSumKernel::START;

/// How far above the first block's maximum the others may be. Exponentials up to there, and their sums, stay far from
/// overflow; a row that rises further is given up.
const RISE: f32 = 32.0;

/// Sums above this are given up by sampling algorithms: their reciprocal must be a normal number, and so must every
/// exponential whose quotient is.
const LARGEST_SUM: f64 = (1u128 << 96) as f64;

/// A row for the kernels: `y` is valid for writes of `n` elements, `x` for reads, and `y` equals `x` or does not
/// overlap it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    x: *const f32,
    y: *mut f32,
    n: usize,
}

impl Row {
    #[inline]
    pub(crate) fn out_of_place(x: &[f32], y: &mut [f32]) -> Row {
        debug_assert_eq!(x.len(), y.len());
        Row { x: x.as_ptr(), y: y.as_mut_ptr(), n: x.len() }
    }

    #[inline]
    pub(crate) fn in_place(x: &mut [f32]) -> Row {
        let y = x.as_mut_ptr();
        Row { x: y, y, n: x.len() }
    }

    pub(crate) fn elements(&self) -> &[f32] {
        // SAFETY: x is valid for reads of n elements, and whoever made this row does not write it meanwhile.
        unsafe { core::slice::from_raw_parts(self.x, self.n) }
    }

    pub(crate) fn fill(self, value: f32) {
        // SAFETY: y is valid for writes of n elements, and no borrow of the elements is left.
        unsafe { core::slice::from_raw_parts_mut(self.y, self.n) }.fill(value);
    }

    fn is_in_place(self) -> bool {
        core::ptr::eq(self.x, self.y)
    }

    /// Number of elements.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.n
    }

    /// The `len` elements from `at` on.
    #[inline]
    pub(crate) fn part(self, at: usize, len: usize) -> Row {
        debug_assert!(at + len <= self.n);
        Row { x: self.x.wrapping_add(at), y: self.y.wrapping_add(at), n: len }
    }

    /// Parts of `block` elements and the rest, as (offset, length).
    pub(crate) fn block_ranges(self, block: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut next = 0;
        // Not `step_by`, which would panic for blocks of 0 elements, and the compiler cannot know that there are none.
        core::iter::from_fn(move || {
            let (at, len) = (next, block.min(self.n - next));
            next += len;
            (len > 0).then_some((at, len))
        })
    }

    /// The largest of sixteen elements, evenly spaced from the first; -inf if none is a number.
    fn sample(self) -> f32 {
        // Four at a time, lest each waits for the one before.
        let mut largest = [f32::NEG_INFINITY; 4];
        let (sixteenth, rest) = (self.n >> 4, self.n & 15);
        for step in 0..4 {
            for (lane, largest) in largest.iter_mut().enumerate() {
                // k * n / 16, whose product a 32-bit `usize` might not hold.
                let k = 4 * step + lane;
                let at = k * sixteenth + ((k * rest) >> 4);
                // SAFETY: k * n / 16 < n for k < 16 in a row that is not empty.
                *largest = largest.max(unsafe { *self.x.add(at) });
            }
        }
        largest[0].max(largest[1]).max(largest[2].max(largest[3]))
    }
}

/// Rows of one length, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    first: Row,
    count: usize,
}

impl Rows {
    /// Rows of `len` elements, at least one, which divides the length of both slices.
    #[inline]
    pub(crate) fn out_of_place(x: &[f32], y: &mut [f32], len: usize) -> Rows {
        let Row { x, y, n } = Row::out_of_place(x, y);
        Rows { first: Row { x, y, n: len }, count: n / len }
    }

    #[inline]
    pub(crate) fn in_place(x: &mut [f32], len: usize) -> Rows {
        let Row { x, y, n } = Row::in_place(x);
        Rows { first: Row { x, y, n: len }, count: n / len }
    }

    /// One row, which may be empty.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn one(row: Row) -> Rows {
        Rows { first: row, count: 1 }
    }

    /// How many they are.
    #[cfg(feature = "rayon")]
    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// The first one; the others are as long.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn first(self) -> Row {
        self.first
    }

    /// `count` of them, from the `start`-th on.
    #[cfg(feature = "rayon")]
    pub(crate) fn part(self, start: usize, count: usize) -> Rows {
        debug_assert!(start + count <= self.count);
        Rows { count, ..self.skip(start) }
    }

    /// The first one and those after it.
    #[inline]
    pub(crate) fn split_first(self) -> Option<(Row, Rows)> {
        (self.count > 0).then(|| (self.first, self.skip(1)))
    }

    /// All but the first `count`.
    #[inline]
    pub(crate) fn skip(self, count: usize) -> Rows {
        let Row { x, y, n } = self.first;
        // Wrapping, because there is nothing after the last row to point at.
        let first = Row { x: x.wrapping_add(count * n), y: y.wrapping_add(count * n), n };
        Rows { first, count: self.count - count }
    }
}

impl SoftmaxKernel {
    /// softmax of a row. False if it is empty, longer than the kernel takes, or irregular.
    ///
    /// # Safety
    /// As [`Steps::run`].
    #[inline]
    pub(crate) unsafe fn run_row(self, row: Row) -> bool {
        let Row { x, y, n } = row;
        // SAFETY: passed on from the caller.
        unsafe { (self.raw)(x, y, n, 1) == 1 }
    }
}

impl Steps {
    /// softmax of rows up to the first that is irregular; how many those are.
    ///
    /// # Safety
    /// As [`Steps::run`], of every row.
    #[inline]
    pub(crate) unsafe fn run_rows(&self, rows: Rows, largest_max: f32) -> usize {
        if let Steps::WholeRows { softmax } = self {
            let Rows { first: Row { x, y, n }, count } = rows;
            // SAFETY: passed on from the caller.
            return unsafe { (softmax.raw)(x, y, n, count) };
        }
        let mut left = rows;
        while let Some((row, others)) = left.split_first() {
            // SAFETY: passed on from the caller.
            if !unsafe { self.run(row, largest_max) } {
                break;
            }
            left = others;
        }
        rows.count - left.count
    }

    /// softmax of a row. False if it is irregular: then x is as it was, and y undefined unless it is x.
    ///
    /// # Safety
    /// The CPU supports the kernels, and the row is valid.
    #[inline]
    pub(crate) unsafe fn run(&self, row: impl Parts, largest_max: f32) -> bool {
        if row.whole().n == 0 {
            return true;
        }
        // Of NaN and infinities no comparison with a bound is true.
        let is_regular = |max: f32| max.abs() <= largest_max;
        // SAFETY: passed on from the caller; blocks stay inside the row.
        unsafe {
            match *self {
                Steps::TwoPass { ext_sum, ext_scale } => two_pass(row, ext_sum, ext_scale, largest_max),
                Steps::ThreePassRecompute { max, sum_exp, scale_exp } => {
                    let max = max_of(row, max);
                    is_regular(max) && recompute(row, sum_exp, scale_exp, max, f64::INFINITY)
                }
                Steps::ThreePassReload { max, store_exp, scale } => {
                    let max = max_of(row, max);
                    is_regular(max) && reload(row, store_exp, scale, max, f64::INFINITY)
                }
                Steps::Online { online_sum, scale_exp } => {
                    online(row.whole(), online_sum, scale_exp, is_regular)
                }
                Steps::BlockedReload { max, store_exp, scale } => {
                    !row.whole().is_in_place()
                        && blocked_reload(row.whole(), max, store_exp, scale, is_regular)
                }
                Steps::BlockedRecompute { max, sum_exp, scale_exp } => {
                    blocked_recompute(row.whole(), max, sum_exp, scale_exp, is_regular)
                }
                Steps::SampledReload { store_exp, scale } => {
                    let sample = row.whole().sample();
                    !row.whole().is_in_place()
                        && is_regular(sample)
                        && reload(row, store_exp, scale, sample, LARGEST_SUM)
                }
                Steps::SampledRecompute { sum_exp, scale_exp } => {
                    let sample = row.whole().sample();
                    is_regular(sample) && recompute(row, sum_exp, scale_exp, sample, LARGEST_SUM)
                }
                Steps::WholeRows { softmax } => softmax.run_row(row.whole()),
            }
        }
    }
}

/// # Safety
/// As [`Steps::run`].
unsafe fn max_of(row: impl Parts, max: MaxKernel) -> f32 {
    // SAFETY: parts stay inside the row.
    row.parts(|part| unsafe { (max.raw)(part.x, part.n) }, f32::max)
}

/// # Safety
/// As [`Steps::run`].
unsafe fn two_pass(
    row: impl Parts,
    ext_sum: ExtSumKernel,
    ext_scale: ExtScaleKernel,
    largest_max: f32,
) -> bool {
    let mut sum = WideExtSum::NOTHING;
    // SAFETY: blocks stay inside the row.
    let block_sum = |block: Row| unsafe { (ext_sum.raw)(block.x, block.n) };
    row.blocks(ext_sum.block(), block_sum, |block| {
        sum = sum.add(block);
        false
    });
    if !sum.is_regular(largest_max) {
        return false;
    }
    let factor = (1.0 / sum.mantissa) as f32;
    // SAFETY: parts stay inside the row, which is valid.
    row.parts(|part| unsafe { (ext_scale.raw)(part.x, part.y, part.n, factor, sum.exponent) }, nothing);
    true
}

/// Relative to `shift`, which is the maximum unless sums up to `largest_sum` are to be told from larger ones.
///
/// # Safety
/// As [`Steps::run`].
unsafe fn recompute(
    row: impl Parts,
    sum_exp: SumExpKernel,
    scale_exp: ScaleExpKernel,
    shift: f32,
    largest_sum: f64,
) -> bool {
    // SAFETY: blocks stay inside the row.
    let block_sum = |block: Row| unsafe { (sum_exp.raw)(block.x, block.n, shift) };
    let Some(sum) = sum_up_to(largest_sum, row, sum_exp.block(), block_sum) else {
        return false;
    };
    // SAFETY: parts stay inside the row, which is valid.
    row.parts(|part| unsafe { (scale_exp.raw)(part.x, part.y, part.n, shift, 1.0 / sum) }, nothing);
    true
}

/// As [`recompute`], with the exponentials in y in between.
///
/// # Safety
/// As [`Steps::run`].
unsafe fn reload(
    row: impl Parts,
    store_exp: StoreExpKernel,
    scale: ScaleKernel,
    shift: f32,
    largest_sum: f64,
) -> bool {
    // SAFETY: blocks stay inside the row.
    let block_sum = |block: Row| unsafe { (store_exp.raw)(block.x, block.y, block.n, shift) };
    let Some(sum) = sum_up_to(largest_sum, row, store_exp.block(), block_sum) else {
        return false;
    };
    // SAFETY: parts stay inside the row, which is valid.
    row.parts(|part| unsafe { (scale.raw)(part.y, part.y, part.n, 1.0 / sum) }, nothing);
    true
}

/// The sum over the row's blocks; `None` if it is limited to `largest` and beyond that, or no sum of exponentials at all.
#[inline(always)]
fn sum_up_to(
    largest: f64,
    row: impl Parts,
    block: usize,
    block_sum: impl Fn(Row) -> f64 + Sync,
) -> Option<f64> {
    // Far above what a core is made for its polynomial may be negative, and the sum -inf or NaN.
    let is_out_of_range = |sum: f64| largest.is_finite() && !(0.0..=largest).contains(&sum);
    let mut sum = 0.0;
    row.blocks(block, block_sum, |block| {
        sum += block;
        is_out_of_range(sum)
    });
    (!is_out_of_range(sum)).then_some(sum)
}

/// What passes that only store merge to.
fn nothing((): (), (): ()) {}

/// # Safety
/// As [`Steps::run`].
unsafe fn online(
    row: Row,
    online_sum: OnlineSumKernel,
    scale_exp: ScaleExpKernel,
    is_regular: impl Fn(f32) -> bool,
) -> bool {
    let Row { x, y, n } = row;
    let (max, sum) = row.block_ranges(online_sum.block()).fold((START, 0.0), |(max, sum), (at, len)| {
        // SAFETY: blocks stay inside the row.
        unsafe { (online_sum.raw)(x.add(at), len, max, sum) }
    });
    if !is_regular(max) || max == START {
        return false;
    }
    // SAFETY: the row is valid.
    unsafe { (scale_exp.raw)(x, y, n, max, 1.0 / sum) };
    true
}

/// # Safety
/// As [`Steps::run`].
unsafe fn blocked_recompute(
    row: Row,
    max: MaxKernel,
    sum_exp: SumExpKernel,
    scale_exp: ScaleExpKernel,
    is_regular: impl Fn(f32) -> bool,
) -> bool {
    let Row { x, y, n } = row;
    // SAFETY: one element is valid for reads of one element.
    let exp = |x: f32, shift: f32| unsafe { (sum_exp.raw)(&x, 1, shift) };
    let (mut shift, mut sum) = (START, 0.0);
    for (at, len) in row.block_ranges(BLOCK) {
        // SAFETY: blocks stay inside the row.
        let max = unsafe { (max.raw)(x.add(at), len) };
        if max > shift {
            if !is_regular(max) {
                return false;
            }
            sum *= exp(shift, max) / exp(shift, shift);
            shift = max;
        }
        // SAFETY: blocks stay inside the row.
        sum += unsafe { (sum_exp.raw)(x.add(at), len, shift) };
    }
    if shift == START {
        return false;
    }
    // SAFETY: the row is valid.
    unsafe { (scale_exp.raw)(x, y, n, shift, 1.0 / sum) };
    true
}

/// # Safety
/// As [`Steps::run`].
unsafe fn blocked_reload(
    row: Row,
    max: MaxKernel,
    store_exp: StoreExpKernel,
    scale: ScaleKernel,
    is_regular: impl Fn(f32) -> bool,
) -> bool {
    let Row { x, y, n } = row;
    let (mut shift, mut sum) = (None, 0.0);
    for (at, len) in row.block_ranges(BLOCK) {
        // SAFETY: blocks stay inside the row.
        let max = unsafe { (max.raw)(x.add(at), len) };
        match shift {
            None if max > f32::NEG_INFINITY && !is_regular(max) => return false,
            None if max > f32::NEG_INFINITY => shift = Some(max),
            Some(shift) if max > shift + RISE => return false,
            _ => {}
        }
        // A block of only -inf, or of NaN, is measured from anything.
        let from = shift.unwrap_or(START);
        // SAFETY: blocks stay inside the row.
        sum += unsafe { (store_exp.raw)(x.add(at), y.add(at), len, from) };
    }
    if shift.is_none() || sum.is_nan() {
        return false;
    }
    // SAFETY: the row is valid.
    unsafe { (scale.raw)(y, y, n, 1.0 / sum) };
    true
}
