//! The error of exp cores over ranges of floats: the results of kernels that store exponentials beside the reference, which all
//! cores of a sweep share.
//!
//! Exponentials relative to a maximum come with a power of two that depends on the core. What a kernel makes of the maximum itself
//! tells it.

use super::exact::{self, per_ulp};
use super::references::{Exact, References, power_of_two};
use anyhow::{Context, Result, bail, ensure};
use softmax_kernels::{ExtScaleKernel, ExtSum, Kernel, StoreExpKernel, variants};
use softmax_spec::certificate::{Form, Subject, Worst};
use softmax_spec::floats::{from_rank, rank};
use softmax_spec::{PassVariant, REGULAR_MAX};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// A core as it runs here.
#[derive(Debug, Clone, Copy)]
pub struct Evaluator {
    kernel: Stores,
    subject: Subject,
    /// c - 1, where it should compute e^(c x).
    excess: f64,
}

/// A kernel that stores exponentials.
#[derive(Debug, Clone, Copy)]
enum Stores {
    Relative(StoreExpKernel),
    Extended(ExtScaleKernel),
}

/// Floats in ascending order, every so many of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The first one.
    pub low: f32,
    /// None is above it.
    pub high: f32,
    /// The distance of ranks.
    pub every: NonZeroUsize,
}

/// Inputs at once: with results and references they are in the first caches.
const CHUNK: usize = 1024;
/// Chunks that a thread takes at once.
const CHUNKS: i64 = 256;
/// All of a chunk lie between two multiples of this, so that results are neither subnormal nor infinite when they are measured from
/// the upper one.
const WINDOW: f32 = 64.0;

impl Evaluator {
    /// The compiled kernel that shows a core; `None` if this CPU or this build has none.
    pub fn of(subject: Subject) -> Option<Evaluator> {
        let compiled: Vec<PassVariant> = variants().iter().filter_map(|row| row.id.parse().ok()).collect();
        let id = subject.kernel(&compiled)?.id();
        let row = variants().iter().find(|row| row.id == id)?;
        Evaluator::new(subject, row.kernel()?).ok()
    }

    /// A kernel that shows a core.
    ///
    /// # Errors
    /// If the kernel stores no exponentials of that form.
    pub fn new(subject: Subject, kernel: Kernel) -> Result<Evaluator> {
        let Subject { exp, form, .. } = subject;
        let kernel = match (kernel, form) {
            (Kernel::StoreExp(kernel), Form::Relative | Form::Shifted) => Stores::Relative(kernel),
            (Kernel::ExtScale(kernel), Form::Extended) => Stores::Extended(kernel),
            _ => bail!("the kernel stores no exponentials that are {form}"),
        };
        Ok(Evaluator { kernel, subject, excess: form.argument_factor(exp.reduction) - 1.0 })
    }

    /// y = e^x 2^-k for x up to the window's upper end, and k.
    fn run(&self, x: &[f32], y: &mut [f32], window: f32) -> Result<i32> {
        match self.kernel {
            Stores::Relative(kernel) => {
                let max = self.max(window);
                kernel.run(x, y, max)?;
                self.exponent(kernel, max)
            }
            Stores::Extended(kernel) => {
                let exponent = (window - WINDOW / 2.0) * std::f32::consts::LOG2_E;
                let exponent = exponent.round();
                kernel.run(x, y, ExtSum { mantissa: 1.0, exponent })?;
                Ok(exponent as i32)
            }
        }
    }

    /// The maximum that exponentials are relative to.
    fn max(&self, window: f32) -> f32 {
        if self.subject.form == Form::Relative { 0.0 } else { window.max(-REGULAR_MAX) }
    }

    /// Whether it runs as the other one: the same core, whose kernels all compute the same bits, with the same maximum.
    fn runs_as(&self, other: &Evaluator, window: f32) -> bool {
        let is_relative = |one: &Evaluator| matches!(one.kernel, Stores::Relative(_));
        let core = |one: &Evaluator| (one.subject.exp, one.subject.isa);
        is_relative(self)
            && is_relative(other)
            && core(self) == core(other)
            && self.max(window) == other.max(window)
    }

