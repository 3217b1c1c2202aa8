//! Instruction sets: one row of facts each. Conditional compilation, detection, lanes, register budgets and
//! the matrix's cells all read these rows.

use crate::id::impl_ids;
use crate::{Element, polynomial::Family};

/// An instruction set that kernels are generated for. Those of one architecture go from the most portable to the most capable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Plain Rust arithmetic, one lane; runs on every architecture.
    Scalar,
    /// x86-64 baseline: four f32 lanes, no fused multiply-add, no masked loads.
    Sse2,
    /// AVX2 with FMA: eight f32 lanes.
    Avx2,
    /// AVX-512 F, DQ, BW and VL: sixteen f32 lanes, mask registers, `vreduce` and `vscalef`.
    Avx512,
    /// NEON, AArch64 baseline: four f32 lanes, fused multiply-add, no masked loads.
    Neon,
}

/// How an ISA splits z into an integer and a remainder for 2^z, which decides the polynomial's interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest integer by adding 1.5 * 2^23: r in [-1/2, 1/2].
    Nearest,
    /// Downwards in one instruction (`vreduce`), because the scaling instruction floors too: r in [0, 1).
    Floor,
}

/// The facts of one ISA.
struct Row {
    id: &'static str,
    arch: Option<&'static str>,
    features: &'static [&'static str],
    /// `None`: one element at a time.
    register_bits: Option<u32>,
    registers: usize,
    fma: bool,
    rounding: Rounding,
    /// Entries of the largest table of f32 that one instruction looks up.
    lookup_entries: usize,
    scale_saturates: bool,
    controls_caches: bool,
}

const SCALAR: Row = Row {
    id: "scalar",
    arch: None,
    features: &[],
    register_bits: None,
    registers: 16,
    fma: false,
    rounding: Rounding::Nearest,
    lookup_entries: 0,
    scale_saturates: false,
    controls_caches: false,
};

const SSE2: Row = Row {
    id: "sse2",
    arch: Some("x86_64"),
    features: &["sse2"],
    register_bits: Some(128),
    registers: 16,
    fma: false,
    rounding: Rounding::Nearest,
    lookup_entries: 0,
    scale_saturates: false,
    controls_caches: true,
};

const AVX2: Row = Row {
    id: "avx2",
    arch: Some("x86_64"),
    features: &["avx2", "fma"],
    register_bits: Some(256),
    registers: 16,
    fma: true,
    rounding: Rounding::Nearest,
    lookup_entries: 8,
    scale_saturates: false,
    controls_caches: true,
};

const AVX512: Row = Row {
    id: "avx512",
    arch: Some("x86_64"),
    features: &["avx512f", "avx512dq", "avx512bw", "avx512vl"],
    register_bits: Some(512),
    registers: 32,
    fma: true,
    rounding: Rounding::Floor,
    lookup_entries: 32,
    scale_saturates: true,
    controls_caches: true,
};

const NEON: Row = Row {
    id: "neon",
    arch: Some("aarch64"),
    features: &["neon"],
    register_bits: Some(128),
    registers: 32,
    fma: true,
    rounding: Rounding::Nearest,
    lookup_entries: 0,
    scale_saturates: false,
    controls_caches: false,
};

impl Isa {
    /// Every ISA, of one architecture the most portable first.
    pub const ALL: [Isa; 5] = [Isa::Scalar, Isa::Sse2, Isa::Avx2, Isa::Avx512, Isa::Neon];

    const fn row(self) -> &'static Row {
        match self {
            Isa::Scalar => &SCALAR,
            Isa::Sse2 => &SSE2,
            Isa::Avx2 => &AVX2,
            Isa::Avx512 => &AVX512,
            Isa::Neon => &NEON,
        }
    }

    /// Id, as in `f32_max__avx2_u32`.
    pub const fn id(self) -> &'static str {
        self.row().id
    }

    /// The `target_arch` that has it; `None` for every architecture.
    pub const fn arch(self) -> Option<&'static str> {
        self.row().arch
    }

    /// The `target_feature`s that its kernels enable and that the CPU must report.
    pub const fn features(self) -> &'static [&'static str] {
        self.row().features
    }

    /// Elements in one vector.
    pub const fn lanes(self, element: Element) -> usize {
        match self.row().register_bits {
            Some(bits) => (bits / element.bits()) as usize,
            None => 1,
        }
    }

    /// Architectural vector registers.
    pub const fn registers(self) -> usize {
        self.row().registers
    }

    /// Whether a*b+c rounds once in one instruction.
    pub const fn has_fma(self) -> bool {
        self.row().fma
    }

    /// How z is split into an integer and a remainder for 2^z.
    pub const fn rounding(self) -> Rounding {
        self.row().rounding
    }

    /// Entries of the largest table of f32 that one instruction looks up; 0 for none.
    pub const fn lookup_entries(self) -> usize {
        self.row().lookup_entries
    }

    /// Whether stable Rust has its instructions for the caches alone: prefetches, and stores that go past them.
    pub const fn controls_caches(self) -> bool {
        self.row().controls_caches
    }

    /// Whether scaling by 2^e takes any e, infinities included: infinity above the range of floats, subnormal
    /// numbers and 0 below. Elsewhere exponents are made by integer arithmetic, which wraps.
    pub const fn scale_saturates(self) -> bool {
        self.row().scale_saturates
    }

    /// The polynomial family for 2^z after [`Isa::rounding`].
    pub const fn exp2_family(self) -> Family {
        match self.rounding() {
            Rounding::Nearest => Family::Exp2Centred,
            Rounding::Floor => Family::Exp2Unit,
        }
    }
}

impl_ids!(Isa, "ISA");
