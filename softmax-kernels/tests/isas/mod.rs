//! Tests of the public functions on every ISA. What they use is chosen once per process, so that each ISA has a process
//! of its own: this test program again, with `SOFTMAX_FORCE_ISA`. Where that is set already, its ISA alone is tested.
//!
//! `SOFTMAX_REQUIRE_ISA=avx512` makes the absence of an ISA a failure, and runs that ISA's tests alone.
//! `SOFTMAX_TEST_EVERY=8` takes every eighth length.

use libtest_mimic::{Failed, Trial};
use softmax_kernels::FORCE_ISA_VARIABLE;
use softmax_spec::Isa;
use std::env::consts::ARCH;
use std::num::NonZeroUsize;
use std::process::Command;
use std::str::FromStr;

/// ISAs whose absence is a failure.
pub const REQUIRE_ISA: &str = "SOFTMAX_REQUIRE_ISA";

/// Set to 8, tests that go through lengths take every eighth of them: for emulators, which are slow.
const EVERY: &str = "SOFTMAX_TEST_EVERY";

/// Of the lengths that a test would go through, those that it is to take; all, unless the environment says otherwise.
#[allow(dead_code, reason = "not every test program is slow")]
pub fn sampled(lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = usize> {
    let every = std::env::var(EVERY)
        .map(|word| word.parse::<NonZeroUsize>().expect("SOFTMAX_TEST_EVERY is a number above 0"));
    lengths.into_iter().step_by(every.map_or(1, NonZeroUsize::get))
}

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

/// This program again, by the runner that cargo was told of in the environment, such as an emulator.
pub fn this_program() -> std::io::Result<Command> {
    let variable = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", ARCH.to_uppercase());
    let runner = std::env::var(variable).unwrap_or_default();
    let program = std::env::current_exe()?;
    let mut words = runner.split_whitespace();
    Ok(match words.next() {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    })
}

fn in_process_of_its_own(name: &str, isa: Isa) -> Result<(), Failed> {
    let output = this_program()?.args(["--exact", name]).env(FORCE_ISA_VARIABLE, isa.id()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    // With one thread, the name of the test that runs stands before it in its line.
    let about = said.lines().find_map(|line| line.find(&format!("{name}: ")).map(|at| &line[at..]));
    match about.filter(|_| output.status.success()) {
        Some(line) => println!("{line}"),
        None => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}\n{said}{complaint}", output.status).into());
        }
    }
    Ok(())
}
