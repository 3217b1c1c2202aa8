//! Our own public API, run the way of a peer, so that the way costs all the same.

use super::{Batch, Peer, Rows};
use anyhow::Result;
use softmax_kernels::{Accuracy, Forced, Selection, Softmax};

/// `softmax_kernels::Softmax` with the options of a caller.
#[derive(Debug, Clone, Copy)]
pub struct Ours(Softmax);

impl Ours {
    /// With this accuracy, on so many threads.
    pub fn new(accuracy: Accuracy, threads: usize) -> Ours {
        Ours(Softmax::new().accuracy(accuracy).threads(threads))
    }
}

impl Peer for Ours {
    fn version(&self) -> String {
        // The profile is chosen for the machine, not for a length.
        let Selection { profile, reason, forced, .. } = self.0.selected(1);
        let forced = match forced {
            Some(Forced::To(isa)) => format!(", {isa} alone"),
            Some(Forced::Ignored(_)) | None => String::new(),
        };
        format!("softmax-kernels {}, profile {profile}{forced} ({reason})", env!("CARGO_PKG_VERSION"))
    }

    #[inline]
    fn run(&self, batch: Batch<'_>) -> Result<()> {
        let row_len = batch.row_len();
        match batch.into_rows() {
            // One row is what `softmax` is for.
            Rows::Apart(x, y) if x.len() == row_len => self.0.run(x, y)?,
            Rows::Apart(x, y) => self.0.run_rows(x, y, row_len)?,
            Rows::InPlace(x) if x.len() == row_len => self.0.run_in_place(x),
            Rows::InPlace(x) => self.0.run_rows_in_place(x, row_len)?,
        }
        Ok(())
    }
}
