//! The measuring process as the tuner sees it: a child with two pipes.
#![cfg(feature = "harness")]

use softmax_bench::protocol::{
    self, Contention, CoreError, CoreRequest, Distribution, Reply, Request, RowErrors, RowsRequest,
    ShownCore, TimeRequest,
};
use softmax_spec::Accuracy;
use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};

/// The replies to these lines; the process must end well when they do.
fn converse(lines: &[Vec<u8>]) -> Vec<Reply> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_measure"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("measure starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&lines.join(&b'\n')).expect("measure reads");
    drop(stdin);
    let output = child.wait_with_output().expect("measure ends");
    assert!(output.status.success(), "{}", output.status);
    let replies = String::from_utf8(output.stdout).expect("UTF-8");
    replies.lines().map(|line| serde_json::from_str(line).expect("a reply")).collect()
}

fn line(request: &Request) -> Vec<u8> {
    serde_json::to_vec(request).expect("requests serialise")
}

fn time(candidates: &[&str], rows: usize, len: usize) -> Vec<u8> {
    line(&Request::Time(TimeRequest {
        candidates: candidates.iter().map(|&text| text.to_owned()).collect(),
        rows,
        len,
        in_place: false,
        rounds: 3,
        sample_us: 10.0,
    }))
}

fn core(variant: &str, form: &str, (low, high): (f32, f32)) -> CoreRequest {
    let every = NonZeroUsize::new(1009).expect("a stride");
    CoreRequest {
        cores: vec![ShownCore { variant: variant.to_owned(), form: form.to_owned() }],
        low,
        high,
        every,
        threads: NonZeroUsize::MIN,
    }
}

fn rows(candidates: &[&str], shortest: usize) -> RowsRequest {
    RowsRequest {
        candidates: candidates.iter().map(|&text| text.to_owned()).collect(),
        distribution: Distribution::Uniform,
        shortest,
        longest: 1000,
        count: 3,
        threads: NonZeroUsize::MIN,
    }
}

#[test]
fn requests_and_replies_survive_json() {
    let requests = [
        Request::Describe,
        Request::Emulator,
        Request::Find(protocol::RTEN.to_owned()),
        Request::Verify { candidate: "f32_max__avx2_u8".to_owned(), max_ulp: Some(4) },
        Request::Core(core("f32_ext_scale__avx2_p5_u8", "extended", (-8192.0, 16384.0))),
        Request::Rows(rows(&[protocol::OURS_FAST], 100)),
        Request::Time(TimeRequest {
            candidates: vec![protocol::MEMCPY.to_owned()],
            rows: 3,
            len: 5,
            in_place: true,
            rounds: 2,
            sample_us: 0.1,
        }),
    ];
    for request in requests {
        let text = serde_json::to_string(&request).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    }
    let replies = [
        Reply::Description { isas: vec!["avx2".to_owned()], variants: vec![] },
        Reply::Emulator(Some("valgrind".to_owned())),
        Reply::Emulator(None),
        Reply::Found(Ok("yes".to_owned())),
        Reply::Found(Err("no".to_owned())),
        Reply::Verdict { max_ulp: 1.5, failure: Some("line\nbreak".to_owned()) },
        Reply::Core(vec![CoreError {
            inputs: u64::MAX,
            ulp: 1.98,
            at: -0.1,
            distance: 2,
            distance_at: -0.0,
            units: 2.5,
            units_at: 1.0,
        }]),
        Reply::Rows(vec![RowErrors { outputs: 1, ulp: 0.1 + 0.2, len: 3, distance: 4, rows: 5 }]),
        Reply::Samples { samples: vec![vec![0.1 + 0.2, f64::MIN_POSITIVE]], contention: None },
        Reply::Samples {
            samples: vec![],
            contention: Some(Contention { retaken: 3, contended: vec![(0, 1), (2, 0)], set_aside_us: 0 }),
        },
        Reply::Error("no".to_owned()),
    ];
    for reply in replies {
        let text = serde_json::to_string(&reply).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
    }
}

