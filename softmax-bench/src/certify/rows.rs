//! The error of whole rows against their length: every candidate on the same rows, out of place and in place, with one exact
//! softmax for all of them.

use super::exact::per_ulp;
use crate::candidate::Candidate;
use crate::oracle::{self, SMALLEST_NORMAL};
use crate::protocol::{Distribution, RowErrors, RowsRequest};
use crate::random::Random;
use crate::verify::{Alone, Softmax};
use anyhow::{Context, Result, bail, ensure};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The largest error of each candidate over the rows that are asked for, which depend on nothing else. Plans for short rows sit the
/// others out.
///
/// # Errors
/// If a candidate is no softmax, fails, or does not run here; or if there is no such row.
pub fn row_errors(request: &RowsRequest) -> Result<Vec<RowErrors>> {
    let &RowsRequest { shortest, longest, count, threads, .. } = request;
    ensure!(1 <= shortest && shortest <= longest, "there are no rows of {shortest} to {longest} elements");
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<RowErrors>> {
        let softmaxes = Softmaxes::open(&request.candidates)?;
        let mut found = vec![RowErrors::default(); softmaxes.0.len()];
        loop {
            let row = next.fetch_add(1, Ordering::Relaxed);
            if row >= count {
                return Ok(found);
            }
            let x = elements(request, row as u64);
            let found = found.iter_mut().zip(softmaxes.errors(&x)?);
            found.for_each(|(found, errors)| *found = found.merge(errors));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get().min(count)).map(|_| scope.spawn(work)).collect();
        let found = workers.into_iter().map(|worker| worker.join().ok().context("a thread panicked")?);
        let found: Vec<Vec<RowErrors>> = found.collect::<Result<_>>()?;
        let none = vec![RowErrors::default(); request.candidates.len()];
        Ok(found
            .into_iter()
            .fold(none, |all, one| all.into_iter().zip(one).map(|(a, b)| a.merge(b)).collect()))
    })
}

/// Row number `row`. Its length is spread evenly over the logarithm.
fn elements(request: &RowsRequest, row: u64) -> Vec<f32> {
    let &RowsRequest { distribution, shortest, longest, .. } = request;
    // Rows of several requests differ as well.
    let mut random = Random::new(row ^ (shortest as u64) << 32);
    let (low, high) = ((shortest as f64).ln(), ((longest + 1) as f64).ln());
    let len = (f64::from(random.uniform(low, high)).exp() as usize).clamp(shortest, longest);
    match distribution {
        Distribution::Uniform => (0..len).map(|_| random.uniform(-10.0, 10.0)).collect(),
        Distribution::Normal => (0..len).map(|_| random.normal(5.0)).collect(),
    }
}

/// Candidates that make whole rows.
struct Softmaxes(Vec<Candidate>);

impl Softmaxes {
    fn open(texts: &[String]) -> Result<Softmaxes> {
        let candidates = texts.iter().map(|text| match text.parse()? {
            candidate @ (Candidate::Plan { .. } | Candidate::Peer(_)) => Ok(candidate),
            _ => bail!("`{text}` computes no softmax"),
        });
        Ok(Softmaxes(candidates.collect::<Result<_>>()?))
    }

    fn errors(&self, x: &[f32]) -> Result<Vec<RowErrors>> {
        let exact = oracle::softmax(x);
        let mut y = vec![f32::NAN; x.len()];
        let errors = self.0.iter().map(|candidate| {
            let alone;
            let softmax: &dyn Softmax = match candidate {
                // Others would compute it.
                Candidate::Plan { plan, .. }
                    if plan.longest_row().is_some_and(|longest| longest < x.len()) =>
                {
                    return Ok(RowErrors::default());
                }
                Candidate::Plan { compiled, .. } => &**compiled,
                Candidate::Peer(peer) => {
                    alone = Alone(&**peer);
                    &alone
                }
                _ => bail!("no softmax"),
            };
            softmax.run(x, &mut y)?;
            let apart = errors(&y, &exact);
            y.copy_from_slice(x);
            softmax.run_in_place(&mut y)?;
            Ok(apart.worse(errors(&y, &exact)))
        });
        errors.collect()
    }
}

/// The errors of one row.
fn errors(y: &[f32], exact: &[f64]) -> RowErrors {
    let mut row = RowErrors { rows: 1, len: y.len(), ..RowErrors::default() };
    for (&got, &exact) in y.iter().zip(exact) {
        if exact < SMALLEST_NORMAL {
            continue;
        }
        row.outputs += 1;
        let ulp = (f64::from(got) - exact).abs() * per_ulp(exact);
        row.ulp = row.ulp.max(if ulp.is_finite() { ulp } else { f64::MAX });
        row.distance = row.distance.max(oracle::ulp_distance(got, exact as f32));
    }
    row
}

