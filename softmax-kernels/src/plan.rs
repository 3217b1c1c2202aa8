//! Plans at run time: kernels put together to an algorithm, and what surrounds them to make every row right.
//!
//! Sums are taken in blocks whose results add up in f64, so that rounding errors do not grow with the row. After
//! its reducing passes an algorithm looks at what it found: a maximum or an exponent outside the range in which
//! its exp core is exact, or no number. Such rows are *irregular*; nothing has been written yet, and
//! [`Plan::softmax_irregular`] takes them over.

use crate::error::{ShapeError, same_length};
use crate::ext_sum::WideExtSum;
use crate::kernel::*;
use crate::{MaskedRow, Variant};
use std::fmt;

/// An algorithm with a kernel for each pass. The variants and fields are those of `softmax_spec::Algorithm`.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub enum Steps {
    TwoPass { ext_sum: ExtSumKernel, ext_scale: ExtScaleKernel },
    ThreePassRecompute { max: MaxKernel, sum_exp: SumExpKernel, scale_exp: ScaleExpKernel },
    ThreePassReload { max: MaxKernel, store_exp: StoreExpKernel, scale: ScaleKernel },
    Online { online_sum: OnlineSumKernel, scale_exp: ScaleExpKernel },
}

/// A softmax for rows of any length.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The algorithm's id.
    pub algorithm: &'static str,
    /// The ISA's id.
    pub isa: &'static str,
    /// The ids of its pass variants, in the order in which they run.
    pub passes: &'static [&'static str],
    steps: Steps,
    largest_max: f32,
}

/// A row for the kernels: `y` is valid for writes of `n` elements, `x` for reads, and `y` equals `x` or does not
/// overlap it.
#[derive(Clone, Copy)]
struct Row {
    x: *const f32,
    y: *mut f32,
    n: usize,
}

impl Row {
    fn out_of_place(x: &[f32], y: &mut [f32]) -> Row {
        debug_assert_eq!(x.len(), y.len());
        Row { x: x.as_ptr(), y: y.as_mut_ptr(), n: x.len() }
    }

    fn in_place(x: &mut [f32]) -> Row {
        let y = x.as_mut_ptr();
        Row { x: y, y, n: x.len() }
    }

    /// Parts of `block` elements and the rest, as (offset, length).
    fn blocks(self, block: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..self.n).step_by(block).map(move |start| (start, block.min(self.n - start)))
    }
}

impl Plan {
    /// For code that `kernels!` generates.
    ///
    /// # Safety
    /// The kernels must share one exp core, and the plan must only reach code that runs on CPUs that support
    /// them. `largest_max` is the largest |max(x)| for which its exp core is exact.
    pub const unsafe fn from_parts(
        algorithm: &'static str,
        isa: &'static str,
        passes: &'static [&'static str],
        steps: Steps,
        largest_max: f32,
    ) -> Self {
        Self { algorithm, isa, passes, steps, largest_max }
    }

    /// softmax of `x` into `y`, which have one length. Rows that this plan is not made for go to `robust`.
    pub(crate) fn softmax(&self, x: &[f32], y: &mut [f32], robust: &Plan, masked: MaskedRow) {
        self.softmax_row(Row::out_of_place(x, y), robust, masked);
    }

    /// softmax of `x` over itself.
    pub(crate) fn softmax_in_place(&self, x: &mut [f32], robust: &Plan, masked: MaskedRow) {
        self.softmax_row(Row::in_place(x), robust, masked);
    }

    fn softmax_row(&self, row: Row, robust: &Plan, masked: MaskedRow) {
        // SAFETY: this plan exists, so the CPU supports its kernels; the row is made from slices of one length.
        let done = unsafe { self.softmax_regular(row) };
        if !done {
            robust.softmax_irregular(row, masked);
        }
    }

    /// softmax of a row, unless it is irregular: then nothing was written and the result is false.
    ///
    /// # Safety
    /// The CPU supports the kernels, and the row is valid.
    unsafe fn softmax_regular(&self, row: Row) -> bool {
        let Row { x, y, n } = row;
        // SAFETY: passed on from the caller; blocks stay inside the row.
        unsafe {
            match self.steps {
                Steps::TwoPass { ext_sum, ext_scale } => {
                    let sum = row
                        .blocks(ext_sum.block())
                        .fold(WideExtSum::NOTHING, |sum, (at, len)| sum.add((ext_sum.raw)(x.add(at), len)));
                    if !sum.is_regular(self.largest_max) {
                        return n == 0;
                    }
                    (ext_scale.raw)(x, y, n, (1.0 / sum.mantissa) as f32, sum.exponent);
                }
                Steps::ThreePassRecompute { max, sum_exp, scale_exp } => {
                    let max = (max.raw)(x, n);
                    if !self.is_regular(max) {
                        return n == 0;
                    }
                    let blocks = row.blocks(sum_exp.block());
                    let sum: f64 =
                        blocks.map(|(at, len)| f64::from((sum_exp.raw)(x.add(at), len, max))).sum();
                    (scale_exp.raw)(x, y, n, max, (1.0 / sum) as f32);
                }
                Steps::ThreePassReload { max, store_exp, scale } => {
                    let max = (max.raw)(x, n);
                    if !self.is_regular(max) {
                        return n == 0;
                    }
                    let blocks = row.blocks(store_exp.block());
                    let store = |(at, len)| f64::from((store_exp.raw)(x.add(at), y.add(at), len, max));
                    let sum: f64 = blocks.map(store).sum();
                    (scale.raw)(y, y, n, (1.0 / sum) as f32);
                }
                Steps::Online { online_sum, scale_exp } => {
                    let start = (OnlineSumKernel::START, 0.0);
                    let (max, sum) = row
                        .blocks(online_sum.block())
                        .fold(start, |(max, sum), (at, len)| (online_sum.raw)(x.add(at), len, max, sum));
                    if !self.is_regular(max) || max == OnlineSumKernel::START {
                        return n == 0;
                    }
                    (scale_exp.raw)(x, y, n, max, (1.0 / sum) as f32);
                }
            }
        }
        true
    }

    /// Whether the exp core is exact relative to this maximum. False for NaN and infinities.
    fn is_regular(&self, max: f32) -> bool {
        max.abs() <= self.largest_max
    }

    /// softmax of a row whose maximum is extreme or no number, by a plan that is right for every finite row.
    #[cold]
    fn softmax_irregular(&self, row: Row, masked: MaskedRow) {
        // SAFETY: the row is valid for reads of n elements, and nothing else writes it meanwhile.
        let x = unsafe { std::slice::from_raw_parts(row.x, row.n) };
        let nan = x.iter().any(|v| v.is_nan() || *v == f32::INFINITY);
        let all_masked = x.iter().all(|&v| v == f32::NEG_INFINITY);
        let constant = match (nan, all_masked, masked) {
            (true, ..) | (_, true, MaskedRow::Nan) => f32::NAN,
            (_, true, MaskedRow::Zero) => 0.0,
            _ => {
                // SAFETY: as in `softmax_row`.
                let done = unsafe { self.softmax_regular(row) };
                debug_assert!(done, "the robust plan takes every finite row");
                return;
            }
        };
        // SAFETY: y is valid for writes of n elements, and the borrow of x has ended.
        unsafe { std::slice::from_raw_parts_mut(row.y, row.n) }.fill(constant);
    }
}

