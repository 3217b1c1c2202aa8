//! Every public function against softmax in f64.

use crate::c;
use softmax_kernels::{
    Accuracy, ExtSum, MaskedRow, ShapeError, Softmax, softmax, softmax_in_place, softmax_rows,
    softmax_rows_in_place,
};

/// The longest row that is tried.
pub const LONGEST: usize = 1 << 14;

/// Input and output of the longest row, on the stack: this program has no allocator.
pub struct Buffers([[f32; LONGEST]; 2]);

impl Buffers {
    pub const fn new() -> Buffers {
        Buffers([[f32::NAN; LONGEST]; 2])
    }

    /// A row of numbers in [-10, 10), and where its answer goes.
    pub fn row(&mut self, len: usize) -> (&mut [f32], &mut [f32]) {
        let [x, y] = &mut self.0;
        let (x, y) = (&mut x[..len], &mut y[..len]);
        fill(x, len as u64);
        y.fill(f32::NAN);
        (x, y)
    }
}

/// Where an answer is wrong.
pub struct Wrong {
    pub what: &'static str,
    pub len: usize,
    pub at: usize,
}

/// Tries all of it; how many rows were right.
pub fn all(buffers: &mut Buffers) -> Result<usize, Wrong> {
    let mut rows = 0;
    let lengths = (0..=300).chain([1000, 4096, 5000, LONGEST]);
    for len in lengths {
        rows += rows_of(buffers.row(len))?;
    }
    special_values()?;
    shapes()?;
    Ok(rows)
}

fn rows_of((x, y): (&mut [f32], &mut [f32])) -> Result<usize, Wrong> {
    let (x, len) = (&*x, x.len());
    let mut rows = 0;
    let mut check = |what, y: &mut [f32], row_len: usize, most_ulp| {
        let mut in_rows = x.chunks(row_len.max(1)).zip(y.chunks(row_len.max(1)));
        in_rows.try_for_each(|(x, y)| {
            rows += 1;
            is_softmax(what, x, y, most_ulp)
        })?;
        y.copy_from_slice(x);
        Ok(())
    };

    let same_length = "x and y have one length";
    softmax(x, y).expect(same_length);
    check("softmax", y, len, 20.0)?;
    softmax_in_place(y);
    check("softmax_in_place", y, len, 20.0)?;
    let accurate = Softmax::new().accuracy(Accuracy::Accurate);
    accurate.run(x, y).expect(same_length);
    check("accurate", y, len, 4.0)?;
    accurate.run_in_place(y);
    check("accurate, in place", y, len, 4.0)?;
    if len.is_multiple_of(4) {
        softmax_rows(x, y, len / 4).expect(same_length);
        check("softmax_rows", y, len / 4, 20.0)?;
        softmax_rows_in_place(y, len / 4).expect("four rows");
        check("softmax_rows_in_place", y, len / 4, 20.0)?;
    }
    let (left, right) = x.split_at(len / 3);
    ExtSum::of(left).merge(ExtSum::of(right)).normalize(x, y).expect(same_length);
    check("ExtSum", y, len, 20.0)?;
    Ok(rows)
}

fn special_values() -> Result<(), Wrong> {
    const MASKED: f32 = f32::NEG_INFINITY;
    let zero = Softmax::new().masked(MaskedRow::Zero);
    for (what, softmax, x, expected) in [
        ("NaN", Softmax::new(), [1.0, f32::NAN, 2.0], [f32::NAN; 3]),
        ("+inf", Softmax::new(), [1.0, f32::INFINITY, 2.0], [f32::NAN; 3]),
        ("a masked row", Softmax::new(), [MASKED; 3], [f32::NAN; 3]),
        ("a masked row that is to be zero", zero, [MASKED; 3], [0.0; 3]),
        ("a mask", Softmax::new(), [MASKED, 3.0, MASKED], [0.0, 1.0, 0.0]),
        ("extreme values", Softmax::new(), [f32::MIN, f32::MAX, f32::MIN], [0.0, 1.0, 0.0]),
    ] {
        let mut y = x;
        softmax.run_in_place(&mut y);
        let differs = |(y, expected): (&f32, &f32)| y != expected && !(y.is_nan() && expected.is_nan());
        if let Some(at) = y.iter().zip(&expected).position(differs) {
            return Err(Wrong { what, len: x.len(), at });
        }
    }
    Ok(())
}

/// Errors are errors of `core`.
fn shapes() -> Result<(), Wrong> {
    let error = softmax(&[1.0; 2], &mut [1.0; 3]).expect_err("2 is not 3");
    let error: &dyn core::error::Error = &error;
    match error.downcast_ref() {
        Some(ShapeError::Lengths { input: 2, output: 3 }) => Ok(()),
        _ => Err(Wrong { what: "an error", len: 2, at: 0 }),
    }
}

/// Numbers in [-10, 10), the same in every run.
fn fill(x: &mut [f32], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for x in x {
        state = state.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        *x = (state >> 40) as f32 / (1u64 << 24) as f32 * 20.0 - 10.0;
    }
}

/// Whether y is softmax(x), within so many units of an output's last place, each at most 2^-23 of it.
pub fn is_softmax(what: &'static str, x: &[f32], y: &[f32], most_ulp: f64) -> Result<(), Wrong> {
    let len = x.len();
    let max = f64::from(x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = x.iter().map(|&x| c::exp(f64::from(x) - max)).sum();
    for (at, (&x, &y)) in x.iter().zip(y).enumerate() {
        let exact = c::exp(f64::from(x) - max) / sum;
        let is_right = (f64::from(y) - exact).abs() <= most_ulp * f64::from(f32::EPSILON) * exact;
        if !is_right {
            return Err(Wrong { what, len, at });
        }
    }
    Ok(())
}