#[test]
fn bad_input_is_answered_and_the_next_request_served() {
    let lines = [
        b"not json".to_vec(),
        vec![],
        vec![0xff, 0xfe],
        b"{\"time\":{}}".to_vec(),
        line(&Request::Verify { candidate: "f32_max__avx9_u8".to_owned(), max_ulp: None }),
        line(&Request::Verify { candidate: protocol::MEMCPY.to_owned(), max_ulp: None }),
        line(&Request::Core(core("f32_max__scalar_u1", "relative", (-1.0, 0.0)))),
        line(&Request::Core(core("f32_ext_scale__scalar_p5_u1", "relative", (-1.0, 0.0)))),
        line(&Request::Core(core("f32_ext_scale__scalar_p5_u1", "extensive", (-1.0, 0.0)))),
        line(&Request::Core(core("f32_ext_scale__scalar_p5_u1", "extended", (2.0, 1.0)))),
        line(&Request::Rows(rows(&[protocol::MEMCPY], 100))),
        line(&Request::Rows(rows(&[protocol::OURS_FAST], 0))),
        time(&[protocol::MEMCPY], 1, 0),
        time(&[protocol::MEMCPY], 2, usize::MAX),
        time(&["ref:nothing"], 1, 64),
        line(&Request::Describe),
    ];
    let replies = converse(&lines);
    assert_eq!(replies.len(), lines.len());
    let (last, errors) = replies.split_last().unwrap();
    for (reply, line) in errors.iter().zip(&lines) {
        assert!(matches!(reply, Reply::Error(_)), "{}: {reply:?}", String::from_utf8_lossy(line));
    }
    let Reply::Description { isas, variants } = last else { panic!("{last:?}") };
    assert!(isas.contains(&"scalar".to_owned()));
    assert!(!variants.is_empty());
}

#[test]
fn a_request_without_rows_is_for_one_row() {
    let text = r#"{"time":{"candidates":[],"len":5,"in_place":false,"rounds":2,"sample_us":1.0}}"#;
    let Ok(Request::Time(request)) = serde_json::from_str(text) else { panic!("{text}") };
    assert_eq!(request.rows, 1);
}

#[test]
fn errors_of_cores_and_rows_are_measured() {
    let requests = [
        Request::Core(core("f32_store_exp__scalar_a6_u1", "shifted", (-100.0, 8192.0))),
        Request::Rows(rows(&[protocol::OURS_FAST, protocol::OURS_ACCURATE], 100)),
    ];
    let replies = converse(&requests.map(|request| line(&request)));
    let [Reply::Core(cores), Reply::Rows(rows)] = &replies[..] else { panic!("{replies:?}") };
    assert!(cores.len() == 1 && cores[0].inputs > 1_000_000 && cores[0].ulp > 0.5 && cores[0].ulp < 2.0);
    assert!(rows.len() == 2 && rows.iter().all(|row| row.outputs >= 300 && row.ulp > 0.0));
}

#[test]
fn a_batch_is_raced() {
    let candidates = [protocol::MEMCPY, protocol::READ_SUM, protocol::RTEN, protocol::OURS_FAST];
    for reply in converse(&[time(&candidates, 1, 1000), time(&candidates, 7, 100)]) {
        let Reply::Samples { samples, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [3; 4]);
        assert!(samples.iter().flatten().all(|&ns| ns > 0.0));
    }
}

#[test]
fn peers_and_our_api_are_found_and_verified() {
    for (candidate, max_ulp, name) in [
        (protocol::RTEN, 1000, "rten-vecmath"),
        (protocol::OURS_FAST, Accuracy::Fast.max_ulp(), "softmax-kernels"),
        (protocol::OURS_ACCURATE, Accuracy::Accurate.max_ulp(), "softmax-kernels"),
    ] {
        let verify = Request::Verify { candidate: candidate.to_owned(), max_ulp: Some(max_ulp) };
        let replies = converse(&[line(&Request::Find(candidate.to_owned())), line(&verify)]);
        let [Reply::Found(Ok(found)), Reply::Verdict { max_ulp, failure }] = &replies[..] else {
            panic!("{replies:?}")
        };
        assert!(found.starts_with(name), "{found}");
        assert_eq!(*failure, None);
        assert!(*max_ulp > 0.0);
    }
    let replies = converse(&[line(&Request::Find("peer:mkl".to_owned()))]);
    let [Reply::Found(Err(reason))] = &replies[..] else { panic!("{replies:?}") };
    assert!(reason.contains("peer:onednn"), "{reason}");
}

#[cfg(target_os = "linux")]
#[test]
fn it_does_not_outlive_whoever_started_it() {
    use std::os::unix::process::ExitStatusExt;

    let start = || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_measure"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("measure starts");
        let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        stdin.write_all(&[line(&Request::Describe), vec![b'\n']].concat()).expect("measure reads");
        BufReader::new(stdout).read_line(&mut String::new()).expect("measure answers");
        (child, stdin)
    };
    let (mut child, stdin) = std::thread::spawn(start).join().expect("measure is started");
    let status = child.wait().expect("measure ends, with its input still open");
    assert_eq!(status.signal(), Some(9));
    drop(stdin);
}
