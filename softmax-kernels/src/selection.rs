//! What is told about a choice: [`crate::selected`]. Off the way of calls, which only look up what was chosen.

use crate::plan::Plan;
use core::fmt;

/// Environment variable that restricts the choice to one ISA, for tests and support. Read once; without the feature `std` there is
/// no environment, and it is not read.
pub const FORCE_ISA_VARIABLE: &str = "SOFTMAX_FORCE_ISA";

/// What was chosen for a row length, and why.
#[derive(Debug, Clone, Copy)]
pub struct Selection {
    /// The profile's name.
    pub profile: &'static str,
    /// Whether it is from a table for batches, which calls with one row do not use.
    pub batch: bool,
    /// The longest row for which this plan is used, in elements; `usize::MAX` in the last class.
    pub upper: usize,
    /// The plan.
    pub plan: &'static Plan,
    /// Why this profile.
    pub reason: Reason,
    /// What became of `SOFTMAX_FORCE_ISA`, where it is set.
    pub forced: Option<Forced>,
    /// What became of the profile that the build was given (`SOFTMAX_PROFILE`), where there is one and another is used.
    pub set_aside: Option<SetAside>,
}

/// Why a profile was chosen, the best reason last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No profile fits this machine: the default of the ISA.
    Default,
    /// Tuned on a CPU of another model with the same ISA and as large an L2 cache.
    CacheClass,
    /// Tuned on a CPU of the same vendor, family and model.
    Model,
    /// Tuned on a CPU of the same vendor, family, model and stepping.
    Fingerprint,
}

/// What became of `SOFTMAX_FORCE_ISA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Only this ISA was considered.
    To(&'static str),
    /// It names no ISA that is compiled in and supported by this CPU, and was ignored.
    Ignored(&'static str),
}

/// A profile that the build was given, and why a call does not use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// The profile's name.
    pub profile: &'static str,
    /// Why.
    pub unfit: Unfit,
}

/// Why a profile is not used for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// On this architecture it has no table for the accuracy, in place or not, that the call has.
    NoTable,
    /// `SOFTMAX_FORCE_ISA` restricts the choice to this ISA, for which it has no table.
    NotForced(&'static str),
    /// This CPU has no ISA that it has a table for; this one is the least that it needs.
    Unsupported(&'static str),
    /// It was tuned on a CPU that is too different.
    OtherCpu,
    /// The most capable ISA that it has a table for is this one, and the CPU has a better one.
    LessCapable(&'static str),
    /// Another one fits this CPU better.
    FitsLess,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Default => "no profile fits this CPU: the default of its ISA",
            Reason::CacheClass => "tuned on another CPU with the same ISA and L2 cache size",
            Reason::Model => "tuned on the same CPU family and model",
            Reason::Fingerprint => "tuned on the same CPU",
        })
    }
}

impl fmt::Display for Forced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Forced::To(isa) => write!(f, "{FORCE_ISA_VARIABLE}={isa}"),
            Forced::Ignored(word) => {
                write!(
                    f,
                    "{FORCE_ISA_VARIABLE}={} ignored: no such ISA is compiled in and supported here",
                    word.escape_debug()
                )
            }
        }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile `{}` ", self.profile)?;
        match self.unfit {
            Unfit::NoTable => f.write_str("has no table for such calls"),
            Unfit::NotForced(isa) => write!(f, "has no table for {isa}"),
            Unfit::Unsupported(isa) => write!(f, "has no table below {isa}, which this CPU lacks"),
            Unfit::OtherCpu => f.write_str("was tuned on another CPU"),
            Unfit::LessCapable(isa) => write!(f, "has no table above {isa}, less than this CPU has"),
            Unfit::FitsLess => f.write_str("fits this CPU less well"),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { algorithm, passes, .. } = self.plan;
        write!(f, "{algorithm}(")?;
        for (i, pass) in passes.iter().enumerate() {
            write!(f, "{}{pass}", if i == 0 { "" } else { ", " })?;
        }
        let (profile, of_table) = (self.profile, if self.batch { ", batches" } else { "" });
        write!(f, ") from profile `{profile}`{of_table}: {}", self.reason)?;
        if let Some(forced) = &self.forced {
            write!(f, "; {forced}")?;
        }
        match &self.set_aside {
            Some(set_aside) => write!(f, "; {set_aside}"),
            None => Ok(()),
        }
    }
}
