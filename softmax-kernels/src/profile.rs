//! Profiles as static tables: what `kernels!` makes of the files in `tuned/` and of `SOFTMAX_PROFILE`.

use crate::plan::{Backup, Plan};
use crate::{Accuracy, ExtScaleKernel, ExtSumKernel};

/// Plans for one machine, or for any.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Whether the build was given it (`SOFTMAX_PROFILE`); else it is shipped.
    pub is_given: bool,
    /// The machine it was tuned on; `None` if it fits any.
    pub host: Option<Host>,
    /// At most one table per ISA, accuracy, in place or not, single rows or batches.
    pub tables: &'static [Table],
}

/// What identifies a machine at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<Text = &'static str> {
    /// CPUID vendor.
    pub vendor: Text,
    /// CPUID display family.
    pub family: u32,
    /// CPUID display model.
    pub model: u32,
    /// CPUID stepping.
    pub stepping: u32,
    /// L2 cache in KiB.
    pub l2_kib: u32,
}

/// Plans by row length.
#[derive(Debug)]
pub struct Table {
    /// The ISA of all its plans.
    pub isa: &'static str,
    /// Larger for more capable ISAs.
    pub isa_rank: usize,
    /// Whether this CPU has the ISA.
    pub supported: fn() -> bool,
    /// The accuracy of all its plans.
    pub accuracy: Accuracy,
    /// Whether output overwrites input.
    pub in_place: bool,
    /// Whether it is for batches of two rows and more; else for single rows, and for batches where nothing else is.
    pub batch: bool,
    /// The plans of the ISA for rows that others give up.
    pub backup: Backup,
    /// The kernels of the ISA for [`crate::ExtSum`].
    pub shardable: Shardable,
    /// The plans.
    pub classes: Classes,
}

/// Two-Pass kernels with the exp core of `softmax_spec::Plan::shardable`, so that the sums of all ISAs and builds mean the same.
#[derive(Debug, Clone, Copy)]
pub struct Shardable {
    /// The first pass.
    pub sum: ExtSumKernel,
    /// The second pass.
    pub scale: ExtScaleKernel,
}

/// The plan for a range of lengths.
#[derive(Debug)]
pub struct Class {
    /// The longest row of the class.
    pub upper: usize,
    /// Its plan.
    pub plan: Plan,
}

/// Classes by ascending upper length; the last one has `usize::MAX`, but that tables for batches may end.
#[derive(Debug, Clone, Copy)]
pub struct Classes {
    all: &'static [Class],
    /// Of lengths of so many bits, or an earlier one: beside a short row, looking through all classes would show.
    first: [u8; LENGTHS_IN_BITS],
}

/// From 0 bits, the length 0, to those of a `usize`.
const LENGTHS_IN_BITS: usize = usize::BITS as usize + 1;

impl Classes {
    /// Of classes in that order.
    pub const fn new(all: &'static [Class]) -> Classes {
        let mut first = [0; LENGTHS_IN_BITS];
        let (mut class, mut bits) = (0, 1);
        while bits < LENGTHS_IN_BITS {
            let shortest = 1 << (bits - 1);
            while class < u8::MAX as usize && class < all.len() && all[class].upper < shortest {
                class += 1;
            }
            first[bits] = class as u8;
            bits += 1;
        }
        Classes { all, first }
    }

    /// The class of rows of `len` elements.
    #[inline]
    pub fn of(&self, len: usize) -> Option<&'static Class> {
        let bits = (usize::BITS - len.leading_zeros()) as usize;
        let first = usize::from(*self.first.get(bits)?);
        self.all.get(first..)?.iter().find(|class| len <= class.upper)
    }

    /// All of them.
    pub fn all(&self) -> &'static [Class] {
        self.all
    }
}

impl Table {
    /// Whether it has a plan for rows of `len` elements.
    #[inline]
    pub fn reaches(&self, len: usize) -> bool {
        self.classes.all().last().is_some_and(|class| len <= class.upper)
    }

    /// The plan for rows of `len` elements.
    #[inline]
    pub fn plan(&self, len: usize) -> &Plan {
        self.classes.of(len).map_or(&self.backup.robust, |class| &class.plan)
    }
}
