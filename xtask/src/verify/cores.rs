//! Which floats go through the cores, and in which requests: one for a stretch of a form's domain, for all cores at once, so that they
//! share the reference.

use crate::measuring::Child;
use crate::progress::Steps;
use anyhow::{Context, Result};
use softmax_bench::protocol::CoreRequest;
use softmax_codegen::certificate;
use softmax_spec::PassVariant;
use softmax_spec::certificate::{Certificate, Form, Row, Subject, Worst};
use softmax_spec::floats::{from_rank, rank};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// Which floats of a domain.
#[derive(Debug, Clone, Copy)]
pub enum Coverage<'a> {
    /// Every one.
    Everything,
    /// Every so many, and all around those that a certificate calls the worst.
    Sample(&'a Certificate),
}

/// Floats of a request: some seconds.
const STRETCH: i64 = 1 << 27;
/// From one float of a sample to the next. A prime, lest all of them end alike.
const STRIDE: usize = 61;
/// Floats on either side of a worst one.
const NEIGHBOURS: i64 = 512;

/// Ranks from the first to the last one, every so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    first: i64,
    last: i64,
    every: usize,
}

/// Measures all subjects, which this CPU has. One row each, in their order.
pub fn measure(
    child: &mut Child,
    subjects: &BTreeSet<Subject>,
    grid: &[PassVariant],
    coverage: Coverage,
) -> Result<Vec<Row>> {
    let works: Vec<(Form, Vec<Stretch>)> =
        Form::ALL.into_iter().map(|form| (form, stretches(form, coverage))).collect();
    let long = works.iter().flat_map(|(_, stretches)| stretches).filter(|stretch| stretch.is_long());
    let steps = Steps::new(long.count());
    let mut rows = Vec::new();
    for (form, stretches) in works {
        let of_form: Vec<Subject> = subjects.iter().copied().filter(|subject| subject.form == form).collect();
        let variants = of_form.iter().map(|subject| subject.kernel(grid).map(|variant| variant.id()));
        let variants: Vec<String> =
            variants.collect::<Option<_>>().context("every core of the grid has a kernel")?;
        let mut worst = vec![Worst::NONE; variants.len()];
        for stretch in stretches {
            if stretch.is_long() {
                steps.begin(&format!(
                    "{} cores, {form}, from {:e}",
                    variants.len(),
                    from_rank(stretch.first)
                ));
            }
            let found = child.core_errors(stretch.request(form, &variants))?;
            worst.iter_mut().zip(found).for_each(|(worst, found)| *worst = worst.merge(found));
            if stretch.is_long() {
                steps.end();
            }
        }
        let row = |(subject, worst): (Subject, Worst)| Row {
            subject,
            worst: worst.certified(),
            code: certificate::code(subject),
        };
        rows.extend(of_form.into_iter().zip(worst).map(row));
    }
    rows.sort_by_key(|row| row.subject);
    Ok(rows)
}

impl Stretch {
    /// Whether it takes long enough to be told. What is around one float does not.
    fn is_long(self) -> bool {
        self.last - self.first > 2 * NEIGHBOURS
    }

    fn request(self, form: Form, variants: &[String]) -> CoreRequest {
        CoreRequest {
            variants: variants.to_vec(),
            form: form.id().to_owned(),
            low: from_rank(self.first),
            high: from_rank(self.last),
            every: NonZeroUsize::new(self.every).unwrap_or(NonZeroUsize::MIN),
            threads: super::threads(),
        }
    }
}

/// What of a form's domain is looked at.
fn stretches(form: Form, coverage: Coverage) -> Vec<Stretch> {
    let (low, high) = form.domain();
    let (low, high) = (rank(low), rank(high));
    let certificate = match coverage {
        Coverage::Everything => {
            let firsts = (low..=high).step_by(STRETCH as usize);
            return firsts
                .map(|first| Stretch { first, last: high.min(first + STRETCH - 1), every: 1 })
                .collect();
        }
        Coverage::Sample(certificate) => certificate,
    };
    let of_form = certificate.rows.iter().filter(|row| row.subject.form == form);
    let worst: BTreeSet<i64> =
        of_form.flat_map(|row| [row.worst.at, row.worst.distance_at, row.worst.units_at]).map(rank).collect();
    let around = worst.into_iter().map(|at| Stretch {
        first: low.max(at - NEIGHBOURS),
        last: high.min(at + NEIGHBOURS),
        every: 1,
    });
    std::iter::once(Stretch { first: low, last: high, every: STRIDE }).chain(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_every_float_of_the_domain_once() {
        for form in Form::ALL {
            let stretches = stretches(form, Coverage::Everything);
            let (low, high) = form.domain();
            assert_eq!((stretches[0].first, stretches.last().unwrap().last), (rank(low), rank(high)));
            assert!(stretches.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
            assert!(stretches.iter().all(|stretch| stretch.every == 1));
        }
    }

    #[test]
    fn a_sample_has_the_floats_that_are_known_to_be_worst_within_the_domain() {
        let (lowest, _) = Form::Relative.domain();
        let worst = Worst { at: lowest, distance_at: -1.0, units_at: -1.0, ..Worst::NONE };
        let subject =
            Subject { exp: "a6".parse().unwrap(), form: Form::Relative, isa: "avx2".parse().unwrap() };
        let certificate = Certificate { rows: vec![Row { subject, worst, code: 0 }], uncertified: vec![] };
        let relative = stretches(Form::Relative, Coverage::Sample(&certificate));
        assert_eq!(relative.len(), 3);
        assert_eq!((relative[1].first, relative[1].last), (rank(lowest), rank(lowest) + NEIGHBOURS));
        assert_eq!((relative[2].first, relative[2].last), (rank(-1.0) - NEIGHBOURS, rank(-1.0) + NEIGHBOURS));
        assert_eq!(stretches(Form::Shifted, Coverage::Sample(&certificate)).len(), 1);
    }
}
