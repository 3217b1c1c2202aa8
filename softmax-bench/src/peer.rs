//! Other people's softmax, to race against, and our own as people call it: everything that takes a batch of rows.
//!
//! `rten-vecmath` is always there. C libraries are opened at run time, so that nobody needs them to build; one that is not installed
//! says how to get it. `tract-linalg` takes long to compile and is behind the feature `peers`.

mod batch;
mod library;
mod onednn;
mod onnxruntime;
mod ours;
mod own_rows;
mod prepared;
mod rten;
#[cfg(feature = "peers")]
mod tract;
mod xnnpack;

pub use batch::{Batch, Rows};
pub use ours::Ours;
pub use own_rows::OwnRows;

use crate::protocol::PEERS;
use anyhow::{Result, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

/// A softmax of batches, ready to run.
pub trait Peer {
    /// Its name and version.
    fn version(&self) -> String;

    /// softmax of each row. What it needs for a batch is prepared in the first call and kept for the next one with the
    /// same addresses and lengths, so that a timed call does nothing else.
    ///
    /// # Errors
    /// If the library refuses.
    fn run(&self, batch: Batch<'_>) -> Result<()>;

    /// The same `calls` times. Here and not where the peer is a `dyn Peer`, so that its own `run` is in the loop: beside a row of 64
    /// elements an indirect call shows.
    ///
    /// # Errors
    /// If the library refuses.
    fn repeat(&self, mut batch: Batch<'_>, calls: u64) -> Result<()> {
        (0..calls).try_for_each(|_| self.run(black_box(&mut batch).again()))
    }
}

/// A peer, or in one line what was looked for and how to install it.
pub type Opened = Result<Rc<dyn Peer>, String>;

thread_local! {
    /// By id. A library stays loaded, so opening it once is enough.
    static OPENED: RefCell<HashMap<&'static str, Opened>> = RefCell::default();
}

/// The peer of that id; `None` if nobody has heard of it.
pub fn open(id: &str) -> Option<Opened> {
    let id = PEERS.into_iter().find(|known| *known == id)?;
    let open = || open_anew(id).map_err(|error| format!("{error:#}"));
    Some(OPENED.with_borrow_mut(|opened| opened.entry(id).or_insert_with(open).clone()))
}

fn open_anew(id: &str) -> Result<Rc<dyn Peer>> {
    match id {
        "rten" => rten::open(),
        #[cfg(feature = "peers")]
        "tract" => tract::open(),
        #[cfg(not(feature = "peers"))]
        "tract" => bail!("not compiled in: build softmax-bench with --features peers"),
        "onednn" => onednn::open(),
        "xnnpack" => xnnpack::open(),
        "onnxruntime" => onnxruntime::open(),
        _ => bail!("it has no file in softmax-bench/src/peer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Candidate;
    use crate::verify;

    #[test]
    fn a_peer_is_right_or_says_how_to_get_it() {
        for id in PEERS {
            match open(id).expect("a known peer") {
                Ok(peer) => {
                    let verdict = verify::verify(&Candidate::Peer(peer), None).expect("a verdict");
                    assert_eq!(verdict.failure, None, "{id}");
                    assert!(verdict.max_ulp < 1000.0, "{id}: {} ULP", verdict.max_ulp);
                }
                Err(reason) => {
                    assert!(!reason.contains('\n'), "{id}: {reason}");
                    assert!(reason.contains("install") || reason.contains("--features"), "{id}: {reason}");
                }
            }
        }
        assert!(open("mkl").is_none());
    }
}
