//! The public functions on rows made of any bytes: what docs/SEMANTICS.md says comes out, nothing beside y is written, at another
//! address the bits are the same, and lengths that do not fit are refused with y as it was.
//!
//! The ISA is chosen once per process: `SOFTMAX_FORCE_ISA`.

#![no_main]

#[path = "softmax/input.rs"]
mod input;
#[path = "../../softmax-kernels/tests/special_values/truth.rs"]
mod truth;
#[path = "../../softmax-kernels/tests/special_values/values.rs"]
mod values;
#[path = "../../softmax-kernels/tests/ways/mod.rs"]
mod ways;

use input::{Input, Shape};
use libfuzzer_sys::fuzz_target;
use softmax_kernels::{Accuracy, Forced, MaskedRow, ShapeError, Softmax};
use truth::Truth;
use ways::{Form, Way};

/// Around y.
const GUARD: [f32; 40] = [-12345.678; 40];

thread_local! {
    static WAYS: &'static [Way] = ways::all(&[1, 2]).leak();
}

fuzz_target!(init: prepare(), |data: &[u8]| {
    let input = Input::of(data);
    match input.shape {
        Shape::Wrong { y_len, row_len } => refused(&input.x, y_len, row_len),
        Shape::Rows { count, len } => WAYS.with(|ways| {
            let way = &ways[input.way % ways.len()];
            right(way, &input, if way.takes_rows { count } else { 1 }, len);
        }),
    }
});

/// What would make everything seem right: a judge that sees nothing, or an ISA that is asked for and not there.
fn prepare() {
    truth::mistakes_are_seen().expect("a judge of results");
    if let Some(Forced::Ignored(isa)) = softmax_kernels::selected(1).forced {
        eprintln!("this CPU does not support {isa}");
        std::process::exit(0);
    }
}

fn right(way: &Way, input: &Input, count: usize, len: usize) {
    let x = &input.x[..count * len];
    let y = output(way, x, len, input.offset);
    let elsewhere = output(way, x, len, input.offset + 1);
    // Which NaN is not defined.
    let is_same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    assert!(y.iter().zip(&elsewhere).all(is_same), "{}: the bits depend on alignment", way.name);
    for row in 0..count {
        let part = row * len..(row + 1) * len;
        let truth = Truth::of(x[part.clone()].to_vec());
        require(way.name, truth.wrong(&y[part], way.masked, truth::promised(way.accuracy)));
        if let Some(truth) = truth.of_ext_sum() {
            let y = truth::ext_sum(truth.x());
            require("ExtSum", truth.wrong(&y, MaskedRow::Nan, truth::promised(Accuracy::Fast)));
        }
    }
}

fn require(name: &str, wrong: Option<String>) {
    if let Some(wrong) = wrong {
        panic!("{name}, {wrong}");
    }
}

/// What comes out, from x that ends where its memory does and into y between guards, both `offset` elements off.
fn output(way: &Way, x: &[f32], len: usize, offset: usize) -> Vec<f32> {
    let mut y = [&vec![0.0; offset], &GUARD[..], x, &GUARD].concat();
    let inner = offset + GUARD.len()..offset + GUARD.len() + x.len();
    match &way.form {
        Form::InPlace(run) => run(&mut y[inner.clone()], len),
        Form::OutOfPlace(run) => {
            let x = [&vec![0.0; offset], x].concat();
            y[inner.clone()].fill(0.5);
            run(&x[offset..], &mut y[inner.clone()], len);
        }
    }
    let (before, after) = (&y[offset..inner.start], &y[inner.end..]);
    assert!(before == GUARD && after == GUARD, "{}: it wrote beside y", way.name);
    y[inner].to_vec()
}

/// Lengths that may not fit together: an error exactly then, and then y is as it was.
fn refused(x: &[f32], y_len: usize, row_len: usize) {
    let are_rows = |len: usize| if row_len == 0 { len == 0 } else { len % row_len == 0 };
    let mut y = vec![GUARD[0]; y_len];
    let mut ask = |run: &dyn Fn(&mut [f32]) -> Result<(), ShapeError>, is_right: bool| {
        y.fill(GUARD[0]);
        assert_eq!(run(&mut y).is_ok(), is_right, "x {}, y {y_len}, rows {row_len}", x.len());
        assert!(is_right || y.iter().all(|&y| y == GUARD[0]), "it refused and wrote");
    };
    let same = x.len() == y_len;
    ask(&|y| softmax_kernels::softmax(x, y), same);
    ask(&|y| softmax_kernels::softmax_rows(x, y, row_len), same && are_rows(y_len));
    ask(&|y| softmax_kernels::softmax_rows_in_place(y, row_len), are_rows(y_len));
    ask(&|y| Softmax::new().threads(2).run_rows(x, y, row_len), same && are_rows(y_len));
}
