//! A measuring process must not outlive whoever asks it: it would disturb what the next one measures. Its input ends with
//! the asker, but it notices that only after the race that it is in. A libc symbol that the standard library links anyway.

/// From now on this process is killed when the thread that started it ends. Where the system cannot do that, a race is
/// finished first.
pub fn end_with_parent() {
    system::end_with_parent();
}

#[cfg(target_os = "linux")]
mod system {
    const PR_SET_PDEATHSIG: i32 = 1;
    const SIGKILL: usize = 9;

    unsafe extern "C" {
        fn prctl(option: i32, ...) -> i32;
    }

    pub fn end_with_parent() {
        // SAFETY: this option takes one more argument, a number. It fails for numbers that are no signals, which this is.
        unsafe { prctl(PR_SET_PDEATHSIG, SIGKILL) };
    }
}

/// Not on this system.
#[cfg(not(target_os = "linux"))]
mod system {
    pub fn end_with_parent() {}
}
