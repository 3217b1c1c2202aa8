//! The certificate of the exp cores is about this code, and every kernel of a core computes what it certifies.
//!
//! Every float is tried by `cargo xtask verify`, one in 61 by `cargo xtask verify --sample`; here those that are certified as the worst
//! and one in a thousand, of the ISAs that this CPU has. `SOFTMAX_REQUIRE_ISA=neon` makes the absence of one a failure.

use softmax_bench::certify::{Evaluator, Range, sweep};
use softmax_codegen::certificate;
use softmax_kernels::{ExtSum, Kernel, Variant, variants};
use softmax_spec::certificate::{Certificate, Form, Row, Subject, Worst};
use softmax_spec::floats::{from_rank, rank};
use softmax_spec::{Exp, Isa, PassVariant, Reduction};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

fn certificate() -> Certificate {
    certificate::read(include_str!("../certificate.toml")).expect("a certificate")
}

fn grid() -> Vec<PassVariant> {
    let grid = softmax_codegen::grid_in(include_str!("../src/grid.rs")).expect("a grid");
    grid.enumerate().variants
}

fn compiled() -> Vec<(PassVariant, &'static Variant)> {
    variants().iter().map(|row| (row.id.parse().expect("the registry holds variant ids"), row)).collect()
}

/// A core as it runs here; `None` if this CPU lacks its ISA.
fn here(subject: Subject) -> Option<Evaluator> {
    let required = std::env::var("SOFTMAX_REQUIRE_ISA").unwrap_or_default();
    let core = Evaluator::of(subject);
    let is_required = required.split(',').any(|isa| isa == subject.isa.id());
    assert!(core.is_some() || !is_required, "{subject}: this CPU lacks the ISA");
    core
}

/// Another platform's e^x may differ in its last bit, which may move the last digit.
const SLACK: f64 = 0.0015;

#[test]
fn it_is_about_the_cores_of_the_grid_and_their_code() {
    let (missing, surplus) = certificate().missing_and_surplus(&Subject::of_grid(&grid()));
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:?}, surplus: {surplus:?}");
    for Row { subject, code, .. } in certificate().rows {
        assert_eq!(
            certificate::code(subject),
            code,
            "the code of {subject} has changed: run `cargo xtask verify --write`"
        );
    }
}

#[test]
fn it_counts_every_float_of_the_domains() {
    for Row { subject, worst, .. } in certificate().rows {
        let (low, high) = subject.form.domain();
        assert_eq!(worst.inputs, (rank(high) - rank(low) + 1) as u64, "{subject}");
    }
}

#[test]
fn the_inputs_that_it_calls_the_worst_have_the_errors_that_it_states() {
    for Row { subject, worst, .. } in certificate().rows {
        let Some(core) = here(subject) else { continue };
        let error = |x: f32| {
            let range = Range { low: x, high: x, every: NonZeroUsize::MIN };
            sweep(&[core], range, NonZeroUsize::MIN).expect("a sweep")[0]
        };
        let ulp = error(worst.at).certified().ulp;
        assert!((ulp - worst.ulp).abs() < SLACK, "{subject}: {ulp} ULP at {:e}", worst.at);
        let units = error(worst.units_at).certified().units;
        assert!((units - worst.units).abs() < SLACK, "{subject}: {units} units at {:e}", worst.units_at);
        assert_eq!(error(worst.distance_at).distance, worst.distance, "{subject} at {:e}", worst.distance_at);
    }
}

/// From one float of a sample to the next: a prime.
const STRIDE: NonZeroUsize = NonZeroUsize::new(1009).unwrap();

#[test]
fn a_sample_of_each_domain_is_no_worse() {
    let certificate = certificate();
    for form in Form::ALL {
        let of_form = certificate.rows.iter().filter(|row| row.subject.form == form);
        let (rows, cores): (Vec<&Row>, Vec<Evaluator>) =
            of_form.filter_map(|row| Some((row, here(row.subject)?))).unzip();
        let (low, high) = form.domain();
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let found = sweep(&cores, Range { low, high, every: STRIDE }, threads).expect("a sweep");
        for (Row { subject, worst, .. }, found) in rows.into_iter().zip(found) {
            let is_within = found.ulp < worst.ulp + SLACK && found.units < worst.units + SLACK;
            assert!(is_within && found.distance <= worst.distance, "{subject}: {found:?}");
            assert!(found.inputs > 1_000_000 && found.ulp > 0.5, "{subject}: {found:?}");
        }
    }
}

