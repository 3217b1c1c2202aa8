//! Pinning: a measuring process that migrates between cores measures cold caches. Three libc symbols that the
//! standard library links anyway; a crate would add nothing.

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
    fn a_lifted_pin_allows_what_was_allowed_before() {
        let before = system::allowed().unwrap();
        let Some(pin) = Pin::to_current_core() else { return };
        assert_eq!(system::allowed(), only(pin.core));
        assert_eq!(pin.lifted(system::allowed), Some(before));
        assert_eq!(system::allowed(), only(pin.core));
    }
}
