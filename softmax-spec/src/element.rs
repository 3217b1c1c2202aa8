//! What a row consists of.

use crate::id::impl_ids;

/// Element type of a row. The first part of every variant's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// IEEE 754 binary32.
    F32,
}

impl Element {
    /// Every element type.
    pub const ALL: [Element; 1] = [Element::F32];

    /// Id, as in `f32_max__avx2_u32`; also the Rust type's name.
    pub const fn id(self) -> &'static str {
        match self {
            Element::F32 => "f32",
        }
    }

    /// Width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Element::F32 => 32,
        }
    }
}

impl_ids!(Element, "element type");
