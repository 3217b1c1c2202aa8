//! The correctness gate: what fails it is reported and never timed.

use crate::measuring::Child;
use anyhow::Result;
use softmax_bench::protocol::Candidate;
use std::collections::HashMap;

/// Who knows whether a candidate is right: the measuring process, or a model in tests.
pub trait Oracle {
    /// What is wrong with the candidate; `None` if nothing is.
    fn failure(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Option<String>>;
}

impl Oracle for Child {
    fn failure(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Option<String>> {
        Ok(self.verdict(candidate, max_ulp)?.err())
    }
}

/// A candidate that was found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it is.
    pub candidate: Candidate,
    /// The error that it was allowed, for plans.
    pub max_ulp: Option<u32>,
    /// What is wrong.
    pub what: String,
}

/// Verdicts so far, so that nothing is verified twice.
#[derive(Debug, Default)]
pub struct Gate {
    verdicts: HashMap<(Candidate, Option<u32>), bool>,
    failures: Vec<Failure>,
}

impl Gate {
    /// Whether the candidate is right.
    pub fn admits(
        &mut self,
        oracle: &mut impl Oracle,
        candidate: &Candidate,
        max_ulp: Option<u32>,
    ) -> Result<bool> {
        let key = (candidate.clone(), max_ulp);
        if let Some(&admitted) = self.verdicts.get(&key) {
            return Ok(admitted);
        }
        let failure = oracle.failure(candidate, max_ulp)?;
        self.verdicts.insert(key, failure.is_none());
        let admitted = failure.is_none();
        self.failures.extend(failure.map(|what| Failure { candidate: candidate.clone(), max_ulp, what }));
        Ok(admitted)
    }

    /// Everything that failed, in the order in which it was found.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
