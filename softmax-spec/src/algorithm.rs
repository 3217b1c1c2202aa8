//! Algorithms: the sequences of passes that make a softmax, and what they promise.

use crate::id::impl_ids;
use crate::{Exp, Isa, Pass, Reduction};

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
    /// Reload by blocks that fit the L1 cache: the maximum of a block, then its exponentials while it is there, all
    /// relative to the first finite maximum of a block. A row that rises more than 32 above that goes to another plan.
    BlockedReload,
    /// Recompute by such blocks: maximum and sum of a block, then the next.
    BlockedRecompute,
    /// Reload relative to the largest of a few samples instead of the maximum, which saves a pass. A sum that shows that
    /// the maximum is far above the samples sends the row to another plan.
    SampledReload,
    /// Recompute relative to the largest of a few samples.
    SampledRecompute,
    /// The whole row in registers: one read and one write.
    Resident,
    /// Reload relative to a constant, in one function, for rows that fit in the L1 cache. A sum that shows that the constant
    /// does not suit the row sends it to another plan.
    Fused,
}

/// How far an output that is a normal float may be from the exact result, for x ~ U(-10, 10) and x ~ 5 N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Accuracy {
    /// At most 20 ULP.
    Fast,
    /// At most 4 ULP.
    Accurate,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::TwoPass,
        Algorithm::ThreePassRecompute,
        Algorithm::ThreePassReload,
        Algorithm::Online,
        Algorithm::BlockedReload,
        Algorithm::BlockedRecompute,
        Algorithm::SampledReload,
        Algorithm::SampledRecompute,
        Algorithm::Resident,
        Algorithm::Fused,
    ];

    /// Id, as in profiles.
    pub const fn id(self) -> &'static str {
        match self {
            Algorithm::TwoPass => "two_pass",
            Algorithm::ThreePassRecompute => "three_pass_recompute",
            Algorithm::ThreePassReload => "three_pass_reload",
            Algorithm::Online => "online",
            Algorithm::BlockedReload => "blocked_reload",
            Algorithm::BlockedRecompute => "blocked_recompute",
            Algorithm::SampledReload => "sampled_reload",
            Algorithm::SampledRecompute => "sampled_recompute",
            Algorithm::Resident => "resident",
            Algorithm::Fused => "fused",
        }
    }

    /// The passes, in order.
    pub const fn passes(self) -> &'static [Pass] {
        match self {
            Algorithm::TwoPass => &[Pass::ExtSum, Pass::ExtScale],
            Algorithm::ThreePassRecompute => &[Pass::Max, Pass::SumExp, Pass::ScaleExp],
            Algorithm::ThreePassReload => &[Pass::Max, Pass::StoreExp, Pass::Scale],
            Algorithm::Online => &[Pass::OnlineSum, Pass::ScaleExp],
            Algorithm::BlockedReload => &[Pass::Max, Pass::StoreExp, Pass::Scale],
            Algorithm::BlockedRecompute => &[Pass::Max, Pass::SumExp, Pass::ScaleExp],
            Algorithm::SampledReload => &[Pass::StoreExp, Pass::Scale],
            Algorithm::SampledRecompute => &[Pass::SumExp, Pass::ScaleExp],
            Algorithm::Resident => &[Pass::Softmax],
            Algorithm::Fused => &[Pass::FusedSoftmax],
        }
    }

    /// Whether it measures exponentials from less than the maximum, so that they can overflow.
    pub const fn samples(self) -> bool {
        matches!(self, Algorithm::SampledReload | Algorithm::SampledRecompute)
    }

    /// Whether it can overwrite its input. Not if it writes before it knows that the row is regular.
    pub const fn runs_in_place(self) -> bool {
        !matches!(self, Algorithm::BlockedReload | Algorithm::SampledReload)
    }

    /// Whether it works with `exp` on `isa`: sampling needs exponentials that overflow to infinity, and a core that
    /// fails for some finite x needs an algorithm that notices.
    pub const fn suits(self, exp: Exp, isa: Isa) -> bool {
        let (saturates, takes_every_finite) =
            (exp.reduction.saturates(isa), exp.reduction.takes_every_finite());
        match self {
            Algorithm::SampledReload | Algorithm::SampledRecompute => saturates,
            Algorithm::Fused => saturates || takes_every_finite,
            _ => takes_every_finite,
        }
    }

    /// Whether the rounding errors of its sum stay below one ULP for any row: the passes with a plain sum compensate
    /// them.
    const fn sums_accurately(self) -> bool {
        !matches!(self, Algorithm::TwoPass | Algorithm::Online)
    }

    /// Whether it subtracts the maximum from x in floating point when it uses `reduction`, which costs
    /// accuracy in proportion to |x - max|.
    pub const fn rounds_difference(self, reduction: Reduction) -> bool {
        match reduction {
            Reduction::CodyWaite | Reduction::Fast => !matches!(self, Algorithm::TwoPass),
            _ => false,
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
            // A degree below 5 alone costs more than 20 ULP on the reduced interval, 5 costs one, a table three.
            Accuracy::Fast => exp.degree >= 5 || exp.reduction.lookup_entries() > 0,
            Accuracy::Accurate => exp.sums_accurately() && algorithm.sums_accurately(),
        }
    }
}

impl_ids!(Accuracy, "accuracy");
