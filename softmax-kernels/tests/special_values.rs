//! Special values x length x ISA x algorithm x exp core, and through all public functions x accuracy x masked rows x threads: what comes out
//! is what docs/SEMANTICS.md says, every time. Every trial tells how many rows it tried.

mod isas;
#[path = "special_values/rows.rs"]
mod rows;
#[path = "special_values/truth.rs"]
mod truth;
#[path = "special_values/values.rs"]
mod values;
mod ways;

use isas::Checked;
use libtest_mimic::{Arguments, Trial};
use softmax_bench::catalogue::small_plans;
use softmax_kernels::{Accuracy, ComposedPlan, MaskedRow};
use softmax_spec::Isa;
use std::process::ExitCode;
use truth::Truth;
use ways::{Form, Way};

/// Lengths that reach every loop of the plans in the table, whose tiles have at most 32 elements and whose registers 64.
const SHORT: [usize; 24] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 35, 47, 48, 49, 63, 64, 65, 70];

/// Lengths that reach other plans of the shipped profiles.
const LONG: [usize; 9] = [96, 129, 197, 256, 257, 1000, 1329, 4096, 4103];

/// An algorithm with any exp core: those that round x - max, or the product of a large x, are not for accuracy.
const OF_ANY_CORE: f64 = 2.4e-5;

fn main() -> ExitCode {
    match isas::trials("public_functions", public_functions) {
        Ok(mut trials) => {
            trials.extend(Isa::ALL.map(algorithms));
            trials.push(Trial::test("mistakes_are_seen", || Ok(truth::mistakes_are_seen()?)));
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Every algorithm with every core on one ISA.
fn algorithms(isa: Isa) -> Trial {
    let of_isa =
        move || small_plans().into_iter().filter(move |(name, _)| name.contains(&format!("__{isa}_")));
    let check = move || {
        let mut tried = 0;
        for len in isas::sampled(SHORT) {
            let truths: Vec<Truth> = rows::of_length(len).into_iter().map(Truth::of).collect();
            for (name, plan) in of_isa() {
                for form in &forms_of(plan) {
                    let asked = Asked { name: &name, form, masked: MaskedRow::Nan, relative: OF_ANY_CORE };
                    tried += asked.alone(&truths)?;
                    tried += asked.together(&truths, len)?;
                }
            }
        }
        println!("{isa}::algorithms: {tried} rows, {} plans", of_isa().count());
        Ok(())
    };
    Trial::test(format!("{isa}::algorithms"), check).with_ignored_flag(of_isa().next().is_none())
}

fn public_functions() -> Checked {
    let mut tried = 0;
    for len in isas::sampled(SHORT.into_iter().chain(LONG)) {
        let truths: Vec<Truth> = rows::of_length(len).into_iter().map(Truth::of).collect();
        for way in ways::all(&[1, 2]) {
            let Way { name, form, masked, accuracy, .. } = &way;
            let asked = Asked { name, form, masked: *masked, relative: truth::promised(*accuracy) };
            tried += if way.takes_rows { asked.together(&truths, len)? } else { asked.alone(&truths)? };
        }
        tried += ext_sums(&truths)?;
    }
    Ok(format!("{tried} rows"))
}

/// A plan out of place and in place.
fn forms_of(plan: ComposedPlan) -> [Form; 2] {
    let out_of_place = move |x: &[f32], y: &mut [f32], len: usize| match x.len() == len {
        true => plan.run(x, y).expect("one length"),
        false => plan.run_rows(x, y, len).expect("whole rows"),
    };
    let in_place = move |x: &mut [f32], len: usize| match x.len() == len {
        true => plan.run_in_place(x),
        false => plan.run_rows_in_place(x, len).expect("whole rows"),
    };
    [Form::OutOfPlace(Box::new(out_of_place)), Form::InPlace(Box::new(in_place))]
}

/// A function and what it must give.
struct Asked<'a> {
    name: &'a str,
    form: &'a Form,
    masked: MaskedRow,
    relative: f64,
}

impl Asked<'_> {
    /// Each row by itself. How many there were, or what is wrong.
    fn alone(&self, truths: &[Truth]) -> Result<usize, String> {
        for truth in truths {
            let y = self.output(truth.x(), truth.x().len());
            self.compare(truth, &y, "")?;
        }
        Ok(truths.len())
    }

    /// All of them, of `len` elements each, in one batch.
    fn together(&self, truths: &[Truth], len: usize) -> Result<usize, String> {
        let x: Vec<f32> = truths.iter().flat_map(|truth| truth.x()).copied().collect();
        let y = self.output(&x, len);
        for (i, truth) in truths.iter().enumerate() {
            self.compare(truth, &y[i * len..(i + 1) * len], "in a batch, ")?;
        }
        Ok(truths.len())
    }

    fn output(&self, x: &[f32], row_len: usize) -> Vec<f32> {
        let mut y = match self.form {
            Form::OutOfPlace(_) => vec![0.5; x.len()],
            Form::InPlace(_) => x.to_vec(),
        };
        match self.form {
            Form::OutOfPlace(run) => run(x, &mut y, row_len),
            Form::InPlace(run) => run(&mut y, row_len),
        }
        y
    }

    fn compare(&self, truth: &Truth, y: &[f32], how: &str) -> Result<(), String> {
        let in_place = if matches!(self.form, Form::InPlace(_)) { "in place, " } else { "" };
        let wrong = truth.wrong(y, self.masked, self.relative);
        wrong.map_or(Ok(()), |what| Err(format!("{}, {in_place}{how}{what}", self.name)))
    }
}

/// Sums of shards, for the rows that they are for and for those that they refuse.
fn ext_sums(truths: &[Truth]) -> Result<usize, String> {
    let truths: Vec<Truth> = truths.iter().filter_map(Truth::of_ext_sum).collect();
    for truth in &truths {
        let wrong = truth.wrong(&truth::ext_sum(truth.x()), MaskedRow::Nan, truth::promised(Accuracy::Fast));
        wrong.map_or(Ok(()), |what| Err(format!("ExtSum, {what}")))?;
    }
    Ok(truths.len())
}