/// A plan put together at run time from the registry, for tests and measurements. Applications use
/// [`crate::softmax`], whose plans are checked when they are compiled.
#[derive(Debug, Clone, Copy)]
pub struct ComposedPlan {
    plan: Plan,
    robust: Plan,
}

/// Why variants do not make a plan on this CPU. One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeError(String);

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ComposeError {}

impl ComposedPlan {
    /// The algorithm with these variants, which must share an ISA that this CPU supports and an exp core.
    ///
    /// # Errors
    /// If one is unknown or unsupported, or they do not fit together.
    pub fn compose(algorithm: &str, ids: &[&str]) -> Result<ComposedPlan, ComposeError> {
        let plan = compose(algorithm, ids)?;
        let robust = crate::dispatch::robust(plan.isa)
            .ok_or_else(|| ComposeError(format!("no profile has a table for {}", plan.isa)))?;
        Ok(ComposedPlan { plan, robust })
    }

    /// softmax of `x` into `y`.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.plan.softmax(x, y, &self.robust, MaskedRow::Nan);
        Ok(())
    }

    /// softmax of `x` over itself.
    pub fn run_in_place(&self, x: &mut [f32]) {
        self.plan.softmax_in_place(x, &self.robust, MaskedRow::Nan);
    }
}

fn compose(algorithm: &str, ids: &[&str]) -> Result<Plan, ComposeError> {
    let variants: Vec<&'static Variant> = ids.iter().map(|id| find(id)).collect::<Result<_, _>>()?;
    let kernels: Option<Vec<Kernel>> = variants.iter().map(|variant| variant.kernel()).collect();
    let kernels =
        kernels.ok_or_else(|| ComposeError(format!("this CPU does not support {}", ids.join(", "))))?;
    use Kernel as K;
    let (algorithm, steps) = match (algorithm, kernels.as_slice()) {
        ("two_pass", &[K::ExtSum(ext_sum), K::ExtScale(ext_scale)]) => {
            ("two_pass", Steps::TwoPass { ext_sum, ext_scale })
        }
        ("three_pass_recompute", &[K::Max(max), K::SumExp(sum_exp), K::ScaleExp(scale_exp)]) => {
            ("three_pass_recompute", Steps::ThreePassRecompute { max, sum_exp, scale_exp })
        }
        ("three_pass_reload", &[K::Max(max), K::StoreExp(store_exp), K::Scale(scale)]) => {
            ("three_pass_reload", Steps::ThreePassReload { max, store_exp, scale })
        }
        ("online", &[K::OnlineSum(online_sum), K::ScaleExp(scale_exp)]) => {
            ("online", Steps::Online { online_sum, scale_exp })
        }
        _ => return Err(ComposeError(format!("{algorithm} cannot be made of {}", ids.join(", ")))),
    };
    let isa = variants[0].isa;
    let exps: Vec<&str> = variants.iter().filter_map(|variant| variant.exp).collect();
    if variants.iter().any(|variant| variant.isa != isa) || exps.iter().any(|exp| *exp != exps[0]) {
        return Err(ComposeError(format!("{} do not share one ISA and one exp core", ids.join(", "))));
    }
    // The bound that holds for every exp core; rows beyond it are rare, and `robust` takes them.
    Ok(Plan { algorithm, isa, passes: &[], steps, largest_max: REGULAR_MAX })
}

fn find(id: &str) -> Result<&'static Variant, ComposeError> {
    let found = crate::variants().iter().find(|variant| variant.id == id);
    found.ok_or_else(|| ComposeError(format!("`{id}` is not among the compiled variants")))
}
