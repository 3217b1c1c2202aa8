//! Prints the rows of `polynomial.rs`' table and the one of `exp_table.rs`.

use softmax_spec::polynomial::Family;
use softmax_spec::{exp_table, minimax};

fn main() {
    for family in Family::ALL {
        for degree in family.degrees() {
            let coefficients = minimax::fit(family, degree.into());
            let error = minimax::max_relative_error(family, &coefficients) * 1.005;
            println!("    row(Family::{family:?}, {error:.2e}, &{coefficients:?}),");
        }
    }
    let exp_table::Quadratic { constant, table, max_relative_error } = exp_table::fit();
    println!(
        "Quadratic {{ constant: {constant:?}, table: {table:?}, max_relative_error: {max_relative_error:.2e} }}"
    );
}
