//! Every variant of the grid against f64, at every length from 0 to 4 tiles + 3, out of place and in place, and on rows
//! beside pages that may not be touched: one test each, named by its id. Tests of an ISA that this CPU lacks show as ignored.
//!
//! - `SOFTMAX_REQUIRE_ISA=avx512` makes the absence of an ISA a failure, and runs that ISA's tests alone;
//! - `SOFTMAX_GRID=FIRST..LAST`, or `SOFTMAX_GRID=avx512`, runs the tests of these variants alone, and at build time compiles no others.

#[cfg(unix)]
#[path = "variants/guard_pages.rs"]
mod guard_pages;
#[cfg(unix)]
mod guarded;
mod isas;

use isas::{REQUIRE_ISA, listed};
use libtest_mimic::{Arguments, Failed, Trial};
use softmax_bench::verify;
use softmax_kernels::{ExtSum, Kernel, OnlineSumKernel, Variant, variants};
use softmax_spec::{Isa, PassVariant};
use std::collections::{BTreeSet, HashMap};
use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(unix)]
    guarded::fault::report_faults();
    match trials() {
        Ok(trials) => libtest_mimic::run(&Arguments::from_args(), trials).exit_code(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn trials() -> Result<Vec<Trial>, String> {
    let required = listed::<Isa>(REQUIRE_ISA)?;
    let grid = softmax_codegen::grid_in(include_str!("../src/grid.rs"))?.enumerate().variants;
    let selection = softmax_codegen::selection()?;
    let selected = match &selection {
        Some(selection) => selection.select(&grid)?,
        None => grid.clone(),
    };
    let is_narrowed = selection.is_some();
    let mut trials = vec![Trial::test("registry_holds_grid", move || registry_holds(&grid, is_narrowed))];
    let wanted =
        selected.iter().filter(|variant| required.as_ref().is_none_or(|isas| isas.contains(&variant.isa)));
    let compiled: HashMap<&str, &'static Variant> = variants().iter().map(|row| (row.id, row)).collect();
    let trial = |&variant: &PassVariant| {
        let row = compiled.get(variant.id().as_str()).copied();
        let supported = row.is_some_and(|row| row.is_supported());
        Trial::test(variant.id(), move || check(&variant, row))
            .with_ignored_flag(!supported && required.is_none())
    };
    trials.extend(wanted.map(trial));
    let is_missing = |isa: &&Isa| !selected.iter().any(|variant| variant.isa == **isa);
    let missing = required.iter().flatten().filter(is_missing).map(|isa| {
        let message = format!("there is no variant for {isa}");
        Trial::test(isa.id(), || Err(message.into()))
    });
    trials.extend(missing);
    Ok(trials)
}

fn check(variant: &PassVariant, row: Option<&Variant>) -> Result<(), Failed> {
    let row = row.ok_or("it is not compiled in")?;
    if !describes(row, variant) {
        return Err(format!("its description says otherwise: {row:?}").into());
    }
    let kernel = row.kernel().ok_or_else(|| format!("this CPU does not support {}", variant.isa))?;
    if !empty_rows_give_nothing(kernel) {
        return Err("an empty row does not give the identity".into());
    }
    if let Some(failure) = verify::verify_every_length(variant, kernel).failure {
        return Err(failure.into());
    }
    #[cfg(unix)]
    guard_pages::check(row.id, variant, kernel)?;
    Ok(())
}

fn empty_rows_give_nothing(kernel: Kernel) -> bool {
    match kernel {
        Kernel::Max(kernel) => kernel.run(&[]) == f32::NEG_INFINITY,
        Kernel::SumExp(kernel) => kernel.run(&[], 1.0) == 0.0,
        Kernel::StoreExp(kernel) => kernel.run(&[], &mut [], 1.0) == Ok(0.0),
        Kernel::Scale(kernel) => kernel.run(&[], &mut [], 1.0).is_ok(),
        Kernel::ScaleExp(kernel) => kernel.run(&[], &mut [], 1.0, 1.0).is_ok(),
        Kernel::ExtSum(kernel) => kernel.run(&[]).mantissa == 0.0,
        Kernel::ExtScale(kernel) => kernel.run(&[], &mut [], ExtSum::IDENTITY).is_ok(),
        Kernel::OnlineSum(kernel) => kernel.run(&[]) == (OnlineSumKernel::START, 0.0),
        Kernel::Softmax(kernel) => kernel.run(&[], &mut []) == Ok(false),
    }
}

fn describes(row: &Variant, variant: &PassVariant) -> bool {
    let exp = variant.exp.map(|exp| exp.to_string());
    row.pass == variant.pass.id()
        && row.isa == variant.isa.id()
        && row.element == variant.element.id()
        && row.exp == exp.as_deref()
        && (row.lanes, row.unroll, row.accumulators)
            == (variant.lanes(), variant.tile.unroll, variant.tile.accumulators)
}

/// The registry holds the grid, each variant once and nothing else; of a grid that was narrowed, as much as was compiled.
fn registry_holds(grid: &[PassVariant], is_narrowed: bool) -> Result<(), Failed> {
    // Other architectures compile the ISAs that they have.
    let is_here =
        |variant: &&PassVariant| variant.isa.arch().is_none_or(|arch| arch == std::env::consts::ARCH);
    let expected: BTreeSet<String> = grid.iter().filter(is_here).map(PassVariant::id).collect();
    let compiled: BTreeSet<String> = variants().iter().map(|row| row.id.to_owned()).collect();
    let holds = if is_narrowed { compiled.is_subset(&expected) } else { compiled == expected };
    match holds && compiled.len() == variants().len() {
        true => Ok(()),
        false => Err(format!("{} compiled, {} in the grid", variants().len(), expected.len()).into()),
    }
}
