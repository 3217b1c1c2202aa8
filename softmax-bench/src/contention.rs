//! Contention: whether a core was taken away for the work of others, or slowed by it, while something was timed.
//!
//! A thread that only computes waits for a core only after it was preempted, and then the kernel counts an involuntary
//! context switch. Asking for that count takes 0.2 us, and reading the wait itself from `/proc/thread-self/schedstat` 1 to
//! 5 us. Neither tells of other guests of a hypervisor, nor of the other thread of an SMT core: the core's [`crate::pace`] does.

use crate::protocol::{self, TimeRequest};
use anyhow::Result;
use std::time::Duration;

/// Whose core is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// That of the calling thread.
    Thread,
    /// Those of all threads of the process. What is not seen: how long a thread that slept waits for a core.
    Process,
}

impl Watched {
    /// What the candidates of a request compute with.
    pub fn of(request: &TimeRequest) -> Watched {
        match request.candidates.iter().any(|candidate| candidate.contains(protocol::THREADS)) {
            true => Watched::Process,
            false => Watched::Thread,
        }
    }

    /// How often a core was taken away so far. `None` where the system does not tell.
    pub fn preemptions(self) -> Option<u64> {
        system::preemptions(self)
    }
}

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What it took.
    pub took: Duration,
    /// Whether others had a part in it.
    pub is_contended: bool,
}

/// Tries for a sample after the first. Those of one slice of the scheduler, of a few milliseconds, succeed by then: each begins
/// with a new one.
const TRIES: usize = 3;

/// Takes contended samples again, as long as that takes no more than a fair part of the time.
#[derive(Debug)]
pub struct Retaking {
    left: usize,
    retaken: usize,
}

impl Retaking {
    /// Of so many samples a half may be taken again, so that a race on a machine that others keep busy ends, too.
    pub fn of(samples: usize) -> Retaking {
        Retaking { left: samples.div_ceil(2), retaken: 0 }
    }

    /// The first sample that is not contended. If none of a few tries is such, the shortest, which is contended. `sample` is told whether
    /// it is taken again.
    ///
    /// # Errors
    /// The first of `sample`.
    pub fn take(&mut self, mut sample: impl FnMut(bool) -> Result<Sample>) -> Result<Sample> {
        let mut best = sample(false)?;
        for _ in 0..TRIES {
            if !best.is_contended || self.left == 0 {
                break;
            }
            (self.left, self.retaken) = (self.left - 1, self.retaken + 1);
            let again = sample(true)?;
            if !again.is_contended || again.took < best.took {
                best = again;
            }
        }
        Ok(best)
    }

    /// How many were taken again so far.
    pub fn retaken(&self) -> usize {
        self.retaken
    }
}

/// Linux's layout of `struct rusage` where a `long` has 64 bits.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod system {
    use super::Watched;

    const RUSAGE_SELF: i32 = 0;
    const RUSAGE_THREAD: i32 = 1;
    /// Two times of two words each and 14 counts. Some C libraries reserve 16 more.
    type Usage = [i64; 18 + 16];
    /// The last count, `ru_nivcsw`.
    const INVOLUNTARY_SWITCHES: usize = 17;

    unsafe extern "C" {
        fn getrusage(who: i32, usage: *mut Usage) -> i32;
    }

    pub fn preemptions(watched: Watched) -> Option<u64> {
        let who = match watched {
            Watched::Thread => RUSAGE_THREAD,
            Watched::Process => RUSAGE_SELF,
        };
        let mut usage: Usage = [0; _];
        // SAFETY: `usage` is writable and at least as large as the structure that the call fills; it keeps no pointer.
        let status = unsafe { getrusage(who, &raw mut usage) };
        (status == 0).then(|| usage[INVOLUNTARY_SWITCHES] as u64)
    }
}

/// Not on this system.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod system {
    pub fn preemptions(_: super::Watched) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of samples of these microseconds, those contended that are negative, and how many are left.
    fn take(retaking: &mut Retaking, samples: &[i64]) -> (i64, usize) {
        let mut left = samples.iter();
        let mut tries = 0;
        let sample = |is_again| {
            tries += 1;
            assert_eq!(is_again, tries > 1);
            let us = *left.next().expect("no further try");
            Ok(Sample { took: Duration::from_micros(us.unsigned_abs()), is_contended: us < 0 })
        };
        let Sample { took, is_contended } = retaking.take(sample).unwrap();
        let us = took.as_micros() as i64;
        (if is_contended { -us } else { us }, left.len())
    }

    #[test]
    fn a_contended_sample_is_taken_again_until_one_is_clean_or_the_tries_are_spent() {
        let mut retaking = Retaking::of(100);
        assert_eq!(take(&mut retaking, &[5, 4]), (5, 1));
        assert_eq!(take(&mut retaking, &[-5, 6, 1]), (6, 1), "a clean one, though it is longer");
        assert_eq!(take(&mut retaking, &[-9, -7, -8, 6]), (6, 0));
        assert_eq!(retaking.retaken(), 4);
        assert_eq!(take(&mut retaking, &[-9, -7, -8, -9, 1]), (-7, 1));
        assert_eq!(retaking.retaken(), 7);
    }

    #[test]
    fn a_race_takes_half_of_its_samples_again_at_most() {
        let mut retaking = Retaking::of(3);
        assert_eq!(take(&mut retaking, &[-9, -8, -7, 1]), (-7, 1));
        assert_eq!(take(&mut retaking, &[-9, 1]), (-9, 1));
        assert_eq!(retaking.retaken(), 2);
    }

    #[test]
    fn candidates_on_several_threads_are_watched_with_all_of_them() {
        let of = |candidates: &[&str]| {
            let candidates = candidates.iter().map(|&text| text.to_owned()).collect();
            let request =
                TimeRequest { candidates, rows: 1, len: 1, in_place: false, rounds: 1, sample_us: 1.0 };
            Watched::of(&request)
        };
        assert_eq!(of(&[protocol::MEMCPY, protocol::OURS_FAST]), Watched::Thread);
        assert_eq!(of(&[protocol::MEMCPY, "ours:fast@2"]), Watched::Process);
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod on_linux {
    use super::*;
    use crate::affinity::Pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    /// A thread on the same core computes as well, until the other has lost the core to it.
    #[test]
    fn losing_the_core_to_another_thread_is_noticed() {
        let counts = || [Watched::Thread, Watched::Process].map(|watched| watched.preemptions().unwrap());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Threads inherit the core of the one that starts them.
                let _pin = Pin::to_current_core().expect("Linux pins");
                let rival = scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
                let (before, started) = (counts(), Instant::now());
                while counts()[0] == before[0] {
                    assert!(started.elapsed() < Duration::from_secs(60), "two threads never shared a core");
                }
                done.store(true, Ordering::Relaxed);
                assert!(counts()[1] > before[1]);
                rival.join().expect("no panic");
            });
        });
    }

    #[test]
    fn counts_never_go_back_and_a_process_has_all_of_a_threads() {
        for watched in [Watched::Thread, Watched::Process] {
            let before = watched.preemptions().unwrap();
            assert!(watched.preemptions().unwrap() >= before);
        }
        assert!(Watched::Thread.preemptions() <= Watched::Process.preemptions());
    }
}