    fn exponent(&self, kernel: StoreExpKernel, max: f32) -> Result<i32> {
        let mut unit = [f32::NAN];
        kernel.run(&[max], &mut unit, max)?;
        let (m, n) = exact::exp(max);
        let m = exact::times_exp(m, self.excess * f64::from(max));
        let power = (f64::from(unit[0]) / m).log2();
        // Sixty ULP: more than any core is off there.
        let is_power = (power - power.round()).abs() < 1e-5;
        ensure!(is_power, "the exponential of a maximum of {max} is no power of two: {}", unit[0]);
        Ok(n - power.round() as i32)
    }
}

/// Evaluates all of `cores` over a range, which lies in the domain of their forms, on so many threads.
///
/// # Errors
/// If the range is none, or a kernel's results are of no use.
pub fn sweep(cores: &[Evaluator], range: Range, threads: NonZeroUsize) -> Result<Vec<Worst>> {
    let Range { low, high, every } = range;
    let (first, last) = (rank(low), rank(high));
    ensure!(low.is_finite() && high.is_finite() && first <= last, "{low} to {high} is no range of numbers");
    let step = every.get() as i64;
    let piece = CHUNKS * CHUNK as i64 * step;
    let next = AtomicI64::new(first);
    let work = || -> Result<Vec<Worst>> {
        let mut worker = Worker::new(cores);
        loop {
            let begin = next.fetch_add(piece, Ordering::Relaxed);
            if begin > last {
                return Ok(worker.worst);
            }
            worker.piece(begin, last.min(begin + piece - 1), step)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        let found = workers.into_iter().map(|worker| worker.join().ok().context("a thread panicked")?);
        let found: Vec<Vec<Worst>> = found.collect::<Result<_>>()?;
        let merged = |core: usize| found.iter().map(|worst| worst[core]).fold(Worst::NONE, Worst::merge);
        Ok((0..cores.len()).map(merged).collect())
    })
}

/// The upper end of the window that x lies in.
fn window(x: f32) -> f32 {
    let end = (x / WINDOW).ceil() * WINDOW;
    // The quotient of the smallest numbers is 0.
    if end < x { end + WINDOW } else { end }
}

/// What a thread works with.
struct Worker<'a> {
    cores: &'a [Evaluator],
    worst: Vec<Worst>,
    x: Vec<f32>,
    y: Vec<f32>,
    references: References,
}

