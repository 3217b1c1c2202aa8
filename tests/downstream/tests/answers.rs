//! The public functions, as a crate that depends on softmax-kernels alone sees them.

use downstream::{exact, max_ulp, uniform};
use softmax_kernels::{
    Accuracy, ExtSum, Kernel, MaskedRow, Selection, ShapeError, Softmax, selected, selected_rows, softmax,
    softmax_in_place, softmax_rows, softmax_rows_in_place,
};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// What the crate promises by default.
const FAST_ULP: f64 = 20.0;
const ACCURATE_ULP: f64 = 4.0;

fn lengths() -> impl Iterator<Item = usize> {
    (1..=300).chain([100_000])
}

/// The results of every function that takes one row.
fn every_way(x: &[f32]) -> Vec<(&'static str, Vec<f32>)> {
    let mut results = Vec::new();
    let mut y = vec![0.5; x.len()];
    softmax(x, &mut y).unwrap();
    results.push(("softmax", y));
    let mut y = x.to_vec();
    softmax_in_place(&mut y);
    results.push(("softmax_in_place", y));
    let mut y = vec![0.5; x.len()];
    softmax_rows(x, &mut y, x.len()).unwrap();
    results.push(("softmax_rows", y));
    let mut y = x.to_vec();
    softmax_rows_in_place(&mut y, x.len()).unwrap();
    results.push(("softmax_rows_in_place", y));
    let mut y = vec![0.5; x.len()];
    Softmax::new().accuracy(Accuracy::Accurate).run(x, &mut y).unwrap();
    results.push(("accurate", y));
    let mut y = x.to_vec();
    Softmax::new().accuracy(Accuracy::Accurate).run_in_place(&mut y);
    results.push(("accurate in place", y));
    results
}

#[test]
fn results_are_right_at_every_length() {
    for len in lengths() {
        let x = uniform(len, len as u64);
        for (way, y) in every_way(&x) {
            let bound = if way.starts_with("accurate") { ACCURATE_ULP } else { FAST_ULP };
            let error = max_ulp(&x, &y);
            assert!(error <= bound, "{way}, {len} elements: {error} ULP, {}", selected(len));
        }
    }
}

/// Out of place and in place.
fn in_batch(x: &[f32], row_len: usize) -> [Vec<f32>; 2] {
    let (mut y, mut in_place) = (vec![0.0; x.len()], x.to_vec());
    softmax_rows(x, &mut y, row_len).unwrap();
    softmax_rows_in_place(&mut in_place, row_len).unwrap();
    [y, in_place]
}

#[test]
fn a_row_gives_the_same_in_every_batch_and_one_row_what_it_gives_alone() {
    for row_len in [1, 3, 16, 100, 257] {
        let x = uniform(7 * row_len, 1);
        let many = in_batch(&x, row_len);
        for (i, row) in x.chunks(row_len).enumerate() {
            let of_many = [0, 1].map(|form| &many[form][i * row_len..][..row_len]);
            let two = in_batch(&[row, row].concat(), row_len);
            for half in 0..2 {
                let of_two = [0, 1].map(|form| &two[form][half * row_len..][..row_len]);
                assert_eq!(of_two, of_many, "row {i} of {row_len}");
            }
            let (mut y, mut in_place) = (vec![0.0; row_len], row.to_vec());
            softmax(row, &mut y).unwrap();
            softmax_in_place(&mut in_place);
            assert_eq!(in_batch(row, row_len), [y, in_place], "row {i} of {row_len} alone");
        }
    }
}

#[test]
fn batches_are_right_at_every_length() {
    for len in lengths() {
        let x = uniform(2 * len, len as u64);
        for (accuracy, bound) in [(Accuracy::Fast, FAST_ULP), (Accuracy::Accurate, ACCURATE_ULP)] {
            let (mut y, mut in_place) = (vec![0.0; x.len()], x.clone());
            Softmax::new().accuracy(accuracy).run_rows(&x, &mut y, len).unwrap();
            Softmax::new().accuracy(accuracy).run_rows_in_place(&mut in_place, len).unwrap();
            for (x, y) in x.chunks(len).chain(x.chunks(len)).zip(y.chunks(len).chain(in_place.chunks(len))) {
                let error = max_ulp(x, y);
                assert!(error <= bound, "{len} elements: {error} ULP, {}", selected_rows(2, len));
            }
        }
    }
}