impl RowErrors {
    /// Of the rows of both.
    fn merge(self, other: RowErrors) -> RowErrors {
        if self.rows == 0 || other.rows == 0 {
            return if other.rows == 0 { self } else { other };
        }
        let rows = match self.distance.cmp(&other.distance) {
            std::cmp::Ordering::Less => other.rows,
            std::cmp::Ordering::Equal => self.rows + other.rows,
            std::cmp::Ordering::Greater => self.rows,
        };
        RowErrors { rows, outputs: self.outputs + other.outputs, ..self.worse(other) }
    }

    /// Of one row computed twice. The shorter row counts where errors are equal, so that the order does not matter.
    fn worse(self, other: RowErrors) -> RowErrors {
        let is_worse = other.ulp > self.ulp || other.ulp == self.ulp && other.len < self.len;
        RowErrors {
            outputs: self.outputs.max(other.outputs),
            ulp: self.ulp.max(other.ulp),
            len: if is_worse { other.len } else { self.len },
            distance: self.distance.max(other.distance),
            rows: self.rows.max(other.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue, protocol};
    use softmax_spec::{Accuracy, Algorithm, Isa};
    use std::num::NonZeroUsize;

    fn request(candidates: &[&str], count: usize) -> RowsRequest {
        RowsRequest {
            candidates: candidates.iter().map(|&text| text.to_owned()).collect(),
            distribution: Distribution::Normal,
            shortest: 100,
            longest: 300,
            count,
            threads: NonZeroUsize::MIN,
        }
    }

    #[test]
    fn an_error_is_counted_in_units_and_in_floats() {
        let exact = [0.25, 0.5, 0.25, 1e-45];
        let row = |y: &[f32]| errors(y, &exact);
        assert_eq!(
            row(&[0.25, 0.5, 0.25, 1.0]),
            RowErrors { outputs: 3, ulp: 0.0, distance: 0, len: 4, rows: 1 }
        );
        let off = row(&[0.25f32.next_up(), 0.5, 0.25f32.next_down(), 0.0]);
        assert_eq!((off.ulp, off.distance), (1.0, 1));
        let nan = row(&[f32::NAN, 0.5, 0.25, 0.0]);
        assert_eq!((nan.ulp, nan.distance), (f64::MAX, u32::MAX));
    }

    #[test]
    fn merging_counts_the_rows_that_have_the_largest_error() {
        let row = |distance, ulp, len| RowErrors { outputs: 1, ulp, distance, len, rows: 1 };
        let rows = [row(2, 2.1, 5), row(3, 2.6, 9), row(3, 2.7, 7), row(1, 1.0, 1)];
        let expected = RowErrors { outputs: 4, ulp: 2.7, distance: 3, len: 7, rows: 2 };
        assert_eq!(rows.into_iter().fold(RowErrors::default(), RowErrors::merge), expected);
        assert_eq!(rows.into_iter().rev().fold(RowErrors::default(), RowErrors::merge), expected);
    }

    #[test]
    fn accuracies_hold_and_errors_do_not_depend_on_the_threads() {
        let plan = catalogue::typical_plan(Algorithm::TwoPass, Isa::Scalar).expect("a plan");
        let one = request(&[protocol::OURS_FAST, protocol::OURS_ACCURATE, &plan], 50);
        let found = row_errors(&one).unwrap();
        for (errors, accuracy) in found.iter().zip(Accuracy::ALL) {
            assert!(errors.distance > 0 && errors.distance <= accuracy.max_ulp(), "{errors:?}");
            assert!(errors.ulp > 0.5 && (100..=300).contains(&errors.len) && errors.outputs >= 5000);
        }
        assert_eq!(
            row_errors(&RowsRequest { threads: NonZeroUsize::new(3).unwrap(), ..one }).unwrap(),
            found
        );
    }

    #[test]
    fn plans_for_short_rows_are_not_asked_for_others() {
        let plan = catalogue::typical_plan(Algorithm::Resident, Isa::Scalar).expect("a plan");
        let short = RowsRequest { shortest: 1, longest: 20, ..request(&[&plan, protocol::OURS_FAST], 50) };
        let found = row_errors(&short).unwrap();
        assert!(found[0].outputs > 0 && found[0].outputs < found[1].outputs, "{found:?}");
        assert_eq!(row_errors(&request(&[&plan], 2)).unwrap(), [RowErrors::default()]);
    }

    #[test]
    fn what_computes_no_softmax_is_refused() {
        for text in [protocol::MEMCPY, "f32_max__scalar_u1"] {
            let error = row_errors(&request(&[text], 1)).unwrap_err().to_string();
            assert!(error.contains("computes no softmax"), "{error}");
        }
        assert!(row_errors(&RowsRequest { longest: 99, ..request(&[protocol::OURS_FAST], 1) }).is_err());
    }
}
