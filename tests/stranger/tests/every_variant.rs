//! Every variant of the grid that this CPU supports, through the typed kernels, against f64, at every length that
//! reaches a different mix of its main loop, its one-vector loop and its tail, and around the windows of several streams.

use softmax_kernels::{ExtSum, Kernel, OnlineSumKernel, Variant};
use std::collections::{BTreeMap, BTreeSet};
use stranger::VARIANTS;

/// Twice the 3e-6 of a polynomial of degree 4 (a result and what it is relative to), 2e-6 for rounding x - max where
/// |x - max| <= 20, and some for sums.
const RELATIVE: f64 = 1e-5;

const PASSES: [&str; 9] =
    ["max", "sum_exp", "store_exp", "scale", "scale_exp", "ext_sum", "ext_scale", "online_sum", "softmax"];

/// A row with everything about it in f64.
struct Row {
    x: Vec<f32>,
    max: f32,
    /// e^(x - max).
    exps: Vec<f64>,
    /// Their sum.
    sum: f64,
}

impl Row {
    /// `len` numbers in [-10, 10), the largest one somewhere else for every length.
    fn new(len: usize) -> Row {
        Row::of(Row::numbers(len))
    }

    fn numbers(len: usize) -> Vec<f32> {
        let mut state = len as u64;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(0x9e37_79b9);
                (state >> 40) as f32 / (1u64 << 24) as f32 * 20.0 - 10.0
            })
            .collect()
    }

    fn of(x: Vec<f32>) -> Row {
        let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exps: Vec<f64> = x.iter().map(|&x| (f64::from(x) - f64::from(max)).exp()).collect();
        Row { sum: exps.iter().sum(), x, max, exps }
    }

    /// The exponentials in the place of x.
    fn of_exponentials(&self) -> Row {
        Row::of(self.exps.iter().map(|&exp| exp as f32).collect())
    }

    /// What a kernel that stores gives out of place and in place. What is around the output must be untouched.
    fn stored(
        &self,
        run: impl Fn(&[f32], &mut [f32]) -> Result<(), softmax_kernels::ShapeError>,
        run_in_place: impl Fn(&mut [f32]),
    ) -> [Vec<f32>; 2] {
        const AROUND: usize = 16;
        let surrounded = |fill: &[f32], store: &dyn Fn(&mut [f32])| {
            let around = [7.5; AROUND];
            let mut all = [&around, fill, &around].concat();
            let end = AROUND + fill.len();
            store(&mut all[AROUND..end]);
            assert!(all[..AROUND] == around && all[end..] == around, "stored outside the row");
            all[AROUND..end].to_vec()
        };
        let out_of_place = surrounded(&vec![0.5; self.x.len()], &|y| run(&self.x, y).unwrap());
        [out_of_place, surrounded(&self.x, &|x| run_in_place(x))]
    }
}

/// `got` within [`RELATIVE`] of `exact`.
fn close(got: f64, exact: f64) -> Result<(), String> {
    match (got - exact).abs() <= RELATIVE * exact.abs() {
        true => Ok(()),
        false => Err(format!("{got} instead of {exact}")),
    }
}

fn all_close(got: &[f32], unit: f32, exact: impl Iterator<Item = f64>) -> Result<(), String> {
    got.iter().zip(exact).enumerate().try_for_each(|(i, (&got, exact))| {
        close(f64::from(got) / f64::from(unit), exact).map_err(|error| format!("element {i}: {error}"))
    })
}

/// Runs a kernel on a row. What it promises up to a factor that depends on max alone is taken relative to what it
/// gives for the largest element.
fn check(kernel: Kernel, row: &Row) -> Result<(), String> {
    let Row { x, max, exps, sum } = row;
    let max = *max;
    match kernel {
        Kernel::Max(k) => match k.run(x) == max {
            true => Ok(()),
            false => Err(format!("{} instead of {max}", k.run(x))),
        },
        Kernel::SumExp(k) => {
            let unit = if x.is_empty() { 1.0 } else { k.run(&[max], max) };
            close(k.run(x, max) / unit, *sum)
        }
        Kernel::StoreExp(k) => {
            let mut unit = [1.0];
            if !x.is_empty() {
                k.run(&[max], &mut unit, max).unwrap();
            }
            let sums = std::cell::RefCell::new(Vec::new());
            let outputs = row.stored(
                |x, y| k.run(x, y, max).map(|sum| sums.borrow_mut().push(sum)),
                |x| sums.borrow_mut().push(k.run_in_place(x, max)),
            );
            outputs.iter().try_for_each(|y| all_close(y, unit[0], exps.iter().copied()))?;
            sums.borrow().iter().try_for_each(|&got| close(got / f64::from(unit[0]), *sum))
        }
        Kernel::Scale(k) => {
            // It takes nothing negative.
            let row = row.of_exponentials();
            let outputs = row.stored(|x, y| k.run(x, y, 0.3), |x| k.run_in_place(x, 0.3));
            outputs.iter().try_for_each(|y| all_close(y, 1.0, row.x.iter().map(|&x| f64::from(x) * 0.3)))
        }
        Kernel::ScaleExp(k) => {
            let mut unit = [1.0];
            if !x.is_empty() {
                k.run(&[max], &mut unit, max, 1.0).unwrap();
            }
            let outputs = row.stored(|x, y| k.run(x, y, max, 0.3), |x| k.run_in_place(x, max, 0.3));
            let exact = || exps.iter().map(|exp| exp * 0.3);
            outputs.iter().try_for_each(|y| all_close(y, unit[0], exact()))
        }
        Kernel::ExtSum(k) => {
            let ExtSum { mantissa, exponent } = k.run(x);
            match x.is_empty() {
                true if mantissa == 0.0 => Ok(()),
                true => Err(format!("{mantissa} instead of 0")),
                false => close(f64::from(mantissa) * f64::from(exponent).exp2(), sum * f64::from(max).exp()),
            }
        }
        Kernel::ExtScale(k) => {
            // 1.5 * 2^4, a sum that is given exactly.
            let sum = ExtSum { mantissa: 1.5, exponent: 4.0 };
            let outputs = row.stored(|x, y| k.run(x, y, sum), |x| k.run_in_place(x, sum));
            let exact = || x.iter().map(|&x| f64::from(x).exp() / 24.0);
            outputs.iter().try_for_each(|y| all_close(y, 1.0, exact()))
        }
        Kernel::Softmax(k) => {
            let taken = std::cell::Cell::new(0);
            let count = |was_taken| taken.set(taken.get() + usize::from(was_taken));
            let outputs = row.stored(|x, y| k.run(x, y).map(count), |x| count(k.run_in_place(x)));
            let fits = (1..=k.longest_row()).contains(&x.len());
            match taken.get() == if fits { outputs.len() } else { 0 } {
                true if fits => {
                    outputs.iter().try_for_each(|y| all_close(y, 1.0, exps.iter().map(|exp| exp / sum)))
                }
                true => Ok(()),
                false => Err(format!("taken {} times", taken.get())),
            }
        }
        Kernel::OnlineSum(k) => {
            let (got_max, got_sum) = k.run(x);
            let expected = if x.is_empty() { OnlineSumKernel::START } else { max };
            if got_max != expected {
                return Err(format!("max {got_max} instead of {expected}"));
            }
            let unit = if x.is_empty() { 1.0 } else { k.run(&[max]).1 };
            close(f64::from(got_sum) / f64::from(unit), *sum)
        }
    }
}

