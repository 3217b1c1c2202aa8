//! The correctness gate: a candidate that fails here is never timed.

mod pass;
mod plan;
mod softmax;

use crate::candidate::Candidate;
use crate::rows;
use softmax_kernels::Kernel;
use softmax_spec::PassVariant;

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Largest error of a normal output on the ordinary rows, in ULP; finite.
    pub max_ulp: f64,
    /// What was wrong; `None` if nothing was.
    pub failure: Option<String>,
}

impl Verdict {
    /// The verdict of a check that found nothing to look at yet.
    fn clean() -> Verdict {
        Verdict { max_ulp: 0.0, failure: None }
    }

    /// Keeps the first failure, which is the one on the shortest row.
    fn fail(&mut self, what: impl FnOnce() -> String) {
        self.failure.get_or_insert_with(what);
    }
}

/// Checks a pass or a plan against f64; peers only for the size of their error on ordinary rows, alone and in batches.
/// `None` for references, which have nothing to be checked against.
pub fn verify(candidate: &Candidate, max_ulp: Option<u32>) -> Option<Verdict> {
    match candidate {
        Candidate::Pass { variant, kernel } => Some(pass::verify(variant, *kernel, max_ulp)),
        Candidate::Plan { plan, compiled } => Some(plan::verify(plan, compiled, max_ulp)),
        Candidate::Peer(peer) => {
            let alone = plan::verify_peer(&Alone(&**peer), max_ulp);
            let batch = plan::verify_peer(&InBatch(&**peer), max_ulp);
            let failure = batch.failure.map(|failure| format!("in a batch, {failure}"));
            Some(Verdict { max_ulp: alone.max_ulp.max(batch.max_ulp), failure: alone.failure.or(failure) })
        }
        Candidate::Memcpy | Candidate::MemcpyOn(_) | Candidate::ReadSum | Candidate::ScaleLoop => None,
    }
}

/// Checks a pass on every length from 1 to beyond four tiles, so that each loop of it runs, runs out, and is
/// skipped in every combination; with several streams also around and beyond their windows.
pub fn verify_every_length(variant: &PassVariant, kernel: Kernel) -> Verdict {
    let mut lengths: Vec<usize> = (1..=4 * variant.tile_elements() + 3).collect();
    lengths.extend(rows::window_lengths(variant));
    pass::verify_lengths(variant, kernel, &lengths, None)
}

pub use softmax::{Alone, Batches, InBatch, Softmax};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use softmax_spec::Algorithm;

    fn failure(text: &str, max_ulp: Option<u32>) -> Option<String> {
        let candidate: Candidate = text.parse().expect("a candidate");
        verify(&candidate, max_ulp).expect("a verdict").failure
    }

    #[test]
    fn typical_passes_and_the_papers_plan_are_right() {
        let isa = catalogue::best_isa().expect("an ISA");
        for row in catalogue::typical_passes(isa) {
            assert_eq!(failure(row.id, None), None, "{}", row.id);
        }
        let plan = catalogue::typical_plan(Algorithm::TwoPass, isa).expect("a plan");
        assert_eq!(failure(&plan, None), None, "{plan}");
    }

    #[test]
    fn nothing_is_right_to_the_last_digit() {
        let isa = catalogue::best_isa().expect("an ISA");
        let plan = catalogue::typical_plan(Algorithm::TwoPass, isa).expect("a plan");
        let failure = failure(&plan, Some(0)).expect("a failure");
        assert!(failure.contains("ULP off"), "{failure}");
    }
}
