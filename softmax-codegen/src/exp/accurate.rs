//! The core that never rounds x - max: n = round(x * log2 e), r = x * log2 e - n in two fused steps with log2 e in
//! two constants, 2^r by polynomial.

use super::LOG2_E;
use super::integer_shift::Reduce;
use crate::ir::{Builder, Value};

pub struct Accurate {
    pub coefficients: &'static [f32],
}

impl Reduce for Accurate {
    fn reduce(&self, b: &mut Builder, x: &Value, unit: f32) -> (Value, Value, Value) {
        let (high, low) = (b.constant(LOG2_E.0), b.constant(LOG2_E.1));
        let (n, exponent) = b.round_mul(x, &high);
        let r = b.fms(x, &high, &n);
        let r = b.mul_add(x, &low, &r);
        (b.polynomial(self.coefficients, &r, unit), n, exponent)
    }
}
