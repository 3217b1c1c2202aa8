//! Reports of what a search on the model leaves.

use super::data::cost::{Build, Cost};
use super::data::{Missing, peers};
use super::*;
use crate::error::is_bad_input;
use crate::flags::typed;
use crate::profiles::samples::damaged_profiles;
use crate::project;
use crate::tune::sample;
use roxmltree::{Document, Node, ParsingOptions};
use softmax_spec::profile::{Class, Profile};
use softmax_spec::{Isa, Pass};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A directory with a profile and its journal.
static TUNED: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let profile = sample::tune(dir.path());
    (dir, profile)
});

const HEAD: &str = r#"{"accuracy":"fast","contestants":[{"id":"ours","max_ulp":3.0,"name":"softmax-kernels"},{"id":"rten","max_ulp":9.0,"name":"rten-vecmath <0.27>"},{"id":"tract","max_ulp":9.0,"name":"tract-linalg"}],"cpu":"A & B","effort":"quick","in_place":false,"isa":null,"skipped":[]}"#;
const SHAPE: &str = r#"{"shape":"1x64","ns_per_element":0.4,"peers":[{"id":"rten","ns_per_element":0.8,"ratio":2.0},{"id":"tract","ns_per_element":40.0,"ratio":100.0}]}"#;

fn flags(line: &str) -> flags::Report {
    typed(&format!("{} {line}", TUNED.1.display()))
}

/// Everything that a report can show.
fn whole() -> Data {
    let mut data = Data::gather(&flags("")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("compare.jsonl");
    fs::write(&path, format!("{HEAD}\n{SHAPE}\n")).unwrap();
    data.peers = Ok(peers::read(&path).unwrap());
    data.cost = Ok(Cost {
        bytes: BTreeMap::from([((Isa::Avx2, Pass::Max), vec![100, 200, 300])]),
        shortlist: Build { variants: 100, seconds: 3.0 },
        grid: Build { variants: 1100, seconds: 18.0 },
        cores: 2,
    });
    data
}

/// A directory with the profile and no journal.
fn without_journal() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("alone.toml");
    fs::copy(&TUNED.1, &profile).unwrap();
    (dir, profile)
}

fn parse(xml: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(xml, options).unwrap()
}

fn text(node: Node) -> String {
    node.descendants().filter_map(|node| node.is_text().then(|| node.text()).flatten()).collect()
}

#[test]
fn every_plot_has_a_figure_of_its_name_and_the_model_fills_it() {
    let figures = figures(&whole());
    let names: Vec<&str> = figures.iter().map(|figure| figure.name).collect();
    assert_eq!(names, PLOTS);
    for figure in figures {
        assert!(!figure.panels.is_empty() && !figure.table.rows.is_empty(), "{}", figure.name);
        assert!(figure.missing.is_empty(), "{}", figure.name);
    }
}

#[test]
fn the_page_is_well_formed_and_has_every_section_with_drawings_and_numbers() {
    let data = whole();
    let html = html::page(&data, &figures(&data)).unwrap();
    let document = parse(&html);
    let ids: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("section"))
        .filter_map(|node| node.attribute("id"))
        .collect();
    assert_eq!(ids, PLOTS);
    for section in document.descendants().filter(|node| node.has_tag_name("section")) {
        let count = |name: &str| section.descendants().filter(|node| node.tag_name().name() == name).count();
        assert!(count("svg") > 0 && count("tbody") == 1 && count("tr") > 1, "{:?}", section.attribute("id"));
    }
    for said in ["15.0 ms of wall time each on 2 cores", "rten-vecmath <0.27>", "A CPU"] {
        assert!(text(document.root()).contains(said), "{said}");
    }
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let data = whole();
    let html = html::page(&data, &figures(&data)).unwrap();
    for node in parse(&html).descendants() {
        assert!(
            !["script", "link", "img", "iframe", "image", "use", "object"].contains(&node.tag_name().name())
        );
        for attribute in node.attributes() {
            let is_local = attribute.name() != "href" || attribute.value().starts_with('#');
            assert!(
                is_local && attribute.name() != "src" && !attribute.name().starts_with("on"),
                "{attribute:?}"
            );
        }
    }
    let without_namespace = html.replace("http://www.w3.org/2000/svg", "");
    for fetching in ["http:", "https:", "url(", "@import", "//"] {
        assert!(!without_namespace.contains(fetching), "{fetching}");
    }
}

#[test]
fn the_page_and_its_drawings_have_colours_for_dark_paper() {
    let data = whole();
    let html = html::page(&data, &figures(&data)).unwrap();
    let dark = html.split("prefers-color-scheme: dark").nth(1).unwrap().split("</style>").next().unwrap();
    let drawn = html.split("<main>").nth(1).unwrap();
    for part in drawn.split(['"', '\n']).filter(|part| part.starts_with('#') && part.len() == 7) {
        assert!(dark.contains(&format!("[fill=\"{part}\"]")), "{part} stays as it is on dark paper");
    }
}

