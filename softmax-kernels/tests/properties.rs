//! What is true of every softmax, whatever the row: outputs sum to 1, keep the order of the inputs, do not change when all
//! inputs are shifted, and go with their rows; and sums of shards merge as sums do. `PROPTEST_CASES=100000` tries more.

use proptest::collection::vec;
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use softmax_bench::oracle;
use softmax_bench::random::Random;
use softmax_kernels::{Accuracy, ExtSum, Softmax};
use std::sync::OnceLock;

fn accuracy() -> impl Strategy<Value = Accuracy> {
    prop_oneof![Just(Accuracy::Fast), Just(Accuracy::Accurate)]
}

/// Rows that reach several plans.
fn row() -> impl Strategy<Value = Vec<f32>> {
    vec(-30.0f32..30.0, 1..1500)
}

/// Multiples of 1/256, which stay exact when a number of thousands is added.
fn coarse_row() -> impl Strategy<Value = Vec<f32>> {
    vec((-7680i16..7680).prop_map(|n| f32::from(n) / 256.0), 1..1500)
}

/// As the classes of accuracy promise, doubled: rows here are wider than those for which they promise it.
fn relative(accuracy: Accuracy) -> f64 {
    let spec = match accuracy {
        Accuracy::Fast => softmax_spec::Accuracy::Fast,
        Accuracy::Accurate => softmax_spec::Accuracy::Accurate,
    };
    2.0 * f64::from(spec.max_ulp()) * f64::from(f32::EPSILON)
}

fn softmax(accuracy: Accuracy, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.5; x.len()];
    Softmax::new().accuracy(accuracy).run(x, &mut y).expect("one length");
    y
}

fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| y.to_bits()).collect()
}

/// Within `relative`, unless both are below the normal numbers.
fn close(a: f32, b: f32, relative: f64) -> bool {
    let (a, b) = (f64::from(a), f64::from(b));
    let subnormal = oracle::SMALLEST_NORMAL * (1.0 + relative);
    (a - b).abs() <= relative * a.max(b) || (a <= subnormal && b <= subnormal)
}

/// The order in which `keys` puts what has these indices.
fn permuted<T: Clone>(items: &[T], keys: &[u32]) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&i| keys[i % keys.len()].wrapping_mul(i as u32 | 1));
    order.into_iter().map(|i| items[i].clone()).collect()
}

/// Cases, unless the environment says otherwise; without files about failures, whose message has the row.
fn cases(cases: u32) -> ProptestConfig {
    let asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if asked_for { default } else { ProptestConfig { cases, ..default } }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn outputs_sum_to_one(x in row(), accuracy in accuracy()) {
        let sum: f64 = softmax(accuracy, &x).iter().map(|&y| f64::from(y)).sum();
        prop_assert!((sum - 1.0).abs() <= relative(accuracy), "{sum}");
    }

    #[test]
    fn the_order_is_kept_and_equals_stay_equal(x in coarse_row(), accuracy in accuracy()) {
        let mut pairs: Vec<(f32, f32)> = x.iter().copied().zip(softmax(accuracy, &x)).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in pairs.windows(2) {
            let [(x0, y0), (x1, y1)] = pair else { unreachable!() };
            if x0 == x1 {
                prop_assert_eq!(y0, y1, "both of {}", x0);
            } else {
                // Two of 1/256 are further apart than errors.
                prop_assert!(y0 < y1 || *y1 < f32::MIN_POSITIVE, "{x0} gave {y0}, {x1} gave {y1}");
            }
        }
    }

    #[test]
    fn a_shift_of_all_changes_nothing(x in coarse_row(), shift in -4000i16..4000, accuracy in accuracy()) {
        let shifted: Vec<f32> = x.iter().map(|x| x + f32::from(shift)).collect();
        for (y, z) in softmax(accuracy, &x).into_iter().zip(softmax(accuracy, &shifted)) {
            prop_assert!(close(y, z, 2.0 * relative(accuracy)), "{y} and {z}");
        }
    }

    #[test]
    fn outputs_go_with_their_inputs(x in row(), keys in vec(any::<u32>(), 1..50), accuracy in accuracy()) {
        let y = permuted(&softmax(accuracy, &x), &keys);
        for (y, z) in y.into_iter().zip(softmax(accuracy, &permuted(&x, &keys))) {
            prop_assert!(close(y, z, 2.0 * relative(accuracy)), "{y} and {z}");
        }
    }

    #[test]
    fn rows_go_with_their_bits(
        rows in vec(vec(-30.0f32..30.0, 67), 1..40), len in 1usize..=67,
        keys in vec(any::<u32>(), 1..50), accuracy in accuracy(),
    ) {
        let batch = |rows: &[Vec<f32>]| -> Vec<Vec<u32>> {
            let x: Vec<f32> = rows.iter().flat_map(|row| &row[..len]).copied().collect();
            let mut y = vec![0.5; x.len()];
            Softmax::new().accuracy(accuracy).run_rows(&x, &mut y, len).expect("whole rows");
            y.chunks(len).map(bits).collect()
        };
        prop_assert_eq!(permuted(&batch(&rows), &keys), batch(&permuted(&rows, &keys)));
    }

    #[test]
    fn bits_do_not_depend_on_alignment_or_neighbours(
        x in row(), (before, after) in (0usize..16, 0usize..3), accuracy in accuracy(),
    ) {
        let expected = bits(&softmax(accuracy, &x));
        let mut y = vec![0.5; before + x.len()];
        let moved = [vec![7.0; before], x.clone()].concat();
        let softmax = Softmax::new().accuracy(accuracy);
        softmax.run(&moved[before..], &mut y[before..]).expect("one length");
        prop_assert_eq!(&expected, &bits(&y[before..]));

        // Between rows like it, and among rows that plans give up.
        let batch = |rows: &[&[f32]], at: usize| {
            let batch = rows.concat();
            let mut y = vec![0.5; batch.len()];
            softmax.run_rows(&batch, &mut y, x.len()).expect("whole rows");
            bits(&y[at * x.len()..][..x.len()])
        };
        let strange = vec![f32::MAX; x.len()];
        let mut rows = vec![strange.as_slice(); after + 2];
        rows[after] = &x;
        prop_assert_eq!(batch(&[&x, &x], 1), batch(&rows, after));
    }
}