#[test]
fn lengths_that_differ_are_an_error_and_the_output_is_untouched() {
    let x = uniform(100, 1);
    for len in [0, 99, 101] {
        let mut y = vec![0.5; len];
        let errors = [
            softmax(&x, &mut y).unwrap_err(),
            softmax_rows(&x, &mut y, 10).unwrap_err(),
            Softmax::new().run(&x, &mut y).unwrap_err(),
            Softmax::new().run_rows(&x, &mut y, 10).unwrap_err(),
            ExtSum::of(&x).normalize(&x, &mut y).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error, ShapeError::Lengths { input: 100, output: len });
            let message = error.to_string();
            assert!(message.contains("100") && message.contains(&len.to_string()), "{message}");
        }
        assert!(y.iter().all(|&y| y == 0.5));
    }
}

#[test]
fn a_part_of_a_row_is_an_error_and_nothing_is_touched() {
    let x = uniform(100, 1);
    for row_len in [0, 7, 101, usize::MAX / 4 + 1, usize::MAX] {
        let mut y = vec![0.5; 100];
        let mut in_place = x.clone();
        let errors = [
            softmax_rows(&x, &mut y, row_len).unwrap_err(),
            softmax_rows_in_place(&mut in_place, row_len).unwrap_err(),
            Softmax::new().run_rows_in_place(&mut in_place, row_len).unwrap_err(),
        ];
        for error in errors {
            let message = error.to_string();
            assert!(message.contains("100") && message.contains(&row_len.to_string()), "{message}");
        }
        assert!(y.iter().all(|&y| y == 0.5));
        assert_eq!(in_place, x);
    }
}

#[test]
fn errors_are_errors_that_threads_may_pass_on() {
    fn passes<E: std::error::Error + Send + Sync + 'static>(_: E) {}
    passes(softmax(&[1.0], &mut []).unwrap_err());
}

#[test]
fn nothing_gives_nothing() {
    softmax(&[], &mut []).unwrap();
    softmax_in_place(&mut []);
    for row_len in [0, 1, 10, usize::MAX] {
        softmax_rows(&[], &mut [], row_len).unwrap();
        softmax_rows_in_place(&mut [], row_len).unwrap();
    }
    assert_eq!(ExtSum::of(&[]), ExtSum::IDENTITY);
}

/// Numbers that nobody means.
const ABSURD: [f32; 10] = [NAN, INF, -INF, f32::MAX, f32::MIN, 0.0, -0.0, 1e-45, -1.5, 8193.0];

/// `run` on x and y between elements that it must not touch; how many it may is the length of both.
fn enclosed(len: usize, run: impl Fn(&[f32], &mut [f32])) {
    const BESIDE: usize = 64;
    let (x, mut y) = (uniform(len, 1), vec![0.5; len + 2 * BESIDE]);
    run(&x, &mut y[BESIDE..][..len]);
    let (before, rest) = y.split_at(BESIDE);
    assert!(before.iter().chain(&rest[len..]).all(|&y| y == 0.5), "{len} elements, and others are touched");
}

#[test]
fn lengths_that_no_row_has_are_looked_up_all_the_same() {
    for len in [0, usize::MAX / 2, usize::MAX] {
        for rows in [0, 1, 2, usize::MAX] {
            let softmax = Softmax::new().accuracy(Accuracy::Accurate);
            for selection in [selected_rows(rows, len), softmax.selected_rows_in_place(rows, len)] {
                assert!(len <= selection.upper, "{rows} x {len}: {selection}");
            }
        }
    }
}

fn is_number(sum: ExtSum) -> bool {
    !sum.mantissa.is_nan() && !sum.exponent.is_nan()
}

#[test]
fn sums_of_any_numbers_are_taken() {
    let sums = ABSURD.iter().flat_map(|&mantissa| ABSURD.map(|exponent| ExtSum { mantissa, exponent }));
    for sum in sums {
        for other in ABSURD.map(|exponent| ExtSum { mantissa: 1.0, exponent }) {
            let merged = [sum.merge(other), other.merge(sum)];
            let are_numbers = is_number(sum) && is_number(other);
            assert!(are_numbers || !merged.into_iter().any(is_number), "{sum:?} and {other:?}: {merged:?}");
        }
        enclosed(67, |x, y| sum.normalize(x, y).unwrap());
    }
}

