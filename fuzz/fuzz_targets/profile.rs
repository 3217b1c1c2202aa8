//! Profiles in any text: never a panic; an error is one line; what is read is written and read back the same, and so is the merger of a
//! profile with itself.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use softmax_codegen::profile::{read, write};
use softmax_spec::profile::{Evidence, Profile, Trust};
use std::path::PathBuf;
use xtask::merge;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = str::from_utf8(data) else { return Corpus::Reject };
    match read(text) {
        Ok(profile) => check(profile),
        Err(error) => assert!(!error.is_empty() && !error.contains(char::is_control), "no line: {error:?}"),
    }
    Corpus::Keep
});

fn check(mut profile: Profile) {
    let written = read_back(&profile);
    round_to(&mut profile, &written);
    assert_eq!(profile, written, "writing it changed more than digits");
    assert_eq!(read_back(&written), written, "what was read back is not written as it was");

    let twice = [("a.toml", written.clone()), ("b.toml", written)]
        .map(|(path, profile)| (PathBuf::from(path), profile));
    read_back(&merge(&twice, 0, None).0);
}

fn read_back(profile: &Profile) -> Profile {
    let text = write(profile);
    read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Takes over every float that is the same to the four digits that files keep.
fn round_to(profile: &mut Profile, written: &Profile) {
    if let (Some(origin), Some(written)) = (&mut profile.origin, &written.origin) {
        round(&mut origin.seconds, written.seconds);
    }
    let classes = profile.tables.iter_mut().flat_map(|table| &mut table.classes);
    let written = written.tables.iter().flat_map(|table| &table.classes);
    for (class, written) in classes.zip(written) {
        if let (Some(evidence), Some(written)) = (&mut class.evidence, &written.evidence) {
            floats(evidence)
                .into_iter()
                .zip(floats(&mut written.clone()))
                .for_each(|(float, written)| round(float, *written));
        }
    }
}

fn round(float: &mut f64, written: f64) {
    if (*float - written).abs() <= 5.01e-4 * float.abs() {
        *float = written;
    }
}

fn floats(evidence: &mut Evidence) -> Vec<&mut f64> {
    let Evidence {
        ns_per_element,
        interval,
        memcpy_ns_per_element,
        roofline,
        speedup_over_default,
        runner_up,
        trust,
        ..
    } = evidence;
    let mut all = vec![
        ns_per_element,
        &mut interval.0,
        &mut interval.1,
        memcpy_ns_per_element,
        roofline,
        speedup_over_default,
    ];
    all.extend(runner_up.iter_mut().map(|(_, ratio)| ratio));
    if let Some(Trust { speedup_interval, runner_up_interval, noise, contended }) = trust {
        all.extend([&mut speedup_interval.0, &mut speedup_interval.1, noise]);
        all.extend(runner_up_interval.iter_mut().flat_map(|(low, high)| [low, high]));
        all.extend(contended);
    }
    all
}
