//! Candidates: what a request names, resolved to something that runs on this CPU.

use crate::parameters::Parameters;
use crate::peer::{self, Batch, Ours, OwnRows, Peer};
use crate::{protocol, reference};
use anyhow::Result;
use softmax_kernels::{Accuracy, ComposeError, ComposedPlan, Kernel, ShapeError, Variant};
use softmax_spec::{InvalidPlan, Pass, PassVariant, Plan, REGULAR_MAX};
use std::fmt;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::str::FromStr;

/// Something that runs on a row, or on a batch of them.
#[derive(Clone)]
pub enum Candidate {
    /// [`protocol::MEMCPY`].
    Memcpy,
    /// The same on so many threads.
    MemcpyOn(usize),
    /// [`protocol::READ_SUM`].
    ReadSum,
    /// [`protocol::SCALE_LOOP`].
    ScaleLoop,
    /// Our public API, or someone else's softmax.
    Peer(Rc<dyn Peer>),
    /// One pass.
    Pass {
        /// What it is.
        variant: PassVariant,
        /// The compiled function.
        kernel: Kernel,
    },
    /// A whole softmax of ours.
    Plan {
        /// What it is.
        plan: Plan,
        /// The compiled functions.
        compiled: Box<ComposedPlan>,
    },
}

impl Candidate {
    /// Runs `calls` times from `x` to `y`, rows of `row_len` elements. A pass that writes nothing leaves `y` alone.
    ///
    /// The loop is inside, so that a call of a short row is not drowned in finding out what to call.
    ///
    /// # Errors
    /// If the lengths differ, which is a bug in the caller, or if a peer fails.
    pub fn run(
        &self,
        parameters: &Parameters,
        x: &[f32],
        y: &mut [f32],
        row_len: usize,
        calls: u64,
    ) -> Result<()> {
        // Batches of one row go the way that callers take who know that they have one.
        let alone = x.len() == row_len;
        match self {
            Candidate::Memcpy => repeat(calls, || reference::memcpy(black_box(x), black_box(y))),
            Candidate::MemcpyOn(threads) => {
                repeat(calls, || reference::memcpy_on(*threads, black_box(x), black_box(y)));
            }
            Candidate::ReadSum => repeat(calls, || reference::read_sum(black_box(x))),
            Candidate::ScaleLoop => {
                let factor = parameters.factor as f32;
                repeat(calls, || reference::scale_loop(black_box(x), black_box(y), factor));
            }
            Candidate::Peer(peer) => peer.repeat(Batch::apart(x, y, row_len), calls)?,
            Candidate::Pass { kernel, .. } => {
                try_repeat(calls, || run_pass(*kernel, parameters, black_box(x), black_box(y)))?;
            }
            Candidate::Plan { compiled, .. } if alone => {
                try_repeat(calls, || compiled.run(black_box(x), black_box(y)))?;
            }
            Candidate::Plan { compiled, .. } => {
                try_repeat(calls, || compiled.run_rows(black_box(x), black_box(y), row_len))?;
            }
        }
        Ok(())
    }