impl<'a> Worker<'a> {
    fn new(cores: &'a [Evaluator]) -> Worker<'a> {
        Worker {
            cores,
            worst: vec![Worst::NONE; cores.len()],
            x: Vec::with_capacity(CHUNK),
            y: vec![0.0; CHUNK],
            references: References::default(),
        }
    }

    /// Every `step`-th rank from the first to the last one.
    fn piece(&mut self, first: i64, last: i64, step: i64) -> Result<()> {
        let mut begin = first;
        while begin <= last {
            let window = window(from_rank(begin));
            let end = last.min(rank(window)).min(begin + (CHUNK as i64 - 1) * step);
            self.x.clear();
            self.x.extend((begin..=end).step_by(step as usize).map(from_rank));
            self.chunk(window)?;
            begin += self.x.len() as i64 * step;
        }
        Ok(())
    }

    fn chunk(&mut self, window: f32) -> Result<()> {
        let (x, y) = (&self.x, &mut self.y[..self.x.len()]);
        let (_, unit) = exact::exp(x[0]);
        self.references.forget();
        let mut ran: Option<(&Evaluator, i32)> = None;
        for (core, worst) in self.cores.iter().zip(&mut self.worst) {
            let k = match ran {
                Some((other, k)) if core.runs_as(other, window) => k,
                _ => core.run(x, y, window)? - unit,
            };
            ran = Some((core, k));
            let end = |i: usize| Exact::of(x[i], core.excess, unit);
            match is_constant(y) && is_no_worse(y[0], k, [end(0), end(x.len() - 1)], worst) {
                true => worst.inputs += x.len() as u64,
                false => {
                    let exact = self.references.of(x, core.excess, unit);
                    *worst = worst.merge(worst_of(x, y, k, exact, worst));
                }
            }
        }
        Ok(())
    }
}

/// Looks at all bits, which takes less long than to stop at the first that differs.
fn is_constant(y: &[f32]) -> bool {
    y.iter().fold(0, |differing, one| differing | (one.to_bits() ^ y[0].to_bits())) == 0
}

/// Whether y 2^k, which is the result for every x of a chunk, is nowhere further off than what is `known`. Exact values ascend, so that
/// all errors are largest at one of the two ends, if a unit in the last place is the same all over. So it is in three of four chunks:
/// those of numbers so small that they all become 1.
fn is_no_worse(y: f32, k: i32, ends: [Exact; 2], known: &Worst) -> bool {
    let [first, last] = ends.map(|end| per_ulp(end.value));
    let is_within = |end| {
        let Error { ulp, units, distance } = Error::of(y, k, end);
        ulp <= known.ulp && units <= known.units && distance <= known.distance
    };
    first == last && known.inputs > 0 && ends.into_iter().all(is_within)
}

/// The worst of y 2^k. Where nothing is worse than what is `known`, which is of lower inputs, not where it is seen.
fn worst_of(x: &[f32], y: &[f32], k: i32, exact: &[Exact], known: &Worst) -> Worst {
    let errors = || y.iter().zip(exact).map(|(&y, &exact)| Error::of(y, k, exact));
    let mut worst = Error::NONE;
    for error in errors() {
        // Not `f64::max`, which takes longer because it looks for what is no number.
        worst.ulp = if error.ulp > worst.ulp { error.ulp } else { worst.ulp };
        worst.units = if error.units > worst.units { error.units } else { worst.units };
        worst.distance = worst.distance.max(error.distance);
    }
    if let Some(i) = y.iter().position(|y| !y.is_finite()) {
        return everywhere(x.len(), x[i], Error { ulp: f64::MAX, units: f64::MAX, distance: u32::MAX });
    }
    let at = |is_unknown: bool, is_it: &dyn Fn(Error) -> bool| {
        x[if is_unknown { errors().position(is_it).unwrap_or(0) } else { 0 }]
    };
    Worst {
        at: at(worst.ulp > known.ulp, &|error| error.ulp == worst.ulp),
        distance_at: at(worst.distance > known.distance, &|error| error.distance == worst.distance),
        units_at: at(worst.units > known.units, &|error| error.units == worst.units),
        ..everywhere(x.len(), x[0], worst)
    }
}

/// One error of so many inputs.
fn everywhere(inputs: usize, x: f32, Error { ulp, units, distance }: Error) -> Worst {
    Worst { inputs: inputs as u64, ulp, at: x, distance, distance_at: x, units, units_at: x }
}

/// How far a result is from the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Error {
    /// In units in the last place of the exact value.
    ulp: f64,
    /// Relative to it, in units of 2^-24.
    units: f64,
    /// In floats from the one that is nearest to it.
    distance: u32,
}

impl Error {
    const NONE: Error = Error { ulp: 0.0, units: 0.0, distance: 0 };

