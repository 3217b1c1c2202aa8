//! What earlier runs have measured, to be looked up by question.
//!
//! A batch of rounds is one measurement: its samples belong together round by round. Batches of the same question are
//! answers to its first, second, ... asking, so each is used once, the earliest first.

use super::code::Codes;
use super::record::{Samples, Verdict};
use softmax_bench::protocol::{Candidate, Contention, TimeRequest};
use std::collections::HashMap;

/// Records that may be used.
#[derive(Debug, Default)]
pub struct Recording {
    batches: Vec<Batch>,
    verdicts: HashMap<(Candidate, Option<u32>), Verdict>,
}

/// A recorded batch.
#[derive(Debug)]
struct Batch {
    line: usize,
    record: Samples,
    /// Where the samples of each candidate are whose code has not changed, each time that it is there.
    columns: HashMap<(Candidate, usize), usize>,
    used: bool,
}

/// What is known of the answer to a request.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// The line of the batch.
    pub line: usize,
    /// In the order of the request's candidates; `None` is still to be measured.
    pub samples: Vec<Option<Vec<f64>>>,
    /// What others had a part in of these; `None` where the system did not tell.
    pub contention: Option<Contention>,
    /// The share of the batch's time that these samples took.
    pub seconds: f64,
    /// Whether the batch answers this very request.
    pub is_exact: bool,
}

/// A batch that holds a smaller share of the candidates would save little, and less noise is in a batch of its own.
const LEAST_HELD: f64 = 0.5;

impl Recording {
    /// Adds the batch of a line. Whether all of it may be used.
    pub fn add_samples(&mut self, line: usize, record: Samples, codes: &mut Codes) -> bool {
        if let Some(of) = record.of {
            // Its samples are in this batch now, and must not count twice.
            self.batches.iter_mut().filter(|batch| batch.line == of).for_each(|batch| batch.used = true);
        }
        let candidates = numbered(&record.request).zip(&record.code).enumerate();
        let unchanged = candidates.filter(|(_, ((id, _), code))| codes.of(id) == **code);
        let columns: HashMap<(Candidate, usize), usize> = unchanged.map(|(i, (id, _))| (id, i)).collect();
        let is_whole = columns.len() == record.request.candidates.len();
        self.batches.push(Batch { line, record, columns, used: false });
        is_whole
    }

    /// Adds a verdict. Whether it may be used.
    pub fn add_verdict(&mut self, verdict: Verdict, codes: &mut Codes) -> bool {
        let is_usable = codes.of(&verdict.candidate) == verdict.code;
        if is_usable {
            self.verdicts.insert((verdict.candidate.clone(), verdict.max_ulp), verdict);
        }
        is_usable
    }

    /// The verdict on a candidate.
    pub fn verdict(&self, candidate: &Candidate, max_ulp: Option<u32>) -> Option<&Verdict> {
        self.verdicts.get(&(candidate.clone(), max_ulp))
    }

    /// The earliest batch of this very request, else the one that holds most of its candidates. The batch is used up.
    pub fn take(&mut self, request: &TimeRequest) -> Option<Found> {
        let alike = |batch: &&mut Batch| !batch.used && same_settings(&batch.record.request, request);
        let mut best: Option<(usize, &mut Batch)> = None;
        for batch in self.batches.iter_mut().filter(alike) {
            let held = batch.held(request);
            if batch.is_exactly(request) {
                best = Some((held, batch));
                break;
            }
            if held > best.as_ref().map_or(0, |(most, _)| *most) {
                best = Some((held, batch));
            }
        }
        let (held, batch) = best?;
        // Whoever is missing is timed beside one that is held: of two candidates that would be both.
        let missing = request.candidates.len() - held;
        let is_worth_it =
            missing == 0 || (held > 1 && held as f64 >= LEAST_HELD * request.candidates.len() as f64);
        is_worth_it.then(|| batch.take(request, held))
    }
}

impl Batch {
    /// How many of the request's candidates it holds.
    fn held(&self, request: &TimeRequest) -> usize {
        numbered(request).filter(|id| self.columns.contains_key(id)).count()
    }

    /// Whether it is of the same candidates.
    fn is_exactly(&self, request: &TimeRequest) -> bool {
        let count = request.candidates.len();
        count == self.record.request.candidates.len() && count == self.held(request)
    }

