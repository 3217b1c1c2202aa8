//! `SOFTMAX_FORCE_ISA`, and what `selected` says of it.

mod process;

use process::this_program;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Set in a process that is to say what was selected.
const TELLING: &str = "DOWNSTREAM_TELLING_PROCESS";

#[test]
fn what_names_no_isa_is_ignored_and_told_on_one_line() {
    if std::env::var_os(TELLING).is_some() {
        return println!("selected: {}", softmax_kernels::selected(64));
    }
    let ignored = "ignored: no such ISA is compiled in and supported here";
    for (word, said) in [
        (&b"scalar"[..], "; SOFTMAX_FORCE_ISA=scalar".to_owned()),
        (b"avx1024", format!("; SOFTMAX_FORCE_ISA=avx1024 {ignored}")),
        (b"", format!("; SOFTMAX_FORCE_ISA= {ignored}")),
        (b"a\x1b[2J\nb", format!("; SOFTMAX_FORCE_ISA=a\\u{{1b}}[2J\\nb {ignored}")),
        (b"\xffsse2", format!("; SOFTMAX_FORCE_ISA=\u{fffd}sse2 {ignored}")),
    ] {
        let mut process = this_program();
        process.args(["what_names_no_isa_is_ignored_and_told_on_one_line", "--exact", "--nocapture"]);
        process.env(TELLING, "1").env("SOFTMAX_FORCE_ISA", OsString::from_vec(word.to_vec()));
        let output = process.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let line = told.lines().find(|line| line.contains("selected: "));
        assert!(line.is_some_and(|line| line.contains(&said)), "{said}: {told}");
    }
}
