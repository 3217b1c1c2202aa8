//! The registry's row: what a generated function is, and the function.

use crate::Kernel;

/// What a variant is, in the words of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Such as `f32_ext_sum__avx512_p5_u128_acc2`.
    pub id: &'static str,
    /// Such as `ext_sum`.
    pub pass: &'static str,
    /// Such as `avx512`.
    pub isa: &'static str,
    /// Such as `f32`.
    pub element: &'static str,
    /// Such as `p5`; `None` in passes without exponentials.
    pub exp: Option<&'static str>,
    /// Elements in a vector.
    pub lanes: usize,
    /// Vectors in an iteration of the main loop.
    pub unroll: usize,
    /// Accumulators.
    pub accumulators: usize,
}

/// A generated kernel and its description. Dereferences to the [`Description`].
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    description: Description,
    kernel: Kernel,
    supported: fn() -> bool,
}

impl Variant {
    /// For code that `kernels!` generates.
    ///
    /// # Safety
    /// `supported` must be true only on CPUs that have every feature that `kernel` is compiled with.
    pub const unsafe fn from_parts(
        description: Description,
        kernel: Kernel,
        supported: fn() -> bool,
    ) -> Self {
        Self { description, kernel, supported }
    }

    /// Whether this CPU has the variant's ISA.
    pub fn is_supported(&self) -> bool {
        (self.supported)()
    }

    /// The kernel, where this CPU has its ISA.
    pub fn kernel(&self) -> Option<Kernel> {
        self.is_supported().then_some(self.kernel)
    }
}

impl core::ops::Deref for Variant {
    type Target = Description;

    fn deref(&self) -> &Description {
        &self.description
    }
}
