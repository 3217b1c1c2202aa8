//! oneDNN, the primitives under PyTorch and TensorFlow on x86, by its C API (`dnnl.h`), version 2 or 3.
//!
//! The two differ in how a primitive is described; everything after that is the same.

use super::Peer;
use super::batch::{Addresses, Batch};
use super::library::{Wanted, done, function};
use super::prepared::{Handle, Owned, Prepared};
use anyhow::{Context, Result, ensure};
use libloading::Library;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::{null, null_mut};
use std::rc::Rc;

const WANTED: Wanted = Wanted {
    variable: "SOFTMAX_PEER_ONEDNN",
    names: &["libdnnl.so.3", "libdnnl.so.2"],
    install: "apt-get install libdnnl-dev",
};

// Constants of dnnl_types.h, the same in both versions.
const CPU: c_int = 1;
const F32: c_int = 3;
const TAG_AB: c_int = 3;
const FORWARD_INFERENCE: c_int = 96;
const SOFTMAX_ACCURATE: c_int = 0x30000;
const IN_ORDER: c_uint = 1;
const ARG_SRC: c_int = 1;
const ARG_DST: c_int = 17;
/// Of a matrix whose rows are dense.
const LAST_AXIS: c_int = 1;

type Status = c_int;

/// `dnnl_exec_arg_t`.
#[repr(C)]
struct Argument {
    arg: c_int,
    memory: Handle,
}

/// `dnnl_version_t`.
#[repr(C)]
struct Version {
    major: c_int,
    minor: c_int,
    patch: c_int,
}

/// Room for a descriptor of version 2, which callers allocate: 2800 bytes at most in 2.6.
#[repr(C, align(16))]
struct Descriptor([u8; 16384]);

impl Descriptor {
    fn boxed() -> Box<Descriptor> {
        Box::new(Descriptor([0; 16384]))
    }
}

type GetVersion = unsafe extern "C" fn() -> *const Version;
type EngineCreate = unsafe extern "C" fn(engine: *mut Handle, kind: c_int, index: usize) -> Status;
type StreamCreate = unsafe extern "C" fn(stream: *mut Handle, engine: Handle, flags: c_uint) -> Status;
type StreamWait = unsafe extern "C" fn(stream: Handle) -> Status;
type MemoryCreate = unsafe extern "C" fn(
    memory: *mut Handle,
    descriptor: *const c_void,
    engine: Handle,
    data: *mut c_void,
) -> Status;
type PrimitiveCreate = unsafe extern "C" fn(primitive: *mut Handle, descriptor: Handle) -> Status;
type PrimitiveExecute = unsafe extern "C" fn(
    primitive: Handle,
    stream: Handle,
    count: c_int,
    arguments: *const Argument,
) -> Status;
type Destroy = unsafe extern "C" fn(handle: Handle) -> Status;

/// `dnnl_memory_desc_init_by_tag` of version 2.
type MemoryInit = unsafe extern "C" fn(
    descriptor: *mut Descriptor,
    dimensions: c_int,
    lengths: *const i64,
    data_type: c_int,
    tag: c_int,
) -> Status;
/// `dnnl_softmax_v2_forward_desc_init` of version 2.
type SoftmaxInit = unsafe extern "C" fn(
    descriptor: *mut Descriptor,
    kind: c_int,
    algorithm: c_int,
    source: *const Descriptor,
    destination: *const Descriptor,
    axis: c_int,
) -> Status;
/// `dnnl_primitive_desc_create` of version 2.
type DescriptorCreate = unsafe extern "C" fn(
    descriptor: *mut Handle,
    operation: *const Descriptor,
    attributes: *const c_void,
    engine: Handle,
    hint: *const c_void,
) -> Status;

/// `dnnl_memory_desc_create_with_tag` of version 3.
type MemoryDescribe = unsafe extern "C" fn(
    descriptor: *mut Handle,
    dimensions: c_int,
    lengths: *const i64,
    data_type: c_int,
    tag: c_int,
) -> Status;
/// `dnnl_softmax_forward_primitive_desc_create` of version 3.
type SoftmaxDescribe = unsafe extern "C" fn(
    descriptor: *mut Handle,
    engine: Handle,
    kind: c_int,
    algorithm: c_int,
    source: *const c_void,
    destination: *const c_void,
    axis: c_int,
    attributes: *const c_void,
) -> Status;

