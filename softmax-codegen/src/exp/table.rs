//! The table cores: n = x * log2 e rounded to a multiple of 1/32, 2^(fraction of n) looked up, e^t for what is left by
//! one square ([`softmax_spec::exp_table`]). Only for ISAs that look up 32 entries at once and whose scaling rounds
//! exponents down, so that n itself is the exponent.

use super::{Core, HEADROOM, LN_2, LOG2_E, integer_shift};
use crate::ir::{Builder, Value};
use softmax_spec::Reason;
use softmax_spec::exp_table::{ENTRIES, QUADRATIC, SQUARE_SHIFT};

pub struct Table {
    entries: Vec<Value>,
    bound: Bound,
}

/// How small a finite x may be.
#[derive(Clone, Copy)]
pub enum Bound {
    /// As small as it likes: what is below the range that matters is raised to its end.
    Below,
    /// Below about -2^72 the square overflows to infinity before the scaling takes it to 0; -inf alone gives 0.
    None,
}

/// 1.5 * 2^18: adding it to |n| < 2^17 rounds n to a multiple of 1/32 and leaves the fraction in the lowest bits.
const ROUNDING: f32 = 1.5 * (1 << 23) as f32 / ENTRIES as f32;

impl Table {
    pub fn new(b: &mut Builder, bound: Bound) -> Table {
        Table { entries: b.table(&QUADRATIC.table.map(|entry| entry * HEADROOM)), bound }
    }
}

impl Core for Table {
    /// (N - 1 + 1.5 * 2^18, the lowest x that matters).
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
        let shift = integer_shift::shift(b, max);
        let rounding = b.constant(ROUNDING);
        vec![b.add(&shift[0], &rounding), shift[1].clone()]
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        let (n, lowest) = integer_shift::constant(b, max);
        vec![b.constant(n + ROUNDING), b.constant(lowest)]
    }

    fn highest(&self, _: &Builder, _: f32) -> Option<f32> {
        None
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let x = match self.bound {
            Bound::Below => b.max(&shift[1], x),
            Bound::None => x.clone(),
        };
        let (log2_e, minus_ln_2) = (b.constant(LOG2_E.0), b.constant(-LN_2.0));
        let (rounding, to_square) = (b.constant(ROUNDING), b.constant(ROUNDING + SQUARE_SHIFT));
        let e = b.mul_add(&x, &log2_e, &rounding);
        // t + a, where n - a / ln 2 is exact.
        let n = b.sub(&e, &to_square);
        let t = b.fma(&n, &minus_ln_2, &x);
        let constant = b.constant(QUADRATIC.constant);
        let p = b.fma(&t, &t, &constant);
        let power = b.lookup(&e, &self.entries);
        let p = b.mul(&power, &p);
        let exponent = b.sub(&e, &shift[0]);
        b.scale(&p, &exponent)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        integer_shift::rescale(b, from, to)
    }

    fn extended(&self, _: &mut Builder, _: &Value) -> (Value, Value) {
        unreachable!("{}", Reason::NeedsMaximum)
    }
}
