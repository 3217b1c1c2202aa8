//! What others had a part in: counted, and told. A figure that rests on such samples must not look like any other.

use crate::stderr;
use softmax_bench::protocol::Contention;
use softmax_spec::profile::SampleCounts;
use std::cell::Cell;
use std::rc::Rc;

/// What was measured for a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Nanoseconds per element, `[candidate][round]`.
    pub samples: Vec<Vec<f64>>,
    /// `None` where the system does not tell.
    pub contention: Option<Contention>,
}

/// Timings of a machine that tells of no contention.
impl From<Vec<Vec<f64>>> for Measured {
    fn from(samples: Vec<Vec<f64>>) -> Measured {
        Measured { samples, contention: None }
    }
}

/// Counts over everything that was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    counts: SampleCounts,
    /// Of samples of which the system did not tell.
    unknown: usize,
}

/// A tally of several machines.
pub type SharedTally = Rc<Cell<Tally>>;

/// Beyond this share of contended samples the machine is too busy for what is timed.
const MANY: f64 = 0.01;

impl Tally {
    /// Counts another answer.
    pub fn add(&mut self, measured: &Measured) {
        let samples = measured.samples.iter().map(Vec::len).sum::<usize>();
        self.counts.taken += samples;
        match &measured.contention {
            Some(Contention { retaken, contended }) => {
                self.counts.retaken += retaken;
                self.counts.contended += contended.len();
            }
            None => self.unknown += samples,
        }
    }

    /// The counts, if the system has told of all samples.
    pub fn counts(&self) -> Option<SampleCounts> {
        (self.unknown == 0).then_some(self.counts)
    }

    /// Says what is not as it should be.
    pub fn say(&self) {
        match self.counts() {
            None => stderr::say(text(None)),
            Some(counts) if is_too_busy(&counts) => {
                stderr::say(format_args!("warning: {}: stop what else runs", text(Some(&counts))));
            }
            Some(counts) if counts.contended > 0 => stderr::say(text(Some(&counts))),
            Some(_) => {}
        }
    }
}

/// Whether so many samples are contended that the machine should be quieter.
pub fn is_too_busy(counts: &SampleCounts) -> bool {
    counts.contended as f64 > MANY * counts.taken as f64
}

/// The counts in a line.
pub fn text(counts: Option<&SampleCounts>) -> String {
    let Some(SampleCounts { taken, retaken, contended }) = counts else {
        return "whether samples were contended is not known: this system does not tell".to_owned();
    };
    let share = *contended as f64 / (*taken).max(1) as f64 * 100.0;
    let stayed = match contended {
        0 => "none stayed so".to_owned(),
        _ => format!("{contended} stayed so ({share:.1} %)"),
    };
    match retaken + contended {
        0 => format!("{taken} samples, none contended by other processes"),
        _ => format!("{taken} samples; {retaken} contended by other processes were taken again, {stayed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(contention: Option<Contention>) -> Measured {
        Measured { samples: vec![vec![1.0; 50]; 2], contention }
    }

    #[test]
    fn counts_add_up_and_are_known_only_if_all_are() {
        let mut tally = Tally::default();
        tally.add(&measured(Some(Contention::default())));
        assert_eq!(text(tally.counts().as_ref()), "100 samples, none contended by other processes");
        tally.add(&measured(Some(Contention { retaken: 7, contended: vec![(0, 3), (1, 0)] })));
        let counts = SampleCounts { taken: 200, retaken: 7, contended: 2 };
        assert_eq!(tally.counts(), Some(counts));
        assert!(!is_too_busy(&counts) && is_too_busy(&SampleCounts { contended: 3, ..counts }));
        assert_eq!(
            text(Some(&counts)),
            "200 samples; 7 contended by other processes were taken again, 2 stayed so (1.0 %)"
        );
        tally.add(&measured(None));
        assert_eq!(tally.counts(), None);
        assert!(text(None).contains("not known"));
    }
}
