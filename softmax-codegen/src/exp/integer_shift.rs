//! The cores that never subtract the maximum in floating point: x alone becomes p * 2^n, and the shift is the integer
//! N = round(max * log2 e), from which n - N is exact. How x becomes p and n is a [`Reduce`]; the table cores have only
//! the shift in common with these.

use super::{Core, EXTENDED_FLOOR, HEADROOM, LOG2_E};
use crate::ir::{Builder, Value};

/// The core of a reduction.
pub struct IntegerShift<R>(pub R);

/// A range reduction that x alone goes through.
pub trait Reduce {
    /// x to (p, n, n as an exponent): e^x = p / unit * 2^n for a power of two, `unit`.
    fn reduce(&self, b: &mut Builder, x: &Value, unit: f32) -> (Value, Value, Value);
}

impl<R: Reduce> Core for IntegerShift<R> {
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
        shift(b, max)
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        let (n, lowest) = constant(b, max);
        vec![b.constant(n), b.constant(lowest)]
    }

    fn highest(&self, b: &Builder, max: f32) -> Option<f32> {
        (!b.isa().scale_saturates()).then(|| super::highest(constant(b, max).0))
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let x = b.max(&shift[1], x);
        let (p, _, exponent) = self.0.reduce(b, &x, HEADROOM);
        let exponent = b.sub(&exponent, &shift[0]);
        b.scale(&p, &exponent)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        rescale(b, from, to)
    }

    fn extended(&self, b: &mut Builder, x: &Value) -> (Value, Value) {
        let floor = b.constant(EXTENDED_FLOOR);
        let x = b.max(&floor, x);
        let (p, n, _) = self.0.reduce(b, &x, 1.0);
        (p, n)
    }
}

/// (N - 1, the lowest x that matters). The 1 keeps sums above 1 although p may be below it, so that nothing is flushed
/// to zero whose quotient by the sum is a normal number.
pub fn shift(b: &mut Builder, max: &Value) -> Vec<Value> {
    let log2_e = b.constant(LOG2_E.0);
    let (n, _) = b.round_mul(max, &log2_e);
    let one = b.constant(1.0);
    let n = b.sub(&n, &one);
    // (N - 1 + min_exponent + 0.1) * ln 2: for |max| up to 2^13, n - (N - 1) does not fall below min_exponent.
    let offset = b.constant(b.min_exponent() + 0.1);
    let lowest = b.add(&n, &offset);
    let ln_2 = b.constant(std::f32::consts::LN_2);
    let lowest = b.mul(&lowest, &ln_2);
    vec![n, lowest]
}

/// The same of a constant.
pub fn constant(b: &Builder, max: f32) -> (f32, f32) {
    let n = (max * LOG2_E.0).round_ties_even() - 1.0;
    let lowest = (n + b.min_exponent() + 0.1) * std::f32::consts::LN_2;
    (n, lowest)
}

/// The exact power of two between two shifts, or [`LOWEST_POWER`](crate::ir::LOWEST_POWER).
pub fn rescale(b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
    let n = b.sub(&from[0], &to[0]);
    let one = b.constant(1.0);
    b.scale_by_integer(&one, &n)
}
