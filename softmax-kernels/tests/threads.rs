//! Results on several threads are those on one, bit for bit, whatever is in the rows (docs/SEMANTICS.md).

use rayon::ThreadPoolBuilder;
use softmax_bench::catalogue::small_plans;
use softmax_bench::random::Random;
use softmax_bench::rows;
use softmax_kernels::{Accuracy, ComposedPlan, MaskedRow, Softmax};

/// 0 is as many as the pool has.
const THREADS: [usize; 5] = [1, 2, 3, 7, 0];

/// Below, at and above the length from which on a row is divided, and long enough for several parts of every kernel.
const LENGTHS: [usize; 8] =
    [131_071, 131_072, 131_073, 196_608, 6 * 24_576 - 1, 6 * 24_576 + 1, 4 * 65_536, (1 << 20) + 3];

/// Rows of at least this length are divided.
const LONG: usize = 3 * 65_536 + 1;

fn ordinary(len: usize) -> Vec<f32> {
    let mut random = Random::new(len as u64);
    (0..len).map(|_| random.uniform(-10.0, 10.0)).collect()
}

/// Options of every kind.
fn options() -> impl Iterator<Item = Softmax> {
    let accuracies = [Accuracy::Fast, Accuracy::Accurate].into_iter();
    accuracies.flat_map(|accuracy| {
        [MaskedRow::Nan, MaskedRow::Zero].map(|masked| Softmax::new().accuracy(accuracy).masked(masked))
    })
}

/// Bits, with one for all NaN.
fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| if y.is_nan() { f32::NAN.to_bits() } else { y.to_bits() }).collect()
}

fn assert_same(expected: &[f32], got: &[f32], what: impl Fn() -> String) {
    assert!(bits(expected) == bits(got), "{}", what());
}

/// Both forms of `softmax` on a batch.
fn outputs(softmax: Softmax, x: &[f32], row_len: usize) -> [Vec<f32>; 2] {
    let (mut y, mut in_place) = (vec![0.5; x.len()], x.to_vec());
    if row_len == x.len() {
        softmax.run(x, &mut y).unwrap();
        softmax.run_in_place(&mut in_place);
    } else {
        softmax.run_rows(x, &mut y, row_len).unwrap();
        softmax.run_rows_in_place(&mut in_place, row_len).unwrap();
    }
    [y, in_place]
}

/// Every number of threads gives what one gives.
fn check(softmax: Softmax, x: &[f32], row_len: usize, what: &str) {
    let expected = outputs(softmax, x, row_len);
    for threads in THREADS {
        let got = outputs(softmax.threads(threads), x, row_len);
        for (expected, got) in expected.iter().zip(&got) {
            assert_same(expected, got, || format!("{what}, {} / {row_len}, {threads} threads", x.len()));
        }
    }
}

/// In a pool with more threads than most machines that this runs on have cores.
fn in_pool(threads: usize, test: impl FnOnce() + Send) {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(test);
}

#[test]
fn long_rows_have_the_bits_of_one_thread() {
    for threads in [1, 3, 7] {
        in_pool(threads, || {
            for (softmax, len) in options().flat_map(|softmax| LENGTHS.map(|len| (softmax, len))) {
                check(softmax, &ordinary(len), len, "ordinary");
            }
        });
    }
}

#[test]
fn threads_outside_a_pool_help_too() {
    check(Softmax::new(), &ordinary(LONG), LONG, "ordinary");
    check(Softmax::new(), &ordinary(200 * 1009), 1009, "ordinary");
}

#[test]
fn more_threads_than_there_can_be_are_as_many_as_there_are() {
    let x = ordinary(LONG);
    let outputs = |threads| outputs(Softmax::new().threads(threads), &x, LONG);
    in_pool(3, || assert!(outputs(usize::MAX) == outputs(1)));
}

#[test]
fn panics_of_others_in_the_pool_change_nothing() {
    let x = ordinary(LONG);
    let pool = ThreadPoolBuilder::new().num_threads(3).panic_handler(|_| ()).build().unwrap();
    pool.install(|| {
        for _ in 0..20 {
            rayon::spawn(|| std::panic::resume_unwind(Box::new("of another's job")));
            check(Softmax::new(), &x, LONG, "beside panics");
        }
    });
}

#[test]
fn batches_have_the_bits_of_one_thread() {
    let shapes = [
        (1 << 17, 1),
        (70_001, 3),
        (1009, 197),
        (129, 1000),
        (37, 4096),
        (5, 65_537),
        (3, 1 << 18),
        (13, LONG),
    ];
    in_pool(3, || {
        for (rows, row_len) in shapes {
            options().for_each(|softmax| check(softmax, &ordinary(rows * row_len), row_len, "a batch"));
        }
    });
}

#[test]
fn nothing_is_nothing() {
    for threads in THREADS.into_iter().chain([usize::MAX]) {
        let softmax = Softmax::new().threads(threads);
        assert_eq!(softmax.run(&[], &mut []), Ok(()));
        assert_eq!(softmax.run_rows(&[], &mut [], 0), Ok(()));
        assert_eq!(softmax.run_rows_in_place(&mut [], 7), Ok(()));
        softmax.run_in_place(&mut []);
    }
    assert_eq!(Softmax::default(), Softmax::new().threads(1));
}

#[test]
fn every_algorithm_has_the_bits_of_one_thread() {
    in_pool(7, || {
        for (name, plan) in small_plans() {
            for x in [ordinary(LONG), ordinary(LONG - 2)] {
                check_plan(&name, plan, &x, "ordinary");
            }
        }
    });
}

/// Rows that plans give up among them, some only after a sum over all blocks.
#[test]
fn every_algorithm_has_the_bits_of_one_thread_on_special_rows() {
    let rows = rows::special(LONG).into_iter().chain(rows::rising(LONG)).collect::<Vec<_>>();
    in_pool(3, || {
        for (name, plan) in small_plans().into_iter().filter(|(name, _)| !name.contains("scalar")) {
            rows.iter().for_each(|row| check_plan(&name, plan, &row.x, &row.name));
        }
        for (softmax, row) in options().flat_map(|softmax| rows.iter().map(move |row| (softmax, row))) {
            check(softmax, &row.x, LONG, &row.name);
        }
    });
}

#[test]
fn special_rows_leave_their_batch_alone() {
    let special = rows::special(1009).into_iter().chain(rows::rising(1009));
    let x: Vec<f32> = special.flat_map(|row| row.x).chain(ordinary(100 * 1009)).collect();
    in_pool(3, || options().for_each(|softmax| check(softmax, &x, 1009, "special rows")));
}

fn check_plan(name: &str, plan: ComposedPlan, x: &[f32], what: &str) {
    let outputs = |threads| {
        let plan = plan.threads(threads);
        let (mut y, mut in_place) = (vec![0.5; x.len()], x.to_vec());
        plan.run(x, &mut y).unwrap();
        plan.run_in_place(&mut in_place);
        [y, in_place]
    };
    let expected = outputs(1);
    for threads in [2, 0] {
        for (expected, got) in expected.iter().zip(&outputs(threads)) {
            assert_same(expected, got, || format!("{name}, {what}, n = {}, {threads} threads", x.len()));
        }
    }
}
