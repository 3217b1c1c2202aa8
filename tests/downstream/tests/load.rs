//! The functions under load: many threads that call first, all at once, and very many calls.

mod process;

use downstream::{max_ulp, uniform};
use process::this_program;
use softmax_kernels::{Accuracy, Softmax, softmax};
use std::sync::Barrier;

/// Set in a process that has not called anything yet.
const FRESH: &str = "DOWNSTREAM_FRESH_PROCESS";

/// Processes in which they do.
const TRIES: usize = 30;

/// Threads that call at once in each of them.
const THREADS: usize = 16;

#[test]
fn threads_that_call_first_all_at_once_agree() {
    if std::env::var_os(FRESH).is_some() {
        return call_first_all_at_once();
    }
    for attempt in 0..TRIES {
        let arguments = ["threads_that_call_first_all_at_once_agree", "--exact", "--nocapture"];
        let output = this_program().args(arguments).env(FRESH, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        let passed = output.status.success() && said.contains("1 passed");
        assert!(passed, "process {attempt}: {}\n{said}{complaint}", output.status);
    }
}

fn call_first_all_at_once() {
    let x = &uniform(197, 1);
    let start = &Barrier::new(THREADS);
    let first = move |thread: usize| {
        start.wait();
        call(thread, x)
    };
    let results: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || first(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (thread, y) in results.iter().enumerate() {
        assert_eq!(*y, call(thread, x), "thread {thread} first, and later");
        let bound = if thread.is_multiple_of(2) { 20.0 } else { 4.0 };
        assert!(max_ulp(x, y) <= bound, "thread {thread}");
    }
}

/// Half of the threads ask for one accuracy, half for the other, and half of each in place.
fn call(thread: usize, x: &[f32]) -> Vec<f32> {
    let accuracy = if thread.is_multiple_of(2) { Accuracy::Fast } else { Accuracy::Accurate };
    let softmax = Softmax::new().accuracy(accuracy);
    let mut y = x.to_vec();
    match thread % 4 < 2 {
        true => softmax.run(x, &mut y).unwrap(),
        false => softmax.run_in_place(&mut y),
    }
    y
}

#[test]
fn a_million_short_rows_are_all_right() {
    let x = uniform(8, 1);
    let expected: Vec<Vec<f32>> = (0..=8)
        .map(|len| {
            let mut y = vec![0.0; len];
            softmax(&x[..len], &mut y).unwrap();
            assert!(max_ulp(&x[..len], &y) <= 20.0);
            y
        })
        .collect();
    for call in 0..1_000_000 {
        let len = call % 9;
        let mut y = [0.5; 8];
        softmax(&x[..len], &mut y[..len]).unwrap();
        assert!(y[..len] == expected[len] && y[len..].iter().all(|&y| y == 0.5), "call {call}");
    }
}
