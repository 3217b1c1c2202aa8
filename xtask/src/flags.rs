//! The whole command line.

use crate::compare::Shape;
use crate::length::{self, Length};
use crate::matrix::{Shard, toolchain};
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use softmax_bench::protocol;
use softmax_spec::{Accuracy, Exp, Isa, Pass, PassVariant, Rows};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Commands of the softmax kernel compiler
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub struct Flags {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

impl Flags {
    /// Reads the process's arguments.
    pub fn from_args() -> Result<Flags, clap::Error> {
        Flags::try_parse()
    }
}

/// A command with its flags.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the fastest plan for every row length on this machine and write a profile
    Tune(Tune),
    /// Measure a profile again on this machine; exit code 1 if a plan of it no longer gains what the profile says
    Check(Check),
    /// Race what people call against other libraries' softmax, and memcpy, on this machine
    Compare(Compare),
    /// Rerun the experiments of the Two-Pass Softmax paper here and print its claims beside what comes out
    Paper(Paper),
    /// Measure the largest errors of the exp cores and hold them against the certificate; exit code 1 if it is wrong
    Verify(Verify),
    /// Print the lengths at which two profiles choose differently; exit code 1 if there are any
    Diff(Diff),
    /// Make one profile of several for the same CPU model
    Merge(Merge),
    /// Draw a profile and its journal: one HTML file with every plot, or SVG, PNG, CSV
    Report(Report),
    /// List the grid's kernel variants
    List(List),
    /// Print the generated Rust of a variant, its assembly, and what its hot loop does
    Show(Show),
    /// Say which plan a row length gets on this machine, and why
    Explain(Explain),
    /// Split the grid's tests into cells for CI
    Matrix(Matrix),
}

/// Flags of `tune`.
#[derive(Debug, Args)]
pub struct Tune {
    /// How thorough to be: at most 75 seconds, 9.5 minutes, 40 minutes
    #[arg(long, value_enum, default_value_t = Effort::Standard)]
    pub effort: Effort,
    /// Wall time for measuring, such as 90s or 5m, from 5s to 24h; overrides the effort's
    #[arg(long, value_name = "TIME", value_parser = length::duration)]
    pub budget: Option<Duration>,
    /// Row lengths to tune at, such as 64,4k,2^20 [default: the effort's]
    #[arg(long, value_name = "LENGTHS", value_delimiter = ',')]
    pub sizes: Vec<Length>,
    /// ISAs to tune [default: the best that this CPU supports]
    #[arg(long, value_name = "ISAS", value_delimiter = ',')]
    pub isa: Vec<Isa>,
    /// Only variants whose id contains one of these texts, such as ext_sum,ext_scale
    #[arg(long, value_name = "TEXTS", value_delimiter = ',')]
    pub filter: Vec<String>,
    /// Which accuracies to tune
    #[arg(long, value_enum, default_value_t = Accuracies::Both)]
    pub accuracy: Accuracies,
    /// Whether to tune for single rows, or for batches of short rows
    #[arg(long, value_enum, default_value_t = RowCounts::Both)]
    pub rows: RowCounts,
    /// Where to write the profile
    #[arg(long, value_name = "PATH", default_value = "softmax-profile.toml")]
    pub output: PathBuf,
    /// Where to keep every measurement [default: beside the profile, softmax-profile.journal.jsonl]
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Go on with the journal, after a kill or with other flags: measure only what is not in it
    #[arg(long)]
    pub resume: bool,
    /// Write no profile if a margin in it, over the default or the runner-up, is below the noise of the A/A control
    #[arg(long)]
    pub strict: bool,
    /// Only say what would be done and how long it would take
    #[arg(long)]
    pub dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The profile
    pub profile: PathBuf,
    /// How thorough to be: about 15 seconds, 40 seconds, 2 minutes for 50 classes, after building
    #[arg(long, value_enum, default_value_t = Effort::Standard)]
    pub effort: Effort,
    /// Only the tables of these ISAs [default: all that this CPU supports]
    #[arg(long, value_name = "ISAS", value_delimiter = ',')]
    pub isa: Vec<Isa>,
    /// Only the tables of these accuracies
    #[arg(long, value_enum, default_value_t = Accuracies::Both)]
    pub accuracy: Accuracies,
    /// Only the tables for single rows, or for batches
    #[arg(long, value_enum, default_value_t = RowCounts::Both)]
    pub rows: RowCounts,
    /// Fail as well if a class is inconclusive
    #[arg(long)]
    pub strict: bool,
    /// Take a profile of another CPU model, too
    #[arg(long)]
    pub any_host: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// Shapes, such as 1x4096,512x64,1x4m: rows x row length [default: 14 from 1x64 to 1x67108864]
    #[arg(long, value_name = "SHAPES", value_delimiter = ',')]
    pub shapes: Vec<Shape>,
    /// Only these peers, of rten, tract, onednn, xnnpack, onnxruntime [default: all that are there]
    #[arg(long, value_name = "PEERS", value_delimiter = ',', hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(protocol::PEERS))]
    pub peers: Vec<String>,
    /// Output overwrites input
    #[arg(long)]
    pub in_place: bool,
    /// The accuracy asked of ours: fast or accurate
    #[arg(long, default_value_t = Accuracy::Fast)]
    pub accuracy: Accuracy,
    /// Restricts ours to this ISA. Peers choose for themselves, and few can be told: oneDNN by ONEDNN_MAX_CPU_ISA
    #[arg(long)]
    pub isa: Option<Isa>,
    /// How thorough to be: about 10 seconds, 30 seconds, 2 minutes, after building
    #[arg(long, value_enum, default_value_t = Effort::Standard)]
    pub effort: Effort,
    /// Print JSON lines: one about the run, then one per shape
    #[arg(long)]
    pub json: bool,
}