    /// Of y 2^k.
    #[inline]
    fn of(y: f32, k: i32, Exact { value, units, nearest }: Exact) -> Error {
        let steps = y.to_bits().cast_signed().wrapping_add(k << 23).wrapping_sub(nearest);
        let error = (f64::from(y) * power_of_two(k) - value).abs();
        Error { ulp: error * per_ulp(value), units: error * units, distance: steps.unsigned_abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::Isa;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn evaluator(exp: &str, form: Form) -> Evaluator {
        Evaluator::of(Subject { exp: exp.parse().unwrap(), form, isa: Isa::Scalar }).expect("a kernel")
    }

    fn range(low: f32, high: f32, every: usize) -> Range {
        Range { low, high, every: NonZeroUsize::new(every).unwrap() }
    }

    #[test]
    fn an_error_is_counted_in_units_and_in_floats() {
        // 1.25 2^3 is right, the next float one off, whatever the power of two.
        for (y, k) in [(10.0f32, 0), (2.5, 2), (20.0, -1)] {
            let error = |y| Error::of(y, k, Exact::new(1.25, 3));
            assert_eq!(error(y), Error::NONE);
            assert_eq!(error(y.next_up()), Error { ulp: 1.0, units: 1.6, distance: 1 });
            assert_eq!(error(y.next_down().next_down()), Error { ulp: 2.0, units: 3.2, distance: 2 });
        }
        let error = Error::of(-1.0, 0, Exact::new(1.0, 0));
        assert!(error.ulp > 1e6 && error.units > 1e7 && error.distance > 1 << 23);
    }

    #[test]
    fn results_that_are_no_numbers_are_the_worst() {
        let known = Worst { inputs: 1, ulp: 1.0, ..Worst::NONE };
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let worst = worst_of(&[1.0, 2.0], &[1.0, bad], 0, &[Exact::new(1.0, 0); 2], &known);
            assert_eq!(
                (worst.ulp, worst.at, worst.distance, worst.distance_at),
                (f64::MAX, 2.0, u32::MAX, 2.0)
            );
        }
    }

    #[test]
    fn a_sweep_takes_every_float_once_whatever_the_threads() {
        let cores = [evaluator("a6", Form::Shifted), evaluator("d5", Form::Shifted)];
        let range = range(-64.001, 64.001, 1);
        let inputs = (rank(range.high) - rank(range.low) + 1) as u64;
        // A prefix that has several windows, both zeros and the smallest numbers.
        let around_zero = Range { low: -f32::from_bits(5_000), high: f32::from_bits(5_000), ..range };
        let one = sweep(&cores, around_zero, ONE).unwrap();
        assert!(one.iter().all(|worst| worst.inputs == 10_002));
        let every = NonZeroUsize::new(50_021).unwrap();
        let strided = sweep(&cores, Range { every, ..range }, ONE).unwrap();
        assert!(strided.iter().all(|worst| worst.inputs == inputs.div_ceil(50_021)));
        assert_eq!(sweep(&cores, Range { every, ..range }, NonZeroUsize::new(3).unwrap()).unwrap(), strided);
    }

    #[test]
    fn cores_are_within_a_few_units_in_every_form() {
        for form in Form::ALL {
            let (low, high) = form.domain();
            let core = evaluator("a6", form);
            let [worst] = sweep(&[core], range(low, high, 100_003), ONE).unwrap()[..] else { panic!() };
            assert!(worst.ulp > 0.5 && worst.ulp < 2.0 && worst.distance <= 2, "{form}: {worst:?}");
            // The place is where it is seen.
            let [again] = sweep(&[core], range(worst.at, worst.at, 1), ONE).unwrap()[..] else { panic!() };
            assert_eq!((again.ulp, again.inputs), (worst.ulp, 1));
        }
    }

    #[test]
    fn what_cores_and_chunks_share_changes_no_error() {
        let cores =
            [("a6", Form::Relative), ("a6", Form::Shifted), ("d5", Form::Relative), ("d5", Form::Shifted)];
        let cores = cores.map(|(exp, form)| evaluator(exp, form));
        // Where the results begin to differ from 1, where they are all 1, and where no two are the same.
        for low in [-6.1e-8f32, -3e-8, -1e-20, -0.7, -70.0] {
            let all: Vec<f32> = (rank(low)..rank(low) + 1_100).map(from_rank).collect();
            let together = sweep(&cores, range(low, all[all.len() - 1], 1), ONE).unwrap();
            for (core, together) in cores.iter().zip(together) {
                let alone = all.iter().map(|&x| sweep(&[*core], range(x, x, 1), ONE).unwrap()[0]);
                assert_eq!(alone.fold(Worst::NONE, Worst::merge), together, "{core:?} from {low:e}");
            }
        }
    }

    #[test]
    fn one_result_for_a_chunk_is_judged_by_what_is_furthest_from_it() {
        let known = Worst { inputs: 1, ulp: 1.0, distance: 1, units: 2.0, ..Worst::NONE };
        let is_no_worse =
            |y, ends: [f64; 2]| super::is_no_worse(y, 0, ends.map(|m| Exact::new(m, 0)), &known);
        let ulp = f64::from(f32::EPSILON);
        assert!(is_no_worse(1.0, [1.0, 1.0 + 0.9 * ulp]) && is_no_worse(1.0, [1.0, 1.0 + ulp]));
        assert!(!is_no_worse(1.0, [1.0, 1.0 + 1.1 * ulp]) && !is_no_worse(1.25, [1.25 - 1.1 * ulp, 1.25]));
        // Another unit in the last place, nothing known, no number.
        assert!(!is_no_worse(1.0, [1.0 - 0.1 * ulp, 1.0]));
        assert!(!super::is_no_worse(1.0, 0, [Exact::new(1.0, 0); 2], &Worst::NONE));
        assert!(!is_no_worse(f32::NAN, [1.0, 1.0]) && !is_no_worse(f32::INFINITY, [1.0, 1.0]));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (low, high) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::INFINITY)] {
            assert!(sweep(&[], range(low, high, 1), ONE).is_err());
        }
    }
}
