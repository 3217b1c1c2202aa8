//! Processes of their own, because what is used is chosen once in each.

use std::env::consts::ARCH;
use std::process::Command;

/// This program again, by the runner that cargo was told of in the environment, such as an emulator.
pub fn this_program() -> Command {
    let variable = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", ARCH.to_uppercase());
    let program = std::env::current_exe().unwrap();
    match std::env::var_os(variable) {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
        None => Command::new(program),
    }
}