/// Flags of `paper`.
#[derive(Debug, Args)]
pub struct Paper {
    /// How thorough to be: at most 1 minute, 4 minutes, 20 minutes, after building
    #[arg(long, value_enum, default_value_t = Effort::Standard)]
    pub effort: Effort,
    /// Wall time for measuring, such as 90s or 5m, from 5s to 24h; overrides the effort's
    #[arg(long, value_name = "TIME", value_parser = length::duration)]
    pub budget: Option<Duration>,
    /// Row lengths to race the algorithms at, such as 4k,2^24 [default: from the first cache to four times the last one]
    #[arg(long, value_name = "LENGTHS", value_delimiter = ',')]
    pub sizes: Vec<Length>,
    /// ISAs to measure [default: those of the paper that this CPU supports, avx2 and avx512]
    #[arg(long, value_name = "ISAS", value_delimiter = ',')]
    pub isa: Vec<Isa>,
    /// Print JSON lines: one about the run, one per finding as soon as there is one, then one per claim
    #[arg(long)]
    pub json: bool,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only a part of the floats and of the rows, those among them that the certificate calls the worst: seconds, not minutes
    #[arg(long)]
    pub sample: bool,
    /// Whole rows instead: the error of every algorithm and of the library against the length; exit code 1 beyond what is promised
    #[arg(long)]
    pub rows: bool,
    /// Write what is found into the certificate and docs/SEMANTICS.md instead of comparing
    #[arg(long, conflicts_with_all = ["sample", "rows"])]
    pub write: bool,
    /// Only these ISAs [default: all that this CPU supports]
    #[arg(long, value_name = "ISAS", value_delimiter = ',')]
    pub isa: Vec<Isa>,
    /// Only these exp cores, such as a6,p5
    #[arg(long, value_name = "CORES", value_delimiter = ',')]
    pub core: Vec<Exp>,
    /// Print JSON lines: one per core or per candidate and lengths, then one that concludes
    #[arg(long)]
    pub json: bool,
}

/// How thorough a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Effort {
    /// A first impression.
    Quick,
    /// Good enough to ship.
    Standard,
    /// More and longer samples; for tune also rows of up to 2^26 elements.
    Exhaustive,
}

/// A choice of accuracies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accuracies {
    /// At most 20 ULP.
    Fast,
    /// At most 4 ULP.
    Accurate,
    /// Both, in tables of their own.
    Both,
}

impl Accuracies {
    /// The accuracies chosen.
    pub fn list(self) -> &'static [Accuracy] {
        match self {
            Accuracies::Fast => &[Accuracy::Fast],
            Accuracies::Accurate => &[Accuracy::Accurate],
            Accuracies::Both => &Accuracy::ALL,
        }
    }
}

/// A choice of numbers of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowCounts {
    /// One row at a time.
    Single,
    /// Batches of two rows and more.
    Batch,
    /// Both, in tables of their own.
    Both,
}

impl RowCounts {
    /// What is chosen.
    pub fn list(self) -> &'static [Rows] {
        match self {
            RowCounts::Single => &[Rows::Single],
            RowCounts::Batch => &[Rows::Batch],
            RowCounts::Both => &Rows::ALL,
        }
    }
}

/// Flags of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A profile
    pub a: PathBuf,
    /// Another profile
    pub b: PathBuf,
    /// Race the plans that differ against each other on this machine
    #[arg(long)]
    pub race: bool,
    /// How thorough to race: about 0.1, 0.3, 2 seconds for a difference, after building
    #[arg(long, value_enum, default_value_t = Effort::Standard, requires = "race")]
    pub effort: Effort,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// The profiles, two or more
    #[arg(required = true, num_args = 2.., value_name = "PROFILE")]
    pub profiles: Vec<PathBuf>,
    /// Where to write the profile [default: stdout]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Whose plans to take where they conflict [default: what their evidence says]
    #[arg(long, value_enum)]
    pub prefer: Option<Prefer>,
}