#[test]
fn every_supported_variant_is_right_at_every_length() {
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut covered = BTreeSet::new();
    for variant in VARIANTS {
        let Some(kernel) = variant.kernel() else {
            continue;
        };
        covered.insert((variant.isa, variant.pass));
        let tile = variant.unroll * variant.lanes;
        let wrong = (0..=3 * tile + 2).chain(window_lengths(variant)).find_map(|len| {
            let row = rows.entry(len).or_insert_with(|| Row::new(len));
            check(kernel, row).err().map(|error| format!("{}, {len} elements: {error}", variant.id))
        });
        failures.extend(wrong);
    }
    assert!(failures.is_empty(), "{} variants are wrong:\n{}", failures.len(), failures.join("\n"));

    for (isa, supported) in isas() {
        if !supported {
            println!("{isa}: ignored, this CPU does not have it");
        }
        for pass in PASSES {
            assert_eq!(covered.contains(&(isa, pass)), supported, "{pass} on {isa} covered");
        }
    }
}

/// Elements of a stream in a window.
const STREAM: usize = 1 << 14;

/// Around one window and beyond two, for a variant with several streams.
fn window_lengths(variant: &Variant) -> Vec<usize> {
    let streams = variant.id.split('_').find_map(|word| word.strip_prefix("st")?.parse::<usize>().ok());
    let around = |streams| {
        let (window, tile) = (streams * STREAM, variant.unroll * variant.lanes);
        vec![window - 1, window, window + tile + 3, 2 * window + 5]
    };
    streams.map_or_else(Vec::new, around)
}

/// The ISAs of the grid, and whether this CPU has them by the standard library's word.
fn isas() -> Vec<(&'static str, bool)> {
    let mut isas = vec![("scalar", true)];
    #[cfg(target_arch = "x86_64")]
    isas.extend([
        ("sse2", is_x86_feature_detected!("sse2")),
        ("avx2", is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")),
        (
            "avx512",
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl"),
        ),
    ]);
    #[cfg(target_arch = "aarch64")]
    isas.push(("neon", std::arch::is_aarch64_feature_detected!("neon")));
    isas
}

#[test]
fn the_registry_is_the_grid() {
    // A tile of 3 with every reduction, of which there are three where the maximum is unknown, and two ways to store where that can be
    // chosen; tiles of 5 and 9 with one. Each with 1 or 3 accumulators where they divide.
    let maps = |pass: &str| matches!(pass, "scale" | "scale_exp" | "ext_scale");
    let [of_3, of_5_and_9] = [[1, 2], [2, 3]].map(|[plain, reducing]| {
        move |pass: &str| if maps(pass) || pass == "softmax" { plain } else { reducing }
    });
    let cores = |pass: &str| match pass {
        "max" | "scale" => 1,
        "ext_sum" | "ext_scale" => 3,
        _ => 4,
    };
    let controls_caches = |isa: &str| !matches!(isa, "scalar" | "neon");
    let stores = |pass: &str, isa: &str| if maps(pass) && controls_caches(isa) { 2 } else { 1 };
    // Two distances where there are prefetches; forward with 1 or 2 streams, or backward with one.
    let memories = |pass: &str, isa: &str| {
        let distances = if controls_caches(isa) { 2 } else { 1 };
        match pass {
            "softmax" => 1,
            pass if maps(pass) => stores(pass, isa) * distances * (2 + 1),
            _ => distances * 2,
        }
    };
    for (isa, _) in isas() {
        for pass in PASSES {
            let rows = VARIANTS.iter().filter(|variant| variant.isa == isa && variant.pass == pass);
            let tiles = of_3(pass) * cores(pass) * stores(pass, isa) + of_5_and_9(pass);
            let expected = tiles + memories(pass, isa);
            assert_eq!(rows.count(), expected, "{pass} on {isa}");
        }
    }
    let ids: BTreeSet<&str> = VARIANTS.iter().map(|variant: &Variant| variant.id).collect();
    assert_eq!(ids.len(), VARIANTS.len());
}
