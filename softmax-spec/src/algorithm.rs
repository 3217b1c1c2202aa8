//! Algorithms: the sequences of passes that make a softmax, and what they promise.

use crate::id::impl_ids;
use crate::{Exp, Pass, Reduction};

/// A way to compute softmax as a sequence of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Two-Pass (Dukhan and Ablavatski, arXiv 2001.04438, Algorithm 3).
    TwoPass,
    /// Three-Pass that evaluates every exponential twice (same paper, Algorithm 1).
    ThreePassRecompute,
    /// Three-Pass that stores the exponentials and scales them in place (same paper, Algorithm 2).
    ThreePassReload,
    /// Online max and sum, then scale (Milakov and Gimelshein, arXiv 1805.02867, Algorithm 3).
    Online,
}

/// How far an output that is a normal float may be from the exact result, for x ~ U(-10, 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Accuracy {
    /// At most 20 ULP, also for x ~ 5 N(0, 1).
    Fast,
    /// At most 4 ULP; up to 10 for x ~ 5 N(0, 1), where few elements make up the sum.
    Accurate,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Algorithm; 4] =
        [Algorithm::TwoPass, Algorithm::ThreePassRecompute, Algorithm::ThreePassReload, Algorithm::Online];

    /// Id, as in profiles.
    pub const fn id(self) -> &'static str {
        match self {
            Algorithm::TwoPass => "two_pass",
            Algorithm::ThreePassRecompute => "three_pass_recompute",
            Algorithm::ThreePassReload => "three_pass_reload",
            Algorithm::Online => "online",
        }
    }

    /// The passes, in order.
    pub const fn passes(self) -> &'static [Pass] {
        match self {
            Algorithm::TwoPass => &[Pass::ExtSum, Pass::ExtScale],
            Algorithm::ThreePassRecompute => &[Pass::Max, Pass::SumExp, Pass::ScaleExp],
            Algorithm::ThreePassReload => &[Pass::Max, Pass::StoreExp, Pass::Scale],
            Algorithm::Online => &[Pass::OnlineSum, Pass::ScaleExp],
        }
    }

    /// Whether it subtracts the maximum from x in floating point when it uses `reduction`, which costs
    /// accuracy in proportion to |x - max|.
    pub const fn rounds_difference(self, reduction: Reduction) -> bool {
        match reduction {
            Reduction::Accurate => false,
            Reduction::CodyWaite | Reduction::Fast => !matches!(self, Algorithm::TwoPass),
        }
    }
}

impl_ids!(Algorithm, "algorithm");

impl Accuracy {
    /// Every accuracy, the loosest first.
    pub const ALL: [Accuracy; 2] = [Accuracy::Fast, Accuracy::Accurate];

    /// Id, as in profiles.
    pub const fn id(self) -> &'static str {
        match self {
            Accuracy::Fast => "fast",
            Accuracy::Accurate => "accurate",
        }
    }

    /// The largest error of a normal output, in units in the last place.
    pub const fn max_ulp(self) -> u32 {
        match self {
            Accuracy::Fast => 20,
            Accuracy::Accurate => 4,
        }
    }

    /// Whether `algorithm` with `exp` is meant to be this accurate. The tuner measures it as well before it
    /// times anything.
    pub const fn admits(self, algorithm: Algorithm, exp: Exp) -> bool {
        // Rounding x - max costs 2^-24 |x - max|: up to 19 ULP for U(-10, 10), and up to 37 for 5 N(0, 1).
        if algorithm.rounds_difference(exp.reduction) {
            return false;
        }
        match self {
            // A degree below 5 alone costs more than 20 ULP on the reduced interval, 5 costs one.
            Accuracy::Fast => exp.degree >= 5,
            Accuracy::Accurate => exp.degree >= 6,
        }
    }
}

impl_ids!(Accuracy, "accuracy");