/// The profile that wins conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Prefer {
    /// The first on the command line.
    First,
    /// The last on the command line.
    Last,
}

/// Flags of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The profile
    #[arg(default_value = "softmax-profile.toml")]
    pub profile: PathBuf,
    /// Its journal [default: beside the profile, softmax-profile.journal.jsonl]
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Times of peers: a file with what `cargo xtask compare --json` printed
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Also build the whole grid to measure what a variant costs the compiler: some minutes
    #[arg(long)]
    pub compile: bool,
    /// What to write
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub format: ReportFormat,
    /// With --format svg, png or csv only this plot [default: all, into a directory]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(crate::report::PLOTS))]
    pub plot: Option<String>,
    /// Where to write [default: softmax-report.html, softmax-report-NAME.svg, the directory softmax-report]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// A format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One file with everything, for reading.
    Html,
    /// Plots as vectors.
    Svg,
    /// Plots as pixels.
    Png,
    /// The numbers behind the plots.
    Csv,
}

/// Which variants of the grid.
#[derive(Debug, Args)]
pub struct Variants {
    /// Only these ISAs
    #[arg(long, value_name = "ISAS", value_delimiter = ',')]
    pub isa: Vec<Isa>,
    /// Only these passes
    #[arg(long, value_name = "PASSES", value_delimiter = ',')]
    pub pass: Vec<Pass>,
    /// Only ids that contain one of these texts
    #[arg(long, value_name = "TEXTS", value_delimiter = ',')]
    pub filter: Vec<String>,
}

impl Variants {
    /// Whether a variant is among them.
    pub fn hold(&self, variant: &PassVariant) -> bool {
        let id = variant.id();
        (self.isa.is_empty() || self.isa.contains(&variant.isa))
            && (self.pass.is_empty() || self.pass.contains(&variant.pass))
            && (self.filter.is_empty() || self.filter.iter().any(|text| id.contains(text)))
    }
}

/// Flags of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Print an array of objects
    #[arg(long)]
    pub json: bool,
    /// Which of them
    #[command(flatten)]
    pub variants: Variants,
    /// The combinations that were left out instead, each with its reason
    #[arg(long)]
    pub pruned: bool,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// A variant, such as f32_ext_sum__avx2_p5_u64_acc2
    pub id: String,
    /// The generated Rust [default: this and --counts]
    #[arg(long)]
    pub rust: bool,
    /// What the compiler makes of it: the assembly of this function alone
    #[arg(long)]
    pub asm: bool,
    /// What its main loop does per vector and per element, in operations of the IR and in instructions
    #[arg(long)]
    pub counts: bool,
    /// Print only the counts, of a whole tile, as JSON
    #[arg(long, conflicts_with_all = ["rust", "asm"])]
    pub json: bool,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Row length in elements: 4096, 4k, 2^12
    pub len: Length,
    /// The accuracy asked for: fast or accurate
    #[arg(long, default_value_t = Accuracy::Fast)]
    pub accuracy: Accuracy,
    /// For output that overwrites input
    #[arg(long)]
    pub in_place: bool,
    /// For a batch of so many rows
    #[arg(long, value_name = "N", default_value = "1")]
    pub rows: NonZeroUsize,
    /// As if this were the best ISA of this machine
    #[arg(long)]
    pub isa: Option<Isa>,
    /// Also this profile, before the shipped ones, as a build with SOFTMAX_PROFILE would
    #[arg(long, value_name = "PATH")]
    pub profile: Option<PathBuf>,
}

/// Flags of `matrix`.
#[derive(Debug, Args)]
pub struct Matrix {
    /// How to print it
    #[arg(long, value_enum)]
    pub format: Format,
    /// Instead of printing it append it to the file that $GITHUB_OUTPUT names, as `matrix=...`, with `jobs=NUMBER`
    #[arg(long)]
    pub github_output: bool,
    /// The most jobs; GitHub takes 256 [default: 8 per toolchain]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_jobs: Option<u16>,
    /// Only a share of the variants, such as 1/4; the shares together are all, and take about equally long
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Toolchains, such as 1.95.0,stable [default: that of rust-toolchain.toml]
    #[arg(long, value_name = "TOOLCHAINS", value_delimiter = ',', value_parser = toolchain)]
    pub toolchain: Vec<String>,
    /// A journal of tune, to know which variants' tests take long [default: by the size of their tiles]
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Print a matrix without jobs where no variants are left
    #[arg(long)]
    pub allow_empty: bool,
    /// Which of the grid
    #[command(flatten)]
    pub variants: Variants,
}

/// A format of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line for a workflow's `strategy.matrix`.
    Github,
    /// An array of cells.
    Json,
    /// For reading.
    List,
}

