//! Prints the rows of `polynomial.rs`' table.

use softmax_spec::minimax;
use softmax_spec::polynomial::{Family, MAX_DEGREE, MIN_DEGREE};

fn main() {
    for family in Family::ALL {
        for degree in MIN_DEGREE..=MAX_DEGREE {
            let coefficients = minimax::fit(family, degree.into());
            let error = minimax::max_relative_error(family, &coefficients) * 1.005;
            println!("    row(Family::{family:?}, {error:.2e}, &{coefficients:?}),");
        }
    }
}
