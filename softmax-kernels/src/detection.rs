//! What this CPU is and can do. Nothing else asks it.
//!
//! With the feature `std` the standard library answers. Without, CPUID does on x86-64, and XGETBV, which says whether the
//! operating system saves the registers: the same answers, by the same rules. A program that is compiled for x86-64 without vector
//! registers, as kernels of operating systems are (`x86_64-unknown-none`), must not touch them whatever the CPU has: nothing is
//! there for it. On other architectures without `std` there is what the target's features promise: on AArch64 NEON, which nearly every
//! target has.

use crate::profile::Host;

/// Whether this CPU, with its operating system, has every one of `features`.
pub fn has(features: &[Feature]) -> bool {
    features.iter().all(|&feature| is_here(feature))
}

/// Defines [`Feature`], and for each of the features of an architecture how it is detected there.
macro_rules! features {
    (
        x86_64 { $($x86:ident $x86_name:tt $x86_docs:literal $cpuid:expr;)* }
        aarch64 { $($arm:ident $arm_name:tt $arm_docs:literal;)* }
    ) => {
        /// A `target_feature` that kernels are compiled with, in the words of `softmax_spec::Isa::features`; those of
        /// other architectures are never here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Feature {
            $(#[doc = $x86_docs] $x86,)*
            $(#[doc = $arm_docs] $arm,)*
        }

        /// As the standard library says.
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        fn is_here(feature: Feature) -> bool {
            match feature {
                $(Feature::$x86 => std::arch::is_x86_feature_detected!($x86_name),)*
                $(Feature::$arm => false,)*
            }
        }

        /// As the standard library says.
        #[cfg(all(feature = "std", target_arch = "aarch64"))]
        fn is_here(feature: Feature) -> bool {
            match feature {
                $(Feature::$arm => std::arch::is_aarch64_feature_detected!($arm_name),)*
                $(Feature::$x86 => false,)*
            }
        }

        /// As the target's features promise.
        #[cfg(not(any(target_arch = "x86_64", all(feature = "std", target_arch = "aarch64"))))]
        fn is_here(feature: Feature) -> bool {
            match feature {
                $(Feature::$x86 => cfg!(target_feature = $x86_name),)*
                $(Feature::$arm => cfg!(target_feature = $arm_name),)*
            }
        }

        #[cfg(all(target_arch = "x86_64", any(test, not(feature = "std"))))]
        impl Feature {
            const OF_X86: &[Feature] = &[$(Feature::$x86),*];

            /// What CPUID must say; `None` on no x86.
            fn bit(self) -> Option<by_cpuid::Bit> {
                use by_cpuid::{Bit, Registers::*, Word::*};
                match self {
                    $(Feature::$x86 => Some($cpuid),)*
                    $(Feature::$arm => None,)*
                }
            }

            /// Whether everything that this program is compiled for has it.
            fn is_promised(self) -> bool {
                match self {
                    $(Feature::$x86 => cfg!(target_feature = $x86_name),)*
                    $(Feature::$arm => false,)*
                }
            }
        }
    };
}

features! {
    x86_64 {
        Sse2 "sse2" "SSE2, in every x86-64." Bit(Edx1, 26, Xmm);
        Avx2 "avx2" "AVX2." Bit(Ebx7, 5, Ymm);
        Fma "fma" "Fused multiply-add of vectors." Bit(Ecx1, 12, Ymm);
        Avx512f "avx512f" "AVX-512 Foundation." Bit(Ebx7, 16, Zmm);
        Avx512dq "avx512dq" "AVX-512 with doublewords and quadwords." Bit(Ebx7, 17, Zmm);
        Avx512bw "avx512bw" "AVX-512 with bytes and words." Bit(Ebx7, 30, Zmm);
        Avx512vl "avx512vl" "AVX-512 on shorter vectors." Bit(Ebx7, 31, Zmm);
    }
    aarch64 {
        Neon "neon" "Advanced SIMD, in nearly every AArch64.";
    }
}

/// As CPUID says. Asked once, because a virtual machine takes a microsecond or more for every answer.
#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
fn is_here(feature: Feature) -> bool {
    use core::sync::atomic::{AtomicU32, Ordering};
    /// A bit for each feature that is here, and one that says that this is known.
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    const IS_KNOWN: u32 = 1 << 31;
    let mut known = KNOWN.load(Ordering::Relaxed);
    if known == 0 {
        let cpu = by_cpuid::Cpu::this();
        let here = Feature::OF_X86.iter().filter(|&&feature| cpu.has(feature));
        known = here.fold(IS_KNOWN, |known, &feature| known | 1 << feature as u32);
        // Threads that are here at the same time find the same.
        KNOWN.store(known, Ordering::Relaxed);
    }
    known & 1 << feature as u32 != 0
}

/// Features from CPUID and XGETBV (Intel's Software Developer's Manual, volume 1, sections 13.2, 14.3 and 15.2).
#[cfg(all(target_arch = "x86_64", any(test, not(feature = "std"))))]
mod by_cpuid {
    use super::Feature;
    use core::arch::x86_64::_xgetbv;

    /// Where a feature stands: which word, which bit of it, and what registers it works on.
    pub struct Bit(pub Word, pub u32, pub Registers);

    /// A register after CPUID, named with the leaf.
    pub enum Word {
        Ecx1,
        Edx1,
        Ebx7,
    }

    /// Registers by the bits of XCR0 that say that the operating system saves them.
    #[derive(Clone, Copy)]
    pub enum Registers {
        /// Every operating system for x86-64 does.
        Xmm = 0,
        Ymm = 0b110,
        Zmm = 0b1110_0110,
    }

    /// What a CPU says of itself.
    pub struct Cpu {
        ecx1: u32,
        edx1: u32,
        ebx7: u32,
        xcr0: u64,
    }

    impl Cpu {
        pub fn this() -> Cpu {
            let one = super::cpuid(1);
            let seven = if super::cpuid(0).eax >= 7 { super::cpuid(7).ebx } else { 0 };
            // Bit 27, OSXSAVE: the operating system has made XGETBV usable.
            let is_told = one.ecx >> 27 & 1 == 1;
            // SAFETY: where the CPU reports OSXSAVE it has XGETBV, and XCR0 is there in every one that has.
            let xcr0 = if is_told { unsafe { _xgetbv(0) } } else { 0 };
            Cpu { ecx1: one.ecx, edx1: one.edx, ebx7: seven, xcr0 }
        }

        pub fn has(&self, feature: Feature) -> bool {
            feature.is_promised() || cfg!(target_feature = "sse2") && self.reports(feature)
        }

        pub fn reports(&self, feature: Feature) -> bool {
            let Some(Bit(word, bit, registers)) = feature.bit() else {
                return false;
            };
            let word = match word {
                Word::Ecx1 => self.ecx1,
                Word::Edx1 => self.edx1,
                Word::Ebx7 => self.ebx7,
            };
            word >> bit & 1 == 1 && self.xcr0 & registers as u64 == registers as u64
        }

        /// The same with other registers saved.
        #[cfg(test)]
        pub fn with_xcr0(self, xcr0: u64) -> Cpu {
            Cpu { xcr0, ..self }
        }
    }
}

/// This machine, from CPUID. Its vendor as twelve bytes of ASCII.
#[cfg(target_arch = "x86_64")]
pub(crate) fn host() -> Option<Host<[u8; 12]>> {
    let vendor = cpuid(0);
    let words = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    let signature = cpuid(1).eax;
    let (base_family, base_model) = (signature >> 8 & 0xf, signature >> 4 & 0xf);
    let extended = base_family == 0xf || base_family == 6;
    Some(Host {
        vendor: core::array::from_fn(|i| words[i / 4][i % 4]),
        family: if base_family == 0xf { base_family + (signature >> 20 & 0xff) } else { base_family },
        model: if extended { (signature >> 16 & 0xf) << 4 | base_model } else { base_model },
        stepping: signature & 0xf,
        // Leaf 0x8000_0006 reports the L2 cache in KiB on both large vendors.
        l2_kib: if cpuid(0x8000_0000).eax >= 0x8000_0006 { cpuid(0x8000_0006).ecx >> 16 } else { 0 },
    })
}

/// What CPUID says of a leaf's first page.
#[cfg(target_arch = "x86_64")]
fn cpuid(leaf: u32) -> core::arch::x86_64::CpuidResult {
    #[allow(unused_unsafe, reason = "safe from Rust 1.94 on")]
    // SAFETY: every x86-64 has CPUID.
    unsafe {
        core::arch::x86_64::__cpuid_count(leaf, 0)
    }
}

/// Elsewhere nothing identifies the machine, and the ISA's default is used.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn host() -> Option<Host<[u8; 12]>> {
    None
}

#[cfg(all(test, feature = "std", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn cpuid_and_the_standard_library_agree() {
        for &feature in Feature::OF_X86 {
            assert_eq!(by_cpuid::Cpu::this().has(feature), is_here(feature), "{feature:?}");
        }
        assert!(!has(&[Feature::Sse2, Feature::Neon]), "x86-64 has no NEON");
    }

    #[test]
    fn registers_that_the_operating_system_does_not_save_are_not_used() {
        let vectors = |xcr0| {
            let cpu = by_cpuid::Cpu::this().with_xcr0(xcr0);
            [Feature::Sse2, Feature::Avx2, Feature::Avx512f].map(|feature| cpu.reports(feature))
        };
        let [sse2, avx2, avx512] = vectors(0b1110_0111);
        assert_eq!([sse2, avx2, avx512], [Feature::Sse2, Feature::Avx2, Feature::Avx512f].map(is_here));
        assert_eq!(vectors(0b111), [sse2, avx2, false]);
        assert_eq!(vectors(0b1110_0011), [sse2, false, false], "ZMM without YMM");
        assert_eq!(vectors(0b11), [sse2, false, false]);
        assert_eq!(vectors(0), [sse2, false, false]);
    }
}
