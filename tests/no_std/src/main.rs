//! softmax in a program that has no standard library and no allocator: the C library starts and ends it, and knows e^x in f64.
//! It prints what is selected here for some lengths, as a program with the standard library would, and exits with 1 at the
//! first answer that is wrong.
//!
//! ```text
//! cargo run --release --manifest-path tests/no_std/Cargo.toml
//! ```
#![no_std]
#![no_main]

mod answers;
mod c;
mod grid;

use answers::{Buffers, Wrong};
use core::ffi::c_int;
use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    c::print(format_args!("{info}\n"));
    c::exit(101)
}

/// Named by the unwind tables of `core`, which is compiled for programs that unwind. This one aborts, and calls it never.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    for len in (6..=20).map(|exponent| 1 << exponent) {
        c::print(format_args!("{len:8}  {}\n", softmax_kernels::selected(len)));
    }
    let mut buffers = Buffers::new();
    match answers::all(&mut buffers).and_then(|rows| Ok((rows, grid::all(&mut buffers)?))) {
        Ok((rows, variants)) => {
            c::print(format_args!("{rows} rows and {variants} variants of a grid of its own are right\n"));
            0
        }
        Err(Wrong { what, len, at }) => {
            c::print(format_args!("{what} is wrong: element {at} of a row of {len}\n"));
            1
        }
    }
}
