//! Several threads, with the feature `rayon`: batches are divided by rows, long rows into parts.
//!
//! The bits are those of one thread. Rows do not depend on each other, the blocks of a row are the same for any number of
//! threads, and their sums add up in the order of the row.

use crate::parts::Parts;
use crate::plan::Call;
use crate::steps::{Row, Rows};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

/// Elements, 64 KiB, below which work is not divided further: what a core does in a few microseconds. Whole vectors of every
/// ISA, and one stream of a kernel's window. Tiles need not divide it: a kernel takes what is left of them at a part's end
/// by single vectors, as at a row's end.
const PART: usize = 1 << 14;

/// Parts that are enough for any division to come out even.
const PARTS: usize = 64;

/// Parts of the longest window that a kernel goes over at once, eight streams of a part each.
const WINDOW: usize = 8;

/// Elements from which on a batch, or a row, is worth waking a second thread: that takes 15 us on a virtual machine, and one
/// thread needs 30 us for so many. Two were 1.5 times as fast here, 1.1 times at half of it.
const WORTHWHILE: usize = 1 << 17;

/// Rows per thread from which on a batch of long rows is divided by rows. With fewer, one that is left over would leave
/// the other threads idle.
const ROWS_PER_THREAD: usize = 4;

/// How many threads an application wants, 0 for as many as there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threads(pub(crate) usize);

impl Default for Threads {
    fn default() -> Threads {
        Threads::ONE
    }
}

impl Threads {
    /// The calling one.
    pub(crate) const ONE: Threads = Threads(1);

    /// softmax of each row, unless it is not worth several threads: then false, and nothing has happened.
    #[inline]
    pub(crate) fn softmax(self, rows: Rows, call: Call<'_>) -> bool {
        let is_asked_for = rows.count() * rows.first().len() >= WORTHWHILE && self != Threads::ONE;
        is_asked_for && self.softmax_of_many(rows, call)
    }

    /// Out of the way of short rows.
    #[cold]
    fn softmax_of_many(self, rows: Rows, call: Call<'_>) -> bool {
        let crew = Crew::of(self);
        if crew.threads > 1 {
            crew.softmax(rows, call);
        }
        crew.threads > 1
    }
}

// SAFETY: a row is two addresses. Those who go through them answer for it: kernels, under the contract of `Steps::run`.
// The slices that rows are made of stay borrowed until all threads are done (`Crew::collect`), and no two threads
// have overlapping parts.
unsafe impl Send for Row {}
// SAFETY: as above; a shared row only tells its addresses.
unsafe impl Sync for Row {}

/// Threads that work together: the calling one, and others of the current pool.
#[derive(Debug, Clone, Copy)]
struct Crew {
    threads: usize,
}

impl Crew {
    fn of(wanted: Threads) -> Crew {
        let available = rayon::current_num_threads();
        Crew { threads: if wanted.0 == 0 { available } else { wanted.0.min(available) } }
    }

    fn softmax(self, rows: Rows, call: Call<'_>) {
        let Call { plan, backup, masked, .. } = call;
        let (count, row_len) = (rows.count(), rows.first().len());
        if row_len >= WORTHWHILE && count < ROWS_PER_THREAD * self.threads {
            for i in 0..count {
                let row = rows.part(i, 1).first();
                plan.softmax_row(SharedRow { row, crew: self }, backup, masked);
            }
            return;
        }
        let groups = Pieces { len: count, piece: PART.div_ceil(row_len) };
        let group = |i| {
            let range = groups.range(i);
            plan.softmax_batch(rows.part(range.start, range.len()), backup, masked);
        };
        self.collect(groups.count(), group).for_each(drop);
    }

