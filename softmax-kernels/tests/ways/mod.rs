//! Every public function that makes a softmax, with all its options.

use softmax_kernels::{Accuracy, MaskedRow, Softmax};

/// Rows of one length, from x to y.
type OutOfPlace = Box<dyn Fn(&[f32], &mut [f32], usize)>;
/// Rows of one length, over themselves.
type InPlace = Box<dyn Fn(&mut [f32], usize)>;

/// A function, called with slices and the length of their rows.
pub enum Form {
    OutOfPlace(OutOfPlace),
    InPlace(InPlace),
}

/// One of them.
#[allow(dead_code, reason = "not every test asks for all of it")]
pub struct Way {
    /// Kept for as long as the program runs.
    pub name: &'static str,
    pub accuracy: Accuracy,
    pub masked: MaskedRow,
    pub threads: usize,
    /// Whether it takes several rows; otherwise the slice is one.
    pub takes_rows: bool,
    pub form: Form,
}

/// All of them, on so many threads where that can be said.
pub fn all(threads: &[usize]) -> Vec<Way> {
    let mut ways = plain();
    for accuracy in [Accuracy::Fast, Accuracy::Accurate] {
        for masked in [MaskedRow::Nan, MaskedRow::Zero] {
            let softmax = Softmax::new().accuracy(accuracy).masked(masked);
            ways.extend(threads.iter().flat_map(|&threads| with_options(softmax, accuracy, masked, threads)));
        }
    }
    ways
}

/// The functions without options.
fn plain() -> Vec<Way> {
    let way = |name, takes_rows, form| Way {
        name,
        accuracy: Accuracy::Fast,
        masked: MaskedRow::Nan,
        threads: 1,
        takes_rows,
        form,
    };
    vec![
        way("softmax", false, Form::OutOfPlace(Box::new(|x, y, _| softmax_kernels::softmax(x, y).unwrap()))),
        way("softmax_in_place", false, Form::InPlace(Box::new(|x, _| softmax_kernels::softmax_in_place(x)))),
        way(
            "softmax_rows",
            true,
            Form::OutOfPlace(Box::new(|x, y, len| softmax_kernels::softmax_rows(x, y, len).unwrap())),
        ),
        way(
            "softmax_rows_in_place",
            true,
            Form::InPlace(Box::new(|x, len| softmax_kernels::softmax_rows_in_place(x, len).unwrap())),
        ),
    ]
}

fn with_options(softmax: Softmax, accuracy: Accuracy, masked: MaskedRow, threads: usize) -> Vec<Way> {
    let softmax = softmax.threads(threads);
    let way = |name: &str, takes_rows, form| Way {
        name: format!("Softmax::{name}, {accuracy:?}, masked {masked:?}, {threads} threads").leak(),
        accuracy,
        masked,
        threads,
        takes_rows,
        form,
    };
    vec![
        way("run", false, Form::OutOfPlace(Box::new(move |x, y, _| softmax.run(x, y).unwrap()))),
        way("run_in_place", false, Form::InPlace(Box::new(move |x, _| softmax.run_in_place(x)))),
        way(
            "run_rows",
            true,
            Form::OutOfPlace(Box::new(move |x, y, len| softmax.run_rows(x, y, len).unwrap())),
        ),
        way(
            "run_rows_in_place",
            true,
            Form::InPlace(Box::new(move |x, len| softmax.run_rows_in_place(x, len).unwrap())),
        ),
    ]
}
