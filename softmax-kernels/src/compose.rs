//! Plans put together at run time from the registry, for tests and measurements.

use crate::error::{ShapeError, same_length, whole_rows};
use crate::kernel::*;
use crate::plan::{Backup, Call, Plan};
use crate::steps::{Row, Rows, Steps};
#[cfg(feature = "rayon")]
use crate::threads::Threads;
use crate::{MaskedRow, Variant};
use core::fmt;

/// A plan put together at run time. Applications use [`crate::softmax`], whose plans are checked when they are compiled.
#[derive(Debug, Clone, Copy)]
pub struct ComposedPlan {
    plan: Plan,
    backup: Backup,
    #[cfg(feature = "rayon")]
    threads: Threads,
}

/// Why variants do not make a plan on this CPU. One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeError(String);

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ComposeError {}

impl ComposedPlan {
    /// The algorithm with these variants, which must share an ISA that this CPU supports and an exp core. That the core suits
    /// the algorithm is the caller's business (`softmax_spec::Plan::new` tells); otherwise answers may be wrong.
    ///
    /// # Errors
    /// If one is unknown or unsupported, or they do not fit together.
    pub fn compose(algorithm: &'static str, ids: &[&str]) -> Result<ComposedPlan, ComposeError> {
        let plan = compose(algorithm, ids)?;
        let backup = crate::dispatch::backup(plan.isa)
            .ok_or_else(|| ComposeError(format!("no profile has a table for {}", plan.isa)))?;
        Ok(ComposedPlan {
            plan,
            backup,
            #[cfg(feature = "rayon")]
            threads: Threads::ONE,
        })
    }

    /// As [`crate::Softmax::threads`].
    #[cfg(feature = "rayon")]
    pub fn threads(mut self, threads: usize) -> ComposedPlan {
        self.threads = Threads(threads);
        self
    }

    /// softmax of `x` into `y`.
    ///
    /// # Errors
    /// If the lengths differ; y is then untouched.
    pub fn run(&self, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        if !self.plan.softmax_whole_row(Row::out_of_place(x, y)) {
            self.call().row(Row::out_of_place(x, y));
        }
        Ok(())
    }

    /// softmax of each row of `row_len` elements.
    ///
    /// # Errors
    /// If the lengths differ or are no multiple of `row_len`; y is then untouched.
    pub fn run_rows(&self, x: &[f32], y: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
        same_length(x, y)?;
        whole_rows(x.len(), row_len)?;
        self.call().rows(Rows::out_of_place(x, y, row_len.max(1)));
        Ok(())
    }

    /// softmax of each row of `row_len` elements over itself.
    ///
    /// # Errors
    /// If the length is no multiple of `row_len`; x is then untouched.
    pub fn run_rows_in_place(&self, x: &mut [f32], row_len: usize) -> Result<(), ShapeError> {
        whole_rows(x.len(), row_len)?;
        self.call().rows(Rows::in_place(x, row_len.max(1)));
        Ok(())
    }

    /// softmax of `x` over itself.
    pub fn run_in_place(&self, x: &mut [f32]) {
        if !self.plan.softmax_whole_row(Row::in_place(x)) {
            self.call().row(Row::in_place(x));
        }
    }

    #[inline]
    fn call(&self) -> Call<'_> {
        Call {
            plan: &self.plan,
            backup: &self.backup,
            masked: MaskedRow::Nan,
            #[cfg(feature = "rayon")]
            threads: self.threads,
        }
    }
}

fn compose(algorithm: &'static str, ids: &[&str]) -> Result<Plan, ComposeError> {
    let variants: Vec<&'static Variant> = ids.iter().map(|id| find(id)).collect::<Result<_, _>>()?;
    let kernels: Option<Vec<Kernel>> = variants.iter().map(|variant| variant.kernel()).collect();
    let kernels =
        kernels.ok_or_else(|| ComposeError(format!("this CPU does not support {}", ids.join(", "))))?;
    use Kernel as K;
    let steps = match (algorithm, kernels.as_slice()) {
        ("two_pass", &[K::ExtSum(ext_sum), K::ExtScale(ext_scale)]) => Steps::TwoPass { ext_sum, ext_scale },
        ("three_pass_recompute", &[K::Max(max), K::SumExp(sum_exp), K::ScaleExp(scale_exp)]) => {
            Steps::ThreePassRecompute { max, sum_exp, scale_exp }
        }
        ("three_pass_reload", &[K::Max(max), K::StoreExp(store_exp), K::Scale(scale)]) => {
            Steps::ThreePassReload { max, store_exp, scale }
        }
        ("online", &[K::OnlineSum(online_sum), K::ScaleExp(scale_exp)]) => {
            Steps::Online { online_sum, scale_exp }
        }
        ("blocked_reload", &[K::Max(max), K::StoreExp(store_exp), K::Scale(scale)]) => {
            Steps::BlockedReload { max, store_exp, scale }
        }
        ("blocked_recompute", &[K::Max(max), K::SumExp(sum_exp), K::ScaleExp(scale_exp)]) => {
            Steps::BlockedRecompute { max, sum_exp, scale_exp }
        }
        ("sampled_reload", &[K::StoreExp(store_exp), K::Scale(scale)]) => {
            Steps::SampledReload { store_exp, scale }
        }
        ("sampled_recompute", &[K::SumExp(sum_exp), K::ScaleExp(scale_exp)]) => {
            Steps::SampledRecompute { sum_exp, scale_exp }
        }
        ("resident", &[K::Softmax(softmax)]) if variants[0].pass == "softmax" => Steps::WholeRows { softmax },
        ("fused", &[K::Softmax(softmax)]) if variants[0].pass == "fused_softmax" => {
            Steps::WholeRows { softmax }
        }
        _ => return Err(ComposeError(format!("{algorithm} cannot be made of {}", ids.join(", ")))),
    };
    let isa = variants[0].isa;
    let exps: Vec<&str> = variants.iter().filter_map(|variant| variant.exp).collect();
    if variants.iter().any(|variant| variant.isa != isa) || exps.iter().any(|exp| *exp != exps[0]) {
        return Err(ComposeError(format!("{} do not share one ISA and one exp core", ids.join(", "))));
    }
    // The bound that holds for every exp core; rows beyond it are rare, and the backup takes them.
    // SAFETY: the CPU supports the kernels, which share one exp core.
    Ok(unsafe { Plan::from_parts(algorithm, isa, &[], steps, REGULAR_MAX) })
}

fn find(id: &str) -> Result<&'static Variant, ComposeError> {
    let found = crate::variants().iter().find(|variant| variant.id == id);
    found.ok_or_else(|| ComposeError(format!("`{id}` is not among the compiled variants")))
}
