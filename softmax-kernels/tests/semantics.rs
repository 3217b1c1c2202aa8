//! What results mean (docs/SEMANTICS.md), for every algorithm on every ISA that this CPU has: how accurate they are, what
//! they do not depend on, what wrong lengths do.
//!
//! Variants by themselves are tested in `variants.rs`, special values in `special_values.rs`; here whole plans are, and the public
//! functions.

use softmax_bench::catalogue::{small_plan, small_plans};
use softmax_bench::oracle;
use softmax_kernels::{Accuracy, ExtSum, Kernel, OnlineSumKernel, ShapeError, Softmax};
use softmax_spec::{Algorithm, Exp, Isa};

/// Both forms of a plan on `x`, each output checked by `holds`.
fn check(what: &str, x: &[f32], holds: impl Fn(&[f32]) -> bool) {
    for (name, plan) in small_plans() {
        let mut y = vec![0.5; x.len()];
        plan.run(x, &mut y).unwrap();
        assert!(holds(&y), "{name}, {what}, n = {}: {x:?} gave {y:?}", x.len());
        let mut y = x.to_vec();
        plan.run_in_place(&mut y);
        assert!(holds(&y), "{name} in place, {what}, n = {}: {x:?} gave {y:?}", x.len());
    }
}

fn ramp(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 13) as f32 - 6.0).collect()
}

fn with(mut x: Vec<f32>, at: usize, value: f32) -> Vec<f32> {
    x[at] = value;
    x
}

/// Within `relative` of the exact result, and exactly 0 where that is 0. Subnormal outputs may be 0.
fn close(x: &[f32], y: &[f32], relative: f64) -> bool {
    oracle::softmax(x).iter().zip(y).all(|(&exact, &got)| match exact {
        exact if exact.is_nan() => got.is_nan(),
        exact if exact < f64::from(f32::MIN_POSITIVE) => f64::from(got) <= exact * (1.0 + relative) + 1e-44,
        exact => (f64::from(got) / exact - 1.0).abs() <= relative,
    })
}

/// Degree 5 alone costs 1e-7; 20 ULP are 2.4e-6.
const RELATIVE: f64 = 2.4e-6;

#[test]
fn there_is_a_plan_for_every_algorithm_and_supported_isa() {
    for isa in Isa::ALL {
        let supported = softmax_kernels::variants().iter().any(|v| v.isa == isa.id() && v.is_supported());
        for algorithm in Algorithm::ALL {
            let planned = Exp::all().any(|exp| small_plan(algorithm, isa, exp).is_some());
            let suits = Exp::all().any(|exp| algorithm.suits(exp, isa));
            assert_eq!(planned, supported && suits, "{algorithm} on {isa}");
        }
    }
}

#[test]
fn the_library_and_the_vocabulary_agree_on_what_is_regular() {
    assert_eq!(OnlineSumKernel::START, -softmax_spec::REGULAR_MAX);
}

#[test]
fn wrong_lengths_are_errors_that_name_both_and_leave_the_output_alone() {
    let mut y = [7.0; 4];
    let error = softmax_kernels::softmax(&[1.0; 3], &mut y).unwrap_err();
    assert_eq!(error, ShapeError::Lengths { input: 3, output: 4 });
    assert_eq!(error.to_string(), "input has 3 elements but output has 4");
    let error = softmax_kernels::softmax_rows(&[1.0; 4], &mut y, 3).unwrap_err();
    assert_eq!(error.to_string(), "4 elements are not a whole number of rows of 3");
    assert!(softmax_kernels::softmax_rows_in_place(&mut y, 0).is_err());
    assert_eq!(y, [7.0; 4]);
    assert_eq!(softmax_kernels::softmax_rows(&[], &mut [], 0), Ok(()));
}

/// Both forms of a batch, from `offset` elements after an aligned address on.
fn in_batch(softmax: Softmax, x: &[f32], len: usize, offset: usize) -> [Vec<f32>; 2] {
    let mut shifted = [vec![0.0; offset], x.to_vec()].concat();
    let mut y = vec![0.0; x.len()];
    softmax.run_rows(&shifted[offset..], &mut y, len).unwrap();
    softmax.run_rows_in_place(&mut shifted[offset..], len).unwrap();
    [y, shifted.split_off(offset)]
}