    /// What `work` gives for each job below `jobs`, in this order.
    ///
    /// Every thread begins with jobs of its own, in every pass over a row the same, so that it finds in its caches what
    /// it left there; then it helps the others.
    fn collect<T: Send + Sync>(
        self,
        jobs: usize,
        work: impl Fn(usize) -> T + Sync,
    ) -> impl Iterator<Item = T> {
        let results: Vec<OnceLock<T>> = (0..jobs).map(|_| OnceLock::new()).collect();
        let threads = self.threads.min(jobs);
        let queues: Vec<Queue> =
            (0..threads).map(|i| Queue::new(i * jobs / threads..(i + 1) * jobs / threads)).collect();
        let work_from = |own: usize| {
            let (others, first) = queues.split_at(own);
            for job in first.iter().chain(others).flat_map(Queue::jobs) {
                let fresh = results[job].set(work(job)).is_ok();
                debug_assert!(fresh, "job {job} was done twice");
            }
        };
        let presence = &Presence::default();
        rayon::in_place_scope(|scope| {
            for own in 1..threads {
                let work_from = &work_from;
                scope.spawn(move |_| presence.during(|| work_from(own)));
            }
            work_from(0);
            presence.await_the_last();
        });
        results.into_iter().map(|result| result.into_inner().expect("every job was done"))
    }
}

/// How many others are at work.
#[derive(Default)]
struct Presence(AtomicUsize);

impl Presence {
    /// Looks before a thread that waits goes to sleep: some 10 us, about what being woken takes.
    const LOOKS: usize = 500;

    fn during(&self, work: impl FnOnce()) {
        self.0.fetch_add(1, Ordering::Relaxed);
        work();
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// When no jobs are left, those at work are at their last one, and done sooner than this thread could be asleep and
    /// awake again. Only saves time: the scope waits for everybody anyway.
    fn await_the_last(&self) {
        for _ in 0..Presence::LOOKS {
            if self.0.load(Ordering::Relaxed) == 0 {
                return;
            }
            core::hint::spin_loop();
        }
    }
}

/// Jobs that one thread begins with. On a cache line of its own, lest threads that count down jobs slow each other.
#[repr(align(128))]
struct Queue {
    next: AtomicUsize,
    end: usize,
}

impl Queue {
    fn new(jobs: Range<usize>) -> Queue {
        Queue { next: AtomicUsize::new(jobs.start), end: jobs.end }
    }

    /// Those that nobody has taken yet, each for one caller alone.
    fn jobs(&self) -> impl Iterator<Item = usize> {
        // The end of the scope synchronises; here it only matters that every number is handed out once.
        let take = || self.next.fetch_add(1, Ordering::Relaxed);
        core::iter::repeat_with(take).take_while(|&job| job < self.end)
    }
}

/// `len` of something in pieces of `piece`, the last one shorter.
#[derive(Clone, Copy)]
struct Pieces {
    len: usize,
    piece: usize,
}

impl Pieces {
    fn count(self) -> usize {
        self.len.div_ceil(self.piece)
    }

    fn range(self, i: usize) -> Range<usize> {
        i * self.piece..self.len.min((i + 1) * self.piece)
    }
}

/// A row that a crew goes over.
#[derive(Clone, Copy)]
struct SharedRow {
    row: Row,
    crew: Crew,
}

impl SharedRow {
    /// `of` each part of `piece` elements, in their order.
    fn map<T: Send + Sync>(self, piece: usize, of: impl Fn(Row) -> T + Sync) -> impl Iterator<Item = T> {
        let pieces = Pieces { len: self.row.len(), piece };
        self.crew.collect(pieces.count(), move |i| {
            let range = pieces.range(i);
            of(self.row.part(range.start, range.len()))
        })
    }
}

impl Parts for SharedRow {
    fn whole(self) -> Row {
        self.row
    }

    fn blocks<T: Send + Sync>(
        self,
        block: usize,
        of: impl Fn(Row) -> T + Sync,
        mut enough: impl FnMut(T) -> bool,
    ) {
        let blocks = |part: Row| -> Vec<T> {
            part.block_ranges(block).map(|(at, len)| of(part.part(at, len))).collect()
        };
        // Whole blocks, so that they are those of one thread.
        let piece = block * PART.div_ceil(block);
        self.map(piece, blocks).flatten().any(&mut enough);
    }

    fn parts<T: Send + Sync>(self, of: impl Fn(Row) -> T + Sync, merge: impl Fn(T, T) -> T) -> T {
        // Larger in longer rows, up to the longest window; where a window is more than a part, its kernel goes over the part
        // in one stream.
        let piece = PART * (self.row.len() / (PARTS * PART)).clamp(1, WINDOW);
        self.map(piece, of).reduce(merge).expect("the row is not empty")
    }
}