/// Sums with elements in their whole range, masks among them, and of nothing.
fn sum() -> impl Strategy<Value = ExtSum> {
    let element = prop_oneof![8 => -50.0f32..50.0, 2 => -8000.0f32..8000.0, 1 => Just(f32::NEG_INFINITY)];
    vec(element, 0..40).prop_map(|x| ExtSum::of(&x))
}

fn ratio(a: ExtSum, b: ExtSum) -> f64 {
    f64::from(a.mantissa) / f64::from(b.mantissa) * f64::from(a.exponent - b.exponent).exp2()
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn sums_merge_in_any_order_and_with_nothing(a in sum(), b in sum(), c in sum()) {
        prop_assert_eq!(a.merge(b), b.merge(a));
        prop_assert_eq!(a.merge(ExtSum::IDENTITY), a);
        prop_assert_eq!(ExtSum::IDENTITY.merge(a), a);
        let (left, right) = (a.merge(b).merge(c), a.merge(b.merge(c)));
        if left != ExtSum::IDENTITY {
            // Two additions, each rounded once.
            prop_assert!((ratio(left, right) - 1.0).abs() <= 2.0 * f64::from(f32::EPSILON), "{left:?} {right:?}");
        } else {
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn a_nan_survives_every_merge(a in sum()) {
        let nan = ExtSum::of(&[f32::NAN]);
        prop_assert!(a.merge(nan).mantissa.is_nan() && nan.merge(a).mantissa.is_nan());
    }
}

/// With more threads than most machines have cores.
fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(5).build().expect("threads"))
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn bits_do_not_depend_on_threads(
        (len, row_len) in prop_oneof![
            (131_072usize..300_000).prop_map(|len| (len, len)),
            (1usize..70_000).prop_map(|row_len| ((1 << 18) / row_len * row_len, row_len)),
        ],
        (threads, offset) in (2usize..6, 0usize..16), seed in any::<u64>(), accuracy in accuracy(),
    ) {
        let mut random = Random::new(seed);
        let x: Vec<f32> = (0..len + offset).map(|_| random.uniform(-30.0, 30.0)).collect();
        let run = |threads: usize| {
            let mut y = vec![0.5; len];
            let softmax = Softmax::new().accuracy(accuracy).threads(threads);
            pool().install(|| match len == row_len {
                true => softmax.run(&x[offset..], &mut y),
                false => softmax.run_rows(&x[offset..], &mut y, row_len),
            }).expect("whole rows");
            bits(&y)
        };
        prop_assert!(run(1) == run(threads), "{len} / {row_len}");
    }
}