/// Of two rows and of many, beside any others, at any place and alignment: how many they are does not matter either. Around the
/// end of tables for batches, too.
#[test]
fn a_row_does_not_depend_on_its_batch_or_its_alignment() {
    for (softmax, len) in [1, 5, 64, 197, 1000, 32_768, 32_769]
        .into_iter()
        .flat_map(|len| BOUNDS.map(|(accuracy, _)| (Softmax::new().accuracy(accuracy), len)))
    {
        let rows = if len > 1000 { 3 } else { 8 };
        let x: Vec<f32> = (0..rows * len).map(|i| (i * 37 % 1009) as f32 / 50.0 - 10.0).collect();
        let many = in_batch(softmax, &x, len, 0);
        for (i, row) in x.chunks(len).enumerate() {
            let expected = [0, 1].map(|form| &many[form][i * len..][..len]);
            let other: Vec<f32> = row.iter().map(|x| 3.0 - x).collect();
            for offset in 0..4 {
                let pairs = [[row, &other].concat(), [&other, row].concat()];
                for (at, pair) in [0, len].into_iter().zip(pairs) {
                    let two = in_batch(softmax, &pair, len, offset);
                    let got = [0, 1].map(|form| &two[form][at..][..len]);
                    assert_eq!(got, expected, "row {i} of {len}, offset {offset}, from {at} on");
                }
            }
        }
    }
}

/// At any alignment.
#[test]
fn a_batch_of_one_row_is_the_row_alone() {
    for len in [1, 5, 64, 197, 1000, 32_768, 32_769] {
        let x: Vec<f32> = (0..len).map(|i| (i * 37 % 1009) as f32 / 50.0 - 10.0).collect();
        for softmax in BOUNDS.map(|(accuracy, _)| Softmax::new().accuracy(accuracy)) {
            let expected = in_batch(softmax, &x, len, 0);
            for offset in 0..4 {
                let mut shifted = [vec![0.0; offset], x.clone()].concat();
                let mut y = vec![0.0; len];
                softmax.run(&shifted[offset..], &mut y).unwrap();
                softmax.run_in_place(&mut shifted[offset..]);
                assert_eq!([y, shifted.split_off(offset)], expected, "n = {len}, offset {offset}");
            }
        }
    }
}

/// Each accuracy with its bound, for x ~ U(-10, 10) and x ~ 5 N(0, 1) alike.
const BOUNDS: [(Accuracy, u32); 2] = [
    (Accuracy::Fast, softmax_spec::Accuracy::Fast.max_ulp()),
    (Accuracy::Accurate, softmax_spec::Accuracy::Accurate.max_ulp()),
];

#[test]
fn rows_keep_the_promised_accuracy() {
    let lengths = (100..4000).step_by(97).chain([100_000, 1 << 20]);
    for len in lengths {
        let mut random = softmax_bench::random::Random::new(len as u64);
        let uniform: Vec<f32> = (0..len).map(|_| random.uniform(-10.0, 10.0)).collect();
        let normal: Vec<f32> = (0..len).map(|_| random.normal(5.0)).collect();
        for (accuracy, bound) in BOUNDS {
            for (name, x) in [("U", &uniform), ("5 N", &normal)] {
                let worst = worst_ulp(accuracy, x);
                assert!(worst <= bound, "{accuracy:?}, {name}, n = {len}: {worst} ULP");
            }
        }
    }
}

#[test]
fn rows_with_a_dominating_element_keep_the_promised_accuracy() {
    let lengths: Vec<usize> = (20..1000).collect();
    for row in softmax_bench::rows::dominated(&lengths) {
        for (accuracy, bound) in BOUNDS {
            let worst = worst_ulp(accuracy, &row.x);
            assert!(worst <= bound, "{accuracy:?}, {}: {worst} ULP", row.name);
        }
    }
}

/// The largest error of outputs that are normal floats.
fn worst_ulp(accuracy: Accuracy, x: &[f32]) -> u32 {
    let mut y = vec![0.0; x.len()];
    Softmax::new().accuracy(accuracy).run(x, &mut y).unwrap();
    let normal = |&(exact, _): &(f64, f32)| exact >= f64::from(f32::MIN_POSITIVE);
    let pairs = oracle::softmax(x).into_iter().zip(y).filter(normal);
    pairs.map(|(exact, y)| oracle::ulp_distance(exact as f32, y)).max().expect("a row has a maximum")
}

/// Every element, also in shards, in any order, and beside shards of masks.
#[test]
fn shards_of_a_row_merge_to_its_softmax() {
    for len in [1, 7, 100, 5000] {
        let x: Vec<f32> = (0..len).map(|i| (i * 37 % 1009) as f32 / 50.0 - 10.0).collect();
        for mask in [f32::NEG_INFINITY, -1e9, f32::MIN] {
            let masked = vec![mask; 9];
            let shards = [&x[len / 3..], &[], &masked, &x[..len / 3]].map(ExtSum::of);
            let sum = shards.into_iter().fold(ExtSum::IDENTITY, ExtSum::merge);
            let mut y = vec![0.5; len];
            sum.normalize(&x, &mut y).unwrap();
            assert!(close(&x, &y, RELATIVE), "n = {len}, masks {mask}");
        }
    }
    for (row, what) in
        [(vec![f32::NEG_INFINITY; 5], "nothing"), (vec![1.0, f32::NAN], "NaN"), (vec![9e3], "huge")]
    {
        let mut y = vec![0.5; row.len()];
        ExtSum::of(&row).merge(ExtSum::IDENTITY).normalize(&row, &mut y).unwrap();
        assert!(y.iter().all(|y| y.is_nan()), "{what}: {y:?}");
    }
    assert_eq!(ExtSum::of(&[-9000.0, 0.0]), ExtSum { mantissa: 1.0, exponent: 0.0 });
}

