//! The core of the fewest operations that does not round x - max: n = round(x * log2 e), t = x - n * ln 2 in one fused
//! step, e^t by polynomial. The shift is N = round(max * log2 e), and n - N is exact.

use super::{Core, EXTENDED_FLOOR, LN_2, LOG2_E, integer_shift};
use crate::ir::{Builder, Value};

pub struct Direct {
    pub coefficients: &'static [f32],
}

impl Direct {
    /// x to (e^t, n, n as an exponent).
    fn reduce(&self, b: &mut Builder, x: &Value) -> (Value, Value, Value) {
        let (log2_e, minus_ln_2) = (b.constant(LOG2_E.0), b.constant(-LN_2.0));
        let (n, exponent) = b.round_mul(x, &log2_e);
        let t = b.fma(&n, &minus_ln_2, x);
        (b.polynomial(self.coefficients, &t), n, exponent)
    }
}

impl Core for Direct {
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