#[test]
fn accurate_cores_are_within_two_units_and_the_papers_is_as_published() {
    let rows = certificate().rows;
    let of = |exp: &str| {
        let exp: Exp = exp.parse().expect("an exp core");
        rows.iter().filter(move |row| row.subject.exp == exp)
    };
    assert!(of("a6").count() > 0);
    for Row { subject, worst: Worst { ulp, distance, .. }, .. } in of("a6") {
        assert!(*ulp <= 2.0 && *distance <= 2, "{subject}: {ulp}");
    }
    // Published: 1.98 ULP for |x| < 2^14, with FMA. The coefficients here are of another fit, which differs in the last digits.
    let papers = of("p5").filter(|row| row.subject.form == Form::Extended && row.subject.isa.has_fma());
    let errors: Vec<f64> = papers.map(|row| row.worst.ulp).collect();
    assert!(!errors.is_empty() && errors.iter().all(|ulp| (1.975..1.99).contains(ulp)), "{errors:?}");
}

/// More than four tiles of any kernel, and no multiple of a vector: main loop, remainder and tail have each a part.
const LEN: usize = 4 * 256 + 19;

/// `LEN` floats of a range, spread evenly over those that there are.
fn spread(low: f32, high: f32) -> Vec<f32> {
    let (low, high) = (rank(low), rank(high));
    (0..LEN as i64).map(|i| from_rank(low + i * (high - low) / (LEN as i64 - 1))).collect()
}

/// What every kernel of a core makes of some inputs, by pass. Of single elements far below the maximum, a sum shows what lanes beyond the
/// row count as.
fn exponentials(kernel: Kernel, x: &[f32], with_sums: bool) -> Option<Vec<f32>> {
    let mut y = vec![f32::NAN; x.len()];
    match kernel {
        Kernel::StoreExp(kernel) => drop(kernel.run(x, &mut y, 0.0).expect("rows of one length")),
        Kernel::ScaleExp(kernel) => kernel.run(x, &mut y, 0.0, 1.0).expect("rows of one length"),
        Kernel::SumExp(kernel) if with_sums => {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = kernel.run(&[*x], 0.0) as f32);
        }
        _ => return None,
    }
    Some(y)
}

/// The same where there is no maximum.
fn extended(kernel: Kernel, x: &[f32]) -> Option<Vec<f32>> {
    let mut y = vec![f32::NAN; x.len()];
    match kernel {
        Kernel::ExtScale(kernel) => {
            kernel.run(x, &mut y, ExtSum { mantissa: 1.0, exponent: 0.0 }).expect("rows of one length");
        }
        Kernel::ExtSum(kernel) => y.iter_mut().zip(x).for_each(|(y, x)| {
            let ExtSum { mantissa, exponent } = kernel.run(&[*x]);
            *y = (f64::from(mantissa) * f64::from(exponent).exp2()) as f32;
        }),
        _ => return None,
    }
    Some(y)
}

#[test]
fn all_kernels_of_a_core_compute_the_same_bits() {
    let compiled = compiled();
    let (near, far, both_signs) = (spread(-64.0, 0.0), spread(-87.0, -60.0), spread(-40.0, 40.0));
    let cores: BTreeSet<(Isa, Exp)> =
        compiled.iter().filter_map(|(variant, _)| Some((variant.isa, variant.exp?))).collect();
    let mut compared = 0;
    for (isa, exp) in cores {
        let members = compiled.iter().filter(|(variant, _)| (variant.isa, variant.exp) == (isa, Some(exp)));
        let mut expected: [Option<Vec<u32>>; 3] = [None, None, None];
        for (variant, row) in members {
            let Some(kernel) = row.kernel() else { continue };
            let made = [
                exponentials(kernel, &near, true),
                exponentials(kernel, &far, false),
                extended(kernel, &both_signs),
            ];
            for (made, expected) in made.into_iter().zip(&mut expected) {
                let Some(made) = made else { continue };
                let bits: Vec<u32> = made.iter().map(|y| y.to_bits()).collect();
                compared += 1;
                assert!(
                    *expected.get_or_insert(bits.clone()) == bits,
                    "{variant} differs from others of its core"
                );
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn cores_that_differ_in_bounds_alone_have_one_error() {
    let certificate = certificate();
    let other = |reduction| match reduction {
        Reduction::Saturating => Some(Reduction::Eighths),
        Reduction::Quick => Some(Reduction::Table),
        _ => None,
    };
    for row in &certificate.rows {
        let Some(reduction) = other(row.subject.exp.reduction) else { continue };
        let subject = Subject { exp: Exp { reduction, ..row.subject.exp }, ..row.subject };
        assert_eq!(certificate.row(subject).map(|row| row.worst), Some(row.worst), "{subject}");
    }
}