/// Ordinary rows beside some whose exponentials leave the usual range, in every order that a batch can have them.
#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    for len in [1, 5, 16, 33, 64, 70] {
        let falling: Vec<f32> = (0..len).map(|i| -1.7 * i as f32).collect();
        let shifted = |by: f32| falling.iter().map(|x| x + by).collect::<Vec<f32>>();
        let rows = [
            shifted(0.0),
            ramp(len),
            shifted(60.0),
            with(ramp(len), 0, f32::NAN),
            shifted(-70.0),
            shifted(9e3),
        ];
        for start in 0..rows.len() {
            let batch: Vec<f32> = (0..7).flat_map(|i| rows[(start + i * i) % rows.len()].clone()).collect();
            for (name, plan) in small_plans() {
                let mut together = vec![0.5; batch.len()];
                plan.run_rows(&batch, &mut together, len).unwrap();
                let mut alone = vec![0.5; batch.len()];
                for (x, y) in batch.chunks(len).zip(alone.chunks_mut(len)) {
                    plan.run(x, y).unwrap();
                }
                let bits = |row: &[f32]| row.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&together), bits(&alone), "{name}, n = {len}, from row {start}");
                let mut in_place = batch.clone();
                plan.run_rows_in_place(&mut in_place, len).unwrap();
                let same = together.iter().zip(&in_place).all(|(a, b)| a.is_nan() == b.is_nan());
                assert!(same, "{name} in place, n = {len}, from row {start}");
            }
        }
    }
}

/// Elements far above the first block's maximum, and below the last one's: rows of several blocks.
#[test]
fn blocks_that_rise_keep_what_matters() {
    for last in [31.0, 60.0, 95.0, 103.0, 200.0] {
        let mut x = vec![0.0; 13_000];
        x[4096..8192].fill(31.0);
        x[8197] = last;
        check("rising blocks", &x, |y| close(&x, y, 5.0 * RELATIVE));
        x[..4096].fill(f32::NEG_INFINITY);
        check("rising after a mask", &x, |y| close(&x, y, 5.0 * RELATIVE));
    }
}

#[test]
fn what_is_little_beside_the_maximum_adds_up() {
    const LEN: usize = 1 << 20;
    for below in [18.0f32, 21.0, 22.5, 23.0, 24.0] {
        let others = (LEN - 1) as f64 * (-f64::from(below)).exp();
        let exact = 1.0 / (1.0 + others);
        for at in [0, LEN / 2 + 5, LEN - 1] {
            let x = with(vec![-below; LEN], at, 0.0);
            let mut y = vec![0.0; LEN];
            for (name, plan) in small_plans() {
                plan.run(&x, &mut y).unwrap();
                let error = f64::from(y[at]) / exact - 1.0;
                // Of the whole that the others are, for the sum of terms that are all alike may be off in one direction.
                assert!(
                    error.abs() < 4e-6 + 1e-3 * others,
                    "{name}: {error:e}, the maximum at {at}, others {below} below"
                );
            }
        }
    }
}

#[test]
fn sums_at_the_end_of_the_range_are_kept() {
    for largest in [8192.0f32, 8191.98, -8189.97] {
        let x = [largest, largest - 2.0];
        let sum = ExtSum::of(&x[..1]).merge(ExtSum::of(&x[1..]));
        let mut y = [0.0; 2];
        sum.normalize(&x, &mut y).unwrap();
        assert!((y[0] - 0.880_797).abs() < 1e-3 && (y[1] - 0.119_203).abs() < 1e-3, "{largest}: {y:?}");
    }
}

#[test]
fn whole_rows_are_taken_up_to_the_longest() {
    for variant in softmax_kernels::variants() {
        if let Some(Kernel::Softmax(kernel)) = variant.kernel() {
            let longest = kernel.longest_row();
            let expected = match variant.pass {
                "softmax" => variant.unroll * variant.lanes,
                _ => 4096,
            };
            assert_eq!(longest, expected, "{}", variant.id);
            let x = ramp(longest + 1);
            let mut y = vec![0.0; longest + 1];
            assert_eq!(kernel.run(&x[1..], &mut y[1..]), Ok(true), "{}", variant.id);
            assert_eq!(kernel.run(&x, &mut y), Ok(false), "{}", variant.id);
        }
    }
}

#[test]
fn small_outputs_survive_whatever_the_rows_maximum() {
    // The second output is 1.4 times the smallest normal number. Rows in registers are first tried relative to a constant.
    for tenths in -1200..1200 {
        let max = tenths as f32 / 10.0;
        check("a normal output far below the maximum", &[max, max - 87.02], |y| {
            y[0] > 0.99999 && f64::from(y[1]) > 1.1 * f64::from(f32::MIN_POSITIVE)
        });
    }
}
