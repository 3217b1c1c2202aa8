//! The public functions on rows that end at, or start at, a page that may not be touched, on every ISA: at every length of
//! short rows and around those where plans change, at every alignment within the longest vector, out of place and in place,
//! alone and in batches, on one thread and on several. Variants by themselves are in `variants.rs`.
//!
//! Absent where pages are not protected as on Unix (`guarded/mod.rs`).

#[cfg(unix)]
mod guarded;
#[cfg(unix)]
mod isas;
#[cfg(unix)]
mod ways;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    public_functions::main()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod public_functions {
    use crate::guarded::fault::{self, Call};
    use crate::guarded::subject::{Form, Memory, Returned, Rooms, Subject};
    use crate::guarded::{Place, Room, Side};
    use crate::isas::{self, Checked};
    use crate::ways::{self, Way};
    use libtest_mimic::{Arguments, Failed, Trial};
    use softmax_kernels::ExtSum;
    use std::process::ExitCode;

    /// Set in the process that is to touch a page.
    const TOUCH: &str = "SOFTMAX_TEST_TOUCH";

    /// Elements of the longest vector.
    const LANES: usize = 16;

    /// Rows of a batch.
    const BATCH: usize = 5;

    pub fn main() -> ExitCode {
        fault::report_faults();
        if std::env::var_os(TOUCH).is_some() {
            touch_a_page();
        }
        match isas::trials("guard_pages", check) {
            Ok(mut trials) => {
                trials.push(Trial::test("a_touched_page_is_reported", a_touched_page_is_reported));
                trials.push(Trial::test("a_changed_neighbour_is_seen", a_changed_neighbour_is_seen));
                libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        }
    }

    fn check() -> Checked {
        let mut rooms = Rooms::new(LONGEST);
        let mut calls = 0;
        for way in ways::all(&[1]) {
            for len in lengths() {
                calls += rooms.check(&subject(&way, &|memory| call(&way, len, memory)), len)?;
            }
            let batched = |len: &usize| way.takes_rows && len % 3 == 1 && BATCH * len <= LONGEST;
            for len in lengths().filter(batched) {
                calls += rooms.check(&subject(&way, &|memory| call(&way, len, memory)), BATCH * len)?;
            }
        }
        for way in ways::all(&[2]).into_iter().filter(|way| way.threads == 2) {
            for len in SHARED {
                calls += rooms.check(&subject(&way, &|memory| call(&way, len, memory)), len)?;
            }
        }
        for len in lengths() {
            let forms = &[Form::Read, Form::Apart];
            calls += rooms.check(&Subject { what: "ExtSum", lanes: LANES, forms, run: &ext_sum }, len)?;
        }
        Ok(format!("{calls} calls"))
    }

    /// The longest row.
    const LONGEST: usize = (1 << 19) + 1;

    /// Rows that are divided among threads.
    const SHARED: [usize; 3] = [1 << 17, (1 << 17) + 3, (1 << 18) - 1];

    /// Short rows, and around the ends of classes, as far as they are not longer than [`LONGEST`].
    fn lengths() -> impl Iterator<Item = usize> {
        let end = |&len: &usize| Some(softmax_kernels::selected(len + 1).upper);
        let ends = std::iter::successors(Some(softmax_kernels::selected(0).upper), end);
        let ends = ends.take_while(|&upper| upper < LONGEST).filter(|&upper| upper > SHORT);
        (0..=SHORT).chain(ends.flat_map(|upper| [upper - 1, upper, upper + 1]))
    }

    /// Every length up to here.
    const SHORT: usize = 300;

    fn subject<'a>(way: &'a Way, run: &'a dyn Fn(Memory) -> Returned) -> Subject<'a> {
        let forms: &[Form] = match way.form {
            ways::Form::OutOfPlace(_) => &[Form::Apart],
            ways::Form::InPlace(_) => &[Form::Same],
        };
        Subject { what: way.name, lanes: LANES, forms, run }
    }

    fn call(way: &Way, row_len: usize, memory: Memory) -> Returned {
        match (&way.form, memory) {
            (ways::Form::OutOfPlace(run), Memory::Apart(x, y)) => run(x, y, row_len),
            (ways::Form::InPlace(run), Memory::Same(x)) => run(x, row_len),
            _ => unreachable!("{} has no such form", way.name),
        }
        [0, 0]
    }

    fn ext_sum(memory: Memory) -> Returned {
        match memory {
            Memory::Read(x) => {
                let ExtSum { mantissa, exponent } = ExtSum::of(x);
                [mantissa, exponent].map(|value| value.to_bits().into())
            }
            Memory::Apart(x, y) => {
                let sum = ExtSum { mantissa: 1.5, exponent: 20.0 };
                [sum.normalize(x, y).is_ok().into(), 0]
            }
            Memory::Same(_) => unreachable!("it is not made in place"),
        }
    }

    /// Reads the element after a row that ends at a page, as a kernel must not.
    fn touch_a_page() {
        let place = Place { side: Side::End, distance: 0 };
        Call { what: "a read too far", len: 7, x: place, y: None }.announce();
        let mut room = Room::new(7);
        let row = room.row(place, 7).as_ptr();
        // SAFETY: none: the process is to end here.
        unsafe { row.add(7).read_volatile() };
    }

    fn a_touched_page_is_reported() -> Result<(), Failed> {
        let output = isas::this_program()?.env(TOUCH, "1").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let expected =
            "touched a page beside the row: a read too far, 7 elements, x 0 elements before the page";
        match output.status.code() == Some(fault::EXIT_CODE) && said.starts_with(expected) {
            true => Ok(()),
            false => Err(format!("{}: {said}", output.status).into()),
        }
    }

    fn a_changed_neighbour_is_seen() -> Result<(), Failed> {
        let mut room = Room::new(100);
        for side in [Side::Start, Side::End] {
            let (row, longer) = (Place { side, distance: 1 }, Place { side, distance: 0 });
            room.row(row, 7).fill(1.0);
            if !room.clear(row, 7) {
                return Err("the row itself counts as its neighbour".into());
            }
            room.row(longer, 1)[0] = 1.0;
            if room.clear(row, 7) {
                return Err(format!("an element beside the row was written, {row}").into());
            }
            room.clear(longer, 1);
        }
        Ok(())
    }
}
