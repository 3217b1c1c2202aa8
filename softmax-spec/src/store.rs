//! Stores: whether what a pass writes goes through the caches.

use crate::id::impl_ids;

/// How a pass stores its vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Store {
    /// Through the caches, which read a line before it is written (write-allocate).
    #[default]
    Temporal,
    /// Streaming stores past the caches, whole lines at a time: nothing is read first, and nothing is left in the
    /// caches. For rows that do not fit there.
    NonTemporal,
}

impl Store {
    /// Every way to store.
    pub const ALL: [Store; 2] = [Store::Temporal, Store::NonTemporal];

    /// Id, as in a spec.
    pub const fn id(self) -> &'static str {
        match self {
            Store::Temporal => "temporal",
            Store::NonTemporal => "non_temporal",
        }
    }
}

impl_ids!(Store, "store");
