//! Exp cores: how e^x is reduced to a small interval, and the polynomial that takes over there.

use crate::exp_table;
use crate::id::impl_ids;
use crate::polynomial::{self, Family, Polynomial};
use crate::{Isa, UnknownId};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Range reduction of an exp core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reduction {
    /// The paper's: n = round(d * log2 e), t = d - n * ln 2 in two steps (Cody and Waite, two constants), e^t.
    /// In the passes that know the maximum d = x - max, elsewhere d = x.
    CodyWaite,
    /// Never subtracts the maximum in floating point: n = round(x * log2 e), r = x * log2 e - n in two fused
    /// steps, 2^r, and exponents are subtracted as integers.
    Accurate,
    /// z = x * log2 e - max * log2 e in one fused step, 2^z. The error grows with |x - max|.
    Fast,
    /// As `Accurate`, with one constant: n = round(x * log2 e), t = x - n * ln 2 in one fused step, e^t. That ln 2 is
    /// rounded to f32 makes x smaller by 3e-9 of itself; what all elements share of it cancels in a softmax, and
    /// 3e-9 |x - max| is left, a thirtieth of what rounding x - max costs.
    Direct,
    /// As `Direct` with n a multiple of 1/8, the powers of two of its fraction from a table and its integer part added to
    /// their exponents. For ISAs that look up eight entries.
    Eighths,
    /// `Eighths` with a bound on large x: exponentials of what is far above the shift stay at 2^126 instead of wrapping. For
    /// algorithms that look at the sum.
    Saturating,
    /// As `Direct` with n a multiple of 1/32 and the powers of two of its fraction from a table, which leaves
    /// [`exp_table`]'s quadratic to evaluate.
    Table,
    /// `Table` without a bound on small x: finite elements below about -2^72 give an infinity or NaN instead of 0,
    /// and so a sum that is not finite. For algorithms that look at the sum before they overwrite x.
    Quick,
}

impl Reduction {
    /// Every reduction.
    pub const ALL: [Reduction; 8] = [
        Reduction::CodyWaite,
        Reduction::Accurate,
        Reduction::Fast,
        Reduction::Direct,
        Reduction::Eighths,
        Reduction::Saturating,
        Reduction::Table,
        Reduction::Quick,
    ];

