//! Cells over the whole grid: nothing lost, nothing twice, alike in weight, and small.

use super::cell::{Context, cells};
use super::*;
use crate::flags::typed;
use softmax_spec::Selection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static GRID: LazyLock<Vec<PassVariant>> = LazyLock::new(|| project::grid().unwrap().variants);

/// The cells that a command line gives.
fn of(line: &str) -> Result<Vec<Cell>> {
    let flags: flags::Matrix = typed(&format!("--format json {line}"));
    let pinned = toolchain::pinned()?;
    let all = series(&GRID, &flags, &toolchains(&flags, &pinned), &Weights::default());
    let all = flags.shard.map_or(all.clone(), |shard| share(all, shard));
    let context = Context { grid: &GRID, pinned: &pinned, shard: flags.shard };
    cells(&all, flags.max_jobs.map_or(20, usize::from), &context)
}

/// What a cell's command tests.
fn tested(cell: &Cell) -> Vec<PassVariant> {
    let word = cell.command.split(' ').find_map(|word| word.strip_prefix("SOFTMAX_GRID="));
    let selection: Selection = word.expect("a selection").parse().unwrap();
    let variants = selection.select(&GRID).unwrap();
    assert_eq!(variants.len(), cell.variants, "{}", cell.name);
    assert!(cell.command.starts_with(&format!("SOFTMAX_REQUIRE_ISA={} ", cell.isa)), "{}", cell.command);
    assert!(variants.iter().all(|variant| variant.isa.id() == cell.isa), "{}", cell.name);
    variants
}

/// How often each variant is tested, per toolchain.
fn coverage<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> BTreeMap<(String, PassVariant), usize> {
    let mut counts = BTreeMap::new();
    for cell in cells {
        for variant in tested(cell) {
            *counts.entry((cell.toolchain.clone(), variant)).or_default() += 1;
        }
    }
    counts
}

fn assert_each_once(cells: &[Cell], toolchains: usize) {
    let counts = coverage(cells);
    assert_eq!(counts.len(), toolchains * GRID.len());
    assert!(counts.values().all(|&count| count == 1));
    let names: BTreeSet<&String> = cells.iter().map(|cell| &cell.name).collect();
    assert_eq!(names.len(), cells.len(), "names repeat");
}

#[test]
fn every_variant_is_in_exactly_one_cell_for_every_maximum() {
    let mut largest = f64::INFINITY;
    for max in [5, 6, 8, 20, 64, 256, 1000] {
        let cells = of(&format!("--max-jobs {max}")).unwrap();
        assert!(cells.len() <= max, "{max}: {}", cells.len());
        assert_each_once(&cells, 1);
        let seconds = longest(&cells);
        assert!(seconds <= largest, "{max} jobs made the longest longer");
        largest = seconds;
    }
}

fn longest(cells: &[Cell]) -> f64 {
    cells.iter().map(|cell| cell.seconds).fold(0.0, f64::max)
}

#[test]
fn cells_are_about_equally_long() {
    let whole: f64 = GRID.iter().map(|variant| Weights::default().of(variant)).sum();
    for max in [8, 20] {
        // Three ISAs have too few variants for a job of average length each.
        let average = whole / f64::from(max - 3);
        let longest = longest(&of(&format!("--max-jobs {max}")).unwrap());
        assert!(longest <= 1.2 * average, "{max}: {longest} s, {average} s on average");
    }
}

#[test]
fn toolchains_multiply_cells_and_the_pinned_one_needs_no_naming() {
    let pinned = toolchain::pinned().unwrap();
    let cells = of(&format!("--toolchain {pinned},nightly,{pinned} --max-jobs 30")).unwrap();
    assert_each_once(&cells, 2);
    for cell in &cells {
        assert_eq!(
            cell.command.contains(" cargo +nightly test "),
            cell.toolchain == "nightly",
            "{}",
            cell.command
        );
        assert_eq!(cell.command.contains(" cargo test "), cell.toolchain == pinned, "{}", cell.command);
        assert!(cell.name.contains(&format!(" on {}", cell.toolchain)), "{}", cell.name);
    }
    assert!(of("").unwrap().iter().all(|cell| !cell.name.contains(" on ")));
}

