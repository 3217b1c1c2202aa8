//! XNNPACK, the operators under TensorFlow Lite and others, by its C API (`xnnpack.h`).
//!
//! Its operators were set up by one call until 2023 and by two since; this is the former, which Debian 12 has.

use super::Peer;
use super::batch::{Addresses, Batch};
use super::library::{Wanted, function};
use anyhow::{Context, Result, ensure};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};
use std::rc::Rc;

const WANTED: Wanted = Wanted {
    variable: "SOFTMAX_PEER_XNNPACK",
    names: &["libXNNPACK.so.0", "libXNNPACK.so"],
    install: "apt-get install libxnnpack-dev",
};

type Status = c_int;
type Operator = *mut c_void;

type Initialize = unsafe extern "C" fn(allocator: *const c_void) -> Status;
type Create = unsafe extern "C" fn(
    channels: usize,
    input_stride: usize,
    output_stride: usize,
    flags: u32,
    operator: *mut Operator,
) -> Status;
type Setup = unsafe extern "C" fn(
    operator: Operator,
    batch_size: usize,
    input: *const f32,
    output: *mut f32,
    threadpool: *mut c_void,
) -> Status;
type Run = unsafe extern "C" fn(operator: Operator, threadpool: *mut c_void) -> Status;
type Delete = unsafe extern "C" fn(operator: Operator) -> Status;

struct Xnnpack {
    create: Create,
    setup: Setup,
    run: Run,
    delete: Delete,
    /// The operator of the last batch, set up.
    ready: Cell<Option<(Addresses, Operator)>>,
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
            ready: Cell::new(None),
        }))
    }
}

impl Peer for Xnnpack {
    fn version(&self) -> String {
        // It has no function that tells.
        "XNNPACK (2022 API)".to_owned()
    }

    fn run(&self, mut batch: Batch<'_>) -> Result<()> {
        let Some(addresses) = batch.addresses() else { return Ok(()) };
        let operator = match self.ready.get() {
            Some((of, operator)) if of == addresses => operator,
            _ => self.prepare(addresses)?,
        };
        // SAFETY: the operator was set up for these addresses, which `batch` keeps valid and exclusive.
        done(unsafe { (self.run)(operator, null_mut()) }, "xnn_run_operator")
    }
}

impl Xnnpack {
    /// An operator for this batch, in place of the last one.
    fn prepare(&self, addresses: Addresses) -> Result<Operator> {
        self.forget();
        let Addresses { x, y, rows, row_len } = addresses;
        let mut operator = null_mut();
        // SAFETY: strides are in elements and equal the channels, so `rows` dense rows are described; setup keeps the
        // addresses but touches nothing, and a run with them comes only when a batch lies there again.
        unsafe {
            done(
                (self.create)(row_len, row_len, row_len, 0, &raw mut operator),
                "xnn_create_softmax_nc_f32",
            )?;
            let status = (self.setup)(operator, rows, x, y, null_mut());
            if let Err(error) = done(status, "xnn_setup_softmax_nc_f32") {
                (self.delete)(operator);
                return Err(error);
            }
        }
        self.ready.set(Some((addresses, operator)));
        Ok(operator)
    }

    fn forget(&self) {
        if let Some((_, operator)) = self.ready.take() {
            // SAFETY: it was created by this library and is used by nobody else.
            unsafe { (self.delete)(operator) };
        }
    }
}

impl Drop for Xnnpack {
    fn drop(&mut self) {
        self.forget();
    }
}

fn done(status: Status, what: &str) -> Result<()> {
    ensure!(status == 0, "{what} fails with status {status}");
    Ok(())
}