#[test]
fn drawings_are_well_formed_and_no_word_is_cut_off() {
    for figure in figures(&whole()) {
        let svg = figure.svg().unwrap();
        let document = parse(&svg);
        let number = |node: Node, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let (wide, high) =
            (number(document.root_element(), "width"), number(document.root_element(), "height"));
        let mut words = 0;
        for node in document.descendants().filter(|node| node.tag_name().name() == "text") {
            let said = text(node);
            let length = f64::from(canvas::width(said.trim(), number(node, "font-size")));
            let left = number(node, "x")
                - length
                    * match node.attribute("text-anchor") {
                        Some("end") => 1.0,
                        Some("middle") => 0.5,
                        _ => 0.0,
                    };
            assert!(left >= 0.0 && left + length <= wide, "{}: `{said}` from {left} on {wide}", figure.name);
            assert!((0.0..=high).contains(&number(node, "y")), "{}: `{said}`", figure.name);
            words += 1;
        }
        assert!(words > 5, "{}", figure.name);
    }
}

#[test]
fn numbers_have_a_name_and_as_many_cells_in_every_row() {
    for figure in figures(&whole()) {
        let csv = figure.table.csv().unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(
            reader.headers().unwrap().iter().collect::<Vec<_>>(),
            figure.table.columns,
            "{}",
            figure.name
        );
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), figure.table.rows.len());
    }
}

/// The numbers of a plot: the column of that name, by row.
fn column(figures: &[Figure], plot: &str, name: &str) -> Vec<String> {
    let table = &figures.iter().find(|figure| figure.name == plot).unwrap().table;
    let place = table.columns.iter().position(|column| *column == name).unwrap();
    table.rows.iter().map(|row| row[place].clone()).collect()
}

#[test]
fn what_the_model_is_like_can_be_read_off() {
    let figures = figures(&whole());
    // Unroll 8 is best for every pass; store_exp has the variant that is wrong.
    let [reaches, passes, unrolls, ratios] =
        ["rows", "pass", "unroll", "ratio_to_best"].map(|name| column(&figures, "tiles", name));
    let cached: Vec<usize> =
        (0..ratios.len()).filter(|&i| reaches[i] == "rows in L1 or L2" && passes[i] != "store_exp").collect();
    assert!(cached.len() > 50);
    for i in cached {
        let ratio: f64 = ratios[i].parse().unwrap();
        assert_eq!(ratio < 1.02, unrolls[i] == "8", "{} {}: {ratio}", passes[i], unrolls[i]);
    }
    // Reloading wins in cache, Two-Pass beyond.
    let [situations, series, lens, times] =
        ["situation", "series", "elements", "ns_per_element"].map(|name| column(&figures, "time", name));
    let time = |wanted: &str, len: &str| {
        let row =
            |&i: &usize| situations[i].ends_with("out of place") && series[i] == wanted && lens[i] == len;
        let i = (0..times.len()).find(row).unwrap_or_else(|| panic!("{wanted} at {len}"));
        times[i].parse::<f64>().unwrap()
    };
    assert!(time("3-pass reload", "1024") < time("2-pass", "1024"));
    assert!(time("2-pass", "1048576") < time("3-pass reload", "1048576"));
    assert!((time("memcpy", "1024") - 0.1).abs() < 0.01 && (time("roofline", "1024") - 0.2).abs() < 0.02);
}

#[test]
fn a_profile_without_a_journal_fills_what_it_can_and_says_what_is_missing() {
    let (_dir, profile) = without_journal();
    let data = Data::gather(&typed(&profile.display().to_string())).unwrap();
    let figures = figures(&data);
    let empty: Vec<&str> =
        figures.iter().filter(|figure| figure.panels.is_empty()).map(|figure| figure.name).collect();
    assert_eq!(empty, ["peers", "tiles"]);
    let html = html::page(&data, &figures).unwrap();
    let said = text(parse(&html).root());
    for expected in [
        "alone.journal.jsonl: only what the profile holds",
        "cargo xtask tune --output",
        "cargo xtask compare --json >",
        "--compile",
    ] {
        assert!(said.contains(expected), "{expected}");
    }
    let series = column(&figures, "time", "series");
    assert!(
        series.contains(&"3-pass reload".to_owned()) && series.contains(&"roofline".to_owned()),
        "{series:?}"
    );
}

