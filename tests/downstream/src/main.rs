//! Prints which plan softmax-kernels uses for each row length, why, and how wrong it is; exits with 1 if it is too
//! wrong, or if the build was given a profile that is not the one in use. CI shows a freshly tuned profile at work
//! with it:
//!
//! ```text
//! SOFTMAX_PROFILE=/absolute/path.toml cargo run --release
//! ```
//!
//! With a number, rows that are longer are not run: an emulator takes a minute for them.

use downstream::{max_ulp, uniform};
use softmax_kernels::{Accuracy, Softmax};
use std::process::ExitCode;

/// The profile that the build was given, where it was.
const GIVEN: Option<&str> = option_env!("SOFTMAX_PROFILE");

fn main() -> ExitCode {
    let longest = std::env::args().nth(1).map_or(usize::MAX, |longest| longest.parse().expect("a number"));
    let mut wrong = 0;
    for (accuracy, bound) in [(Accuracy::Fast, 20.0), (Accuracy::Accurate, 4.0)] {
        println!("{accuracy:?}: at most {bound} ULP");
        let softmax = Softmax::new().accuracy(accuracy);
        for len in (6..=20).map(|exponent| 1 << exponent) {
            let errors = (len <= longest).then(|| errors(&softmax, len));
            let [error, error_in_place] = errors
                .map_or(["not run".to_owned(), "not run".to_owned()], |errors| {
                    errors.map(|error| format!("{error:5.2} ULP"))
                });
            println!("{len:8}  {error:9}  {}", softmax.selected(len));
            println!("in place  {error_in_place:9}  {}", softmax.selected_in_place(len));
            println!("batches              {}", softmax.selected_rows(2, len));
            if errors.is_some_and(|errors| !errors.iter().all(|&error| error <= bound)) {
                wrong += 1;
                println!("          WRONG");
            }
        }
    }

    let profile = softmax_kernels::selected(1024).profile;
    match GIVEN.filter(|path| !path.is_empty()) {
        Some(path) => println!("profile in use: `{profile}`; the build was given {path}"),
        None => println!("profile in use: `{profile}`, which is shipped"),
    }
    let used = GIVEN.filter(|path| !path.is_empty()).is_none_or(|path| names(path, profile));
    if !used {
        println!("the profile that the build was given is not in use here");
    }
    if wrong == 0 && used { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The largest errors of a row, out of place and in place.
fn errors(softmax: &Softmax, len: usize) -> [f64; 2] {
    let x = uniform(len, 1);
    let mut y = vec![0.0; len];
    softmax.run(&x, &mut y).expect("equal lengths");
    let mut in_place = x.clone();
    softmax.run_in_place(&mut in_place);
    [max_ulp(&x, &y), max_ulp(&x, &in_place)]
}

/// Whether the profile at `path` has this name.
fn names(path: &str, profile: &str) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.trim() == format!("name = {profile:?}"))
}
