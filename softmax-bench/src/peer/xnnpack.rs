//! XNNPACK, the operators under TensorFlow Lite and others, by its C API (`xnnpack.h`).
//!
//! Its operators were set up by one call until 2023 and by two since; this is the former, which Debian 12 has.

use super::Peer;
use super::batch::{Addresses, Batch};
use super::library::{Wanted, done, function};
use super::prepared::{Handle, Owned, Prepared};
use anyhow::{Context, Result, ensure};
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};
use std::rc::Rc;

const WANTED: Wanted = Wanted {
    variable: "SOFTMAX_PEER_XNNPACK",
    names: &["libXNNPACK.so.0", "libXNNPACK.so"],
    install: "apt-get install libxnnpack-dev",
};

type Status = c_int;

type Initialize = unsafe extern "C" fn(allocator: *const c_void) -> Status;
type Create = unsafe extern "C" fn(
    channels: usize,
    input_stride: usize,
    output_stride: usize,
    flags: u32,
    operator: *mut Handle,
) -> Status;
type Setup = unsafe extern "C" fn(
    operator: Handle,
    batch_size: usize,
    input: *const f32,
    output: *mut f32,
    threadpool: *mut c_void,
) -> Status;
type Run = unsafe extern "C" fn(operator: Handle, threadpool: *mut c_void) -> Status;
type Delete = unsafe extern "C" fn(operator: Handle) -> Status;

struct Xnnpack {
    create: Create,
    setup: Setup,
    run: Run,
    delete: Delete,
    /// The operator of the last batch, set up.
    operator: Prepared<Owned<Status>>,
}

/// Opens the library and initialises it.
pub fn open() -> Result<Rc<dyn Peer>> {
    let library = WANTED.open([])?;
    let old = "this XNNPACK is not of the kind in Debian 12 (2022): install that with `apt-get install libxnnpack-dev`";
    // SAFETY: the types are those of xnnpack.h. A null allocator means malloc, a null thread pool the calling thread.
    unsafe {
        let setup = function::<Setup>(library, "xnn_setup_softmax_nc_f32")?;
        // Where there is a separate reshape, setup has other arguments.
        let reshapes = function::<Setup>(library, "xnn_reshape_softmax_nc_f32").is_ok();
        ensure!(!reshapes, old);
        let status = function::<Initialize>(library, "xnn_initialize")?(null());
        done(status, "xnn_initialize")?;
        Ok(Rc::new(Xnnpack {
            create: function(library, "xnn_create_softmax_nc_f32").context(old)?,
            setup,
            run: function(library, "xnn_run_operator")?,
            delete: function(library, "xnn_delete_operator")?,
            operator: Prepared::nothing(),
        }))
    }
}

impl Peer for Xnnpack {
    fn version(&self) -> String {
        // It has no function that tells.
        "XNNPACK (2022 API)".to_owned()
    }

    fn run(&self, batch: Batch<'_>) -> Result<()> {
        self.operator.run(
            batch,
            |addresses| self.prepare(addresses),
            // SAFETY: the operator was set up for these addresses, which `batch` keeps valid and exclusive.
            |operator| done(unsafe { (self.run)(operator.get(), null_mut()) }, "xnn_run_operator"),
        )
    }
}

impl Xnnpack {
    fn prepare(&self, Addresses { x, y, rows, row_len }: Addresses) -> Result<Owned<Status>> {
        let mut operator = null_mut();
        // SAFETY: strides are in elements and equal the channels, so `rows` dense rows are described; setup keeps the
        // addresses but touches nothing.
        unsafe {
            let status = (self.create)(row_len, row_len, row_len, 0, &raw mut operator);
            done(status, "xnn_create_softmax_nc_f32")?;
            let operator = Owned::new(operator, self.delete);
            done((self.setup)(operator.get(), rows, x, y, null_mut()), "xnn_setup_softmax_nc_f32")?;
            Ok(operator)
        }
    }
}
