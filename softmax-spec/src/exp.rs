//! Exp cores: how e^x is reduced to a small interval, and the polynomial that takes over there.

use crate::id::impl_ids;
use crate::polynomial::{self, Family, Polynomial};
use crate::{Isa, UnknownId};
use std::fmt;
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
}

impl Reduction {
    /// Every reduction.
    pub const ALL: [Reduction; 3] = [Reduction::CodyWaite, Reduction::Accurate, Reduction::Fast];

    /// Name in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Reduction::CodyWaite => "cody_waite",
            Reduction::Accurate => "accurate",
            Reduction::Fast => "fast",
        }
    }

    /// Letter in a variant's id, before the degree.
    pub const fn letter(self) -> char {
        match self {
            Reduction::CodyWaite => 'p',
            Reduction::Accurate => 'a',
            Reduction::Fast => 'f',
        }
    }

    /// Whether it can reduce x without knowing the maximum. `Fast` rounds x * log2 e, and so would be wrong by
    /// |x| / 2 ULP.
    pub const fn extends(self) -> bool {
        !matches!(self, Reduction::Fast)
    }

    /// The polynomial family that its reduced argument needs on `isa`.
    pub const fn family(self, isa: Isa) -> Family {
        match self {
            Reduction::CodyWaite => Family::ExpCentred,
            Reduction::Accurate => Family::Exp2Centred,
            Reduction::Fast => isa.exp2_family(),
        }
    }
}

impl_ids!(Reduction, "exp reduction");

/// An exp core: a reduction and the degree of its polynomial. Written `p5`, `a6`, `f5` in ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exp {
    /// How the argument is reduced.
    pub reduction: Reduction,
    /// Degree of the polynomial, 3 to 7.
    pub degree: u8,
}

impl Exp {
    /// `None` unless coefficients of that degree exist
    /// ([`polynomial::MIN_DEGREE`] to [`polynomial::MAX_DEGREE`]).
    pub fn new(reduction: Reduction, degree: u8) -> Option<Exp> {
        (polynomial::MIN_DEGREE..=polynomial::MAX_DEGREE)
            .contains(&degree)
            .then_some(Exp { reduction, degree })
    }

    /// Every exp core.
    pub fn all() -> impl Iterator<Item = Exp> {
        Reduction::ALL.into_iter().flat_map(|reduction| {
            (polynomial::MIN_DEGREE..=polynomial::MAX_DEGREE).map(move |degree| Exp { reduction, degree })
        })
    }

    /// The polynomial that this core evaluates on `isa`.
    ///
    /// # Panics
    /// Never for a value made by [`Exp::new`].
    pub fn polynomial(self, isa: Isa) -> &'static Polynomial {
        polynomial::polynomial(self.reduction.family(isa), self.degree)
            .expect("a degree that Exp::new accepted")
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
        Exp::all()
            .find(|exp| exp.to_string() == word)
            .ok_or_else(|| UnknownId::new("exp core", word, vec!["p3..p7", "a3..a7", "f3..f7"]))
    }
}
