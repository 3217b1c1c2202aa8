//! No operation of a plan has a subnormal number as its result or operand, whatever the row: on Intel's cores such a one takes 150 to 250
//! cycles. The flags that SSE keeps of its operations tell.
#![cfg(target_arch = "x86_64")]

use softmax_bench::catalogue::small_plans;
use softmax_kernels::{Accuracy, Softmax};
use std::arch::asm;

/// Of MXCSR: an operand was subnormal; a result was smaller than normal numbers, and not exact.
const DENORMAL: u32 = 1 << 1;
const UNDERFLOW: u32 = 1 << 4;

/// The spread that `quick` takes, for which no exponentials are so small that they count as 0: beyond, what sums of the smallest are rounded
/// by is subnormal, which costs nothing as sums are all that it is used for, and from 109 on exponentials are, which does.
const QUICK: f32 = 92.0;

fn mxcsr() -> u32 {
    let mut flags = 0u32;
    // SAFETY: it writes four bytes, those of `flags`.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut flags, options(nostack, preserves_flags)) };
    flags
}

/// Whether `run` had a subnormal result or operand.
fn underflows(run: impl FnOnce()) -> bool {
    let cleared = mxcsr() & !(DENORMAL | UNDERFLOW);
    // SAFETY: it reads four bytes, those of `cleared`, and changes flags that nothing else looks at.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const cleared, options(nostack)) };
    run();
    mxcsr() & (DENORMAL | UNDERFLOW) != 0
}

/// What rows have in common, and by how much their smallest finite element is below the largest.
struct Kind {
    name: &'static str,
    spread: f32,
    /// Element i of n.
    element: fn(usize, usize) -> f32,
}

/// -10 to 10, in no order.
fn usual(i: usize) -> f32 {
    (i * 7919 % 2003) as f32 / 100.15 - 10.0
}

/// The usual ones, every third of which is another.
fn with(i: usize, other: f32) -> f32 {
    if i % 3 == 1 { other } else { usual(i) }
}

const KINDS: [Kind; 13] = [
    Kind { name: "usual", spread: 20.0, element: |i, _| usual(i) },
    Kind { name: "masked by -inf", spread: 20.0, element: |i, _| with(i, f32::NEG_INFINITY) },
    Kind { name: "masked by -1e9", spread: 1e9, element: |i, _| with(i, -1e9) },
    Kind { name: "masked by -1e4", spread: 1e4, element: |i, _| with(i, -1e4) },
    Kind { name: "all at 20", spread: 0.0, element: |_, _| 20.0 },
    Kind { name: "all at 35", spread: 0.0, element: |_, _| 35.0 },
    Kind {
        name: "from -110.9 to -110.1 below the first",
        spread: 111.0,
        element: |i, _| if i == 0 { 0.0 } else { -110.1 - (i % 9) as f32 / 10.0 },
    },
    Kind { name: "partly at -200", spread: 210.0, element: |i, _| with(i, -200.0) },
    Kind { name: "partly at -90", spread: 100.0, element: |i, _| with(i, -90.0) },
    Kind { name: "partly at -65", spread: 75.0, element: |i, _| with(i, -65.0) },
    Kind { name: "falling to -90", spread: 90.0, element: |i, n| -90.0 * i as f32 / n as f32 },
    Kind {
        name: "of subnormal quotients",
        spread: 103.0,
        element: |i, _| if i == 0 { 0.0 } else { -88.0 - (i % 16) as f32 },
    },
    Kind { name: "from -50 to 50", spread: 100.0, element: |i, _| 5.0 * usual(i) },
];

const LENGTHS: [usize; 16] = [1, 3, 7, 8, 15, 16, 17, 31, 33, 48, 63, 64, 65, 197, 256, 1000];

fn row(kind: &Kind, len: usize) -> Vec<f32> {
    (0..len).map(|i| (kind.element)(i, len)).collect()
}

#[test]
fn no_algorithm_underflows_with_any_core() {
    let mut found = Vec::new();
    let mut tried = 0;
    for (name, plan) in small_plans() {
        for kind in KINDS.iter().filter(|kind| kind.spread < QUICK || !name.contains("_q2_")) {
            for len in LENGTHS {
                let (x, mut y) = (row(kind, len), vec![0.0; len]);
                tried += 1;
                let underflows = underflows(|| plan.run(&x, &mut y).expect("one length"));
                if underflows || y.iter().any(|y| y.is_subnormal()) {
                    found.push(format!("{name}, {len} elements {}", kind.name));
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(found.is_empty(), "{} of {tried}: {:#?}", found.len(), &found[..found.len().min(20)]);
}

#[test]
fn neither_do_the_public_functions() {
    for accuracy in [Accuracy::Fast, Accuracy::Accurate] {
        for kind in KINDS.iter().filter(|kind| kind.spread < QUICK || accuracy == Accuracy::Accurate) {
            for len in LENGTHS.into_iter().chain([4099, 20_011, 300_007]) {
                let (x, mut y) = (row(kind, len), vec![0.0; len]);
                let softmax = Softmax::new().accuracy(accuracy);
                let what = format!("{accuracy:?}, {len} elements {}", kind.name);
                assert!(!underflows(|| softmax.run(&x, &mut y).expect("one length")), "{what}");
                y.copy_from_slice(&x);
                assert!(!underflows(|| softmax.run_in_place(&mut y)), "{what}, in place");
            }
        }
    }
}

#[test]
fn a_subnormal_result_and_a_subnormal_operand_are_seen() {
    let times = |a: f32, b: f32| {
        underflows(|| _ = std::hint::black_box(std::hint::black_box(a) * std::hint::black_box(b)))
    };
    assert!(times(1.1e-30, 1.1e-10) && times(1e-40, 1e20));
    assert!(!times(1.1e-30, 1.1e10));
}