    /// Runs `calls` times on `x` in place; `false` if the candidate has no such form (references, passes that only read).
    ///
    /// Repeated calls stay among normal floats and 0: `scale` is given the factor 1, `store_exp` a maximum beside which everything is
    /// nothing, and the other passes and plans map any row of [0, 1] into itself.
    ///
    /// # Errors
    /// If a peer fails, or rows of `row_len` elements do not make up `x`.
    pub fn run_in_place(
        &self,
        parameters: &Parameters,
        x: &mut [f32],
        row_len: usize,
        calls: u64,
    ) -> Result<bool> {
        match self {
            Candidate::Peer(peer) => peer.repeat(Batch::in_place(x, row_len), calls)?,
            Candidate::Plan { compiled, .. } if x.len() == row_len => {
                repeat(calls, || compiled.run_in_place(black_box(x)));
            }
            Candidate::Plan { compiled, .. } => {
                try_repeat(calls, || compiled.run_rows_in_place(black_box(x), row_len))?;
            }
            Candidate::Pass { variant, kernel } if variant.pass.stores() => {
                repeat(calls, || run_pass_in_place(*kernel, parameters, black_box(x)));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether [`Candidate::run_in_place`] does something.
    pub fn has_in_place_form(&self) -> bool {
        match self {
            Candidate::Peer(_) | Candidate::Plan { .. } => true,
            Candidate::Pass { variant, .. } => variant.pass.stores(),
            Candidate::Memcpy | Candidate::MemcpyOn(_) | Candidate::ReadSum | Candidate::ScaleLoop => false,
        }
    }

    /// Whether what it is given are exponentials, which are not negative.
    pub fn takes_exponentials(&self) -> bool {
        matches!(self, Candidate::Pass { variant, .. } if variant.pass == Pass::Scale)
    }

    /// Whether it takes several rows at once. A single pass does not: its parameters are those of one row.
    pub fn takes_batches(&self) -> bool {
        !matches!(self, Candidate::Pass { .. })
    }
}

fn run_pass(kernel: Kernel, parameters: &Parameters, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let Parameters { max, factor, sum } = *parameters;
    match kernel {
        Kernel::Max(kernel) => {
            black_box(kernel.run(x));
        }
        Kernel::SumExp(kernel) => {
            black_box(kernel.run(x, max));
        }
        Kernel::StoreExp(kernel) => {
            black_box(kernel.run(x, y, max)?);
        }
        Kernel::Scale(kernel) => kernel.run(x, y, factor)?,
        Kernel::ScaleExp(kernel) => kernel.run(x, y, max, factor)?,
        Kernel::ExtSum(kernel) => {
            black_box(kernel.run(x));
        }
        Kernel::ExtScale(kernel) => kernel.run(x, y, sum)?,
        Kernel::OnlineSum(kernel) => {
            black_box(kernel.run(x));
        }
        Kernel::Softmax(kernel) => {
            black_box(kernel.run(x, y)?);
        }
    }
    Ok(())
}

fn run_pass_in_place(kernel: Kernel, parameters: &Parameters, x: &mut [f32]) {
    match kernel {
        Kernel::StoreExp(kernel) => {
            black_box(kernel.run_in_place(x, REGULAR_MAX));
        }
        Kernel::Scale(kernel) => kernel.run_in_place(x, 1.0),
        Kernel::ScaleExp(kernel) => kernel.run_in_place(x, parameters.max, parameters.factor),
        Kernel::ExtScale(kernel) => kernel.run_in_place(x, parameters.sum),
        Kernel::Softmax(kernel) => {
            black_box(kernel.run_in_place(x));
        }
        Kernel::Max(_) | Kernel::SumExp(_) | Kernel::ExtSum(_) | Kernel::OnlineSum(_) => {
            unreachable!("a pass that stores nothing")
        }
    }
}

/// `call`, so many times.
#[inline(always)]
fn repeat<T>(calls: u64, mut call: impl FnMut() -> T) {
    for _ in 0..calls {
        black_box(call());
    }
}

/// The same until it fails.
#[inline(always)]
fn try_repeat(calls: u64, mut call: impl FnMut() -> Result<(), ShapeError>) -> Result<()> {
    (0..calls).try_for_each(|_| call())?;
    Ok(())
}

/// Why a text names nothing that can run here.
#[derive(Debug)]
pub enum CandidateError {
    /// It begins as a reference or a peer does, but there is none of that name.
    Reference(String),
    /// The peer is not here; the reason says how to get it.
    Peer(String),
    /// It is a plan on no number of threads.
    Threads(String),
    /// It is no plan.
    Plan(InvalidPlan),
    /// The plan cannot be put together from what is compiled, or not on this CPU.
    Compose(ComposeError),
    /// No variant of that id is compiled.
    Unknown(String),
    /// This CPU lacks the variant's ISA.
    Unsupported(&'static Variant),
    /// The registry holds an id that the vocabulary cannot read, which is a bug.
    Registry(softmax_spec::InvalidVariant),
}

/// Every reference, by what it is called.
const REFERENCES: [(&str, Candidate); 3] = [
    (protocol::MEMCPY, Candidate::Memcpy),
    (protocol::READ_SUM, Candidate::ReadSum),
    (protocol::SCALE_LOOP, Candidate::ScaleLoop),
];

/// Our public API, by what it is called.
const OURS: [(&str, Accuracy); 2] =
    [(protocol::OURS_FAST, Accuracy::Fast), (protocol::OURS_ACCURATE, Accuracy::Accurate)];

/// What begins as a reference or a peer does.
fn named(text: &str) -> Result<Candidate, CandidateError> {
    if let Some((_, candidate)) = REFERENCES.into_iter().find(|(name, _)| *name == text) {
        return Ok(candidate);
    }
    if let Some((_, accuracy)) = OURS.into_iter().find(|(name, _)| *name == text) {
        return Ok(Candidate::Peer(Rc::new(Ours::new(accuracy, 1))));
    }
    if let Some(candidate) = on_threads(text) {
        return Ok(candidate);
    }
    let peer = text.strip_prefix(protocol::PEER).and_then(peer::open);
    let peer = peer.ok_or_else(|| CandidateError::Reference(text.to_owned()))?;
    peer.map(Candidate::Peer).map_err(CandidateError::Peer)
}

/// A name and the number of threads behind it, `None` if that is no number; `None` if nothing is said of threads.
fn split_threads(text: &str) -> Option<(&str, Option<usize>)> {
    let (name, threads) = text.split_once(protocol::THREADS)?;
    Some((name, threads.parse::<NonZeroUsize>().ok().map(NonZeroUsize::get)))
}

/// What ends with a number of threads.
fn on_threads(text: &str) -> Option<Candidate> {
    let (name, threads) = split_threads(text)?;
    let threads = threads?;
    if name == protocol::MEMCPY {
        return Some(Candidate::MemcpyOn(threads));
    }
    let (_, accuracy) = OURS.into_iter().find(|(ours, _)| *ours == name)?;
    Some(Candidate::Peer(Rc::new(Ours::new(accuracy, threads))))
}

/// A plan, put together.
fn compiled(text: &str) -> Result<(Plan, ComposedPlan), CandidateError> {
    let plan: Plan = text.parse().map_err(CandidateError::Plan)?;
    let ids: Vec<String> = plan.passes().iter().map(PassVariant::id).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let compiled = ComposedPlan::compose(plan.algorithm().id(), &ids).map_err(CandidateError::Compose)?;
    Ok((plan, compiled))
}

impl FromStr for Candidate {
    type Err = CandidateError;

    fn from_str(text: &str) -> Result<Candidate, CandidateError> {
        if text.contains(':') {
            return named(text);
        }
        if text.contains('(') {
            if let Some((name, threads)) = split_threads(text) {
                let threads = threads.ok_or_else(|| CandidateError::Threads(text.to_owned()))?;
                let (_, compiled) = compiled(name)?;
                return Ok(Candidate::Peer(Rc::new(OwnRows::new(name, compiled, threads))));
            }
            let (plan, compiled) = compiled(text)?;
            return Ok(Candidate::Plan { plan, compiled: Box::new(compiled) });
        }
        let row = softmax_kernels::variants().iter().find(|row| row.id == text);
        let row = row.ok_or_else(|| CandidateError::Unknown(text.to_owned()))?;
        let kernel = row.kernel().ok_or(CandidateError::Unsupported(row))?;
        let variant = row.id.parse().map_err(CandidateError::Registry)?;
        Ok(Candidate::Pass { variant, kernel })
    }
}

impl fmt::Display for CandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CandidateError::Reference(text) => {
                let names = REFERENCES.iter().map(|(name, _)| *name).chain(OURS.map(|(name, _)| name));
                let mut names: Vec<String> = names.map(str::to_owned).collect();
                names.extend(protocol::PEERS.map(|id| format!("{}{id}", protocol::PEER)));
                write!(f, "unknown reference `{text}` (allowed: {})", names.join(", "))
            }
            CandidateError::Peer(reason) => f.write_str(reason),
            CandidateError::Threads(text) => write!(f, "`{text}` is on no number of threads"),
            CandidateError::Plan(error) => error.fmt(f),
            CandidateError::Compose(error) => error.fmt(f),
            CandidateError::Unknown(text) => {
                write!(f, "no variant `{text}` is compiled")?;
                let ids = softmax_kernels::variants().iter().map(|row| row.id);
                match softmax_spec::nearest(text, ids) {
                    Some(meant) => write!(f, ", did you mean `{meant}`?"),
                    None => Ok(()),
                }
            }
            CandidateError::Unsupported(row) => {
                write!(f, "`{}` needs the ISA {}, which this CPU does not support", row.id, row.isa)
            }
            CandidateError::Registry(error) => write!(f, "the registry holds an id that is none: {error}"),
        }
    }
}

impl std::error::Error for CandidateError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        match text.parse::<Candidate>() {
            Ok(_) => panic!("`{text}` was accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_text_that_names_nothing_is_refused_with_the_reason() {
        for (text, reason) in [
            ("ref:memcpy@0", "unknown reference `ref:memcpy@0`"),
            ("ref:read_sum@2", "unknown reference `ref:read_sum@2`"),
            ("ref:memcopy", "unknown reference `ref:memcopy` (allowed: ref:memcpy,"),
            ("peer:mkl", "peer:rten"),
            ("", "no variant ``"),
            ("f32_max__avx2_u33", "did you mean `f32_max__avx2_u32"),
            ("two_pass(", "is no plan"),
            ("two_pass(f32_max__scalar_u1)", "takes the passes ext_sum, ext_scale"),
            ("too_pass(f32_max__scalar_u1)", "did you mean `two_pass`?"),
            ("two_pass(f32_ext_sum__scalar_d5_u1, f32_ext_scale__scalar_d5_u1)@0", "no number of threads"),
            ("two_pass(f32_max__scalar_u1)@2", "takes the passes ext_sum, ext_scale"),
        ] {
            assert!(error(text).contains(reason), "{text}: {}", error(text));
        }
    }