    /// Name in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Reduction::CodyWaite => "cody_waite",
            Reduction::Accurate => "accurate",
            Reduction::Fast => "fast",
            Reduction::Direct => "direct",
            Reduction::Eighths => "eighths",
            Reduction::Saturating => "saturating",
            Reduction::Table => "table",
            Reduction::Quick => "quick",
        }
    }

    /// Letter in a variant's id, before the degree.
    pub const fn letter(self) -> char {
        match self {
            Reduction::CodyWaite => 'p',
            Reduction::Accurate => 'a',
            Reduction::Fast => 'f',
            Reduction::Direct => 'd',
            Reduction::Eighths => 'e',
            Reduction::Saturating => 's',
            Reduction::Table => 't',
            Reduction::Quick => 'q',
        }
    }

    /// Whether it can reduce x without knowing the maximum. `Fast` rounds x * log2 e, and so would be wrong by
    /// |x| / 2 ULP; the table cores have no integer exponent.
    pub const fn extends(self) -> bool {
        matches!(self, Reduction::CodyWaite | Reduction::Accurate | Reduction::Direct)
    }

    /// Whether every finite x gives a finite result. `Quick` fails below about -2^72, where the sum tells.
    pub const fn takes_every_finite(self) -> bool {
        !matches!(self, Reduction::Quick)
    }

    /// Whether exponentials of what is far above the shift are infinite on `isa`, or so large that their sum tells. Elsewhere
    /// exponents are made by integer arithmetic, which wraps.
    pub const fn saturates(self, isa: Isa) -> bool {
        match self {
            Reduction::Eighths => false,
            Reduction::Saturating => isa.lookup_entries() >= self.lookup_entries(),
            _ => isa.scale_saturates(),
        }
    }

    /// log2 of what the exponential of the maximum is, or half or twice that: so much that an exponential is a normal number
    /// wherever its quotient by the sum is, and that quotients of what is smaller are 0. On Intel's cores an operation with a subnormal
    /// result takes 150 to 250 cycles.
    pub const HEADROOM: u8 = 32;

    /// c, where in exact arithmetic it computes e^(c x): 1, or less where it has ln 2 as one f32, L. From x it takes n L for an
    /// n next to x / ln 2, and gives that back as n ln 2, in all x + (ln 2 - L) x / ln 2.
    pub fn argument_factor(self) -> f64 {
        match self {
            Reduction::CodyWaite | Reduction::Accurate | Reduction::Fast => 1.0,
            Reduction::Direct
            | Reduction::Eighths
            | Reduction::Saturating
            | Reduction::Table
            | Reduction::Quick => 2.0 - f64::from(std::f32::consts::LN_2) / std::f64::consts::LN_2,
        }
    }

    /// Entries of the table that it looks up with one instruction.
    pub const fn lookup_entries(self) -> usize {
        match self {
            Reduction::Eighths | Reduction::Saturating => 8,
            Reduction::Table | Reduction::Quick => exp_table::ENTRIES,
            Reduction::CodyWaite | Reduction::Accurate | Reduction::Fast | Reduction::Direct => 0,
        }
    }

    /// The degrees for which there are coefficients.
    pub const fn degrees(self) -> RangeInclusive<u8> {
        match self {
            Reduction::Table | Reduction::Quick => exp_table::DEGREE..=exp_table::DEGREE,
            Reduction::Eighths | Reduction::Saturating => Family::ExpEighth.degrees(),
            _ => Family::ExpCentred.degrees(),
        }
    }

    /// The polynomial family that its reduced argument needs on `isa`; `None` for the cores that have a square.
    pub const fn family(self, isa: Isa) -> Option<Family> {
        match self {
            Reduction::CodyWaite | Reduction::Direct => Some(Family::ExpCentred),
            Reduction::Accurate => Some(Family::Exp2Centred),
            Reduction::Fast => Some(isa.exp2_family()),
            Reduction::Eighths | Reduction::Saturating => Some(Family::ExpEighth),
            Reduction::Table | Reduction::Quick => None,
        }
    }
}

impl_ids!(Reduction, "exp reduction");

/// An exp core: a reduction and the degree of its polynomial. Written `p5`, `a6`, `t2` in ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exp {
    /// How the argument is reduced.
    pub reduction: Reduction,
    /// Degree of the polynomial: 3 to 7, 2 or 3 beside a table.
    pub degree: u8,
}

impl Exp {
    /// `None` unless coefficients of that degree exist ([`Reduction::degrees`]).
    pub fn new(reduction: Reduction, degree: u8) -> Option<Exp> {
        reduction.degrees().contains(&degree).then_some(Exp { reduction, degree })
    }

    /// Every exp core.
    pub fn all() -> impl Iterator<Item = Exp> {
        Reduction::ALL
            .into_iter()
            .flat_map(|reduction| reduction.degrees().map(move |degree| Exp { reduction, degree }))
    }

    /// The relative error of e^t or 2^r in exact arithmetic.
    pub fn max_relative_error(self, isa: Isa) -> f64 {
        self.polynomial(isa)
            .map_or(exp_table::QUADRATIC.max_relative_error, |fitted| fitted.max_relative_error)
    }

    /// Whether it is meant for results within 4 ULP. Sums of such exponentials are taken in shorter blocks.
    pub const fn sums_accurately(self) -> bool {
        matches!(self.reduction, Reduction::Accurate) && self.degree >= 6
    }

    /// The polynomial that this core evaluates on `isa`; `None` for the table cores, which have
    /// [`exp_table::QUADRATIC`].
    pub fn polynomial(self, isa: Isa) -> Option<&'static Polynomial> {
        polynomial::polynomial(self.reduction.family(isa)?, self.degree)
    }
}

impl fmt::Display for Exp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.reduction.letter(), self.degree)
    }
}

impl FromStr for Exp {
    type Err = UnknownId;

    fn from_str(word: &str) -> Result<Self, UnknownId> {
        Exp::all().find(|exp| exp.to_string() == word).ok_or_else(|| {
            UnknownId::new(
                "exp core",
                word,
                vec!["p3..p7", "a3..a7", "f3..f7", "d3..d7", "e3", "s3", "t2", "q2"],
            )
        })
    }
}
