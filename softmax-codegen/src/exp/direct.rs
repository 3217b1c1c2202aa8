//! The core of the fewest operations that does not round x - max: n = round(x * log2 e), t = x - n * ln 2 in one fused
//! step, e^t by polynomial.

use super::integer_shift::Reduce;
use super::{LN_2, LOG2_E};
use crate::ir::{Builder, Value};

pub struct Direct {
    pub coefficients: &'static [f32],
}

impl Reduce for Direct {
    fn reduce(&self, b: &mut Builder, x: &Value, unit: f32) -> (Value, Value, Value) {
        let (log2_e, minus_ln_2) = (b.constant(LOG2_E.0), b.constant(-LN_2.0));
        let (n, exponent) = b.round_mul(x, &log2_e);
        let t = b.fma(&n, &minus_ln_2, x);
        (b.polynomial(self.coefficients, &t, unit), n, exponent)
    }
}
