//! Profiles as files: what is written is read back, and every way in which a file can be wrong is refused with a
//! line that says where and what.

use softmax_codegen::profile::{read, write};
use softmax_spec::profile::{
    Class, Evidence, Host, Origin, Profile, SCHEMA, SampleCounts, Situation, Table, Trust,
};
use softmax_spec::{Accuracy, Element, Isa, Plan, Rows};

fn plan(text: &str) -> Plan {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Everything that a profile can hold. Floats have the four significant digits that files keep.
fn full() -> Profile {
    let two_pass = plan("two_pass(f32_ext_sum__avx2_p5_u64_acc2, f32_ext_scale__avx2_p5_u32)");
    let reload =
        plan("three_pass_reload(f32_max__avx2_u32, f32_store_exp__avx2_a5_u32_acc2, f32_scale__avx2_u32)");
    let online = plan("online(f32_online_sum__avx2_a5_u16, f32_scale_exp__avx2_a5_u16)");
    let evidence = |runner_up: Option<(Plan, f64)>, ties| Evidence {
        len: 4096,
        ns_per_element: 0.1234,
        interval: (0.1212, 0.125),
        memcpy_ns_per_element: 1.5e-5,
        roofline: 0.75,
        speedup_over_default: 1.0,
        runner_up: runner_up.clone(),
        ties,
        trust: Some(Trust {
            speedup_interval: (0.98, 1.02),
            runner_up_interval: runner_up.map(|(_, ratio)| (ratio - 0.05, ratio + 0.05)),
            noise: 0.0123,
            contended: Some(0.0),
        }),
    };
    let class = |upper, plan: &Plan, evidence| Class { upper, plan: plan.clone(), evidence };
    let table = |accuracy, in_place, rows, threads, classes| Table {
        situation: Situation { isa: Isa::Avx2, element: Element::F32, accuracy, in_place, rows, threads },
        classes,
    };
    let accurate =
        plan("blocked_recompute(f32_max__avx2_u8, f32_sum_exp__avx2_a6_u8, f32_scale_exp__avx2_a6_u8)");
    Profile {
        name: "a \"quoted\" name".to_owned(),
        host: Some(Host {
            vendor: "GenuineIntel".to_owned(),
            family: 6,
            model: 143,
            stepping: 8,
            brand: "A \"brand\" with C:\\backslash, a\ttab, a\nline and \u{b5}".to_owned(),
            isa: Isa::Avx512,
            cores: 2,
            l1d_kib: 48,
            l2_kib: 2048,
            l3_kib: 0,
            vm: true,
        }),
        origin: Some(Origin {
            rustc: "rustc 1.95.0".to_owned(),
            grid_hash: 0x0123_4567_89ab_cdef,
            grid_variants: 1234,
            effort: "quick".to_owned(),
            budget_seconds: Some(90),
            seconds: 1.0e16,
            complete: Some(false),
            samples: Some(SampleCounts { taken: 12345, retaken: 67, contended: 8 }),
        }),
        tables: vec![
            table(
                Accuracy::Fast,
                false,
                Rows::Single,
                1,
                vec![
                    class(
                        Some(1000),
                        &reload,
                        Some(evidence(Some((two_pass.clone(), 1.25)), vec![online.clone()])),
                    ),
                    class(Some(2000), &online, Some(evidence(None, vec![]))),
                    class(None, &two_pass, Some(evidence(None, vec![reload.clone(), online.clone()]))),
                ],
            ),
            table(Accuracy::Accurate, true, Rows::Single, 2, vec![class(None, &accurate, None)]),
            // One for batches may end, and need not.
            table(Accuracy::Fast, false, Rows::Batch, 1, vec![class(Some(1000), &online, None)]),
            table(Accuracy::Accurate, false, Rows::Batch, 1, vec![class(None, &accurate, None)]),
        ],
    }
}

/// A profile as people write it by hand.
const PLAIN: &str = r#"schema = 1
name = "plain"

[[table]]
isa = "avx2"
element = "f32"
accuracy = "fast"
in_place = false
threads = 1

[[table.class]]
upper = 1000
plan = "two_pass(f32_ext_sum__avx2_p5_u64_acc2, f32_ext_scale__avx2_p5_u32)"

[[table.class]]
plan = "two_pass(f32_ext_sum__avx2_p5_u64_acc2, f32_ext_scale__avx2_p5_u32)"
"#;

/// [`PLAIN`] with the first `from` replaced must be refused in one line that has all of `parts`.
#[track_caller]
fn refused(from: &str, to: &str, parts: &[&str]) {
    assert!(PLAIN.contains(from), "the plain profile has no `{from}`");
    refused_text(&PLAIN.replacen(from, to, 1), parts);
}

#[track_caller]
fn refused_text(text: &str, parts: &[&str]) {
    let error = read(text).expect_err("a wrong profile was read");
    assert!(parts.iter().all(|part| error.contains(part)), "expected {parts:?} in: {error}");
    assert!(!error.contains('\n'), "more than one line: {error}");
}

#[test]
fn what_is_written_is_read_back() {
    let text = write(&full());
    assert_eq!(read(&text).as_ref(), Ok(&full()), "{text}");
}

#[test]
fn a_profile_without_host_and_origin_is_read_back() {
    let plain = read(PLAIN).unwrap();
    assert_eq!((&plain.host, &plain.origin), (&None, &None));
    assert_eq!(read(&write(&plain)), Ok(plain));
}

#[test]
fn a_table_that_says_nothing_of_rows_is_for_single_ones_and_is_written_so() {
    let plain = read(PLAIN).unwrap();
    assert_eq!(plain.tables[0].situation.rows, Rows::Single);
    assert!(!write(&plain).contains("rows"));
    let said = PLAIN.replacen("threads = 1", "rows = \"single\"\nthreads = 1", 1);
    assert_eq!(read(&said), Ok(plain));
    refused("threads = 1", "threads = 1\nrows = \"bach\"", &["[[table]] 1 of", "did you mean `batch`?"]);
    refused("threads = 1", "threads = 1\nrows = 2", &["`rows` must be a string"]);
}

#[test]
fn a_table_for_batches_may_end() {
    let batches = PLAIN.replacen("threads = 1", "rows = \"batch\"\nthreads = 1", 1);
    assert!(read(&batches).is_ok());
    let last = batches.rfind("plan").unwrap();
    let ends = batches[..last].to_owned() + "upper = 2000\n" + &batches[last..];
    assert_eq!(read(&ends).unwrap().tables[0].classes[1].upper, Some(2000));
    refused_text(&ends.replacen("upper = 2000", "upper = 1000", 1), &["`upper` must ascend"]);
    refused_text(&batches.replacen("upper = 1000\n", "", 1), &["only the last class may lack it"]);
}

#[test]
fn a_budget_is_there_only_where_it_is_not_the_efforts() {
    let mut profile = full();
    assert!(write(&profile).contains("\neffort = \"quick\"\nbudget_seconds = 90\n"));
    profile.origin.as_mut().unwrap().budget_seconds = None;
    let text = write(&profile);
    assert!(!text.contains("budget"), "{text}");
    assert_eq!(read(&text), Ok(profile));
}

#[test]
fn measurements_are_written_to_four_digits() {
    let mut profile = full();
    profile.origin.as_mut().unwrap().seconds = 12.345_678;
    assert!(write(&profile).contains("\nseconds = 12.35\n"));
}

#[test]
fn the_largest_number_is_not_rounded_up_to_none() {
    let mut profile = full();
    profile.origin.as_mut().unwrap().seconds = f64::MAX;
    assert_eq!(read(&write(&profile)), Ok(profile));
}

#[test]
fn an_error_that_quotes_a_file_is_one_line() {
    refused("threads = 1", "threads = 1\n\"a\\nb\" = 1", &["unknown key `a\\nb`"]);
    refused("two_pass(", "two_pass\\u001B[2J(", &["`two_pass\\u{1b}[2J`"]);
}

#[test]
fn shipped_profiles_are_read() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../softmax-kernels/tuned");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let profile = read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(read(&write(&profile)), Ok(profile.clone()), "{}", path.display());
            names.push(profile.name);
        }
    }
    assert!(names.iter().any(|name| name == "default"), "{names:?}");
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "`selected` tells profiles apart by name: {names:?}");
}