#[test]
fn kernels_take_any_numbers() {
    for variant in softmax_kernels::variants() {
        let Some(kernel) = variant.kernel() else { continue };
        for (len, a) in [0, 1, 67, 1000].into_iter().flat_map(|len| ABSURD.map(|a| (len, a))) {
            enclosed(len, |x, y| run_kernel(kernel, x, y, a));
            let mut row = [a; 67];
            run_kernel(kernel, &[a; 67], &mut row, a);
        }
    }
}

fn run_kernel(kernel: Kernel, x: &[f32], y: &mut [f32], a: f32) {
    match kernel {
        Kernel::Max(kernel) => drop(kernel.run(x)),
        Kernel::SumExp(kernel) => drop(kernel.run(x, a)),
        Kernel::StoreExp(kernel) => drop(kernel.run(x, y, a).unwrap()),
        Kernel::Scale(kernel) => kernel.run(x, y, a.into()).unwrap(),
        Kernel::ScaleExp(kernel) => kernel.run(x, y, a, a.into()).unwrap(),
        Kernel::ExtSum(kernel) => drop(kernel.run(x)),
        Kernel::ExtScale(kernel) => kernel.run(x, y, ExtSum { mantissa: a, exponent: a }).unwrap(),
        Kernel::OnlineSum(kernel) => drop(kernel.run(x)),
        Kernel::Softmax(kernel) => drop(kernel.run(x, y).unwrap()),
    }
}

#[test]
fn one_finite_element_gives_one() {
    for value in [0.0, -0.0, 1e-45, -3.4e38, 3.4e38, f32::MAX, f32::MIN] {
        for (way, y) in every_way(&[value]) {
            assert_eq!(y, [1.0], "{way} of {value}");
        }
    }
}

#[test]
fn a_nan_or_an_infinity_makes_the_row_nan_and_no_other() {
    for len in [1, 2, 17, 300] {
        for poison in [NAN, INF] {
            let mut x = uniform(3 * len, 1);
            x[2 * len - 1] = poison;
            for (way, y) in every_way(&x[len..2 * len]) {
                assert!(y.iter().all(|y| y.is_nan()), "{way}, {len} elements with {poison}");
            }
            let mut y = vec![0.0; 3 * len];
            softmax_rows(&x, &mut y, len).unwrap();
            let nan: Vec<bool> = y.iter().map(|y| y.is_nan()).collect();
            assert!(nan.iter().enumerate().all(|(i, &nan)| nan == (i / len == 1)), "{nan:?}");
        }
    }
}

#[test]
fn minus_infinity_gives_exactly_zero() {
    for len in [2, 17, 300] {
        let mut x = uniform(len, 1);
        x.iter_mut().step_by(2).for_each(|x| *x = -INF);
        for (way, y) in every_way(&x) {
            assert!(y.iter().step_by(2).all(|&y| y == 0.0), "{way}");
            assert!(max_ulp(&x, &y) <= FAST_ULP, "{way}");
        }
    }
}

#[test]
fn a_masked_row_is_nan_or_on_request_zero() {
    for len in [1, 17, 300] {
        let x = vec![-INF; len];
        for (way, y) in every_way(&x) {
            assert!(y.iter().all(|y| y.is_nan()), "{way}");
        }
        for accuracy in [Accuracy::Fast, Accuracy::Accurate] {
            let zero = Softmax::new().masked(MaskedRow::Zero).accuracy(accuracy);
            let mut y = vec![0.5; len];
            zero.run(&x, &mut y).unwrap();
            assert!(y.iter().all(|&y| y == 0.0));
            zero.run_rows(&x, &mut y, len).unwrap();
            assert!(y.iter().all(|&y| y == 0.0));
            let mut y = x.clone();
            zero.run_rows_in_place(&mut y, 1).unwrap();
            assert!(y.iter().all(|&y| y == 0.0));
        }
    }
}

