//! What about this machine makes timings worse than they need be, said before the search.

use crate::stderr;
use std::fs;

/// Above this load per core, something else is running beside the search.
const BUSY: f64 = 0.5;

/// Says a line for each thing that could be better; none where nothing is known.
pub fn warn() {
    warnings().iter().for_each(|warning| stderr::say(format_args!("warning: {warning}")));
}

fn warnings() -> Vec<String> {
    let load = fs::read_to_string("/proc/loadavg").ok();
    let governor = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [load.and_then(|text| busy(&text, cores)), governor.and_then(|name| throttled(&name))]
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
    let name = governor.trim();
    let is_slow = !matches!(name, "performance" | "schedutil" | "");
    is_slow.then(|| format!("the CPU frequency governor is `{name}`: `performance` gives steadier timings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_better_is_said() {
        assert_eq!(busy("0.20 0.10 0.05 1/100 1", 2), None);
        assert!(busy("3.50 0.10 0.05 1/100 1", 2).unwrap().contains("3.5 on 2 cores"));
        assert_eq!(busy("", 2), None);
        assert_eq!(throttled("performance\n"), None);
        assert!(throttled("powersave\n").unwrap().contains("powersave"));
    }
}
