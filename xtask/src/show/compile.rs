//! Has the compiler make assembly of one variant alone, optimised as in a release build.

use crate::error::bad_input;
use crate::project;
use anyhow::{Context, Result, bail};
use softmax_spec::PassVariant;
use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The architecture whose assembly can be read here.
const ARCHITECTURE: &str = "x86_64";

/// From the source of a crate on stdin to its assembly on stdout, so that nothing is left on the disk.
const ARGUMENTS: [&str; 9] = [
    "-",
    "--edition=2024",
    "--crate-name=kernel",
    "--crate-type=lib",
    "--cap-lints=allow",
    "--emit=asm=-",
    "-Copt-level=3",
    "-Ccodegen-units=1",
    "-Cllvm-args=--x86-asm-syntax=intel",
];

/// The assembly of a crate that holds the variant's function and nothing else.
pub fn assembly(variant: &PassVariant) -> Result<String> {
    check_architecture(variant, env::consts::ARCH)?;
    compiled(&softmax_codegen::emit_crate(variant).to_string(), variant)
}

/// The assembly of a crate that holds the functions of all these variants, which this architecture has.
#[cfg(test)]
pub fn assembly_of_all(variants: &[PassVariant]) -> Result<String> {
    compiled(&softmax_codegen::emit_crate_of_all(variants).to_string(), &"the shipped variants")
}

fn compiled(source: &str, what: &dyn Display) -> Result<String> {
    let output = rustc(source)?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        let first = messages.lines().find(|line| line.starts_with("error")).unwrap_or("it does not say why");
        bail!("rustc does not compile {what}: {}", first.trim_start_matches("error: "));
    }
    String::from_utf8(output.stdout).context("rustc wrote assembly that is no text")
}

fn check_architecture(variant: &PassVariant, here: &str) -> Result<()> {
    let why = match variant.isa.arch() {
        Some(other) if other != ARCHITECTURE => format!("it is for {other}"),
        _ if here != ARCHITECTURE => format!("this is {here}"),
        _ => return Ok(()),
    };
    Err(bad_input(format!(
        "the assembly of {variant} can be read for and on {ARCHITECTURE} only, and {why}; --rust prints its Rust"
    )))
}

fn rustc(source: &str) -> Result<Output> {
    let chosen = env::var_os("RUSTC").filter(|path| !path.is_empty());
    let rustc = chosen.unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(&rustc);
    // In the workspace, so that its toolchain is used.
    command.args(ARGUMENTS).current_dir(project::root());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().with_context(|| {
        format!("cannot run `{}`, which makes the assembly; --rust does without", rustc.display())
    })?;
    let mut stdin = process.stdin.take().context("rustc has no stdin")?;
    // Where it ends before it has read everything, its own message says why.
    let _ = stdin.write_all(source.as_bytes());
    drop(stdin);
    process.wait_with_output().context("rustc did not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_architecture_is_refused_by_name() {
        let variant: PassVariant = "f32_max__avx2_u32".parse().unwrap();
        assert!(check_architecture(&variant, "x86_64").is_ok());
        let error = check_architecture(&variant, "aarch64").unwrap_err().to_string();
        assert!(error.contains("on x86_64 only, and this is aarch64"), "{error}");
        let neon: PassVariant = "f32_max__neon_u16".parse().unwrap();
        for here in ["x86_64", "aarch64"] {
            let error = check_architecture(&neon, here).unwrap_err().to_string();
            assert!(error.contains("on x86_64 only, and it is for aarch64"), "{error}");
        }
        let scalar: PassVariant = "f32_max__scalar_u2".parse().unwrap();
        assert!(check_architecture(&scalar, "x86_64").is_ok());
        assert!(check_architecture(&scalar, "aarch64").is_err());
    }
}
