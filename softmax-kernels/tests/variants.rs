//! Every variant of the registry against f64, at every length from 0 to 4 tiles + 3, out of place and in place: one
//! test per ISA, pass and exp core. Tests of an ISA that this CPU lacks show as ignored.
//!
//! - `SOFTMAX_REQUIRE_ISA=avx512` makes the absence of an ISA a failure, and runs that ISA's tests alone;
//! - `SOFTMAX_TEST_PASSES=max,scale` runs the tests of these passes alone.

use libtest_mimic::{Arguments, Failed, Trial};
use softmax_bench::verify;
use softmax_kernels::{ExtSum, Kernel, OnlineSumKernel, Variant, variants};
use softmax_spec::{Exp, Isa, Pass, PassVariant};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::str::FromStr;

const REQUIRE_ISA: &str = "SOFTMAX_REQUIRE_ISA";
const TEST_PASSES: &str = "SOFTMAX_TEST_PASSES";

fn main() -> ExitCode {
    match (listed::<Isa>(REQUIRE_ISA), listed::<Pass>(TEST_PASSES)) {
        (Ok(isas), Ok(passes)) => {
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

/// The comma-separated words of an environment variable; `None` where it is not set.
fn listed<T: FromStr<Err: std::fmt::Display>>(variable: &str) -> Result<Option<Vec<T>>, String> {
    let Ok(list) = std::env::var(variable) else {
        return Ok(None);
    };
    let words = list.split(',').map(|word| word.parse().map_err(|error| format!("{variable}: {error}")));
    words.collect::<Result<_, _>>().map(Some)
}

/// What one trial tests, in the order in which trials run.
type Group = (Isa, Pass, Option<Exp>);
/// A variant, and the registry's row for it.
type Member = (PassVariant, &'static Variant);

/// One trial per ISA, pass and exp core.
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
    let trial = |((isa, pass, exp), members): (Group, Vec<Member>)| {
        let exp = exp.map_or_else(String::new, |exp| format!("::{exp}"));
        let supported = members.iter().all(|(_, row)| row.is_supported());
        Trial::test(format!("{isa}::{pass}{exp}"), move || check(&members))
            .with_ignored_flag(!supported && !required)
    };
    let compiled: BTreeSet<Isa> = groups.keys().map(|(isa, ..)| *isa).collect();
    let missing = isas.unwrap_or_default().iter().filter(|isa| !compiled.contains(isa)).map(|isa| {
        let message = format!("no variant for {isa} is compiled in");
        Trial::test(format!("{isa}"), || Err(message.into()))
    });
    let missing: Vec<Trial> = missing.collect();
    groups.into_iter().map(trial).chain(missing).collect()
}

fn check(members: &[Member]) -> Result<(), Failed> {
    for (variant, row) in members {
        if !describes(row, variant) {
            return Err(format!("{variant}: its description says otherwise: {row:?}").into());
        }
        let kernel =
            row.kernel().ok_or_else(|| format!("{variant}: this CPU does not support {}", variant.isa))?;
        if !empty_rows_give_nothing(kernel) {
            return Err(format!("{variant}: an empty row does not give the identity").into());
        }
        if let Some(failure) = verify::verify_every_length(variant, kernel).failure {
            return Err(format!("{variant}: {failure}").into());
        }
    }
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
