//! Passes: one sweep over a row, the unit that is generated, timed and tuned.

use crate::id::impl_ids;

/// One sweep over a row. Each is one generated function; an [`crate::Algorithm`] is a sequence of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// max(x).
    Max,
    /// sum of e^(x - max).
    SumExp,
    /// y = e^(x - max), and its sum.
    StoreExp,
    /// y = x * factor.
    Scale,
    /// y = e^(x - max) * factor.
    ScaleExp,
    /// sum of e^x as a pair m * 2^n (the Two-Pass paper, Algorithm 3, first loop).
    ExtSum,
    /// y = e^x / (m * 2^n) (the Two-Pass paper, Algorithm 3, second loop).
    ExtScale,
    /// max(x) and the sum of e^(x - max) in one sweep (Milakov and Gimelshein, arXiv 1805.02867).
    OnlineSum,
    /// y = softmax(x), whole rows that fit in registers.
    Softmax,
    /// y = softmax(x), whole rows that fit in the L1 cache.
    FusedSoftmax,
}

/// The facts of one pass.
struct Row {
    id: &'static str,
    stores: bool,
    exponentiates: bool,
    /// Vectors that one accumulator carries from iteration to iteration; 0 for a pass that reduces nothing.
    state_per_accumulator: usize,
}

const fn row(id: &'static str, stores: bool, exponentiates: bool, state_per_accumulator: usize) -> Row {
    Row { id, stores, exponentiates, state_per_accumulator }
}

const MAX: Row = row("max", false, false, 1);
const SUM_EXP: Row = row("sum_exp", false, true, 1);
const STORE_EXP: Row = row("store_exp", true, true, 1);
const SCALE: Row = row("scale", true, false, 0);
const SCALE_EXP: Row = row("scale_exp", true, true, 0);
const EXT_SUM: Row = row("ext_sum", false, true, 2);
const EXT_SCALE: Row = row("ext_scale", true, true, 0);
const ONLINE_SUM: Row = row("online_sum", false, true, 2);
const SOFTMAX: Row = row("softmax", true, true, 0);
const FUSED_SOFTMAX: Row = row("fused_softmax", true, true, 1);

impl Pass {
    /// Every pass.
    pub const ALL: [Pass; 10] = [
        Pass::Max,
        Pass::SumExp,
        Pass::StoreExp,
        Pass::Scale,
        Pass::ScaleExp,
        Pass::ExtSum,
        Pass::ExtScale,
        Pass::OnlineSum,
        Pass::Softmax,
        Pass::FusedSoftmax,
    ];

    const fn row(self) -> &'static Row {
        match self {
            Pass::Max => &MAX,
            Pass::SumExp => &SUM_EXP,
            Pass::StoreExp => &STORE_EXP,
            Pass::Scale => &SCALE,
            Pass::ScaleExp => &SCALE_EXP,
            Pass::ExtSum => &EXT_SUM,
            Pass::ExtScale => &EXT_SCALE,
            Pass::OnlineSum => &ONLINE_SUM,
            Pass::Softmax => &SOFTMAX,
            Pass::FusedSoftmax => &FUSED_SOFTMAX,
        }
    }

    /// Id, as in `f32_max__avx2_u32`.
    pub const fn id(self) -> &'static str {
        self.row().id
    }

    /// Whether it writes a row.
    pub const fn stores(self) -> bool {
        self.row().stores
    }

    /// Whether it only maps x to y, element by element, in rows of any length. Such a pass is the last one, so that nothing
    /// reads soon what it writes, and may begin anywhere.
    pub const fn maps(self) -> bool {
        matches!(self, Pass::Scale | Pass::ScaleExp | Pass::ExtScale)
    }

    /// Whether it evaluates exponentials, and so has an [`crate::Exp`].
    pub const fn exponentiates(self) -> bool {
        self.row().exponentiates
    }

    /// Whether its exponentials are relative to a maximum that it is given or finds.
    pub const fn knows_maximum(self) -> bool {
        !matches!(self, Pass::ExtSum | Pass::ExtScale)
    }

    /// Whether it holds a row in registers, so that its tile is the longest row that it takes.
    pub const fn is_resident(self) -> bool {
        matches!(self, Pass::Softmax)
    }

    /// Whether it is a softmax by itself, of one row or several.
    pub const fn takes_whole_rows(self) -> bool {
        matches!(self, Pass::Softmax | Pass::FusedSoftmax)
    }

    /// Whether it reduces the row to a number, and so has accumulators.
    pub const fn reduces(self) -> bool {
        self.state_per_accumulator() > 0
    }

    /// Whether what it reduces to is a sum of exponentials, whose rounding errors add up.
    pub const fn sums(self) -> bool {
        self.reduces() && self.exponentiates()
    }

    /// Vectors that one accumulator carries from iteration to iteration; 0 for a pass that reduces nothing.
    pub const fn state_per_accumulator(self) -> usize {
        self.row().state_per_accumulator
    }
}

impl_ids!(Pass, "pass");