    #[test]
    fn every_compiled_variant_runs_or_says_that_this_cpu_cannot() {
        let x = [1.0, 2.0, 3.0];
        let parameters = Parameters::of(&x);
        for row in softmax_kernels::variants() {
            match row.id.parse::<Candidate>() {
                Ok(candidate) => {
                    candidate.run(&parameters, &x, &mut [0.0; 3], 3, 1).unwrap();
                    let in_place = candidate.run_in_place(&parameters, &mut x.clone(), 3, 1).unwrap();
                    assert_eq!(in_place, candidate.has_in_place_form(), "{}", row.id);
                }
                Err(CandidateError::Unsupported(refused)) => {
                    assert_eq!((refused.id, row.is_supported()), (row.id, false));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn references_and_our_api_run() {
        let x = [1.0, 2.0, 3.0];
        let alone = REFERENCES.map(|(name, _)| name).into_iter().chain(OURS.map(|(name, _)| name));
        for name in alone.chain(["ref:memcpy@2", "ours:fast@2"]) {
            let candidate: Candidate = name.parse().unwrap();
            candidate.run(&Parameters::of(&x), &x, &mut [0.0; 3], 3, 1).unwrap();
        }
    }

    #[test]
    fn a_batch_has_a_softmax_per_row() {
        let isa = crate::catalogue::best_isa().expect("an ISA");
        let plan = crate::catalogue::typical_plan(softmax_spec::Algorithm::TwoPass, isa).expect("a plan");
        let shared = format!("{plan}@2");
        for text in [plan.as_str(), &shared, protocol::OURS_FAST, protocol::RTEN] {
            let candidate: Candidate = text.parse().unwrap();
            let (x, mut y) = ([0.0; 6], [0.0; 6]);
            candidate.run(&Parameters::of(&x), &x, &mut y, 2, 1).unwrap();
            assert_eq!(y, [0.5; 6], "{text}");
            let mut x = x;
            assert!(candidate.run_in_place(&Parameters::of(&y), &mut x, 3, 1).unwrap());
            assert!(x.iter().all(|y| (y - 1.0 / 3.0).abs() < 1e-6), "{text}");
        }
    }
}