    fn take(&mut self, request: &TimeRequest, held: usize) -> Found {
        self.used = true;
        let is_exact = self.is_exactly(request);
        let share = held as f64 / self.record.request.candidates.len() as f64;
        let columns: Vec<Option<usize>> =
            numbered(request).map(|id| self.columns.get(&id).copied()).collect();
        let samples = |column: &Option<usize>| column.map(|column| self.record.samples[column].clone());
        let place = |&(column, round): &(usize, usize)| {
            Some((columns.iter().position(|&other| other == Some(column))?, round))
        };
        Found {
            line: self.line,
            samples: columns.iter().map(samples).collect(),
            contention: self.record.contention.as_ref().map(|contention| Contention {
                contended: contention.contended.iter().filter_map(place).collect(),
                set_aside_us: (contention.set_aside_us as f64 * share) as u64,
                ..*contention
            }),
            seconds: self.record.seconds * share,
            is_exact,
        }
    }
}

/// The candidates of a request, each with how often it was there before: the A/A control is there twice.
fn numbered(request: &TimeRequest) -> impl Iterator<Item = (Candidate, usize)> {
    let all = &request.candidates;
    let earlier = |i: usize| all[..i].iter().filter(|id| **id == all[i]).count();
    (0..all.len()).map(move |i| (all[i].clone(), earlier(i)))
}

