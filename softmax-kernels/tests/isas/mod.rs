//! Tests of the public functions on every ISA. What they use is chosen once per process, so that each ISA has a process
//! of its own: this test program again, with `SOFTMAX_FORCE_ISA`. Where that is set already, its ISA alone is tested.
//!
//! `SOFTMAX_REQUIRE_ISA=avx512` makes the absence of an ISA a failure, and runs that ISA's tests alone.

use libtest_mimic::{Failed, Trial};
use softmax_kernels::FORCE_ISA_VARIABLE;
use softmax_spec::Isa;
use std::process::Command;
use std::str::FromStr;

/// ISAs whose absence is a failure.
pub const REQUIRE_ISA: &str = "SOFTMAX_REQUIRE_ISA";

/// The comma-separated words of an environment variable; `None` where it is not set.
pub fn listed<T: FromStr<Err: std::fmt::Display>>(variable: &str) -> Result<Option<Vec<T>>, String> {
    let Ok(list) = std::env::var(variable) else {
        return Ok(None);
    };
    let words = list.split(',').map(|word| word.parse().map_err(|error| format!("{variable}: {error}")));
    words.collect::<Result<_, _>>().map(Some)
}

/// What a test has to say, or what is wrong.
pub type Checked = Result<String, Failed>;

/// A trial per ISA. One line about what it tried goes to stdout.
///
/// # Errors
/// If the environment names ISAs that there are not.
#[allow(dead_code, reason = "not every test program has such tests")]
pub fn trials(name: &'static str, check: fn() -> Checked) -> Result<Vec<Trial>, String> {
    let required: Option<Vec<Isa>> = listed(REQUIRE_ISA)?;
    let wanted = |isa: &Isa| required.as_ref().is_none_or(|required| required.contains(isa));
    let trial = |isa: Isa| {
        let name = format!("{isa}::{name}");
        let ignored = match forced() {
            Some(forced) => forced != isa.id(),
            None => required.is_none() && !is_supported(isa),
        };
        Trial::test(name.clone(), move || checked(&name, isa, check)).with_ignored_flag(ignored)
    };
    Ok(Isa::ALL.into_iter().filter(wanted).map(trial).collect())
}

fn forced() -> Option<String> {
    std::env::var(FORCE_ISA_VARIABLE).ok()
}

fn is_supported(isa: Isa) -> bool {
    softmax_kernels::variants().iter().any(|row| row.isa == isa.id() && row.is_supported())
}

fn checked(name: &str, isa: Isa, check: fn() -> Checked) -> Result<(), Failed> {
    if forced().is_none() {
        return in_process_of_its_own(name, isa);
    }
    let used = softmax_kernels::selected(1000).plan.isa;
    if used != isa.id() {
        return Err(format!("this process uses {used}: this CPU does not support {isa}").into());
    }
    println!("{name}: {}", check()?);
    Ok(())
}

fn in_process_of_its_own(name: &str, isa: Isa) -> Result<(), Failed> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["--exact", name]).env(FORCE_ISA_VARIABLE, isa.id()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let about = said.lines().find(|line| line.starts_with(&format!("{name}: ")));
    match about.filter(|_| output.status.success()) {
        Some(line) => println!("{line}"),
        None => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}\n{said}{complaint}", output.status).into());
        }
    }
    Ok(())
}
