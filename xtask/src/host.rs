//! This machine, in the words of a profile.

use crate::error::bad_input;
use anyhow::Result;
use softmax_spec::Isa;
use softmax_spec::profile::Host;

/// Where the library looks for the ISA that it is restricted to.
pub const FORCE_ISA: &str = "SOFTMAX_FORCE_ISA";

/// The ISAs that this CPU and its operating system support, the most portable first.
pub fn isas() -> Vec<Isa> {
    Isa::ALL.into_iter().filter(|&isa| supports(isa)).collect()
}

/// Bytes that this machine could give without swapping; `None` where it does not say.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Refuses an ISA that was asked for but is not among the `available` ones of this CPU.
pub fn require(isa: Isa, available: &[Isa]) -> Result<()> {
    if available.contains(&isa) {
        return Ok(());
    }
    let available: Vec<&str> = available.iter().map(|isa| isa.id()).collect();
    Err(bad_input(format!("this CPU does not support {isa}, it has {}", available.join(", "))))
}

#[cfg(target_arch = "x86_64")]
fn supports(isa: Isa) -> bool {
    // The macro wants literals, so the features of `Isa::features` are spelled here once more; a test compares.
    isa.features().iter().all(|feature| match *feature {
        "sse2" => is_x86_feature_detected!("sse2"),
        "avx2" => is_x86_feature_detected!("avx2"),
        "fma" => is_x86_feature_detected!("fma"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512dq" => is_x86_feature_detected!("avx512dq"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        "avx512vl" => is_x86_feature_detected!("avx512vl"),
        _ => false,
    })
}

#[cfg(target_arch = "aarch64")]
fn supports(isa: Isa) -> bool {
    isa.features().iter().all(|feature| match *feature {
        "neon" => std::arch::is_aarch64_feature_detected!("neon"),
        _ => false,
    })
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn supports(isa: Isa) -> bool {
    isa.arch().is_none()
}

/// What a profile records of this machine.
pub fn host() -> Host {
    let isa = isas().into_iter().next_back().unwrap_or(Isa::Scalar);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    with_cpuid(Host {
        vendor: "unknown".to_owned(),
        family: 0,
        model: 0,
        stepping: 0,
        brand: std::env::consts::ARCH.to_owned(),
        isa,
        cores,
        l1d_kib: 0,
        l2_kib: 0,
        l3_kib: 0,
        vm: false,
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn with_cpuid(host: Host) -> Host {
    host
}

#[cfg(target_arch = "x86_64")]
fn with_cpuid(mut host: Host) -> Host {
    let cpuid = raw_cpuid::CpuId::new();
    if let Some(vendor) = cpuid.get_vendor_info() {
        host.vendor = vendor.as_str().to_owned();
    }
    if let Some(features) = cpuid.get_feature_info() {
        host.family = features.family_id().into();
        host.model = features.model_id().into();
        host.stepping = features.stepping_id().into();
        host.vm = features.has_hypervisor();
    }
    if let Some(brand) = cpuid.get_processor_brand_string() {
        host.brand = brand.as_str().trim().to_owned();
    }
    for cache in cpuid.get_cache_parameters().into_iter().flatten() {
        let bytes = cache.sets()
            * cache.associativity()
            * cache.coherency_line_size()
            * cache.physical_line_partitions();
        let kib = (bytes / 1024) as u32;
        match (cache.level(), cache.cache_type()) {
            (1, raw_cpuid::CacheType::Data) => host.l1d_kib = kib,
            (2, _) => host.l2_kib = kib,
            (3, _) => host.l3_kib = kib,
            _ => {}
        }
    }
    host
}

/// Whether two machines have the same CPU model, so that one may use what was tuned on the other.
pub fn same_model(a: &Host, b: &Host) -> bool {
    (&a.vendor, a.family, a.model) == (&b.vendor, b.family, b.model)
}

/// The CPU in short: `AMD EPYC (AuthenticAMD family 25 model 17)`.
pub fn model_text(host: &Host) -> String {
    let Host { brand, vendor, family, model, .. } = host;
    format!("{brand} ({vendor} family {family} model {model})")
}

/// A name for this machine's profile: `amd-epyc-f25-m17`.
pub fn profile_name(host: &Host) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let brand: String = host.brand.replace("(R)", "").replace("(TM)", "").chars().map(letters).collect();
    let says_something = |word: &&str| !["", "cpu", "processor"].contains(word);
    let words: Vec<&str> = brand.split('-').filter(says_something).collect();
    format!("{}-f{}-m{}", words.join("-"), host.family, host.model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_of_an_isa_can_be_detected() {
        let known = ["sse2", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "neon"];
        for isa in Isa::ALL {
            assert!(isa.features().iter().all(|feature| known.contains(feature)), "{isa}");
        }
        assert_eq!(isas()[0], Isa::Scalar);
    }

    #[test]
    fn profiles_are_named_after_the_cpu() {
        for (brand, name) in [
            ("Some(R) CPU @ 2.0GHz", "some-2-0ghz-f6-m85"),
            ("Some(R) Other(TM) Processor", "some-other-f6-m85"),
        ] {
            let host = Host { brand: brand.to_owned(), family: 6, model: 85, ..host() };
            assert_eq!(profile_name(&host), name);
        }
    }
}