fn same_settings(one: &TimeRequest, other: &TimeRequest) -> bool {
    let settings = |request: &TimeRequest| {
        (request.rows, request.len, request.in_place, request.rounds, request.sample_us.to_bits())
    };
    settings(one) == settings(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ref:a";
    const B: &str = "ref:b";
    const C: &str = "ref:c";
    const D: &str = "ref:d";

    fn request(candidates: &[&str], rounds: usize) -> TimeRequest {
        TimeRequest {
            candidates: candidates.iter().map(|&id| id.to_owned()).collect(),
            rows: 1,
            len: 64,
            in_place: false,
            rounds,
            sample_us: 100.0,
        }
    }

    /// One round in which candidates take `first`, `first + 1`, ...
    fn batch(candidates: &[&str], first: f64, codes: &mut Codes) -> Samples {
        let request = request(candidates, 1);
        let code = request.candidates.iter().map(|id| codes.of(id)).collect();
        let samples = (0..candidates.len()).map(|i| vec![first + i as f64]).collect();
        Samples { request, code, samples, contention: None, seconds: 6.0, of: None }
    }

    fn recording(batches: impl IntoIterator<Item = Samples>, codes: &mut Codes) -> Recording {
        let mut recording = Recording::default();
        for (i, batch) in batches.into_iter().enumerate() {
            recording.add_samples(i + 2, batch, codes);
        }
        recording
    }

    fn values(found: Option<Found>) -> Option<Vec<Option<f64>>> {
        Some(found?.samples.into_iter().map(|samples| samples.map(|samples| samples[0])).collect())
    }

    #[test]
    fn the_same_question_gets_its_answers_in_turn_and_each_once() {
        let codes = &mut Codes::default();
        let mut recording = recording([1.0, 5.0].map(|first| batch(&[A, B], first, codes)), codes);
        let known = |found| values(found).unwrap();
        assert_eq!(known(recording.take(&request(&[A, B], 1))), [Some(1.0), Some(2.0)]);
        assert_eq!(known(recording.take(&request(&[B, A], 1))), [Some(6.0), Some(5.0)]);
        assert_eq!(recording.take(&request(&[A, B], 1)), None);
    }

    #[test]
    fn a_candidate_that_is_there_twice_has_samples_of_its_own_each_time() {
        let codes = &mut Codes::default();
        let mut recording = recording([batch(&[A, B, A], 1.0, codes)], codes);
        let found = recording.take(&request(&[A, A, B], 1)).unwrap();
        assert!(found.is_exact);
        assert_eq!(values(Some(found)).unwrap(), [Some(1.0), Some(3.0), Some(2.0)]);
    }

    #[test]
    fn once_more_than_it_was_there_a_candidate_is_missing() {
        let codes = &mut Codes::default();
        let mut recording = recording([batch(&[A, B, C], 1.0, codes)], codes);
        let found = recording.take(&request(&[A, B, A], 1)).unwrap();
        assert!(!found.is_exact);
        assert_eq!(values(Some(found)).unwrap(), [Some(1.0), Some(2.0), None]);
    }

    #[test]
    fn contended_samples_stay_with_their_candidates() {
        let codes = &mut Codes::default();
        let contention = Contention { retaken: 5, contended: vec![(0, 0), (2, 0)], set_aside_us: 9 };
        let batch = Samples { contention: Some(contention), ..batch(&[A, B, C], 1.0, codes) };
        let mut recording = recording([batch], codes);
        let found = recording.take(&request(&[C, D, B], 1)).unwrap();
        // What was set aside is shared out as the time that it is of.
        let contention = Contention { retaken: 5, contended: vec![(0, 0)], set_aside_us: 6 };
        assert_eq!(found.contention, Some(contention));
    }

    #[test]
    fn other_settings_are_other_questions() {
        let codes = &mut Codes::default();
        let mut recording = recording([batch(&[A, B], 1.0, codes)], codes);
        assert_eq!(recording.take(&request(&[A, B], 2)), None);
        assert_eq!(recording.take(&TimeRequest { in_place: true, ..request(&[A, B], 1) }), None);
        assert_eq!(recording.take(&TimeRequest { len: 65, ..request(&[A, B], 1) }), None);
        assert!(recording.take(&request(&[A, B], 1)).unwrap().is_exact);
    }

    #[test]
    fn a_new_candidate_alone_is_missing_and_costs_of_the_others_are_shared_out() {
        let codes = &mut Codes::default();
        let mut recording = recording([batch(&[A, B, C], 1.0, codes)], codes);
        let found = recording.take(&request(&[A, D, B], 1)).unwrap();
        assert_eq!((found.is_exact, found.seconds, found.line), (false, 4.0, 2));
        assert_eq!(values(Some(found)).unwrap(), [Some(1.0), None, Some(2.0)]);
        assert_eq!(recording.take(&request(&[A, B, C], 1)), None, "its samples count once");
    }

    #[test]
    fn this_very_question_comes_before_one_that_holds_it() {
        let codes = &mut Codes::default();
        let batches = [batch(&[A, B, C], 1.0, codes), batch(&[A, B], 7.0, codes)];
        let mut recording = recording(batches, codes);
        let take = |recording: &mut Recording, ids: &[&str]| values(recording.take(&request(ids, 1)));
        assert_eq!(take(&mut recording, &[A, B]), Some(vec![Some(7.0), Some(8.0)]));
        assert_eq!(take(&mut recording, &[A, B]), Some(vec![Some(1.0), Some(2.0)]));
        assert_eq!(take(&mut recording, &[A, B]), None);
    }

    #[test]
    fn a_changed_kernel_is_missing_and_nothing_else() {
        let codes = &mut Codes::default();
        let mut changed = batch(&[A, B, C], 1.0, codes);
        changed.code[1] = "another".to_owned();
        let mut recording = recording([changed], codes);
        let found = recording.take(&request(&[A, B, C], 1)).unwrap();
        assert!(!found.is_exact);
        assert_eq!(values(Some(found)).unwrap(), [Some(1.0), None, Some(3.0)]);
    }

    #[test]
    fn samples_that_another_batch_was_made_of_are_used() {
        let codes = &mut Codes::default();
        let made = Samples { of: Some(2), ..batch(&[A, B, D], 1.0, codes) };
        let mut recording = recording([batch(&[A, B, C], 1.0, codes), made], codes);
        assert_eq!(recording.take(&request(&[A, B, C], 1)).unwrap().line, 3);
        assert_eq!(recording.take(&request(&[A, B, C], 1)), None);
    }

    #[test]
    fn a_verdict_is_of_one_code_and_one_bound() {
        let codes = &mut Codes::default();
        let verdict = |code: String, failure: &str| Verdict {
            candidate: A.to_owned(),
            max_ulp: Some(4),
            code,
            failure: Some(failure.to_owned()),
            seconds: 1.0,
        };
        let mut recording = Recording::default();
        let code = codes.of(&A.to_owned());
        assert!(recording.add_verdict(verdict(code, "right code"), codes));
        assert!(!recording.add_verdict(verdict("another".to_owned(), "wrong code"), codes));
        let found = recording.verdict(&A.to_owned(), Some(4)).unwrap();
        assert_eq!(found.failure.as_deref(), Some("right code"));
        assert_eq!(recording.verdict(&A.to_owned(), None), None);
    }
}
