//! What C libraries hand out: handles to be destroyed, and what they prepare for a batch.

use super::batch::{Addresses, Batch};
use anyhow::Result;
use std::cell::RefCell;
use std::ffi::c_void;

/// A pointer to something that only its library knows.
pub type Handle = *mut c_void;

/// A handle that is destroyed with its owner.
pub struct Owned<Status> {
    handle: Handle,
    destroy: unsafe extern "C" fn(Handle) -> Status,
}

impl<Status> Owned<Status> {
    /// Takes over a handle.
    ///
    /// # Safety
    /// `destroy` must be what the library destroys such handles with, and nobody else may do so.
    pub unsafe fn new(handle: Handle, destroy: unsafe extern "C" fn(Handle) -> Status) -> Owned<Status> {
        Owned { handle, destroy }
    }

    /// The handle, for as long as the owner lives.
    pub fn get(&self) -> Handle {
        self.handle
    }
}

impl<Status> Drop for Owned<Status> {
    fn drop(&mut self) {
        // SAFETY: whoever made this vouched for both.
        unsafe { (self.destroy)(self.handle) };
    }
}

/// What was prepared for the last batch. It may hold the batch's addresses: they are used only while a batch lies there
/// again.
pub struct Prepared<T>(RefCell<Option<(Addresses, T)>>);

impl<T> Prepared<T> {
    /// Nothing yet.
    pub fn nothing() -> Prepared<T> {
        Prepared(RefCell::new(None))
    }

    /// Runs on what is prepared for a batch, after preparing it if the last batch was another. There is nothing to do for
    /// an empty one.
    pub fn run(
        &self,
        mut batch: Batch<'_>,
        prepare: impl FnOnce(Addresses) -> Result<T>,
        run: impl FnOnce(&T) -> Result<()>,
    ) -> Result<()> {
        let Some(addresses) = batch.addresses() else { return Ok(()) };
        let mut last = self.0.borrow_mut();
        match &*last {
            Some((of, prepared)) if *of == addresses => run(prepared),
            _ => run(&last.insert((addresses, prepare(addresses)?)).1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn only_another_batch_is_prepared_for_anew_and_none_that_is_empty() {
        let (prepared, preparations, runs) = (Prepared::nothing(), Cell::new(0), Cell::new(0));
        let count = |cell: &Cell<u32>| {
            cell.update(|n| n + 1);
            Ok(())
        };
        let mut x = [0.0; 6];
        for row_len in [3, 3, 2, 2, 2, 3] {
            let batch = Batch::in_place(&mut x, row_len);
            prepared.run(batch, |_| count(&preparations), |()| count(&runs)).unwrap();
        }
        prepared.run(Batch::in_place(&mut [], 3), |_| count(&preparations), |()| count(&runs)).unwrap();
        assert_eq!((preparations.get(), runs.get()), (3, 6));
    }

    #[test]
    fn a_handle_is_destroyed_once() {
        unsafe extern "C" fn count(handle: Handle) {
            // SAFETY: the test passes a pointer to a number that outlives the owner.
            unsafe { *handle.cast::<u32>() += 1 };
        }
        let mut destroyed = 0u32;
        // SAFETY: `count` takes a pointer to a number.
        let owned = unsafe { Owned::new((&raw mut destroyed).cast(), count) };
        assert!(!owned.get().is_null());
        drop(owned);
        assert_eq!(destroyed, 1);
    }
}
