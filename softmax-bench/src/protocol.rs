//! What the tuner asks of the measuring process and what it gets back: one JSON value per line, a reply per
//! request, in order. The process ends when its standard input does.

use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// Something that can be timed: the id of a pass variant, the text of a plan, a reference, our public API, or a peer.
///
/// References are written [`MEMCPY`], [`READ_SUM`] and [`SCALE_LOOP`], our API [`OURS_FAST`] and [`OURS_ACCURATE`], a
/// peer [`PEER`] and its id. [`MEMCPY`] and our API take [`THREADS`] and a number behind their names: `ours:fast@2`. So do
/// plans, whose threads then have rows of their own.
pub type Candidate = String;

/// Copies the row.
pub const MEMCPY: &str = "ref:memcpy";
/// Sums the row as fast as it can be read.
pub const READ_SUM: &str = "ref:read_sum";
/// Multiplies the row by a constant, out of place, the way a compiler vectorises it.
pub const SCALE_LOOP: &str = "ref:scale_loop";
/// What people call, with whatever profile fits this machine, at most 20 ULP off.
pub const OURS_FAST: &str = "ours:fast";
/// The same, at most 4 ULP off.
pub const OURS_ACCURATE: &str = "ours:accurate";
/// What stands between a name and a number of threads.
pub const THREADS: char = '@';
/// The ids of the peers.
pub const PEERS: [&str; 5] = ["rten", "tract", "onednn", "xnnpack", "onnxruntime"];
/// What a peer's id follows.
pub const PEER: &str = "peer:";
/// `rten-vecmath`'s softmax, the one peer that needs no feature.
pub const RTEN: &str = "peer:rten";

/// A question to the measuring process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The ISAs that this CPU supports and the ids that the process was compiled with.
    Describe,
    /// What does the process run under in place of a CPU? Under an emulator nothing is timed.
    Emulator,
    /// Can this run here, and what is it called? For peers: opening one may fail.
    Find(Candidate),
    /// Is the candidate right? Compares with an f64 oracle on ordinary rows of several lengths and on special
    /// values; plans must also stay within `max_ulp` on normal outputs.
    Verify {
        /// The variant or plan.
        candidate: Candidate,
        /// Largest error of a normal output in ULP; `None` leaves it to the pass's own tolerance.
        max_ulp: Option<u32>,
    },
    /// How exact are exp cores by themselves?
    Core(CoreRequest),
    /// How exact are plans and our API on whole rows?
    Rows(RowsRequest),
    /// Times the candidates against each other, interleaved.
    Time(TimeRequest),
}

/// A race: `rounds` rounds, in each of which every candidate is sampled once, in an order by lot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeRequest {
    /// What to time.
    pub candidates: Vec<Candidate>,
    /// Rows of a batch; single passes are timed on one row only.
    #[serde(default = "one")]
    pub rows: usize,
    /// Row length in elements.
    pub len: usize,
    /// Whether output overwrites input, for the candidates that write.
    pub in_place: bool,
    /// Samples per candidate.
    pub rounds: usize,
    /// A sample repeats the call until it lasts at least this long, in microseconds.
    pub sample_us: f64,
}

fn one() -> usize {
    1
}

/// How many calls that are not timed come before a sample of `calls`: as many, up to 10. Where rows leave the second level cache, what
/// another candidate left in the third slows the next ones for about ten calls.
#[must_use]
pub const fn untimed_calls(calls: u64) -> u64 {
    const SETTLING: u64 = 10;
    if calls < SETTLING { calls } else { SETTLING }
}

/// Every so many floats, lowest first, go through the exp cores of kernels that show them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreRequest {
    /// Which ones, all on the same floats.
    pub cores: Vec<ShownCore>,
    /// The lowest input, in the domains of all forms.
    pub low: f32,
    /// No input is above this.
    pub high: f32,
    /// From an input to the next, in floats.
    pub every: NonZeroUsize,
    /// On so many threads.
    pub threads: NonZeroUsize,
}

/// An exp core as a variant shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCore {
    /// Of the pass that the form is shown by.
    pub variant: Candidate,
    /// A form in which cores are used, by id.
    pub form: String,
}

/// The error of an exp core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoreError {
    /// How many floats were tried.
    pub inputs: u64,
    /// The largest error in units of the last place; `f64::MAX` if a result is no number.
    pub ulp: f64,
    /// The lowest input that has it.
    pub at: f32,
    /// The most floats from a result to the one that is nearest to the exact value.
    pub distance: u32,
    /// The lowest input that has it.
    pub distance_at: f32,
    /// The largest relative error, in units of 2^-24.
    pub units: f64,
    /// The lowest input that has it.
    pub units_at: f32,
}

/// Rows of random lengths, each of which goes through all candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowsRequest {
    /// Plans, and our API.
    pub candidates: Vec<Candidate>,
    /// What elements are drawn from.
    pub distribution: Distribution,
    /// Elements of the shortest row.
    pub shortest: usize,
    /// Elements of the longest row.
    pub longest: usize,
    /// Rows.
    pub count: usize,
    /// On so many threads, each of which holds a row at a time.
    pub threads: NonZeroUsize,
}

/// What elements are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// U(-10, 10).
    Uniform,
    /// 5 N(0, 1).
    Normal,
}

/// The errors of a candidate on rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RowErrors {
    /// Outputs that should be normal floats.
    pub outputs: u64,
    /// Their largest error in units of the last place of the exact value; `f64::MAX` if one is no number.
    pub ulp: f64,
    /// The length of a row that has it.
    pub len: usize,
    /// The most floats from an output to the one that is nearest to the exact value.
    pub distance: u32,
    /// How many rows have that.
    pub rows: u64,
}

/// An answer of the measuring process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Describe`].
    Description {
        /// ISAs that this CPU supports, by id.
        isas: Vec<String>,
        /// Ids of the compiled variants.
        variants: Vec<String>,
    },
    /// To [`Request::Emulator`]; `None` if it is none.
    Emulator(Option<String>),
    /// To [`Request::Find`]: name and version; or what was looked for and how to get it.
    Found(Result<String, String>),
    /// To [`Request::Verify`].
    Verdict {
        /// Largest error of a normal output in ULP.
        max_ulp: f64,
        /// What was wrong; `None` if nothing was.
        failure: Option<String>,
    },
    /// To [`Request::Core`], in the order of the request's variants.
    Core(Vec<CoreError>),
    /// To [`Request::Rows`], in the order of the request's candidates.
    Rows(Vec<RowErrors>),
    /// To [`Request::Time`]: nanoseconds per element, `samples[candidate][round]`.
    Samples {
        /// In the order of the request's candidates.
        samples: Vec<Vec<f64>>,
        /// What others had a part in; `None` where the system does not tell.
        contention: Option<Contention>,
    },
    /// The request could not be carried out.
    Error(String),
}

/// What became of samples during which a core was taken away for the work of others, or slowed by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contention {
    /// How many were set aside and taken again.
    pub retaken: usize,
    /// Those that were no better after the last try, as (candidate, round). The shortest of the tries stands for each.
    pub contended: Vec<(usize, usize)>,
    /// Microseconds of whole answers that whoever asked has set aside, and asked again, because of others. The measuring process has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub set_aside_us: u64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
