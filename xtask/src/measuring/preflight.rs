//! What is looked at before anything is timed: an emulator is refused, and a line is said about each thing on this machine
//! that makes timings worse than they need be.

use crate::{host, stderr};
use anyhow::{Result, bail};
use softmax_bench::emulator;
use std::fs;
use std::path::Path;

/// Above this load per core, something else is running beside the search.
const BUSY: f64 = 0.5;
/// Above this share of its time since it was started, a virtual machine has too little of its host's cores.
const STOLEN: f64 = 0.01;

/// Fails if this process runs under an emulator.
pub fn require_cpu() -> Result<()> {
    refuse(emulator::detect())
}

/// Says a line for each thing that could be better; none where nothing is known.
pub fn warn() {
    let warnings = warnings(Path::new("/"), host::host().vm);
    warnings.iter().for_each(|warning| stderr::say(format_args!("warning: {warning}")));
}

/// Fails if there is an emulator.
pub fn refuse(emulator: Option<&str>) -> Result<()> {
    match emulator {
        Some(emulator) => bail!("this runs under {emulator}, where times mean nothing: run it on a CPU"),
        None => Ok(()),
    }
}

/// About a machine whose files are below `root`.
fn warnings(root: &Path, is_virtual: bool) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let governors = (0..cores).map(|core| {
        read(&format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor")).trim().to_owned()
    });
    [
        busy(&read("proc/loadavg"), cores),
        governors.into_iter().find_map(|governor| throttled(&governor)),
        turbo(
            &read("sys/devices/system/cpu/intel_pstate/no_turbo"),
            &read("sys/devices/system/cpu/cpufreq/boost"),
        ),
        smt(&read("sys/devices/system/cpu/smt/active")),
        is_virtual.then(|| shared(&read("proc/stat"))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn busy(load: &str, cores: usize) -> Option<String> {
    let load: f64 = load.split_whitespace().next()?.parse().ok()?;
    let is_busy = load / cores as f64 > BUSY;
    is_busy.then(|| format!("the load is {load:.1} on {cores} cores: stop what else runs for less noise"))
}

fn throttled(governor: &str) -> Option<String> {
    let is_slow = !matches!(governor, "performance" | "schedutil" | "");
    is_slow
        .then(|| format!("the CPU frequency governor is `{governor}`: `performance` gives steadier timings"))
}

/// From Intel's switch, which turns it off, or from that of the other drivers, which turns it on.
fn turbo(no_turbo: &str, boost: &str) -> Option<String> {
    let switch = match (no_turbo.trim(), boost.trim()) {
        ("0", _) => "1 in /sys/devices/system/cpu/intel_pstate/no_turbo",
        ("", "1") => "0 in /sys/devices/system/cpu/cpufreq/boost",
        _ => return None,
    };
    Some(format!("turbo is on, so clocks change with heat and with other cores' work: {switch} turns it off"))
}

fn smt(active: &str) -> Option<String> {
    let is_active = active.trim() == "1";
    is_active.then(|| {
        "SMT is on: what runs on the other thread of a core slows this one, which long samples do not tell; keep the machine idle"
            .to_owned()
    })
}

/// About a virtual machine, from the time that its host says to have taken from it.
fn shared(stat: &str) -> String {
    let stolen = stolen(stat).filter(|&share| share > STOLEN);
    let stolen = stolen.map(|share| format!(", which have taken {:.0} % of its time so far", share * 100.0));
    format!(
        "this is a virtual machine: what others on its host do{} is noticed in samples of a few milliseconds, if it slows the core, but not in caches or memory",
        stolen.unwrap_or_default()
    )
}

/// The share of the time since the start: `cpu user nice system idle iowait irq softirq steal ...`.
fn stolen(stat: &str) -> Option<f64> {
    const STEAL: usize = 7;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<f64> =
        line.split_whitespace().map_while(|time| time.parse().ok()).take(STEAL + 1).collect();
    Some(times.get(STEAL)? / times.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_better_is_said() {
        assert_eq!(busy("0.20 0.10 0.05 1/100 1", 2), None);
        assert!(busy("3.50 0.10 0.05 1/100 1", 2).unwrap().contains("3.5 on 2 cores"));
        assert_eq!(busy("", 2), None);
        assert_eq!((throttled("performance"), throttled("")), (None, None));
        assert!(throttled("powersave").unwrap().contains("`powersave`"));
        assert_eq!((smt("0\n"), smt("")), (None, None));
        assert!(smt("1\n").unwrap().contains("SMT is on"));
    }

    #[test]
    fn turbo_has_a_switch_per_driver() {
        assert!(turbo("0\n", "").unwrap().contains("no_turbo"));
        assert!(turbo("", "1\n").unwrap().contains("0 in /sys/devices/system/cpu/cpufreq/boost"));
        for (no_turbo, boost) in [("1\n", ""), ("", "0\n"), ("", "")] {
            assert_eq!(turbo(no_turbo, boost), None);
        }
    }

    #[test]
    fn a_virtual_machine_tells_what_its_host_took_if_that_is_much() {
        let stat = |steal: u32| format!("cpu  400 0 100 400 0 0 0 {steal} 0 0\ncpu0 1 1 1 1 1 1 1 99 0 0\n");
        assert_eq!(stolen(&stat(100)), Some(0.1));
        assert!(shared(&stat(100)).contains("taken 10 % of its time"));
        assert!(!shared(&stat(1)).contains('%'));
        assert_eq!((stolen(""), stolen("cpu  1 2 3\n")), (None, None));
    }

    #[test]
    fn facts_are_read_where_linux_has_them_and_their_absence_is_no_fault() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(warnings(root.path(), false), Vec::<String>::new());
        for (path, text) in [
            ("proc/loadavg", "999.0 1 1 1/1 1\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(warnings(root.path(), true).len(), 5);
    }

    #[test]
    fn an_emulator_is_refused_by_name_in_one_line() {
        refuse(None).unwrap();
        let error = refuse(Some("valgrind")).unwrap_err().to_string();
        assert!(error.contains("under valgrind") && !error.contains('\n'), "{error}");
    }
}
