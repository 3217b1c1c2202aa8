//! A build whose profile has tables for batches, `batches.toml` beside this crate: which calls use them.
//!
//! ```text
//! SOFTMAX_PROFILE=$PWD/tests/downstream/batches.toml SOFTMAX_FORCE_ISA=scalar \
//!     cargo test --release --manifest-path tests/downstream/Cargo.toml --features batches-profile --test batches
//! ```

use downstream::uniform;
use softmax_kernels::{Accuracy, Selection, Softmax, selected, selected_rows};

/// What was chosen, without why.
fn what(selection: &Selection) -> (&'static str, bool, usize, &'static [&'static str]) {
    (selection.profile, selection.batch, selection.upper, selection.plan.passes)
}

/// Out of place, in place.
fn run(x: &[f32], row_len: usize) -> [Vec<f32>; 2] {
    let (mut y, mut in_place) = (vec![0.0; x.len()], x.to_vec());
    Softmax::new().run_rows(x, &mut y, row_len).unwrap();
    Softmax::new().run_rows_in_place(&mut in_place, row_len).unwrap();
    [y, in_place]
}

fn alone(x: &[f32]) -> [Vec<f32>; 2] {
    let (mut y, mut in_place) = (vec![0.0; x.len()], x.to_vec());
    Softmax::new().run(x, &mut y).unwrap();
    Softmax::new().run_in_place(&mut in_place);
    [y, in_place]
}

#[test]
fn two_rows_and_more_use_the_table_for_batches_as_far_as_it_reaches() {
    for len in [1, 100] {
        for rows in [2, 3, 1000] {
            let (profile, batch, upper, passes) = what(&selected_rows(rows, len));
            assert_eq!((profile, batch, upper), ("batches", true, 100), "{rows} x {len}");
            assert_eq!(passes[1], "f32_store_exp__scalar_a6_u4");
        }
        assert_eq!(what(&selected_rows(1, len)), what(&selected(len)));
        assert_eq!(what(&selected_rows(0, len)), what(&selected(len)));
    }
    let single = selected(64);
    assert_eq!(what(&single), ("batches", false, usize::MAX, single.plan.passes));
    assert_eq!(single.plan.passes[1], "f32_store_exp__scalar_d5_u4_acc4");
    assert_eq!(what(&selected_rows(2, 101)), what(&single));
    assert!(selected_rows(2, 64).to_string().contains("from profile `batches`, batches: "));
}

#[test]
fn where_a_profile_has_no_table_for_single_rows_another_has_and_the_other_way_round() {
    let softmax = Softmax::new();
    assert_eq!(softmax.selected_rows_in_place(2, 50).profile, "batches");
    for selection in [softmax.selected_rows_in_place(2, 51), softmax.selected_in_place(50)] {
        assert_eq!((selection.profile, selection.batch), ("default", false));
    }
    let accurate = softmax.accuracy(Accuracy::Accurate);
    assert_eq!(what(&accurate.selected_rows(2, 64)), what(&accurate.selected(64)));
    assert_eq!(accurate.selected_rows(2, 64).profile, "default");
}

#[test]
fn what_is_selected_is_what_runs() {
    for len in [33, 50, 100, 101] {
        let x = uniform(5 * len, 1);
        let many = run(&x, len);
        let single: Vec<[Vec<f32>; 2]> = x.chunks(len).map(alone).collect();
        for (form, longest) in [100, 50].into_iter().enumerate() {
            let single: Vec<f32> = single.iter().flat_map(|forms| forms[form].clone()).collect();
            assert_eq!(many[form] != single, len <= longest, "{len}, form {form}: two plans have other bits");
            for (i, row) in x.chunks(len).enumerate() {
                let two = run(&[row, row].concat(), len);
                assert_eq!(two[form][len..], many[form][i * len..][..len], "row {i} of {len}");
            }
        }
        assert_eq!(run(&x[..len], len), alone(&x[..len]), "one row of {len}");
    }
}