/// How a softmax of a matrix is described.
enum Describe {
    Two { memory: MemoryInit, softmax: SoftmaxInit, create: DescriptorCreate },
    Three { memory: MemoryDescribe, memory_destroy: Destroy, softmax: SoftmaxDescribe },
}

struct OneDnn {
    version: String,
    describe: Describe,
    memory_create: MemoryCreate,
    memory_destroy: Destroy,
    descriptor_destroy: Destroy,
    primitive_create: PrimitiveCreate,
    primitive_destroy: Destroy,
    execute: PrimitiveExecute,
    wait: StreamWait,
    engine: Handle,
    stream: Handle,
    /// The primitive of the last batch and its memory objects.
    ready: Prepared<Ready>,
}

struct Ready {
    primitive: Owned<Status>,
    source: Owned<Status>,
    destination: Owned<Status>,
}

/// Opens the library and makes an engine with a stream, which last until the process ends.
pub fn open() -> Result<Rc<dyn Peer>> {
    let library = WANTED.open([])?;
    use_one_thread(library);
    // SAFETY: the types are those of dnnl.h.
    unsafe {
        let version = &*function::<GetVersion>(library, "dnnl_version")?();
        let (mut engine, mut stream) = (null_mut(), null_mut());
        let create: EngineCreate = function(library, "dnnl_engine_create")?;
        done(create(&raw mut engine, CPU, 0), "dnnl_engine_create")?;
        let create: StreamCreate = function(library, "dnnl_stream_create")?;
        done(create(&raw mut stream, engine, IN_ORDER), "dnnl_stream_create")?;
        Ok(Rc::new(OneDnn {
            version: format!("oneDNN {}.{}.{}", version.major, version.minor, version.patch),
            describe: Describe::of(library, version.major)?,
            memory_create: function(library, "dnnl_memory_create")?,
            memory_destroy: function(library, "dnnl_memory_destroy")?,
            descriptor_destroy: function(library, "dnnl_primitive_desc_destroy")?,
            primitive_create: function(library, "dnnl_primitive_create")?,
            primitive_destroy: function(library, "dnnl_primitive_destroy")?,
            execute: function(library, "dnnl_primitive_execute")?,
            wait: function(library, "dnnl_stream_wait")?,
            engine,
            stream,
            ready: Prepared::nothing(),
        }))
    }
}

/// The OpenMP that it was linked with, if any, is told what `OMP_NUM_THREADS=1` would have told it.
fn use_one_thread(library: &'static Library) {
    // SAFETY: the function's type by the OpenMP specification. A library's symbols include those of what it links.
    if let Ok(set) = unsafe { function::<unsafe extern "C" fn(c_int)>(library, "omp_set_num_threads") } {
        // SAFETY: any positive number may be set at any time.
        unsafe { set(1) };
    }
}

impl Peer for OneDnn {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn run(&self, batch: Batch<'_>) -> Result<()> {
        self.ready.run(batch, |addresses| self.prepare(addresses), |ready| self.execute(ready))
    }
}

impl OneDnn {
    /// A primitive for a batch and objects for its memory.
    fn prepare(&self, Addresses { x, y, rows, row_len }: Addresses) -> Result<Ready> {
        let lengths = [i64::try_from(rows)?, i64::try_from(row_len)?];
        self.describe.softmax(self.engine, lengths, |matrix, softmax| {
            let mut primitive = null_mut();
            // SAFETY: both descriptors are alive, and the one of the softmax is ours to destroy.
            let primitive = unsafe {
                let softmax = Owned::new(softmax, self.descriptor_destroy);
                done((self.primitive_create)(&raw mut primitive, softmax.get()), "dnnl_primitive_create")?;
                Owned::new(primitive, self.primitive_destroy)
            };
            Ok(Ready {
                primitive,
                // The source is only read from.
                source: self.memory(matrix, x.cast_mut())?,
                destination: self.memory(matrix, y)?,
            })
        })
    }

