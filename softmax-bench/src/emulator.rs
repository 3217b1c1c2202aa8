//! Emulators: what is timed under one is the emulator, and a profile made there would be wrong everywhere.
//!
//! The kernel knows which program really runs, whatever the emulator tells the program that it emulates: both QEMU's user mode
//! and valgrind answer for `/proc/self/exe`, but neither does for `/proc/thread-self/exe`. Where a whole machine is emulated,
//! CPUID tells.

use std::path::Path;

/// What this process runs under in place of a CPU. `None` if it runs on one, under a hypervisor or not, or if nothing tells.
pub fn detect() -> Option<&'static str> {
    let executable = std::fs::read_link("/proc/thread-self/exe").ok();
    executable.and_then(|path| of_executable(&path)).or_else(of_cpu)
}

/// By the program that the kernel runs.
fn of_executable(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    match () {
        () if name.starts_with("qemu-") => Some("QEMU's user mode"),
        // Its tools are programs of their own, such as /usr/libexec/valgrind/memcheck-amd64-linux.
        () if path.iter().any(|part| part == "valgrind") => Some("valgrind"),
        () => None,
    }
}

#[cfg(target_arch = "x86_64")]
fn of_cpu() -> Option<&'static str> {
    use std::arch::x86_64::__cpuid;
    const FEATURES: u32 = 1;
    const HYPERVISOR_BIT: u32 = 1 << 31;
    const HYPERVISOR: u32 = 0x4000_0000;
    if __cpuid(FEATURES).ecx & HYPERVISOR_BIT == 0 {
        return None;
    }
    let leaf = __cpuid(HYPERVISOR);
    of_hypervisor([leaf.ebx, leaf.ecx, leaf.edx])
}

/// Only x86 says what is below it.
#[cfg(not(target_arch = "x86_64"))]
fn of_cpu() -> Option<&'static str> {
    None
}

/// By the twelve letters that a hypervisor calls itself: EBX, ECX and EDX of CPUID leaf 0x4000_0000.
#[cfg(target_arch = "x86_64")]
fn of_hypervisor(signature: [u32; 3]) -> Option<&'static str> {
    let letters = signature.map(u32::to_le_bytes);
    (letters.as_flattened() == b"TCGTCGTCGTCG").then_some("QEMU without hardware virtualisation (TCG)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulators_are_known_by_their_programs() {
        let of = |path: &str| of_executable(Path::new(path));
        assert_eq!(of("/usr/bin/qemu-x86_64"), Some("QEMU's user mode"));
        assert_eq!(of("/usr/bin/qemu-aarch64-static"), Some("QEMU's user mode"));
        assert_eq!(of("/usr/libexec/valgrind/none-amd64-linux"), Some("valgrind"));
        assert_eq!(of("/usr/lib/valgrind/memcheck-amd64-linux"), Some("valgrind"));
        assert_eq!(of("/home/qemu-fan/target/release/measure"), None);
        assert_eq!(of("/"), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_hypervisor_is_no_emulator() {
        let of = |letters: &[u8; 12]| {
            let word = |at: usize| u32::from_le_bytes(letters[at..at + 4].try_into().expect("four letters"));
            of_hypervisor([word(0), word(4), word(8)])
        };
        assert_eq!(of(b"TCGTCGTCGTCG"), Some("QEMU without hardware virtualisation (TCG)"));
        assert_eq!(of(b"KVMKVMKVM\0\0\0"), None);
        assert_eq!(of(b"Microsoft Hv"), None);
    }
}
