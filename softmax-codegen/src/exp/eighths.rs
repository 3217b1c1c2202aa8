//! The cores with a table of eight: n = x * log2 e rounded to a multiple of 1/8, 2^(fraction of n) looked up, e^t for what
//! is left by a cubic. The integer part of n is added to the exponent of what was looked up, bits to bits, which takes
//! neither a multiplication nor an ISA that scales.
//!
//! Integers wrap, so what is below the range of exponents of normal numbers counts as its end, of which, with the headroom, quotients by
//! sums are 0. What is above the range wraps, too, unless it counts as the other end.

use super::{Core, HIGHEST, LN_2, LOG2_E, integer_shift};
use crate::ir::{Builder, Value};
use softmax_spec::{Element, Reason, Reduction};

pub struct Eighths {
    pub coefficients: &'static [f32],
    entries: Vec<Value>,
    bound: Bound,
}

/// Which x count as an end of the range of exponents.
#[derive(Clone, Copy)]
pub enum Bound {
    /// Those below it. Whoever has larger ones must bound them ([`Core::highest`]).
    Below,
    /// Those on either side.
    Both,
}

/// Entries of the table.
const ENTRIES: usize = 8;

/// 1.5 * 2^20: adding it to |n| < 2^19 rounds n to a multiple of 1/8 and leaves 8 n in the lowest bits.
const ROUNDING: f32 = 1.5 * (1 << 20) as f32;

/// By which a float's bits grow if it is multiplied by 2^(1/8), as far as its exponent has a part in that.
const BITS_PER_EIGHTH: u32 = 1 << 20;

/// By which N is less than that of the maximum: 1 as in all cores, and the headroom.
const BELOW_MAXIMUM: f32 = 1.0 + Reduction::HEADROOM as f32;

/// From N on: with the headroom, quotients of 2^-100 are 0, and what sums of such are rounded by is a normal number; 0.03 is nothing between
/// eighths.
const LOWEST: f32 = -100.0 + 0.03;

impl Eighths {
    pub fn new(b: &mut Builder, coefficients: &'static [f32], bound: Bound) -> Eighths {
        Eighths { coefficients, entries: table(b, 0.0), bound }
    }
}

/// 2^(j/8 - N) without what the bits of j/8 and -N add to it, one entry per lane.
fn table(b: &mut Builder, n: f32) -> Vec<Value> {
    let lanes = b.isa().lanes(Element::F32).max(ENTRIES);
    let entry = |lane: usize| {
        let j = lane % ENTRIES;
        let power = (j as f64 / ENTRIES as f64).exp2() as f32;
        let eighths = (j as i32 + ENTRIES as i32 * n as i32) as u32;
        f32::from_bits(power.to_bits().wrapping_sub(eighths.wrapping_mul(BITS_PER_EIGHTH)))
    };
    b.table(&(0..lanes).map(entry).collect::<Vec<f32>>())
}

/// N of a maximum that is known when the code is made.
fn constant(b: &Builder, max: f32) -> f32 {
    integer_shift::constant(b, max).0 - f32::from(Reduction::HEADROOM)
}

impl Core for Eighths {
    /// (N, the lowest x that matters, the table, and if it is bounded the highest x).
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value> {
        let (log2_e, ln_2) = (b.constant(LOG2_E.0), b.constant(LN_2.0));
        let (n, _) = b.round_mul(max, &log2_e);
        let below = b.constant(BELOW_MAXIMUM);
        let n = b.sub(&n, &below);
        let end = |b: &mut Builder, exponent: f32| {
            let exponent = b.constant(exponent);
            let exponent = b.add(&n, &exponent);
            b.mul(&exponent, &ln_2)
        };
        let lowest = end(b, LOWEST);
        let rounding = b.constant(ROUNDING);
        let minus_n = b.sub(&rounding, &n);
        let table = b.add_eighths(&self.entries[0], &minus_n);
        let highest = matches!(self.bound, Bound::Both).then(|| end(b, HIGHEST));
        [vec![n, lowest, table], highest.into_iter().collect()].concat()
    }

    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value> {
        let n = constant(b, max);
        let lowest = b.constant((n + LOWEST) * LN_2.0);
        let highest = matches!(self.bound, Bound::Both).then(|| b.constant(super::highest(n)));
        [vec![b.constant(n), lowest, table(b, n).remove(0)], highest.into_iter().collect()].concat()
    }

    fn highest(&self, b: &Builder, max: f32) -> Option<f32> {
        match self.bound {
            Bound::Below => Some(super::highest(constant(b, max))),
            Bound::Both => None,
        }
    }

    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value {
        let [_, lowest, table, highest @ ..] = shift else { unreachable!("a shift of {}", shift.len()) };
        let x = match highest.first() {
            Some(highest) => b.min(highest, x),
            None => x.clone(),
        };
        let x = b.max(lowest, &x);
        let (log2_e, minus_ln_2, rounding) =
            (b.constant(LOG2_E.0), b.constant(-LN_2.0), b.constant(ROUNDING));
        let e = b.mul_add(&x, &log2_e, &rounding);
        let n = b.sub(&e, &rounding);
        let t = b.fma(&n, &minus_ln_2, &x);
        let p = b.polynomial(self.coefficients, &t, 1.0);
        let power = b.lookup(&e, std::slice::from_ref(table));
        let power = b.add_eighths(&power, &e);
        b.mul(&p, &power)
    }

    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value {
        integer_shift::rescale(b, from, to)
    }

    fn extended(&self, _: &mut Builder, _: &Value) -> (Value, Value) {
        unreachable!("{}", Reason::NeedsMaximum)
    }
}
