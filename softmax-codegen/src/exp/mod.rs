//! Exp cores: e^x for one vector, in the forms that the passes need. One file per range reduction,
//! and [`integer_shift`] for what several of them share.
//!
//! A core measures exponents from a *shift*, its own form of the row's maximum: the maximum itself, max * log2 e,
//! or that rounded to an integer. What one pass sums relative to a shift, another pass of the same core must
//! scale relative to it; a plan therefore has one core. -inf gives 0 in every form, or so little that nothing of a sum and no quotient
//! comes of it, which the tails rely on, and NaN gives NaN.

mod accurate;
mod cody_waite;
mod direct;
mod eighths;
mod fast;
mod integer_shift;
mod table;

use crate::ir::{Builder, Value};
use integer_shift::IntegerShift;
use proc_macro2::TokenStream;
use quote::quote;
use softmax_spec::certificate::{Form, Subject};
use softmax_spec::{Exp, Reduction};

/// An exp core on one ISA.
pub trait Core {
    /// The shift for the maximum in `max`, as many values as the core needs.
    fn shift(&self, b: &mut Builder, max: &Value) -> Vec<Value>;

    /// The shift for a maximum that is known when the code is made.
    fn constant_shift(&self, b: &mut Builder, max: f32) -> Vec<Value>;

    /// How large x may be beside that shift; `None` if exponentials of what is larger are infinite. Elsewhere exponents
    /// wrap beyond it, not far below it e^x is 2^126 or, with the headroom, infinite.
    fn highest(&self, b: &Builder, max: f32) -> Option<f32>;

    /// [`HEADROOM`] times e^x relative to a shift that is no smaller than the one of x.
    fn exp(&self, b: &mut Builder, x: &Value, shift: &[Value]) -> Value;

    /// The factor that makes a sum relative to `from` one relative to `to`, which is no smaller.
    fn rescale(&self, b: &mut Builder, from: &[Value], to: &[Value]) -> Value;

    /// e^x as (p, n), without headroom: p * 2^n, p in [1/2, 2) and n an integer in floating point (the Two-Pass paper, Algorithm 4).
    /// Inputs below [`EXTENDED_FLOOR`] count as that. Only for cores that [`Reduction::extends`].
    fn extended(&self, b: &mut Builder, x: &Value) -> (Value, Value);
}

/// Where e^x stops falling in [`Core::extended`], so that n stays finite and the reduction exact. The exponents
/// of rows that this could touch are outside the range that callers accept ([`softmax_spec::Plan::largest_max`]).
const EXTENDED_FLOOR: f32 = -16384.0;

/// What exponentials relative to a shift are multiplied by, as an exact factor of some constant in their cores
/// ([`Reduction::HEADROOM`]).
pub const HEADROOM: f32 = (1u64 << Reduction::HEADROOM) as f32;

/// The exponent of the largest exponential, where exponents wrap: between 2^126 and what wraps.
const HIGHEST: f32 = 126.6;

/// [`Core::highest`] where exponentials are measured from 2^exponent.
const fn highest(exponent: f32) -> f32 {
    (exponent + HIGHEST) * LN_2.0
}

/// ln 2 rounded to f32 and the rest of it: the two constants of Cody and Waite, exact to 2^-49 relative.
const LN_2: (f32, f32) = split(std::f64::consts::LN_2);
/// log2 e rounded to f32 and the rest of it.
const LOG2_E: (f32, f32) = split(std::f64::consts::LOG2_E);

const fn split(constant: f64) -> (f32, f32) {
    let high = constant as f32;
    (high, (constant - high as f64) as f32)
}

/// The core `exp` for `b`'s ISA.
pub fn core(exp: Exp, b: &mut Builder) -> Box<dyn Core> {
    let coefficients = exp.polynomial(b.isa()).map_or(&[][..], |polynomial| polynomial.coefficients);
    match exp.reduction {
        Reduction::CodyWaite => Box::new(cody_waite::CodyWaite { coefficients }),
        Reduction::Accurate => Box::new(IntegerShift(accurate::Accurate { coefficients })),
        Reduction::Fast => Box::new(fast::Fast { coefficients }),
        Reduction::Direct => Box::new(IntegerShift(direct::Direct { coefficients })),
        Reduction::Eighths => Box::new(eighths::Eighths::new(b, coefficients, eighths::Bound::Below)),
        Reduction::Saturating => Box::new(eighths::Eighths::new(b, coefficients, eighths::Bound::Both)),
        Reduction::Table => Box::new(table::Table::new(b, table::Bound::Below)),
        Reduction::Quick => Box::new(table::Table::new(b, table::Bound::None)),
    }
}

/// All statements of a core in one form, and its result, of the values `x` and `max`.
pub fn alone(subject: Subject) -> TokenStream {
    let mut b = Builder::new(subject.isa);
    let core = core(subject.exp, &mut b);
    let x = Value::named("x");
    let result = match subject.form {
        Form::Relative | Form::Shifted => {
            let shift = core.shift(&mut b, &Value::named("max"));
            let exponential = core.exp(&mut b, &x, &shift);
            quote!(#exponential)
        }
        Form::Extended => {
            let (mantissa, exponent) = core.extended(&mut b, &x);
            quote!((#mantissa, #exponent))
        }
    };
    let (constants, statements) = (b.take_hoisted(), b.take_section());
    quote!(#constants #statements #result)
}