#[test]
fn malformed_toml_is_refused_with_the_line() {
    refused("threads = 1", "threads = = 1", &["line 9:"]);
    refused("[[table]]", "= 3\n[[table]]", &["line 4:"]);
    refused("schema = 1", "= 1", &["line 1:"]);
}

#[test]
fn a_truncated_file_is_refused() {
    // The only shorter prefixes that are profiles end with the first class, which would then be bounded, or
    // differ in the last line break.
    for end in 0..PLAIN.len() - 1 {
        refused_text(&PLAIN[..end], &[]);
    }
    let middle = PLAIN.find("ext_scale").unwrap();
    refused_text(&PLAIN[..middle], &["line 13:"]);
}

#[test]
fn another_schema_is_refused_before_anything_else() {
    let next = format!("schema = {}\nnovelty = true", SCHEMA + 1);
    refused("schema = 1", &next, &["schema 3 is not supported", "schemas 1 to 2", "tune again"]);
    refused("schema = 1", "schema = 0", &["schema 0 is not supported"]);
}

#[test]
fn profiles_of_schema_1_say_nothing_of_trust_and_stay_so_when_they_are_written_again() {
    let mut profile = full();
    let origin = profile.origin.as_mut().unwrap();
    (origin.complete, origin.samples) = (None, None);
    let classes = profile.tables.iter_mut().flat_map(|table| &mut table.classes);
    classes.flat_map(|class| &mut class.evidence).for_each(|evidence| evidence.trust = None);
    let text = write(&profile);
    for key in ["complete", "samples", "speedup_interval", "runner_up_interval", "noise", "contended"] {
        assert!(!text.contains(key), "{key}");
    }
    let older = text.replacen("schema = 2", "schema = 1", 1);
    assert_ne!(older, text);
    assert_eq!(read(&older).as_ref(), Ok(&profile));
    assert_eq!(read(&text), Ok(profile));
}

