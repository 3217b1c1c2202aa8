//! Every variant on rows that end at, or start at, a page that may not be touched: at every length up to four tiles and
//! three, every alignment within a vector, out of place and in place.

use crate::guarded::subject::{Form, Memory, Returned, Rooms, Subject};
use softmax_bench::rows;
use softmax_kernels::{ComposedPlan, ExtSum, Kernel, ShapeError};
use softmax_spec::{Algorithm, Pass, PassVariant};

/// Arguments beside the row. Results need not be a softmax: they are compared with each other.
const MAX: f32 = 10.0;
const FACTOR: f64 = 0.01;
const SUM: ExtSum = ExtSum { mantissa: 1.5, exponent: 20.0 };

/// Rows of a batch: as many as kernels in registers take at a time, and some more.
const BATCH: usize = 6;

/// One line about the first call that did anything else than on a row in the midst of memory.
pub fn check(id: &'static str, variant: &PassVariant, kernel: Kernel) -> Result<(), String> {
    let lengths = lengths(variant);
    let mut rooms = Rooms::new(BATCH * lengths.iter().copied().max().unwrap_or(0));
    let alone = |memory: Memory| run(kernel, memory);
    let subject = Subject { what: id, lanes: variant.lanes(), forms: forms(variant.pass), run: &alone };
    for &len in &lengths {
        rooms.check(&subject, len)?;
    }
    let algorithm = match variant.pass {
        Pass::Softmax => Algorithm::Resident,
        Pass::FusedSoftmax => Algorithm::Fused,
        _ => return Ok(()),
    };
    let plan = ComposedPlan::compose(algorithm.id(), &[id]).map_err(|error| error.to_string())?;
    for &len in &lengths {
        let batch = |memory: Memory| run_batch(&plan, len, memory);
        rooms.check(&Subject { run: &batch, ..subject }, BATCH * len)?;
    }
    Ok(())
}

/// Every length at which its loops begin and end in another mix, around its windows, and around its longest row.
fn lengths(variant: &PassVariant) -> Vec<usize> {
    let mut lengths: Vec<usize> = (0..=4 * variant.tile_elements() + 3).collect();
    lengths.extend(rows::window_lengths(variant));
    lengths.extend(variant.longest_row().into_iter().flat_map(|longest| longest - 1..=longest + 1));
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

fn forms(pass: Pass) -> &'static [Form] {
    match pass.stores() {
        true => &[Form::Apart, Form::Same],
        false => &[Form::Read],
    }
}

fn run(kernel: Kernel, memory: Memory) -> Returned {
    const ONE_LENGTH: &str = "both rows have one length";
    let wide = |value: f64| [value.to_bits(), 0];
    match (kernel, memory) {
        (Kernel::Max(k), Memory::Read(x)) => wide(k.run(x).into()),
        (Kernel::SumExp(k), Memory::Read(x)) => wide(k.run(x, MAX)),
        (Kernel::ExtSum(k), Memory::Read(x)) => {
            let ExtSum { mantissa, exponent } = k.run(x);
            [mantissa, exponent].map(|value| value.to_bits().into())
        }
        (Kernel::OnlineSum(k), Memory::Read(x)) => {
            let (max, sum) = k.run(x);
            [max, sum].map(|value| value.to_bits().into())
        }
        (Kernel::StoreExp(k), Memory::Apart(x, y)) => wide(k.run(x, y, MAX).expect(ONE_LENGTH)),
        (Kernel::StoreExp(k), Memory::Same(x)) => wide(k.run_in_place(x, MAX)),
        (Kernel::Scale(k), Memory::Apart(x, y)) => done(k.run(x, y, FACTOR)),
        (Kernel::Scale(k), Memory::Same(x)) => {
            k.run_in_place(x, FACTOR);
            done(Ok(()))
        }
        (Kernel::ScaleExp(k), Memory::Apart(x, y)) => done(k.run(x, y, MAX, FACTOR)),
        (Kernel::ScaleExp(k), Memory::Same(x)) => {
            k.run_in_place(x, MAX, FACTOR);
            done(Ok(()))
        }
        (Kernel::ExtScale(k), Memory::Apart(x, y)) => done(k.run(x, y, SUM)),
        (Kernel::ExtScale(k), Memory::Same(x)) => {
            k.run_in_place(x, SUM);
            done(Ok(()))
        }
        (Kernel::Softmax(k), Memory::Apart(x, y)) => {
            let taken = k.run(x, y).expect(ONE_LENGTH);
            // What it leaves behind where it does not take the row is not defined.
            if !taken {
                y.fill(0.0);
            }
            [taken.into(), 0]
        }
        (Kernel::Softmax(k), Memory::Same(x)) => [k.run_in_place(x).into(), 0],
        (kernel, _) => unreachable!("{kernel:?} has no such form"),
    }
}

fn done(result: Result<(), ShapeError>) -> Returned {
    [result.is_ok().into(), 0]
}

fn run_batch(plan: &ComposedPlan, row_len: usize, memory: Memory) -> Returned {
    done(match memory {
        Memory::Apart(x, y) => plan.run_rows(x, y, row_len),
        Memory::Same(x) => plan.run_rows_in_place(x, row_len),
        Memory::Read(_) => unreachable!("a softmax writes"),
    })
}
