//! Which floats go through the cores, and in which requests: one for a stretch of floats, for all cores that are given them in whatever
//! form, so that they share the reference.

use crate::measuring::Child;
use crate::progress::Steps;
use anyhow::{Context, Result};
use softmax_bench::protocol::{CoreRequest, ShownCore};
use softmax_codegen::certificate;
use softmax_spec::certificate::{Certificate, Form, Row, Subject, Worst};
use softmax_spec::floats::{from_rank, rank};
use softmax_spec::{Exp, Isa, PassVariant};
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

/// Ranks from the first to the last one, every so many. It lies in the domain of a form or outside it.
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
    let core = |subject: &Subject| {
        let variant = subject.kernel(grid).context("every core of the grid has a kernel")?.id();
        Ok(ShownCore { variant, form: subject.form.id().to_owned() })
    };
    let cores: Vec<ShownCore> = subjects.iter().map(core).collect::<Result<_>>()?;
    let mut worst = vec![Worst::NONE; cores.len()];
    let works = works(subjects, coverage);
    let steps = Steps::new(works.iter().filter(|(stretch, _)| stretch.is_long()).count());
    for (stretch, members) in works {
        if stretch.is_long() {
            steps.begin(&format!("{} cores, from {:e}", members.len(), from_rank(stretch.first)));
        }
        let found =
            child.core_errors(stretch.request(members.iter().map(|&i| cores[i].clone()).collect()))?;
        for (i, found) in members.into_iter().zip(found) {
            worst[i] = worst[i].merge(found);
        }
        if stretch.is_long() {
            steps.end();
        }
    }
    let row = |(&subject, worst): (&Subject, Worst)| Row {
        subject,
        worst: worst.certified(),
        code: certificate::code(subject),
    };
    Ok(subjects.iter().zip(worst).map(row).collect())
}

/// Stretches with the subjects, by number, in whose domains they are; none without any. The forms of a core follow one another, because
/// those that run it alike share that.
fn works(subjects: &BTreeSet<Subject>, coverage: Coverage) -> Vec<(Stretch, Vec<usize>)> {
    let cores: Vec<(Exp, Isa)> = subjects.iter().map(|subject| (subject.exp, subject.isa)).collect();
    let members = |stretch: Stretch| {
        let is_member = move |(i, subject): (usize, &Subject)| stretch.is_in(subject.form).then_some(i);
        let mut members: Vec<usize> = subjects.iter().enumerate().filter_map(is_member).collect();
        members.sort_by_key(|&i| cores[i]);
        (stretch, members)
    };
    let works = stretches(coverage).into_iter().map(members);
    works.filter(|(_, members)| !members.is_empty()).collect()
}

impl Stretch {
    /// Whether it takes long enough to be told. What is around one float does not.
    fn is_long(self) -> bool {
        self.last - self.first > 2 * NEIGHBOURS
    }

    fn is_in(self, form: Form) -> bool {
        let (low, high) = domain(form);
        low <= self.first && self.last <= high
    }

    fn request(self, cores: Vec<ShownCore>) -> CoreRequest {
        CoreRequest {
            cores,
            low: from_rank(self.first),
            high: from_rank(self.last),
            every: NonZeroUsize::new(self.every).unwrap_or(NonZeroUsize::MIN),
            threads: super::threads(),
        }
    }

    /// In pieces of some length that no domain ends in.
    fn cut(self, length: i64) -> Vec<Stretch> {
        let ends = Form::ALL.into_iter().flat_map(|form| {
            let (low, high) = domain(form);
            [low, high + 1]
        });
        let firsts = (self.first..=self.last).step_by(length as usize).chain(ends);
        let firsts: BTreeSet<i64> = firsts.filter(|first| (self.first..=self.last).contains(first)).collect();
        let nexts = firsts.iter().copied().skip(1).chain([self.last + 1]);
        firsts.iter().zip(nexts).map(|(&first, next)| Stretch { first, last: next - 1, ..self }).collect()
    }
}

/// The first and the last rank that a form is certified for.
fn domain(form: Form) -> (i64, i64) {
    let (low, high) = form.domain();
    (rank(low), rank(high))
}

