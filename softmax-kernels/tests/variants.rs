//! Every variant of the registry against f64, at every length from 0 to 4 tiles + 3, out of place and in place, and on rows
//! beside pages that may not be touched: two tests per ISA, pass and exp core. Tests of an ISA that this CPU lacks show as
//! ignored.
//!
//! - `SOFTMAX_REQUIRE_ISA=avx512` makes the absence of an ISA a failure, and runs that ISA's tests alone;
//! - `SOFTMAX_TEST_PASSES=max,scale` runs the tests of these passes alone.

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
use softmax_spec::{Exp, Isa, Pass, PassVariant};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

const TEST_PASSES: &str = "SOFTMAX_TEST_PASSES";

fn main() -> ExitCode {
    match (listed::<Isa>(REQUIRE_ISA), listed::<Pass>(TEST_PASSES)) {
        (Ok(isas), Ok(passes)) => {
            #[cfg(unix)]
            guarded::fault::report_faults();
            let mut trials = vec![Trial::test("registry_equals_grid", registry_equals_grid)];
            trials.extend(groups(isas.as_deref(), passes.as_deref()));
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// What one trial tests, in the order in which trials run.
type Group = (Isa, Pass, Option<Exp>);
/// A variant, and the registry's row for it.
type Member = (PassVariant, &'static Variant);

/// The trials of each ISA, pass and exp core.
fn groups(isas: Option<&[Isa]>, passes: Option<&[Pass]>) -> Vec<Trial> {
    let mut groups: BTreeMap<Group, Vec<Member>> = BTreeMap::new();
    for row in variants() {
        let variant: PassVariant = row.id.parse().expect("the registry holds variant ids");
        let wanted = isas.is_none_or(|isas| isas.contains(&variant.isa))
            && passes.is_none_or(|passes| passes.contains(&variant.pass));
        if wanted {
            groups.entry((variant.isa, variant.pass, variant.exp)).or_default().push((variant, row));
        }
    }
    let required = isas.is_some();
    let trials_of = |((isa, pass, exp), members): (Group, Vec<Member>)| {
        let exp = exp.map_or_else(String::new, |exp| format!("::{exp}"));
        let ignored = !required && !members.iter().all(|(_, row)| row.is_supported());
        let name = format!("{isa}::{pass}{exp}");
        let trials = [
            #[cfg(unix)]
            Trial::test(format!("{name}::guard_pages"), {
                let members = members.clone();
                move || check_guard_pages(&members)
            }),
            Trial::test(name, move || check(&members)),
        ];
        trials.map(|trial| trial.with_ignored_flag(ignored))
    };
    let compiled: BTreeSet<Isa> = groups.keys().map(|(isa, ..)| *isa).collect();
    let missing = isas.unwrap_or_default().iter().filter(|isa| !compiled.contains(isa)).map(|isa| {
        let message = format!("no variant for {isa} is compiled in");
        Trial::test(format!("{isa}"), || Err(message.into()))
    });
    let missing: Vec<Trial> = missing.collect();
    groups.into_iter().flat_map(trials_of).chain(missing).collect()
}

fn check(members: &[Member]) -> Result<(), Failed> {
    for (variant, row) in members {
        if !describes(row, variant) {
            return Err(format!("{variant}: its description says otherwise: {row:?}").into());
        }
        let kernel = kernel(variant, row)?;
        if !empty_rows_give_nothing(kernel) {
            return Err(format!("{variant}: an empty row does not give the identity").into());
        }
        if let Some(failure) = verify::verify_every_length(variant, kernel).failure {
            return Err(format!("{variant}: {failure}").into());
        }
    }
    Ok(())
}

#[cfg(unix)]
fn check_guard_pages(members: &[Member]) -> Result<(), Failed> {
    for (variant, row) in members {
        guard_pages::check(row.id, variant, kernel(variant, row)?)?;
    }
    Ok(())
}

fn kernel(variant: &PassVariant, row: &Variant) -> Result<Kernel, String> {
    row.kernel().ok_or_else(|| format!("{variant}: this CPU does not support {}", variant.isa))
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

fn registry_equals_grid() -> Result<(), Failed> {
    let grid = softmax_codegen::grid_in(include_str!("../src/grid.rs"))?;
    let expected: BTreeSet<String> = grid.enumerate().variants.iter().map(PassVariant::id).collect();
    let compiled: BTreeSet<String> = variants().iter().map(|row| row.id.to_owned()).collect();
    // Other architectures compile the ISAs that they have.
    let expected: BTreeSet<String> = match cfg!(target_arch = "x86_64") {
        true => expected,
        false => expected.into_iter().filter(|id| id.contains("__scalar_")).collect(),
    };
    match compiled == expected && expected.len() >= variants().len() {
        true => Ok(()),
        false => Err(format!("{} compiled, {} in the grid", compiled.len(), expected.len()).into()),
    }
}