#[test]
fn what_a_system_does_not_tell_is_left_out_and_what_belongs_together_is_not() {
    let mut profile = full();
    let trust = |profile: &mut Profile| {
        profile.tables[0].classes[0].evidence.as_mut().and_then(|evidence| evidence.trust.take()).unwrap()
    };
    let known = trust(&mut profile);
    profile.tables[0].classes[0].evidence.as_mut().unwrap().trust = Some(Trust { contended: None, ..known });
    let text = write(&profile);
    assert_eq!(read(&text), Ok(profile));
    for key in ["speedup_interval", "noise", "samples_retaken"] {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        refused_text(&text.replacen(&format!("{line}\n"), "", 1), &[&format!("`{key}` is missing")]);
    }
}

#[test]
fn a_missing_key_is_refused() {
    refused("schema = 1\n", "", &["the profile: `schema` is missing"]);
    refused("threads = 1\n", "", &["[[table]] 1 of the profile: `threads` is missing"]);
}

#[test]
fn a_value_of_another_type_is_refused() {
    refused("name = \"plain\"", "name = 3", &["`name` must be a string"]);
    refused("in_place = false", "in_place = \"no\"", &["`in_place` must be true or false"]);
    refused("threads = 1", "threads = -1", &["`threads` must be a whole number in range"]);
    refused("threads = 1", "threads = 4294967296", &["`threads` must be a whole number in range"]);
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    refused("threads = 1", "threads = 1\nuper = 3", &["unknown key `uper` (allowed: isa, element"]);
    refused("upper = 1000", "uper = 1000", &["[[class]] 1 of", "unknown key `uper`, did you mean `upper`?"]);
    refused("name = ", "nane = 3\nname = ", &["unknown key `nane`, did you mean `name`?"]);
}

#[test]
fn an_unknown_variant_is_refused_with_the_nearest() {
    refused("f32_ext_sum__avx2_p5", "f32_ext_sun__avx2_p5", &["`ext_sun`", "did you mean `ext_sum`?"]);
    refused("f32_ext_sum__avx2_p5", "f32_ext_sum__avx3_p5", &["`avx3`", "did you mean `avx2`?"]);
    refused("f32_ext_sum__avx2_p5", "f32_ext_sum__avx2_p9", &["unknown exp core `p9`", "p3..p7"]);
    refused("two_pass", "too_pass", &["`too_pass`", "did you mean `two_pass`?"]);
    refused("u64_acc2", "u64_acc3", &["3 accumulators do not divide an unroll of 8 vectors"]);
}