/// A profile whose numbers are at the ends of what can be read.
fn extreme() -> Profile {
    let mut extreme = whole().profile;
    for table in &mut extreme.tables {
        for (i, Class { evidence, .. }) in table.classes.iter_mut().enumerate() {
            let Some(evidence) = evidence else { continue };
            let number = [f64::MAX, 5e-324][i % 2];
            (evidence.ns_per_element, evidence.memcpy_ns_per_element) = (number, number);
            (evidence.roofline, evidence.speedup_over_default) = (number, number);
            evidence.len = [1, usize::MAX][i % 2];
        }
    }
    extreme
}

#[test]
fn whatever_a_profile_says_it_is_drawn() {
    let mut data = whole();
    data.times = Err(Missing { what: String::new(), command: String::new() });
    let damaged = damaged_profiles();
    assert!(damaged.len() > 20, "{}", damaged.len());
    for profile in damaged.into_iter().step_by(10).chain([extreme()]) {
        data.profile = profile;
        let html = html::page(&data, &figures(&data)).unwrap();
        assert_eq!(parse(&html).root_element().tag_name().name(), "html");
    }
}

#[test]
fn a_profile_that_was_never_measured_shows_its_classes() {
    let (dir, _) = without_journal();
    let default = project::profiles_dir().join("default.toml");
    let output = dir.path().join("report.html");
    run(&typed(&format!("{} --output {}", default.display(), output.display()))).unwrap();
    let html = fs::read_to_string(output).unwrap();
    let said = text(parse(&html).root());
    assert!(said.contains("it has plans and no times") && said.contains("Softmax on default"), "{said}");
}

#[test]
fn a_journal_of_another_machine_is_not_mixed_in() {
    let (_dir, profile) = without_journal();
    let journal = journal::beside(&profile);
    let text = fs::read_to_string(journal::beside(&TUNED.1)).unwrap();
    fs::write(&journal, text.replace("\"A CPU\"", "\"B CPU\"")).unwrap();
    let data = Data::gather(&typed(&profile.display().to_string())).unwrap();
    let what = &data.times.err().unwrap().what;
    assert!(what.contains("is of another machine than the profile, which is of A CPU"), "{what}");
    let named = format!("{} --journal {}", profile.display(), journal.display());
    assert!(is_bad_input(&Data::gather(&typed(&named)).err().unwrap()));
}

#[test]
fn every_format_is_written_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let here = |name: &str| dir.path().join(name);
    run(&flags(&format!("--output {}", here("report.html").display()))).unwrap();
    run(&flags(&format!("--format svg --plot time --output {}", here("time.svg").display()))).unwrap();
    run(&flags(&format!("--format csv --output {}", here("numbers").display()))).unwrap();
    parse(&fs::read_to_string(here("report.html")).unwrap());
    parse(&fs::read_to_string(here("time.svg")).unwrap());
    let mut names: Vec<String> = fs::read_dir(here("numbers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["bandwidth.csv", "compile.csv", "crossovers.csv", "gain.csv", "tiles.csv", "time.csv"]
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_drawn_is_one_line_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &str| {
        let path = dir.path().join(name);
        fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let (empty, broken, lone) =
        (file("empty", ""), file("broken", "{\n"), file("lone", &format!("{HEAD}\n")));
    let absent = dir.path().join("absent").display().to_string();
    let output = format!("--output {}", dir.path().join("report").display());
    let own = TUNED.1.display().to_string();
    for (line, expected) in [
        (format!("{absent} {output}"), "there is no profile"),
        (format!("{empty} {output}"), "`schema` is missing"),
        (format!("{own} --journal {absent} {output}"), "cannot read"),
        (format!("{own} --journal {empty} {output}"), "holds no measurement yet"),
        (format!("{own} --journal {own} {output}"), "is no journal of tune"),
        (format!("{own} --compare {absent} {output}"), "cannot read --compare"),
        (
            format!("{own} --compare {empty} {output}"),
            "is empty; it is to hold what `cargo xtask compare --json` printed",
        ),
        (format!("{own} --compare {broken} {output}"), "line 1: EOF"),
        (format!("{own} --compare {lone} {output}"), "has no shape with a peer"),
        (format!("{own} --plot time {output}"), "the HTML file has every plot"),
        (
            format!("{own} --format svg --plot peers {output}"),
            "nothing to draw in `peers`: no times of other libraries",
        ),
        (format!("{own} --output {}", dir.path().display()), "it is a directory"),
        (format!("{own} --format svg --output {empty}"), "cannot make the directory"),
        (format!("{own} --output {own}"), "--output would replace"),
        (format!("{own} --compare {lone} --output {lone}"), "--output would replace"),
        (format!("{own} --output {}", journal::beside(&TUNED.1).display()), "--output would replace"),
    ] {
        let error = run(&typed(&line)).expect_err(&line);
        let message = format!("{error:#}");
        assert!(message.contains(expected), "{line}: {message}");
        assert!(is_bad_input(&error) && !message.contains('\n'), "{line}: {message}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}
