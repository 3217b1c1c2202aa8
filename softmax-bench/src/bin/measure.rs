//! The measuring process: requests in, replies out, one JSON value per line, until its input ends.
//!
//! A process of its own, so that the tuner compiles without the grid, and so that a kernel that crashes takes down
//! one measurement instead of a search. Bad input is answered, never fatal.

use anyhow::{Context, Result, bail};
use softmax_bench::affinity::Pin;
use softmax_bench::candidate::Candidate;
use softmax_bench::certify::{self, Evaluator, Range};
use softmax_bench::protocol::{self, CoreError, CoreRequest, Reply, Request, ShownCore, TimeRequest};
use softmax_bench::{emulator, leash, timer, verify};
use softmax_spec::certificate::{Form, Subject, Worst};
use softmax_spec::{Isa, PassVariant};
use std::io::{self, BufRead, ErrorKind, Write};
use std::slice;

fn main() -> Result<()> {
    leash::end_with_parent();
    let pin = Pin::to_quietest_core();
    if pin.is_none() {
        // Not `eprintln!`, which would panic if nobody reads it.
        let _ = writeln!(io::stderr(), "measure: not pinned to a core, expect more noise");
    }
    let mut requests = io::stdin().lock();
    let mut replies = io::stdout().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        if requests.read_until(b'\n', &mut line).context("reading a request")? == 0 {
            return Ok(());
        }
        let reply = answer(&line, pin.as_ref()).unwrap_or_else(|error| Reply::Error(format!("{error:#}")));
        match send(&mut replies, &reply) {
            // Whoever asked is gone.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            sent => sent.context("writing a reply")?,
        }
    }
}

fn send(replies: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    replies.write_all(&line)?;
    replies.flush()
}

fn answer(line: &[u8], pin: Option<&Pin>) -> Result<Reply> {
    let request = serde_json::from_slice(line).context("not a request")?;
    match pin.filter(|_| names_threads(&request)) {
        // Threads stay where they are started, and a pinned caller would have them start on its own core.
        Some(pin) => pin.lifted(|| carry_out(request)),
        None => carry_out(request),
    }
}

/// Whether it is carried out on several threads.
fn names_threads(request: &Request) -> bool {
    let candidates = match request {
        Request::Describe | Request::Emulator => &[],
        Request::Find(candidate) | Request::Verify { candidate, .. } => slice::from_ref(candidate),
        Request::Time(request) => request.candidates.as_slice(),
        Request::Core(_) | Request::Rows(_) => return true,
    };
    candidates.iter().any(|candidate| candidate.contains(protocol::THREADS))
}

fn carry_out(request: Request) -> Result<Reply> {
    match request {
        Request::Describe => Ok(describe()),
        Request::Emulator => Ok(Reply::Emulator(emulator::detect().map(str::to_owned))),
        Request::Find(candidate) => Ok(Reply::Found(find(&candidate))),
        Request::Verify { candidate, max_ulp } => verdict(&candidate, max_ulp),
        Request::Core(request) => core(&request),
        Request::Rows(request) => certify::row_errors(&request).map(Reply::Rows),
        Request::Time(request) => time(&request),
    }
}

fn describe() -> Reply {
    let variants = softmax_kernels::variants();
    let supported = |isa: &Isa| variants.iter().any(|row| row.isa == isa.id() && row.is_supported());
    Reply::Description {
        isas: Isa::ALL.into_iter().filter(supported).map(|isa| isa.id().to_owned()).collect(),
        variants: variants.iter().map(|row| row.id.to_owned()).collect(),
    }
}

/// The candidate's name, or why there is none.
fn find(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Candidate::Peer(peer)) => Ok(peer.version()),
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn verdict(text: &str, max_ulp: Option<u32>) -> Result<Reply> {
    let candidate: Candidate = text.parse()?;
    let verdict = verify::verify(&candidate, max_ulp);
    let verify::Verdict { max_ulp, failure } =
        verdict.with_context(|| format!("`{text}` computes no softmax"))?;
    Ok(Reply::Verdict { max_ulp, failure })
}

fn core(request: &CoreRequest) -> Result<Reply> {
    let CoreRequest { low, high, every, threads, .. } = *request;
    let evaluators: Vec<Evaluator> = request.cores.iter().map(evaluator).collect::<Result<_>>()?;
    let found = certify::sweep(&evaluators, Range { low, high, every }, threads)?;
    let errors = found.into_iter().map(|worst| {
        let Worst { inputs, ulp, at, distance, distance_at, units, units_at } = worst;
        CoreError { inputs, ulp, at, distance, distance_at, units, units_at }
    });
    Ok(Reply::Core(errors.collect()))
}

fn evaluator(ShownCore { variant: text, form }: &ShownCore) -> Result<Evaluator> {
    let form: Form = form.parse()?;
    match text.parse()? {
        Candidate::Pass { variant: PassVariant { isa, exp: Some(exp), .. }, kernel } => {
            Evaluator::new(Subject { exp, form, isa }, kernel).with_context(|| format!("`{text}`"))
        }
        _ => bail!("`{text}` is no variant of a pass that exponentiates"),
    }
}

fn time(request: &TimeRequest) -> Result<Reply> {
    if let Some(emulator) = emulator::detect() {
        bail!("it runs under {emulator}, where times mean nothing");
    }
    let candidates: Vec<Candidate> =
        request.candidates.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let (samples, contention) = timer::race(&candidates, request)?;
    Ok(Reply::Samples { samples, contention })
}
