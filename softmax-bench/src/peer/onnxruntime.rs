//! ONNX Runtime by its C API (`onnxruntime_c_api.h`): a model of one Softmax, made here, and a session with one thread.
//! What is timed is one `Run` with both tensors given.

mod model;

use super::Peer;
use super::batch::{Addresses, Batch};
use super::library::{Wanted, function};
use super::prepared::{Handle, Owned, Prepared};
use anyhow::{Context, Result, bail, ensure};
use libloading::Library;
use std::ffi::{CStr, OsString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::ptr::{null, null_mut};
use std::rc::Rc;

const WANTED: Wanted = Wanted {
    variable: "SOFTMAX_PEER_ONNXRUNTIME",
    names: &["libonnxruntime.so.1", "libonnxruntime.so"],
    install: "pip install onnxruntime",
};

/// The first version of the API, which every release since serves and which has all that is used here.
const API_VERSION: u32 = 1;
// Places of functions in `OrtApi`, a struct of function pointers that only grows at its end.
const GET_ERROR_MESSAGE: usize = 2;
const CREATE_ENV: usize = 3;
const CREATE_SESSION_FROM_ARRAY: usize = 8;
const RUN: usize = 9;
const CREATE_SESSION_OPTIONS: usize = 10;
const SET_INTRA_OP_NUM_THREADS: usize = 24;
const SET_INTER_OP_NUM_THREADS: usize = 25;
const CREATE_TENSOR_WITH_DATA_AS_ORT_VALUE: usize = 49;
const CREATE_CPU_MEMORY_INFO: usize = 69;
const RELEASE_STATUS: usize = 93;
const RELEASE_VALUE: usize = 96;

// Enumerators of the header.
const LOG_ERRORS: c_int = 3;
const DEVICE_ALLOCATOR: c_int = 0;
const MEMORY_DEFAULT: c_int = 0;
const FLOAT: c_int = 1;

/// Null, or an error to be released.
type Status = *mut c_void;

/// `OrtApiBase`.
#[repr(C)]
struct Base {
    api: unsafe extern "C" fn(version: u32) -> *const *const c_void,
    version: unsafe extern "C" fn() -> *const c_char,
}

type GetBase = unsafe extern "C" fn() -> *const Base;
type GetErrorMessage = unsafe extern "C" fn(status: Status) -> *const c_char;
type CreateEnv = unsafe extern "C" fn(level: c_int, id: *const c_char, env: *mut Handle) -> Status;
type CreateOptions = unsafe extern "C" fn(options: *mut Handle) -> Status;
type SetThreads = unsafe extern "C" fn(options: Handle, threads: c_int) -> Status;
type CreateSession = unsafe extern "C" fn(
    env: Handle,
    model: *const c_void,
    model_len: usize,
    options: Handle,
    session: *mut Handle,
) -> Status;
type CreateMemoryInfo = unsafe extern "C" fn(allocator: c_int, memory: c_int, info: *mut Handle) -> Status;
type CreateTensor = unsafe extern "C" fn(
    info: Handle,
    data: *mut c_void,
    bytes: usize,
    shape: *const i64,
    dimensions: usize,
    element: c_int,
    value: *mut Handle,
) -> Status;
type Run = unsafe extern "C" fn(
    session: Handle,
    options: *const c_void,
    input_names: *const *const c_char,
    inputs: *const Handle,
    input_count: usize,
    output_names: *const *const c_char,
    output_count: usize,
    outputs: *mut Handle,
) -> Status;
type Release = unsafe extern "C" fn(handle: Handle);

/// The table of functions.
#[derive(Clone, Copy)]
struct Api(*const *const c_void);

struct OnnxRuntime {
    version: String,
    api: Api,
    run: Run,
    session: Handle,
    memory: Handle,
    /// The tensors of the last batch.
    tensors: Prepared<Tensors>,
}

struct Tensors {
    input: Owned<()>,
    output: Owned<()>,
}

/// Opens the library and makes a session, which lasts until the process ends.
pub fn open() -> Result<Rc<dyn Peer>> {
    let library = WANTED.open(in_python())?;
    let (api, version) = Api::of(library)?;
    let (mut env, mut options, mut session, mut memory) = (null_mut(), null_mut(), null_mut(), null_mut());
    let model = model::softmax();
    // SAFETY: the types are those of the header at these places, and every pointer is to something alive.
    unsafe {
        let create: CreateEnv = api.function(CREATE_ENV);
        api.done(create(LOG_ERRORS, c"softmax".as_ptr(), &raw mut env))?;
        let create: CreateOptions = api.function(CREATE_SESSION_OPTIONS);
        api.done(create(&raw mut options))?;
        for place in [SET_INTRA_OP_NUM_THREADS, SET_INTER_OP_NUM_THREADS] {
            api.done(api.function::<SetThreads>(place)(options, 1))?;
        }
        let create: CreateSession = api.function(CREATE_SESSION_FROM_ARRAY);
        api.done(create(env, model.as_ptr().cast(), model.len(), options, &raw mut session))?;
        let create: CreateMemoryInfo = api.function(CREATE_CPU_MEMORY_INFO);
        api.done(create(DEVICE_ALLOCATOR, MEMORY_DEFAULT, &raw mut memory))?;
        let run = api.function(RUN);
        Ok(Rc::new(OnnxRuntime { version, api, run, session, memory, tensors: Prepared::nothing() }))
    }
}

/// The library inside the Python package, if there is one: `libonnxruntime.so.` and its version.
fn in_python() -> Vec<OsString> {
    const FIND: &str =
        "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    let output = Command::new("python3").args(["-c", FIND]).stderr(Stdio::null()).output();
    let Ok(output) = output else { return Vec::new() };
    let package = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(files) = std::fs::read_dir(PathBuf::from(package).join("capi")) else { return Vec::new() };
    let is_library = |name: &OsString| name.to_string_lossy().starts_with("libonnxruntime.so");
    let files = files.filter_map(|file| file.ok().filter(|file| is_library(&file.file_name())));
    files.map(|file| file.path().into_os_string()).collect()
}

impl Peer for OnnxRuntime {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn run(&self, batch: Batch<'_>) -> Result<()> {
        self.tensors.run(batch, |addresses| self.prepare(addresses), |tensors| self.infer(tensors))
    }
}

impl OnnxRuntime {
    fn prepare(&self, Addresses { x, y, rows, row_len }: Addresses) -> Result<Tensors> {
        let shape = [i64::try_from(rows)?, i64::try_from(row_len)?];
        // The input is only read from.
        Ok(Tensors { input: self.tensor(shape, x.cast_mut())?, output: self.tensor(shape, y)? })
    }

    fn tensor(&self, shape: [i64; 2], data: *mut f32) -> Result<Owned<()>> {
        let bytes = usize::try_from(shape[0] * shape[1])? * size_of::<f32>();
        let mut value = null_mut();
        // SAFETY: the types are those of the header; a tensor keeps the address without touching what is there.
        unsafe {
            let create: CreateTensor = self.api.function(CREATE_TENSOR_WITH_DATA_AS_ORT_VALUE);
            let status = create(self.memory, data.cast(), bytes, shape.as_ptr(), 2, FLOAT, &raw mut value);
            self.api.done(status)?;
            Ok(Owned::new(value, self.api.function::<Release>(RELEASE_VALUE)))
        }
    }

    fn infer(&self, Tensors { input, output }: &Tensors) -> Result<()> {
        let (x, y) = (model::INPUT.as_ptr(), model::OUTPUT.as_ptr());
        let (input, mut output) = (input.get(), output.get());
        // SAFETY: the tensors point to a batch that is valid and exclusive until `Run` returns. An output that is given
        // is written to and not replaced.
        let status = unsafe {
            let (inputs, outputs) = (&raw const input, &raw mut output);
            (self.run)(self.session, null(), &raw const x, inputs, 1, &raw const y, 1, outputs)
        };
        self.api.done(status)
    }
}

impl Api {
    /// The table, and what the library calls itself.
    fn of(library: &'static Library) -> Result<(Api, String)> {
        // SAFETY: the type is that of the header; what it returns is static.
        unsafe {
            let base = function::<GetBase>(library, "OrtGetApiBase")?();
            let base = base.as_ref().context("OrtGetApiBase gives nothing")?;
            let version = CStr::from_ptr((base.version)()).to_string_lossy().into_owned();
            let api = (base.api)(API_VERSION);
            ensure!(!api.is_null(), "ONNX Runtime {version} does not serve version {API_VERSION} of its API");
            Ok((Api(api), format!("ONNX Runtime {version}")))
        }
    }

    /// # Safety
    /// `F` must be the type of the function at that place.
    unsafe fn function<F: Copy>(self, place: usize) -> F {
        const { assert!(size_of::<F>() == size_of::<*const c_void>()) }
        // SAFETY: the table has more than 100 places in every version, none of them null, and the caller vouches for
        // the type.
        unsafe { self.0.add(place).cast::<F>().read() }
    }

    fn done(self, status: Status) -> Result<()> {
        if status.is_null() {
            return Ok(());
        }
        // SAFETY: a status that is not null has a message until it is released.
        let message = unsafe {
            let text = CStr::from_ptr(self.function::<GetErrorMessage>(GET_ERROR_MESSAGE)(status));
            let text = text.to_string_lossy().replace('\n', " ");
            self.function::<Release>(RELEASE_STATUS)(status);
            text
        };
        bail!("ONNX Runtime: {message}")
    }
}
