//! Pinning: a measuring process that migrates between cores measures cold caches. Three libc symbols that the
//! standard library links anyway; a crate would add nothing.

use crate::pace;

/// A thread kept on one core.
#[derive(Debug)]
pub struct Pin {
    /// That core's number.
    core: usize,
    before: CpuSet,
}

/// The kernel's limit in glibc's `cpu_set_t`: 1024 processors.
type CpuSet = [usize; 1024 / usize::BITS as usize];

impl Pin {
    /// Keeps the calling thread on the core that it runs on now. `None` where the system cannot pin or refuses to;
    /// measuring goes on unpinned then.
    pub fn to_current_core() -> Option<Pin> {
        let pin = Pin { core: system::current_core()?, before: system::allowed()? };
        system::allow(&only(pin.core)?).then_some(pin)
    }

    /// The same on a core that others slow the least at the moment, of that one and some that it may run on. What a core is like for a
    /// millisecond tells something of the next tenth of a second: after a quiet one a virtual Zen 4 was slow for 13 to 18 % of that, else
    /// for 37 to 48 %.
    pub fn to_quietest_core() -> Option<Pin> {
        let (current, before) = (system::current_core()?, system::allowed()?);
        let look = |core: usize| system::allow(&only(core)?).then(|| (pace::look(), core));
        let others = cores(&before).filter(|&core| core != current).take(MOST_OTHERS);
        let (_, core) = [current].into_iter().chain(others).filter_map(look).min()?;
        system::allow(&only(core)?).then_some(Pin { core, before })
    }

    /// Does `work` with the calling thread, and the threads that it starts, free to run on any core that was allowed
    /// before.
    pub fn lifted<T>(&self, work: impl FnOnce() -> T) -> T {
        let lifted = system::allow(&self.before);
        let result = work();
        if lifted && let Some(core) = only(self.core) {
            system::allow(&core);
        }
        result
    }
}

/// Cores beside the current one that are looked at: a look is short, but a search starts thousands of processes.
const MOST_OTHERS: usize = 3;

/// The numbers in a set.
fn cores(set: &CpuSet) -> impl Iterator<Item = usize> {
    let bits = usize::BITS as usize;
    (0..bits * set.len()).filter(move |core| set[core / bits] >> (core % bits) & 1 == 1)
}

fn only(core: usize) -> Option<CpuSet> {
    let bits = usize::BITS as usize;
    let mut set: CpuSet = [0; 1024 / usize::BITS as usize];
    *set.get_mut(core / bits)? |= 1 << (core % bits);
    Some(set)
}

#[cfg(target_os = "linux")]
mod system {
    use super::CpuSet;

    unsafe extern "C" {
        safe fn sched_getcpu() -> i32;
        fn sched_getaffinity(pid: i32, size: usize, mask: *mut CpuSet) -> i32;
        fn sched_setaffinity(pid: i32, size: usize, mask: *const CpuSet) -> i32;
    }

    pub fn current_core() -> Option<usize> {
        usize::try_from(sched_getcpu()).ok()
    }

    /// Where the calling thread may run.
    pub fn allowed() -> Option<CpuSet> {
        let mut set = CpuSet::default();
        // SAFETY: `set` is writable for the size that is passed, and the call keeps no pointer; pid 0 is this thread.
        let status = unsafe { sched_getaffinity(0, size_of::<CpuSet>(), &raw mut set) };
        (status == 0).then_some(set)
    }

    /// Restricts the calling thread to `set`; whether that worked.
    pub fn allow(set: &CpuSet) -> bool {
        // SAFETY: `set` is readable for the size that is passed, and the call keeps no pointer; pid 0 is this thread.
        unsafe { sched_setaffinity(0, size_of::<CpuSet>(), set) == 0 }
    }
}

/// Not on this system.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::CpuSet;

    pub fn current_core() -> Option<usize> {
        None
    }

    pub fn allowed() -> Option<CpuSet> {
        None
    }

    pub fn allow(_: &CpuSet) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_core_is_one_that_was_allowed() {
        let before = system::allowed().unwrap();
        let Some(pin) = Pin::to_quietest_core() else { return };
        assert!(cores(&before).any(|core| core == pin.core));
        assert_eq!((system::allowed(), pin.before), (only(pin.core), before));
        assert_eq!(cores(&only(70).unwrap()).collect::<Vec<_>>(), [70]);
    }

    #[test]
    fn a_lifted_pin_allows_what_was_allowed_before() {
        let before = system::allowed().unwrap();
        let Some(pin) = Pin::to_current_core() else { return };
        assert_eq!(system::allowed(), only(pin.core));
        assert_eq!(pin.lifted(system::allowed), Some(before));
        assert_eq!(system::allowed(), only(pin.core));
    }
}
