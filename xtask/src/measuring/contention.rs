//! What others had a part in: counted, and told. A figure that rests on such samples must not look like any other.

use crate::stderr;
use anyhow::Result;
use softmax_bench::protocol::Contention;
use softmax_spec::profile::SampleCounts;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// What was measured for a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Nanoseconds per element, `[candidate][round]`.
    pub samples: Vec<Vec<f64>>,
    /// `None` where the system does not tell.
    pub contention: Option<Contention>,
}

impl Measured {
    /// What was spent on answers that were set aside.
    pub fn set_aside(&self) -> Duration {
        self.contention
            .as_ref()
            .map_or(Duration::ZERO, |contention| Duration::from_micros(contention.set_aside_us))
    }

    fn count(&self) -> usize {
        self.samples.iter().map(Vec::len).sum()
    }

    /// The share of samples that are contended.
    fn contended(&self) -> f64 {
        let contended = self.contention.as_ref().map_or(0, |contention| contention.contended.len());
        contended as f64 / self.count().max(1) as f64
    }
}

/// Timings of a machine that tells of no contention.
impl From<Vec<Vec<f64>>> for Measured {
    fn from(samples: Vec<Vec<f64>>) -> Measured {
        Measured { samples, contention: None }
    }
}

/// Beyond this share of contended samples an answer is not worth much: of two plans another may be faster while others have a part of the
/// core's ports.
const MUCH: f64 = 0.25;

/// The share of all time that may go by with answers that are set aside. With a fifth and more, a search in its busiest hour had no time
/// left for half of the crossovers, which costs more than what others disturb.
const FAIR: f64 = 0.125;

/// And the most for one question. Those of many candidates take as long at once, and few of these are told apart closely.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks again what others had too large a part in.
#[derive(Debug, Default)]
pub struct Asking {
    /// What all answers took, and those that were set aside.
    all: Duration,
    set_aside: Duration,
}

impl Asking {
    /// The first answer that others had little part in; if there is no time for such a one, that in which they had the least. `ask` is told
    /// whether it asks again, and tells what it took.
    pub fn ask(&mut self, mut ask: impl FnMut(bool) -> Result<(Measured, Duration)>) -> Result<Measured> {
        let (mut best, mut took) = ask(false)?;
        self.all += took;
        let (mut retaken, mut set_aside) = (0, Duration::ZERO);
        while best.contended() > MUCH && self.has_time(set_aside, took) {
            let (mut other, mut other_took) = ask(true)?;
            self.all += other_took;
            if other.contended() < best.contended() {
                (best, other, took, other_took) = (other, best, other_took, took);
            }
            retaken += other.contention.map_or(0, |contention| contention.contended.len());
            (self.set_aside, set_aside) = (self.set_aside + other_took, set_aside + other_took);
        }
        if let Some(contention) = &mut best.contention {
            contention.retaken += retaken;
            contention.set_aside_us = set_aside.as_micros() as u64;
        }
        Ok(best)
    }

    /// Whether there is time for another answer, which takes as long as the one before, where so much was set aside for the question.
    fn has_time(&self, set_aside: Duration, took: Duration) -> bool {
        set_aside + took <= PATIENCE && self.set_aside + took <= self.all.mul_f64(FAIR)
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
        let samples = measured.count();
        self.counts.taken += samples;
        match &measured.contention {
            Some(Contention { retaken, contended, .. }) => {
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
        0 => format!("{taken} samples, none contended by others"),
        _ => format!("{taken} samples; {retaken} contended by others were taken again, {stayed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(contention: Option<Contention>) -> Measured {
        Measured { samples: vec![vec![1.0; 50]; 2], contention }
    }

    /// Answers to one question of which so many of 100 samples are contended, each after so many milliseconds: that which is taken, how
    /// many samples were taken again, and the milliseconds set aside.
    fn ask(asking: &mut Asking, answers: &[usize], ms: u64) -> (usize, usize, u64) {
        let mut left = answers.iter();
        let mut tries = 0;
        let Contention { retaken, contended, set_aside_us } = asking
            .ask(|is_again| {
                tries += 1;
                assert_eq!(is_again, tries > 1);
                let contended = (0..*left.next().expect("no further question")).map(|i| (i / 50, i % 50));
                let contention = Contention { retaken: 0, contended: contended.collect(), set_aside_us: 0 };
                Ok((measured(Some(contention)), Duration::from_millis(ms)))
            })
            .unwrap()
            .contention
            .unwrap();
        assert_eq!(left.len(), 0);
        (contended.len(), retaken, set_aside_us / 1000)
    }

    #[test]
    fn what_others_had_a_large_part_in_is_asked_again_for_a_fair_part_of_the_time() {
        let mut asking = Asking::default();
        assert_eq!(ask(&mut asking, &[25], 400), (25, 0, 0));
        assert_eq!(ask(&mut asking, &[26, 90, 0], 10), (0, 116, 20));
        assert_eq!(ask(&mut asking, &[50, 40], 20), (40, 50, 20), "an eighth of the time is spent");
        assert_eq!(ask(&mut asking, &[90], 30), (90, 0, 0));
        assert_eq!(ask(&mut asking, &[0], 100_000), (0, 0, 0));
        assert_eq!(ask(&mut asking, &[90, 80, 70], 200), (70, 170, 400), "no longer for one question");
        let untold = asking.ask(|_| Ok((measured(None), Duration::ZERO))).unwrap();
        assert_eq!((untold.contention.as_ref(), untold.set_aside()), (None, Duration::ZERO));
    }

    #[test]
    fn counts_add_up_and_are_known_only_if_all_are() {
        let mut tally = Tally::default();
        tally.add(&measured(Some(Contention::default())));
        assert_eq!(text(tally.counts().as_ref()), "100 samples, none contended by others");
        tally.add(&measured(Some(Contention {
            retaken: 7,
            contended: vec![(0, 3), (1, 0)],
            set_aside_us: 5,
        })));
        let counts = SampleCounts { taken: 200, retaken: 7, contended: 2 };
        assert_eq!(tally.counts(), Some(counts));
        assert!(!is_too_busy(&counts) && is_too_busy(&SampleCounts { contended: 3, ..counts }));
        assert_eq!(
            text(Some(&counts)),
            "200 samples; 7 contended by others were taken again, 2 stayed so (1.0 %)"
        );
        tally.add(&measured(None));
        assert_eq!(tally.counts(), None);
        assert!(text(None).contains("not known"));
    }
}