/// What is looked at, in stretches that are in the domain of a form as a whole or not at all.
fn stretches(coverage: Coverage) -> Vec<Stretch> {
    let domains = || Form::ALL.into_iter().map(domain);
    let first = domains().map(|(low, _)| low).min().unwrap_or_default();
    let last = domains().map(|(_, high)| high).max().unwrap_or_default();
    let certificate = match coverage {
        Coverage::Everything => return Stretch { first, last, every: 1 }.cut(STRETCH),
        Coverage::Sample(certificate) => certificate,
    };
    let worst = certificate.rows.iter().map(|row| row.worst);
    let worst: BTreeSet<i64> =
        worst.flat_map(|worst| [worst.at, worst.distance_at, worst.units_at]).map(rank).collect();
    let around = worst.into_iter().flat_map(|at| {
        let (first, last) = (first.max(at - NEIGHBOURS), last.min(at + NEIGHBOURS));
        Stretch { first, last, every: 1 }.cut(2 * NEIGHBOURS + 1)
    });
    let spread = Stretch { first, last, every: STRIDE }.cut(last - first + 1);
    spread.into_iter().chain(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stretches that all cores of a form are given.
    fn of_form(form: Form, coverage: Coverage) -> Vec<Stretch> {
        stretches(coverage).into_iter().filter(|stretch| stretch.is_in(form)).collect()
    }

    #[test]
    fn everything_is_every_float_of_each_domain_once() {
        for form in Form::ALL {
            let stretches = of_form(form, Coverage::Everything);
            assert_eq!((stretches[0].first, stretches.last().unwrap().last), domain(form));
            assert!(stretches.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
            assert!(
                stretches.iter().all(|stretch| stretch.every == 1 && stretch.last - stretch.first < STRETCH)
            );
        }
    }

    #[test]
    fn a_sample_has_the_floats_that_are_known_to_be_worst_within_the_domain() {
        let (lowest, _) = Form::Relative.domain();
        let worst = Worst { at: lowest, distance_at: -1.0, units_at: -1.0, ..Worst::NONE };
        let subject =
            Subject { exp: "a6".parse().unwrap(), form: Form::Relative, isa: "avx2".parse().unwrap() };
        let certificate = Certificate { rows: vec![Row { subject, worst, code: 0 }], uncertified: vec![] };
        let around = |form| {
            let stretches = of_form(form, Coverage::Sample(&certificate)).into_iter();
            stretches.filter(|stretch| stretch.every == 1).map(|Stretch { first, last, .. }| (first, last))
        };
        let near = (rank(-1.0) - NEIGHBOURS, rank(-1.0) + NEIGHBOURS);
        let lowest = rank(lowest);
        assert_eq!(around(Form::Relative).collect::<Vec<_>>(), [(lowest, lowest + NEIGHBOURS), near]);
        let others = [(lowest - NEIGHBOURS, lowest - 1), (lowest, lowest + NEIGHBOURS), near];
        assert_eq!(around(Form::Shifted).collect::<Vec<_>>(), others);
        let of_relative: Vec<Stretch> = of_form(Form::Relative, Coverage::Sample(&certificate));
        let (low, high) = domain(Form::Relative);
        assert_eq!(of_relative[0], Stretch { first: low, last: high, every: STRIDE });
    }

    #[test]
    fn subjects_are_given_what_is_in_their_domain() {
        let subject = |form| Subject { exp: "d5".parse().unwrap(), form, isa: "avx2".parse().unwrap() };
        let two = BTreeSet::from([subject(Form::Relative), subject(Form::Shifted)]);
        for (stretch, members) in works(&two, Coverage::Everything) {
            let is_relative = stretch.is_in(Form::Relative);
            assert_eq!(members, if is_relative { vec![0, 1] } else { vec![1] }, "{stretch:?}");
        }
        let isas = ["sse2", "avx2"].map(|isa| isa.parse().unwrap());
        let forms = [Form::Relative, Form::Shifted];
        let four = isas.into_iter().flat_map(|isa| forms.map(|form| Subject { isa, ..subject(form) }));
        // In the order of subjects they would be relative twice, then shifted twice.
        let works_of_four = works(&four.collect(), Coverage::Everything);
        assert!(works_of_four.iter().any(|(_, members)| *members == [0, 2, 1, 3]));
        let one = works(&BTreeSet::from([subject(Form::Relative)]), Coverage::Everything);
        let floats: i64 = one.iter().map(|(stretch, _)| stretch.last - stretch.first + 1).sum();
        let (low, high) = domain(Form::Relative);
        assert_eq!(floats, high - low + 1);
    }
}
