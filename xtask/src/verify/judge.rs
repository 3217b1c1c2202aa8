//! What was measured against what is certified.

use super::cores::Coverage;
use softmax_spec::certificate::{Certificate, Row, Subject};
use std::collections::BTreeSet;

/// A core with its error, and what is wrong about the certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What was found.
    pub found: Row,
    /// What is certified.
    pub certified: Option<Row>,
    /// `None` if the two agree.
    pub problem: Option<String>,
}

/// Rows of a certificate that it should not have, or lacks, of whatever ISA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// About what.
    pub subject: Subject,
    /// Why.
    pub problem: &'static str,
}

/// Half a unit of the last digit that is certified: another platform's e^x may differ in its last bit.
const SLACK: f64 = 0.0005;

/// Judges a row.
pub fn row(found: &Row, certificate: &Certificate, coverage: Coverage) -> Judged {
    let certified = certificate.row(found.subject);
    let problem = match certified {
        None => Some("it is not certified".to_owned()),
        Some(certified) => disagreement(found, certified, coverage),
    };
    Judged { found: found.clone(), certified: certified.cloned(), problem }
}

/// A row that nothing is held against.
pub fn unjudged(found: &Row) -> Judged {
    Judged { found: found.clone(), certified: None, problem: None }
}

/// Every form of coverage includes the inputs that are certified as the worst, so that the error is neither more nor less.
fn disagreement(found: &Row, certified: &Row, coverage: Coverage) -> Option<String> {
    let (is, was) = (found.worst, certified.worst);
    if found.code != certified.code {
        return Some("its code is not what was certified".to_owned());
    }
    let differ = |is: f64, was: f64| (is - was).abs() > 2.0 * SLACK + f64::EPSILON;
    if differ(is.ulp, was.ulp) {
        return Some(format!("{} ULP at {:e}, certified are {}", is.ulp, is.at, was.ulp));
    }
    if differ(is.units, was.units) {
        return Some(format!(
            "{} units of 2^-24 at {:e}, certified are {}",
            is.units, is.units_at, was.units
        ));
    }
    if is.distance != was.distance {
        return Some(format!(
            "{} floats at {:e}, certified are {}",
            is.distance, is.distance_at, was.distance
        ));
    }
    let is_complete = matches!(coverage, Coverage::Everything);
    (is_complete && is.inputs != was.inputs)
        .then(|| format!("{} inputs, certified are {}", is.inputs, was.inputs))
}

/// Subjects that are certified and not in the grid, or the other way round.
pub fn strangers(certificate: &Certificate, grid: &BTreeSet<Subject>) -> Vec<Stranger> {
    let (missing, surplus) = certificate.missing_and_surplus(grid);
    let missing = missing.into_iter().map(|subject| Stranger { subject, problem: "it is not certified" });
    let surplus = surplus
        .into_iter()
        .map(|subject| Stranger { subject, problem: "it is certified and not in the grid" });
    missing.chain(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::certificate::{Form, Worst};

    fn certified() -> Row {
        let subject =
            Subject { exp: "a6".parse().unwrap(), form: Form::Relative, isa: "avx2".parse().unwrap() };
        let worst = Worst {
            inputs: 100,
            ulp: 0.95,
            at: 1.0,
            distance: 1,
            distance_at: 2.0,
            units: 1.5,
            units_at: 3.0,
        };
        Row { subject, worst, code: 7 }
    }

    fn problem(found: Row, is_sample: bool) -> Option<String> {
        let certificate = Certificate { rows: vec![certified()], uncertified: vec![] };
        let coverage = if is_sample { Coverage::Sample(&certificate) } else { Coverage::Everything };
        row(&found, &certificate, coverage).problem
    }

    #[test]
    fn what_agrees_is_no_problem() {
        assert_eq!(problem(certified(), false), None);
        let fewer = Row { worst: Worst { inputs: 5, ..certified().worst }, ..certified() };
        assert_eq!(problem(fewer.clone(), true), None);
        assert!(problem(fewer, false).unwrap().contains("5 inputs, certified are 100"));
    }

    #[test]
    fn errors_above_and_below_what_is_certified_refute_it() {
        for ulp in [0.96, 0.94, f64::MAX] {
            let found = Row { worst: Worst { ulp, ..certified().worst }, ..certified() };
            assert!(problem(found, true).unwrap().contains("certified are 0.95"));
        }
        let found = Row { worst: Worst { distance: 2, ..certified().worst }, ..certified() };
        assert!(problem(found, true).unwrap().contains("2 floats at 2e0"));
        let found = Row { worst: Worst { units: 1.51, ..certified().worst }, ..certified() };
        assert!(problem(found, true).unwrap().contains("1.51 units of 2^-24 at 3e0"));
        assert!(problem(Row { code: 8, ..certified() }, true).unwrap().contains("code"));
    }

    #[test]
    fn a_core_without_a_row_is_a_problem_and_a_row_without_a_core() {
        let other = Row { subject: Subject { form: Form::Shifted, ..certified().subject }, ..certified() };
        assert!(problem(other.clone(), true).unwrap().contains("not certified"));
        let certificate = Certificate { rows: vec![certified()], uncertified: vec![] };
        let found = strangers(&certificate, &BTreeSet::from([other.subject]));
        assert_eq!(
            found.iter().map(|one| one.subject.form).collect::<Vec<_>>(),
            [Form::Shifted, Form::Relative]
        );
    }
}
