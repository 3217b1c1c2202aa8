//! A machine with a memory: what its journal knows is answered from there, what it does not is measured and noted.

use super::code::Codes;
use super::file::{Journal, Opened};
use super::record::{Record, Samples, Verdict};
use super::recording::{Found, Recording};
use crate::measuring::contention::Tally;
use crate::measuring::statistics::median;
use crate::measuring::{Measured, Timings, interrupt};
use crate::tune::clock::Time;
use crate::tune::gate::Oracle;
use anyhow::{Context, Result, ensure};
use softmax_bench::protocol::{Candidate, Contention, TimeRequest};
use std::collections::BTreeSet;
use std::time::Duration;

/// The wall time since some beginning.
pub type Wall = Box<dyn Fn() -> Duration>;

/// `M` is the measuring process, or a model in tests.
pub struct Journaled<'a, M> {
    machine: &'a mut M,
    journal: Journal,
    recording: Recording,
    codes: Codes,
    time: Time,
    wall: Wall,
    /// When the last answer was given.
    answered: Duration,
    tally: Tally,
}

impl<'a, M: Timings + Oracle> Journaled<'a, M> {
    /// A machine that knows what was read from the journal.
    pub fn new(machine: &'a mut M, opened: Opened, codes: Codes, wall: Wall) -> Self {
        let Opened { journal, recording, .. } = opened;
        let answered = wall();
        Journaled {
            machine,
            journal,
            recording,
            codes,
            time: Time::default(),
            wall,
            answered,
            tally: Tally::default(),
        }
    }

    /// The time that its answers have taken; recorded ones what they took then.
    pub fn time(&self) -> Time {
        self.time.clone()
    }

    /// Counts of the samples in its answers, recorded ones as they were then.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The journal, when nothing more is to be measured.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    /// Wall time since the last answer, which is over now.
    fn lap(&mut self) -> f64 {
        let now = (self.wall)();
        let lap = now - self.answered;
        self.answered = now;
        lap.as_secs_f64()
    }

    /// An answer that is known. No process is asked, so ctrl-C is looked for here.
    fn replay(&mut self, seconds: f64) -> Result<()> {
        interrupt::check()?;
        self.lap();
        self.time.pass(Duration::from_secs_f64(seconds));
        Ok(())
    }

    /// Notes an answer before it counts.
    fn note(&mut self, record: &Record, seconds: f64) -> Result<()> {
        self.journal.append(record)?;
        self.time.pass(Duration::from_secs_f64(seconds));
        Ok(())
    }

    fn note_samples(
        &mut self,
        request: &TimeRequest,
        measured: Measured,
        seconds: f64,
        of: Option<usize>,
    ) -> Result<Measured> {
        let code = request.candidates.iter().map(|id| self.codes.of(id)).collect();
        let Measured { samples, contention } = measured.clone();
        let record = Samples { request: request.clone(), code, samples, contention, seconds, of };
        ensure!(record.is_sound(), "the measuring process sent other samples than were asked for");
        self.note(&Record::Samples(record), seconds)?;
        Ok(measured)
    }

    /// A batch of which some is known. Whoever is missing is timed beside the fastest of the others, and put on the scale
    /// of the known batch by the times of that one, round by round.
    fn fill(&mut self, request: &TimeRequest, found: Found) -> Result<Measured> {
        let missing: Vec<usize> =
            (0..found.samples.len()).filter(|&place| found.samples[place].is_none()).collect();
        let measured = match missing.is_empty() {
            true => Measured { samples: Vec::new(), contention: Some(Contention::default()) },
            false => self.beside(request, &found, &missing)?,
        };
        let contention = together(found.contention, measured.contention, &missing);
        let mut measured = measured.samples.into_iter();
        let samples: Option<Vec<Vec<f64>>> =
            found.samples.into_iter().map(|samples| samples.or_else(|| measured.next())).collect();
        let samples = samples.context("the measuring process sent fewer samples than were asked for")?;
        let seconds = self.lap() + found.seconds;
        self.note_samples(request, Measured { samples, contention }, seconds, Some(found.line))
    }

    /// Samples of the missing candidates, on the scale of those found.
    fn beside(&mut self, request: &TimeRequest, found: &Found, missing: &[usize]) -> Result<Measured> {
        let known = request.candidates.iter().zip(&found.samples);
        let known = known.filter_map(|(id, samples)| Some((id, samples.as_ref()?)));
        let fastest = known.min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)));
        let (anchor, then) = fastest.context("a batch was found that holds nothing")?;
        let missing = missing.iter().map(|&place| request.candidates[place].clone());
        let candidates = missing.chain([anchor.clone()]).collect();
        let mut measured = self.machine.measured(&TimeRequest { candidates, ..request.clone() })?;
        let now = measured.samples.pop().context("the measuring process sent no samples")?;
        for samples in &mut measured.samples {
            samples.iter_mut().zip(then.iter().zip(&now)).for_each(|(time, (then, now))| *time *= then / now);
        }
        Ok(measured)
    }
}

/// Of a batch of which some was known, and of the race in which those at the places `missing` were timed. That race had one
/// candidate more, whose times are in those of all others: what was contended of it counts for the first.
fn together(
    known: Option<Contention>,
    measured: Option<Contention>,
    missing: &[usize],
) -> Option<Contention> {
    let (known, measured) = (known?, measured?);
    let place =
        |&(candidate, round): &(usize, usize)| (*missing.get(candidate).unwrap_or(&missing[0]), round);
    let contended: BTreeSet<(usize, usize)> =
        known.contended.into_iter().chain(measured.contended.iter().map(place)).collect();
    Some(Contention {
        retaken: known.retaken + measured.retaken,
        contended: contended.into_iter().collect(),
        set_aside_us: known.set_aside_us + measured.set_aside_us,
    })
}

impl<M: Timings + Oracle> Timings for Journaled<'_, M> {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.measured(request).map(|measured| measured.samples)
    }

    fn measured(&mut self, request: &TimeRequest) -> Result<Measured> {
        let measured = match self.recording.take(request) {
            Some(found) if found.is_exact => {
                self.replay(found.seconds)?;
                let samples = found.samples.into_iter().flatten().collect();
                Measured { samples, contention: found.contention }
            }
            Some(found) => self.fill(request, found)?,
            None => {
                let measured = self.machine.measured(request)?;
                let seconds = self.lap();
                self.note_samples(request, measured, seconds, None)?
            }
        };
        self.tally.add(&measured);
        Ok(measured)
    }

    fn anew(&mut self) {
        self.machine.anew();
    }
}

impl<M: Timings + Oracle> Oracle for Journaled<'_, M> {
    fn failure(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Option<String>> {
        if let Some(verdict) = self.recording.verdict(candidate, max_ulp) {
            let (failure, seconds) = (verdict.failure.clone(), verdict.seconds);
            self.replay(seconds)?;
            return Ok(failure);
        }
        let failure = self.machine.failure(candidate, max_ulp)?;
        let (code, seconds) = (self.codes.of(candidate), self.lap());
        let verdict =
            Verdict { candidate: candidate.clone(), max_ulp, code, failure: failure.clone(), seconds };
        self.note(&Record::Verdict(verdict), seconds)?;
        Ok(failure)
    }
}