#[test]
fn shares_are_disjoint_together_the_whole_and_equally_heavy() {
    let weight = |cells: &[Cell]| -> f64 {
        let variants = cells.iter().flat_map(tested);
        variants.map(|variant| Weights::default().of(&variant)).sum()
    };
    let whole = weight(&of("").unwrap());
    let heaviest = GRID.iter().map(|variant| Weights::default().of(variant)).fold(0.0, f64::max);
    for count in [1, 2, 3, 7] {
        let shares: Vec<Vec<Cell>> =
            (1..=count).map(|i| of(&format!("--shard {i}/{count}")).unwrap()).collect();
        assert_each_once(&shares.concat(), 1);
        for cells in &shares {
            let off = (weight(cells) - whole / f64::from(count)).abs();
            assert!(off <= heaviest, "{count}: off by {off} of {whole}");
            assert!(cells.len() <= 20);
        }
    }
}

#[test]
fn a_filter_is_exact() {
    let cells = of("--pass max,ext_sum --filter u64,_nt --isa avx2").unwrap();
    let wanted = |variant: &&PassVariant| {
        let id = variant.id();
        let is_pass = id.contains("_max__") || id.contains("_ext_sum__");
        is_pass && id.contains("__avx2_") && (id.contains("u64") || id.contains("_nt"))
    };
    let tested: Vec<PassVariant> = cells.iter().flat_map(tested).collect();
    assert_eq!(tested, GRID.iter().filter(wanted).copied().collect::<Vec<_>>());
    assert!(!tested.is_empty());
}

#[test]
fn too_few_cells_name_the_minimum() {
    let error = of("--max-jobs 9 --toolchain stable,beta").unwrap_err().to_string();
    assert!(error.contains("the minimum is 10"), "{error}");
}

#[test]
fn nothing_left_is_refused_unless_that_is_allowed() {
    for line in ["--filter nothing", "--pass softmax --isa scalar --shard 1/9"] {
        let error = run(&typed(&format!("--format json {line}"))).unwrap_err();
        assert!(crate::error::is_bad_input(&error), "{error}");
        assert!(error.to_string().contains("--allow-empty"), "{error}");
        run(&typed(&format!("--format github --allow-empty {line}"))).unwrap();
    }
}

#[test]
fn what_github_does_not_take_is_refused_with_what_to_do() {
    let pinned = toolchain::pinned().unwrap();
    let flags: flags::Matrix = typed("--format github");
    // A cell per variant, and that for three toolchains.
    let toolchains = ["stable", "beta", "nightly"].map(str::to_owned);
    let mut all = series(&GRID, &flags, &toolchains, &Weights::default());
    all.iter_mut().flat_map(|series| &mut series.items).for_each(|item| item.weight = 1.0);
    let context = Context { grid: &GRID, pinned: &pinned, shard: None };
    let cells = cells(&all, usize::MAX, &context).unwrap();
    assert_eq!(cells.len(), 3 * GRID.len());
    let json = typed::<flags::Matrix>("--format json");
    for (flags, reason) in [(flags, "GitHub takes 256 jobs"), (json, "CI takes 1048576")] {
        let error = publish(&flags, &cells).unwrap_err();
        assert!(crate::error::is_bad_input(&error), "{error}");
        assert!(error.to_string().contains(reason) && error.to_string().contains("--shard"), "{error}");
    }
    let largest = of("--max-jobs 256 --toolchain stable,beta,nightly").unwrap();
    assert!(serde_json::to_string(&largest).unwrap().len() < MOST_BYTES / 8);
}

#[test]
fn a_share_names_itself() {
    let cells = of("--shard 2/3").unwrap();
    assert!(cells.iter().all(|cell| cell.name.contains(" of share 2/3: ")), "{cells:?}");
}

#[test]
fn an_output_for_github_is_in_its_format() {
    let error = run(&typed("--format list --github-output")).unwrap_err().to_string();
    assert!(error.contains("--format github"), "{error}");
}

/// The texts between `before` and the next character that is none of a name.
fn names<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rests = text.split(before).skip(1);
    rests.map(|rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]).collect()
}

#[test]
fn the_workflow_in_the_documentation_uses_what_there_is() {
    let page = std::fs::read_to_string(project::root().join("docs/CI.md")).unwrap();
    let workflow = page.split("```yaml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let cell = serde_json::to_value(&of("").unwrap()[0]).unwrap();
    let fields = names(workflow, "{{ matrix.");
    assert_eq!(fields, BTreeSet::from(["arch", "command", "name", "toolchain"]));
    assert!(fields.iter().all(|field| cell.get(field).is_some()), "{fields:?}");
    assert!(names(&page, "`matrix.").iter().all(|field| cell.get(field).is_some()));
    let outputs = BTreeSet::from(OUTPUTS);
    assert_eq!(names(workflow, "steps.plan.outputs."), outputs);
    assert_eq!(names(workflow, "needs.plan.outputs."), outputs);
}
