//! The paper's core: n = round(d * log2 e), t = d - n * ln 2 with ln 2 in two constants, e^t by polynomial.
//! The shift is the maximum, d = x - max.

use super::{Core, EXTENDED_FLOOR, HEADROOM, LN_2, LOG2_E};
use crate::ir::{Builder, LOWEST_POWER, Value};

pub struct CodyWaite {
    pub coefficients: &'static [f32],
}

impl CodyWaite {
    /// e^(x - max) times `unit`, a power of two; what is below 2^lowest counts as that.
    fn relative(&self, b: &mut Builder, x: &Value, max: &Value, lowest: f32, unit: f32) -> Value {
        let d = b.sub(x, max);
        let lowest = b.constant((f64::from(lowest) * std::f64::consts::LN_2) as f32);
        let d = b.max(&lowest, &d);
        let ln_2 = if b.isa().has_fma() { Ln2::Full } else { Ln2::Short };
        let (p, _, exponent) = self.reduce(b, &d, ln_2, unit);
        b.scale(&p, &exponent)
    }

    /// d to (p, n, n as an exponent): e^d = p / unit * 2^n, given how to subtract n * ln 2.
    fn reduce(&self, b: &mut Builder, d: &Value, ln_2: Ln2, unit: f32) -> (Value, Value, Value) {
        let log2_e = b.constant(LOG2_E.0);
        let (n, exponent) = b.round_mul(d, &log2_e);
        let (high, low) = match ln_2 {
            Ln2::Full => LN_2,
            Ln2::Short => LN_2_SHORT,
        };
        let (high, low) = (b.constant(-high), b.constant(-low));
        let t = match ln_2 {
            Ln2::Full => b.fma(&n, &high, d),
            Ln2::Short => b.mul_add(&n, &high, d),
        };
        let t = b.mul_add(&n, &low, &t);
        (b.polynomial(self.coefficients, &t, unit), n, exponent)
    }
}

/// How exact the product of n and the high part of ln 2 is.
#[derive(Clone, Copy)]
enum Ln2 {
    /// Fused, for any n.
    Full,
    /// The high part has 16 bits, so that the product is exact without FMA for |n| < 2^8.
    Short,
}

/// ln 2 rounded to 16 bits, and the rest of it.
const LN_2_SHORT: (f32, f32) = {
    let high = f32::from_bits(LN_2.0.to_bits() & !0xff);
    (high, (std::f64::consts::LN_2 - high as f64) as f32)
};

impl Core for CodyWaite {
    fn shift(&self, _: &mut Builder, max: &Value) -> Vec<Value> {
        vec![max.clone()]
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        vec![b.constant(max)]
    }

    fn highest(&self, b: &Builder, max: f32) -> Option<f32> {
        (!b.isa().scale_saturates()).then(|| super::highest(max * LOG2_E.0))
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        self.relative(b, x, &shift[0], b.min_exponent(), HEADROOM)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        self.relative(b, &from[0], &to[0], LOWEST_POWER, 1.0)
    }

    fn extended(&self, b: &mut Builder, x: &Value) -> (Value, Value) {
        let floor = b.constant(EXTENDED_FLOOR);
        let x = b.max(&floor, x);
        let (p, n, _) = self.reduce(b, &x, Ln2::Full, 1.0);
        (p, n)
    }
}