/// The flags of one command, as typed after its name.
#[cfg(test)]
pub fn typed<F: Args>(line: &str) -> F {
    let command = F::augment_args(clap::Command::new("xtask").no_binary_name(true));
    let matches = command.try_get_matches_from(line.split_whitespace());
    matches.and_then(|matches| F::from_arg_matches(&matches)).expect(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Flags::try_parse_from(words).map(|flags| flags.command).map_err(|error| error::usage_line(&error))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Flags::command().debug_assert();
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let Ok(Command::Tune(tune)) =
            parse("tune --sizes 64,4k,2^20 --isa avx2,avx512 --filter a,b --budget 5m")
        else {
            panic!("refused");
        };
        assert_eq!(tune.sizes, [Length(64), Length(4096), Length(1 << 20)]);
        assert_eq!(tune.isa, [Isa::Avx2, Isa::Avx512]);
        assert_eq!(tune.filter, ["a", "b"]);
        assert_eq!(tune.budget, Some(Duration::from_secs(300)));
    }

    /// The commands of a page: in its scripts and workflows, and before the output that it shows.
    fn commands(markdown: &str) -> Vec<String> {
        let blocks = markdown.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
        let lines = blocks.flat_map(|(kind, text)| text.lines().map(move |line| (kind, line)));
        let typed = lines.filter(|(kind, line)| ["sh", "yaml"].contains(kind) || line.starts_with("$ "));
        let after = |(_, line): (_, &str)| Some(line.split_once("cargo xtask ")?.1.to_owned());
        typed.filter_map(after).collect()
    }

    #[test]
    fn every_command_in_the_documentation_parses() {
        let docs = crate::project::root().join("docs");
        let pages = std::fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path());
        let mut found = 0;
        for page in pages.chain([crate::project::root().join("README.md")]) {
            for line in commands(&std::fs::read_to_string(&page).unwrap()) {
                // The rest is the shell's.
                let line = line.split(['|', ';', '&', '#', '>']).next().unwrap();
                parse(line).unwrap_or_else(|error| panic!("{}: `{line}`: {error}", page.display()));
                found += 1;
            }
        }
        assert!(found > 12, "{found}");
    }

    #[test]
    fn bad_flags_are_one_line_that_says_what_is_accepted() {
        for (line, expected) in [
            ("", "no command given"),
            ("tun", "tune"),
            ("tune --sizes 64,4x", "expected a number such as 4096, 4k"),
            ("tune --sizes 64,,128", "`` is no row length"),
            ("tune --isa avx3", "did you mean `avx2`?"),
            ("tune --budget 90", "such as 90s"),
            ("tune --budget 0s", "at least 5s"),
            ("tune --budget 8760h", "at most 24h"),
            ("tune --effort lazy", "quick, standard, exhaustive"),
            ("tune --accuracy best", "fast, accurate, both"),
            ("tune --rows 2", "single, batch, both"),
            ("explain 64 --rows 0", "'--rows <N>'"),
            ("tune --outptu x", "--output"),
            ("check", "<PROFILE>"),
            ("check p.toml --effort lazy", "quick, standard, exhaustive"),
            ("compare --shapes 64", "rows x row length, such as 512x64"),
            ("compare --shapes 1x0", "is not in 1..="),
            ("compare --peers mkl", "rten, tract, onednn, xnnpack, onnxruntime"),
            ("compare --isa avx3", "did you mean `avx2`?"),
            ("paper --isa avx3", "did you mean `avx2`?"),
            ("paper --budget 90", "such as 90s"),
            ("diff a.toml", "<B>"),
            ("merge a.toml", "2 values required"),
            ("merge a.toml b.toml --prefer best", "first, last"),
            ("list --pass maxx", "did you mean `max`?"),
            ("show", "<ID>"),
            ("show f32_max__avx2_u32 --json --asm", "cannot be used with"),
            ("explain many", "is no row length"),
            ("explain 64 --accuracy exact", "(allowed: fast, accurate)"),
            ("explain 64 --accuracy fasst", "did you mean `fast`?"),
            ("report --format pdf", "html, svg, png, csv"),
            ("report --plot speed", "time, bandwidth, crossovers"),
            ("matrix", "--format"),
            ("matrix --format xml", "github, json, list"),
            ("matrix --format json --max-jobs 0", "0 is not in 1..=65535"),
            ("matrix --format json --shard 0/4", "the first of four is 1/4, the last 4/4"),
            ("matrix --format json --shard 5/4", "`5/4` is no share"),
            ("matrix --format json --toolchain 1.95.0,", "`` is no toolchain"),
            ("matrix --format json --toolchain $(true)", "is no toolchain, such as 1.95.0"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(expected), "`{line}`: {error}");
            assert!(!error.contains('\n'), "`{line}`: {error}");
        }
    }
}