#[test]
fn rows_of_any_magnitude_are_right() {
    for x in
        [[3.4e38, 3.4e38, -3.4e38], [1e30, 1e30, 1e29], [-1e9, -1e9, -2e9], [20_000.0, 20_000.0, 19_000.0]]
    {
        for (way, y) in every_way(&x) {
            assert_eq!(y, [0.5, 0.5, 0.0], "{way} of {x:?}");
        }
    }
}

#[test]
fn sums_of_shards_merge_to_the_sum_of_the_row() {
    let x: Vec<f32> =
        uniform(100_000, 1).iter().enumerate().map(|(i, x)| x + (i / 25_000) as f32 * 100.0).collect();
    let whole = ExtSum::of(&x);
    for shard in [1, 333, 25_000] {
        let shards = x.chunks(shard).map(ExtSum::of);
        let merged = shards.fold(ExtSum::IDENTITY, ExtSum::merge);
        let ratio = f64::from(merged.mantissa) / f64::from(whole.mantissa)
            * f64::from(merged.exponent - whole.exponent).exp2();
        // Merging one element at a time rounds as often as there are elements.
        let tolerance = if shard == 1 { 1e-3 } else { 1e-5 };
        assert!((ratio - 1.0).abs() < tolerance, "shards of {shard}: {ratio}");
    }

    let mut y = vec![0.0; x.len()];
    for (x, y) in x.chunks(333).zip(y.chunks_mut(333)) {
        whole.normalize(x, y).unwrap();
    }
    for (got, exact) in y.iter().zip(exact(&x)) {
        let normal = exact >= f64::from(f32::MIN_POSITIVE);
        assert!(!normal || (f64::from(*got) / exact - 1.0).abs() < 1e-5, "{got} {exact}");
    }
    assert_eq!(ExtSum::IDENTITY.merge(whole), whole);
    assert!(ExtSum::of(&[1.0, NAN]).merge(whole).mantissa.is_nan());
}

#[test]
fn results_do_not_depend_on_alignment_or_thread() {
    let x = uniform(1000, 1);
    let mut expected = vec![0.0; 1000];
    softmax(&x, &mut expected).unwrap();
    for offset in 0..16 {
        let shifted = [vec![0.0; offset], x.clone()].concat();
        let mut y = vec![0.0; 1000 + offset];
        std::thread::scope(|scope| scope.spawn(|| softmax(&shifted[offset..], &mut y[offset..])).join())
            .unwrap()
            .unwrap();
        assert_eq!(y[offset..], expected, "offset {offset}");
    }
}

#[cfg(feature = "threads")]
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for (len, row_len) in [(1 << 19, 1 << 19), ((1 << 20) + 3, (1 << 20) + 3), (200_000, 1000)] {
        let x = uniform(len, 1);
        for accuracy in [Accuracy::Fast, Accuracy::Accurate] {
            let run = |threads| {
                let mut y = vec![0.5; len];
                let softmax = Softmax::new().accuracy(accuracy).threads(threads);
                match len == row_len {
                    true => softmax.run(&x, &mut y).unwrap(),
                    false => softmax.run_rows(&x, &mut y, row_len).unwrap(),
                }
                y
            };
            let expected = run(1);
            assert!(
                [2, 3, 0, usize::MAX].into_iter().all(|threads| run(threads) == expected),
                "{len} / {row_len}"
            );
        }
    }
}

#[test]
fn what_is_selected_is_compiled_in_and_says_why() {
    for len in [1, 100, 10_000, 1_000_000] {
        for rows in [1, 2, 1000] {
            let selection = selected_rows(rows, len);
            println!("selected_rows({rows}, {len}): {selection}");
            assert!(len <= selection.upper && (rows > 1 || !selection.batch));
            assert!(!selection.profile.is_empty());
            for id in selection.plan.passes {
                let variant = softmax_kernels::variants().iter().find(|variant| variant.id == *id);
                assert!(variant.is_some_and(|variant| variant.is_supported()), "{id}");
            }
        }
        let what = |selection: &Selection| (selection.profile, selection.upper, selection.plan.passes);
        assert_eq!(what(&selected(len)), what(&selected_rows(1, len)));
        assert_eq!(what(&selected_rows(2, len)), what(&selected_rows(1000, len)));
    }
}
