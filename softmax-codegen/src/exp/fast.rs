//! The core with the fewest operations: z = x * log2 e - max * log2 e, 2^z by splitting z and a polynomial. The
//! shift is max * log2 e where the ISA fuses the two steps, else the maximum.

use super::{Core, HEADROOM, LOG2_E};
use crate::ir::{Builder, LOWEST_POWER, Value};
use softmax_spec::Reason;

pub struct Fast {
    pub coefficients: &'static [f32],
}

impl Fast {
    /// 2^z times `unit`, a power of two; z below `lowest` counts as that.
    fn exp2(&self, b: &mut Builder, z: &Value, lowest: f32, unit: f32) -> Value {
        let lowest = b.constant(lowest);
        let z = b.max(&lowest, z);
        let (r, exponent) = b.split_exp2(&z);
        let p = b.polynomial(self.coefficients, &r, unit);
        b.scale(&p, &exponent)
    }
}

impl Core for Fast {
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
        if !b.isa().has_fma() {
            return vec![max.clone()];
        }
        let minus_log2_e = b.constant(-LOG2_E.0);
        vec![b.mul(max, &minus_log2_e)]
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        vec![b.constant(if b.isa().has_fma() { -LOG2_E.0 * max } else { max })]
    }

    fn highest(&self, b: &Builder, max: f32) -> Option<f32> {
        (!b.isa().scale_saturates()).then(|| super::highest(max * LOG2_E.0))
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let log2_e = b.constant(LOG2_E.0);
        let z = if b.isa().has_fma() {
            b.fma(x, &log2_e, &shift[0])
        } else {
            let d = b.sub(x, &shift[0]);
            b.mul(&d, &log2_e)
        };
        self.exp2(b, &z, b.min_exponent(), HEADROOM)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        let z = if b.isa().has_fma() {
            b.sub(&to[0], &from[0])
        } else {
            let log2_e = b.constant(LOG2_E.0);
            let d = b.sub(&from[0], &to[0]);
            b.mul(&d, &log2_e)
        };
        self.exp2(b, &z, LOWEST_POWER, 1.0)
    }

    fn extended(&self, _: &mut Builder, _: &Value) -> (Value, Value) {
        unreachable!("{}", Reason::NeedsMaximum)
    }
}
