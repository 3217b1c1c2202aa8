//! The core that never rounds x - max: n = round(x * log2 e), r = x * log2 e - n in two fused steps with log2 e in
//! two constants, 2^r by polynomial. The shift is N = round(max * log2 e), and n - N is exact.

use super::{Core, EXTENDED_FLOOR, LOG2_E, integer_shift};
use crate::ir::{Builder, Value};

pub struct Accurate {
    pub coefficients: &'static [f32],
}

impl Accurate {
    /// x to (2^r, n, n as an exponent).
    fn reduce(&self, b: &mut Builder, x: &Value) -> (Value, Value, Value) {
        let (high, low) = (b.constant(LOG2_E.0), b.constant(LOG2_E.1));
        let (n, exponent) = b.round_mul(x, &high);
        let r = b.fms(x, &high, &n);
        let r = b.mul_add(x, &low, &r);
        (b.polynomial(self.coefficients, &r), n, exponent)
    }
}

impl Core for Accurate {
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
        integer_shift::shift(b, max)
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        let (n, lowest) = integer_shift::constant(b, max);
        vec![b.constant(n), b.constant(lowest)]
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let x = b.max(&shift[1], x);
        let (p, _, exponent) = self.reduce(b, &x);
        let exponent = b.sub(&exponent, &shift[0]);
        b.scale(&p, &exponent)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        integer_shift::rescale(b, from, to)
    }

    fn extended(&self, b: &mut Builder, x: &Value) -> (Value, Value) {
        let floor = b.constant(EXTENDED_FLOOR);
        let x = b.max(&floor, x);
        let (p, n, _) = self.reduce(b, &x);
        (p, n)
    }
}
