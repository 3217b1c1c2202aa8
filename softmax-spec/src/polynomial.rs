//! The polynomials of the exp cores: sixteen rows, made by [`crate::minimax`], with their errors.

use std::f64::consts::LN_2;
use std::ops::RangeInclusive;

/// What is approximated, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// e^t for |t| <= ln 2 / 2, after rounding to the nearest multiple of ln 2.
    ExpCentred,
    /// e^t for |t| <= ln 2 / 16, after rounding to the nearest multiple of ln 2 / 8.
    ExpEighth,
    /// 2^r for |r| <= 1/2, after rounding to the nearest integer.
    Exp2Centred,
    /// 2^r for r in [0, 1), after rounding down.
    Exp2Unit,
}

/// Rounding x * log2 e before it is rounded to an integer can put the remainder outside the half-open interval,
/// by at most 2^-10 of it for |x| up to 2^13.
const MARGIN: f64 = 1.0 + 1.0 / 1024.0;

/// The same for a multiple of 1/8.
const EIGHTH_MARGIN: f64 = 1.0 + 8.0 / 1024.0;

impl Family {
    /// Every family.
    pub const ALL: [Family; 4] =
        [Family::ExpCentred, Family::ExpEighth, Family::Exp2Centred, Family::Exp2Unit];

    /// The interval on which the error is minimised.
    pub fn interval(self) -> (f64, f64) {
        match self {
            Family::ExpCentred => (-LN_2 / 2.0 * MARGIN, LN_2 / 2.0 * MARGIN),
            Family::ExpEighth => (-LN_2 / 16.0 * EIGHTH_MARGIN, LN_2 / 16.0 * EIGHTH_MARGIN),
            Family::Exp2Centred => (-0.5 * MARGIN, 0.5 * MARGIN),
            Family::Exp2Unit => (0.0, 1.0),
        }
    }

    /// The degrees in the table. At 7 rounding the coefficients to f32 costs up to 3.5 times the error; on an eighth of the
    /// interval it does so at 3.
    pub const fn degrees(self) -> RangeInclusive<u8> {
        match self {
            Family::ExpEighth => 3..=3,
            Family::ExpCentred | Family::Exp2Centred | Family::Exp2Unit => 3..=7,
        }
    }

    /// The function in f64.
    pub fn eval(self, t: f64) -> f64 {
        match self {
            Family::ExpCentred | Family::ExpEighth => t.exp(),
            Family::Exp2Centred | Family::Exp2Unit => t.exp2(),
        }
    }
}

/// A fitted polynomial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    /// What it approximates.
    pub family: Family,
    /// c_0 = 1 first.
    pub coefficients: &'static [f32],
    /// Largest |p/f - 1| on the interval in exact arithmetic with these coefficients, rounded up. One ULP of a
    /// result in [1, 2) is 1.19e-7.
    pub max_relative_error: f64,
}

impl Polynomial {
    /// Its degree.
    pub const fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }
}

/// The polynomial of a degree; `None` outside [`Family::degrees`].
pub fn polynomial(family: Family, degree: u8) -> Option<&'static Polynomial> {
    TABLE.iter().find(|row| row.family == family && row.degree() == usize::from(degree))
}

const fn row(family: Family, max_relative_error: f64, coefficients: &'static [f32]) -> Polynomial {
    Polynomial { family, coefficients, max_relative_error }
}

/// Printed by `cargo run --release -p softmax-spec --example fit`.
#[allow(clippy::approx_constant, reason = "c_1 of 2^r is fitted; that it comes close to ln 2 is no accident")]
#[rustfmt::skip]
static TABLE: [Polynomial; 16] = [
    row(Family::ExpCentred, 1.02e-4, &[1.0, 1.0001966, 0.5041384, 0.16517714]),
    row(Family::ExpCentred, 2.85e-6, &[1.0, 0.99996674, 0.5000303, 0.16787675, 0.041513283]),
    row(Family::ExpCentred, 9.27e-8, &[1.0, 0.9999997, 0.49999148, 0.16667648, 0.041898243, 0.008289818]),
    row(Family::ExpCentred, 3.15e-9, &[1.0, 1.0, 0.49999994, 0.16666521, 0.041668274, 0.008368682, 0.0013820042]),
    row(Family::ExpCentred, 9.96e-11, &[1.0, 1.0, 0.5, 0.16666666, 0.041666463, 0.008333571, 0.0013935096, 0.00019739564]),
    row(Family::ExpEighth, 2.67e-8, &[1.0, 1.0, 0.5000655, 0.16666925]),
    row(Family::Exp2Centred, 1.02e-4, &[1.0, 0.69328344, 0.24221481, 0.05500804]),
    row(Family::Exp2Centred, 2.85e-6, &[1.0, 0.6931241, 0.24024105, 0.055907153, 0.009582746]),
    row(Family::Exp2Centred, 9.43e-8, &[1.0, 0.693147, 0.24022245, 0.05550711, 0.009671395, 0.0013269774]),
    row(Family::Exp2Centred, 3.02e-9, &[1.0, 0.6931472, 0.24022648, 0.055503596, 0.009618502, 0.0013390991, 0.00015328135]),
    row(Family::Exp2Centred, 1.64e-10, &[1.0, 0.6931472, 0.2402265, 0.05550405, 0.009618087, 0.0013337963, 0.00015452127, 1.4324488e-5]),
    row(Family::Exp2Unit, 8.60e-5, &[1.0, 0.69511676, 0.22764507, 0.077066995]),
    row(Family::Exp2Unit, 2.91e-6, &[1.0, 0.69304484, 0.24128023, 0.05224244, 0.0134267]),
    row(Family::Exp2Unit, 8.29e-8, &[1.0, 0.6931513, 0.2401646, 0.055799514, 0.009017481, 0.0018669526]),
    row(Family::Exp2Unit, 2.12e-9, &[1.0, 0.69314706, 0.24022909, 0.055486184, 0.009673775, 0.0012482288, 0.00021565985]),
    row(Family::Exp2Unit, 5.75e-11, &[1.0, 0.6931472, 0.24022643, 0.05550488, 0.009614627, 0.0013414812, 0.0001440216, 2.137432e-5]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minimax;

    #[test]
    fn a_refit_gives_the_same_coefficients() {
        for row in &TABLE {
            assert_eq!(minimax::fit(row.family, row.degree()), row.coefficients, "{:?}", row.family);
        }
    }

    #[test]
    fn the_stated_errors_are_true_and_tight() {
        for row in &TABLE {
            let error = minimax::max_relative_error(row.family, row.coefficients);
            assert!(error <= row.max_relative_error, "{row:?}: {error:e}");
            assert!(error >= 0.9 * row.max_relative_error, "{row:?}: {error:e}");
        }
    }

    #[test]
    fn there_is_one_row_per_family_and_degree() {
        for family in Family::ALL {
            for degree in family.degrees() {
                assert_eq!(polynomial(family, degree).unwrap().coefficients[0], 1.0);
            }
            assert!(polynomial(family, family.degrees().start() - 1).is_none());
            assert!(polynomial(family, family.degrees().end() + 1).is_none());
        }
    }

    #[test]
    fn a_higher_degree_is_never_worse() {
        for family in Family::ALL {
            for degree in family.degrees().skip(1) {
                let error = |degree| polynomial(family, degree).unwrap().max_relative_error;
                assert!(error(degree) < error(degree - 1), "{family:?}, degree {degree}");
            }
        }
    }
}