    fn memory(&self, matrix: *const c_void, data: *mut f32) -> Result<Owned<Status>> {
        let mut memory = null_mut();
        // SAFETY: the descriptor is alive; the object keeps the address without touching what is there.
        unsafe {
            let status = (self.memory_create)(&raw mut memory, matrix, self.engine, data.cast());
            done(status, "dnnl_memory_create")?;
            Ok(Owned::new(memory, self.memory_destroy))
        }
    }

    fn execute(&self, Ready { primitive, source, destination }: &Ready) -> Result<()> {
        let arguments = [
            Argument { arg: ARG_SRC, memory: source.get() },
            Argument { arg: ARG_DST, memory: destination.get() },
        ];
        // SAFETY: the memory objects point to a batch that is valid and exclusive until the stream is idle.
        unsafe {
            let status = (self.execute)(primitive.get(), self.stream, 2, arguments.as_ptr());
            done(status, "dnnl_primitive_execute")?;
            done((self.wait)(self.stream), "dnnl_stream_wait")
        }
    }
}

impl Describe {
    /// # Safety
    /// `library` must be an oneDNN of that major version.
    unsafe fn of(library: &'static Library, major: c_int) -> Result<Describe> {
        ensure!(matches!(major, 2 | 3), "oneDNN {major} is neither version 2 nor 3: {}", WANTED.install);
        // SAFETY: the types are those of that version's dnnl.h.
        unsafe {
            Ok(match major {
                2 => Describe::Two {
                    memory: function(library, "dnnl_memory_desc_init_by_tag")?,
                    softmax: function(library, "dnnl_softmax_v2_forward_desc_init")
                        .context("oneDNN before 2.6 has another softmax")?,
                    create: function(library, "dnnl_primitive_desc_create")?,
                },
                _ => Describe::Three {
                    memory: function(library, "dnnl_memory_desc_create_with_tag")?,
                    memory_destroy: function(library, "dnnl_memory_desc_destroy")?,
                    softmax: function(library, "dnnl_softmax_forward_primitive_desc_create")?,
                },
            })
        }
    }

    /// Hands the descriptors of a matrix of that shape and of the softmax of its rows to `make`, which has to destroy
    /// the latter.
    fn softmax<T>(
        &self,
        engine: Handle,
        lengths: [i64; 2],
        make: impl FnOnce(*const c_void, Handle) -> Result<T>,
    ) -> Result<T> {
        let mut descriptor = null_mut();
        match self {
            // SAFETY: every pointer is to something alive; null attributes and hints mean the defaults.
            Describe::Two { memory, softmax, create } => unsafe {
                let (mut matrix, mut operation) = (Descriptor::boxed(), Descriptor::boxed());
                let status = memory(&raw mut *matrix, 2, lengths.as_ptr(), F32, TAG_AB);
                done(status, "dnnl_memory_desc_init_by_tag")?;
                let (kind, algorithm, matrix) = (FORWARD_INFERENCE, SOFTMAX_ACCURATE, &raw const *matrix);
                let status = softmax(&raw mut *operation, kind, algorithm, matrix, matrix, LAST_AXIS);
                done(status, "dnnl_softmax_v2_forward_desc_init")?;
                let status = create(&raw mut descriptor, &raw const *operation, null(), engine, null());
                done(status, "dnnl_primitive_desc_create")?;
                make(matrix.cast(), descriptor)
            },
            // SAFETY: as above; the matrix is ours to destroy.
            Describe::Three { memory, memory_destroy, softmax } => unsafe {
                let mut matrix = null_mut();
                let status = memory(&raw mut matrix, 2, lengths.as_ptr(), F32, TAG_AB);
                done(status, "dnnl_memory_desc_create_with_tag")?;
                let matrix = Owned::new(matrix, *memory_destroy);
                let (kind, algorithm, data) = (FORWARD_INFERENCE, SOFTMAX_ACCURATE, matrix.get());
                let described = &raw mut descriptor;
                let status = softmax(described, engine, kind, algorithm, data, data, LAST_AXIS, null());
                done(status, "dnnl_softmax_forward_primitive_desc_create")?;
                make(matrix.get(), descriptor)
            },
        }
    }
}
