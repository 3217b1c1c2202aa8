//! Once it is known which plans this machine uses, calls on one thread allocate nothing, whatever is in the rows.

use downstream::uniform;
use softmax_kernels::{Accuracy, ExtSum, MaskedRow, Softmax, softmax, softmax_rows_in_place};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread what it is asked for.
struct Counting;

// SAFETY: everything is passed on to the system's allocator, but for counting, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates on this thread.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(vec![1.0f32; 3])), 1);
}

#[test]
fn calls_allocate_nothing() {
    let lengths = [0, 1, 7, 64, 197, 1000, 4096, 5000, 70_000, 200_000];
    let (mut x, mut y) = (uniform(200_000, 1), vec![0.5; 200_000]);
    let options = [Accuracy::Fast, Accuracy::Accurate].map(|accuracy| Softmax::new().accuracy(accuracy));
    let mut calls = |x: &mut [f32]| {
        for softmax in options.map(|softmax| softmax.masked(MaskedRow::Zero)) {
            for len in lengths {
                softmax.run(&x[..len], &mut y[..len]).unwrap();
                softmax.run_rows(&x[..len], &mut y[..len], len.div_ceil(10)).unwrap_or(());
                y[..len].copy_from_slice(&x[..len]);
                softmax.run_in_place(&mut y[..len]);
                softmax_rows_in_place(&mut y[..len], len).unwrap();
            }
        }
        softmax(&x[..100], &mut y[..100]).unwrap();
        ExtSum::of(x).merge(ExtSum::IDENTITY).normalize(x, &mut y).unwrap();
    };
    calls(&mut x);
    assert_eq!(allocations(|| calls(&mut x)), 0, "ordinary rows");
    // Rows that plans give up.
    for value in [9e3, f32::MAX, f32::NAN, f32::NEG_INFINITY] {
        x[0] = value;
        assert_eq!(allocations(|| calls(&mut x)), 0, "a {value} first");
        x.fill(value);
        assert_eq!(allocations(|| calls(&mut x)), 0, "all {value}");
        x = uniform(200_000, 1);
    }
}
