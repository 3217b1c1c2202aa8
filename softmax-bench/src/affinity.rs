//! Pinning: a measuring process that migrates between cores measures cold caches. Two libc symbols that the
//! standard library links anyway; a crate would add nothing.

/// Keeps the calling thread on the core that it runs on now. Returns that core, or `None` where the system cannot
/// pin or refuses to; measuring goes on unpinned then.
#[cfg(target_os = "linux")]
pub fn pin_to_current_core() -> Option<usize> {
    /// The kernel's limit in glibc's `cpu_set_t`: 1024 processors.
    type CpuSet = [usize; 1024 / usize::BITS as usize];

    unsafe extern "C" {
        safe fn sched_getcpu() -> i32;
        fn sched_setaffinity(pid: i32, size: usize, mask: *const CpuSet) -> i32;
    }

    let core = usize::try_from(sched_getcpu()).ok()?;
    let bits = usize::BITS as usize;
    let mut mask: CpuSet = [0; 1024 / usize::BITS as usize];
    *mask.get_mut(core / bits)? |= 1 << (core % bits);
    // SAFETY: `mask` is readable for the size that is passed, and the call keeps no pointer; pid 0 is this thread.
    let status = unsafe { sched_setaffinity(0, size_of::<CpuSet>(), &raw const mask) };
    (status == 0).then_some(core)
}

/// Keeps the calling thread on the core that it runs on now: not on this system.
#[cfg(not(target_os = "linux"))]
pub fn pin_to_current_core() -> Option<usize> {
    None
}