#[test]
fn classes_out_of_order_are_refused() {
    let second = "\n[[table.class]]\nupper = 1000\nplan = \"two_pass(f32_ext_sum__avx2_p5_u8, f32_ext_scale__avx2_p5_u8)\"\n";
    let twice = PLAIN.replacen("\n[[table.class]]", &format!("{second}\n[[table.class]]"), 1);
    refused_text(&twice, &["[[table]] 1 of the profile", "`upper` must ascend"]);
    refused_text(&twice.replacen("1000", "1001", 1), &["`upper` must ascend"]);
    assert!(read(&twice.replacen("1000", "999", 1)).is_ok());
}

#[test]
fn evidence_without_its_length_is_refused() {
    let text = write(&full());
    let start = text.find("\nlen = ").unwrap();
    let end = start + text[start..].find("\n\n").unwrap();
    let lines: Vec<&str> = text[start..end].lines().filter(|line| !line.starts_with("len")).collect();
    assert!(lines.iter().filter(|line| !line.is_empty()).count() > 5, "{lines:?}");
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        let key = line.split(' ').next().unwrap();
        let place = "[[class]] 1 of [[table]] 1 of the profile";
        let with = format!("upper = 1000\n{line}\n");
        refused("upper = 1000\n", &with, &[place, &format!("`{key}` needs `len`")]);
    }
}

#[test]
fn numbers_that_no_measurement_gives_are_refused() {
    let text = write(&full());
    let with = |key: &str, value: &str| {
        let start = text.find(&format!("\n{key} = ")).unwrap() + 1;
        let end = start + text[start..].find('\n').unwrap();
        format!("{}{key} = {value}{}", &text[..start], &text[end..])
    };
    let positive =
        ["ns_per_element", "memcpy_ns_per_element", "roofline", "speedup_over_default", "runner_up_ratio"];
    for key in positive {
        assert!(read(&with(key, "0.5")).is_ok());
        for value in ["0.0", "-0.5", "0", "nan"] {
            refused_text(&with(key, value), &[&format!("`{key}` must be a number above 0")]);
        }
    }
    for key in ["upper", "len"] {
        assert!(read(&with(key, "1")).is_ok());
        refused_text(&with(key, "0"), &[&format!("`{key}` must be a row length of 1 or more")]);
    }
}

#[test]
fn two_tables_for_one_situation_are_refused() {
    let table = &PLAIN[PLAIN.find("[[table]]").unwrap()..];
    let twice = format!("{PLAIN}\n{table}");
    let what = "same situation as [[table]] 1: f32 avx2, fast, out of place";
    refused_text(&twice, &["[[table]] 2 of the profile", what]);
    for (from, to) in [
        ("in_place = false", "in_place = true"),
        ("threads = 1", "threads = 2"),
        ("threads = 1", "threads = 1\nrows = \"batch\""),
    ] {
        let other = table.replacen(from, to, 1);
        assert!(read(&format!("{PLAIN}\n{other}")).is_ok(), "{to}");
    }
    // Whatever stands between them.
    let between = table.replacen("threads = 1", "threads = 2", 1);
    refused_text(&format!("{PLAIN}\n{between}\n{table}"), &["[[table]] 3 of", "as [[table]] 1"]);
}

#[test]
fn only_the_last_class_is_unbounded() {
    let last = PLAIN.rfind("plan").unwrap();
    refused_text(
        &(PLAIN[..last].to_owned() + "upper = 2000\n" + &PLAIN[last..]),
        &["only the last class lacks it"],
    );
    refused("upper = 1000\n", "", &["only the last class lacks it"]);
    let classes = PLAIN.find("\n[[table.class]]").unwrap();
    refused_text(&(PLAIN[..classes].to_owned() + "class = []\n"), &["it has no classes"]);
}

#[test]
fn a_plan_of_another_isa_is_refused() {
    refused("isa = \"avx2\"", "isa = \"avx512\"", &["`two_pass(f32_ext_sum__avx2", "is not for avx512"]);
}

#[test]
fn a_plan_that_does_not_reach_the_accuracy_is_refused() {
    refused("accuracy = \"fast\"", "accuracy = \"accurate\"", &["does not reach accuracy `accurate`"]);
}
