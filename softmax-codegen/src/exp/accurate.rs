//! The core that never rounds x - max: n = round(x * log2 e), r = x * log2 e - n in two fused steps with log2 e in
//! two constants, 2^r by polynomial. The shift is N = round(max * log2 e), and n - N is exact.

use super::{Core, EXTENDED_FLOOR, LOG2_E};
use crate::ir::{Builder, Value};

pub struct Accurate {
    pub coefficients: &'static [f32],
}

impl Accurate {
    /// x to (2^r, n).
    fn reduce(&self, b: &mut Builder, x: &Value) -> (Value, Value) {
        let (high, low) = (b.constant(LOG2_E.0), b.constant(LOG2_E.1));
        let (n, _) = b.round_mul(x, &high);
        let r = b.fms(x, &high, &n);
        let r = b.mul_add(x, &low, &r);
        (b.polynomial(self.coefficients, &r), n)
    }
}

impl Core for Accurate {
    /// (N - 1, the lowest x that matters). The 1 keeps sums above 1 although 2^r may be below it, so that nothing is
    /// flushed to zero whose quotient by the sum is a normal number.
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
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

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let x = b.max(&shift[1], x);
        let (p, n) = self.reduce(b, &x);
        let n = b.sub(&n, &shift[0]);
        let exponent = b.exponent(&n);
        b.scale(&p, &exponent)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        let n = b.sub(&from[0], &to[0]);
        let one = b.constant(1.0);
        b.scale_by_integer(&one, &n)
    }

    fn extended(&self, b: &mut Builder, x: &Value) -> (Value, Value) {
        let floor = b.constant(EXTENDED_FLOOR);
        let x = b.max(&floor, x);
        self.reduce(b, &x)
    }
}
