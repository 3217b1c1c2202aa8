//! The measuring process: requests in, replies out, one JSON value per line, until its input ends.
//!
//! A process of its own, so that the tuner compiles without the grid, and so that a kernel that crashes takes down
//! one measurement instead of a search. Bad input is answered, never fatal.

use anyhow::{Context, Result, bail, ensure};
use softmax_bench::affinity::Pin;
use softmax_bench::candidate::Candidate;
use softmax_bench::protocol::{self, Reply, Request, TimeRequest};
use softmax_bench::{emulator, leash, timer, verify};
use softmax_kernels::Kernel;
use softmax_spec::Isa;
use std::io::{self, BufRead, ErrorKind, Write};
use std::slice;

fn main() -> Result<()> {
    leash::end_with_parent();
    let pin = Pin::to_current_core();
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

/// Whether it is about a candidate on several threads.
fn names_threads(request: &Request) -> bool {
    let candidates = match request {
        Request::Describe | Request::Emulator => &[],
        Request::Find(candidate)
        | Request::Verify { candidate, .. }
        | Request::Core { variant: candidate, .. } => slice::from_ref(candidate),
        Request::Time(request) => request.candidates.as_slice(),
    };
    candidates.iter().any(|candidate| candidate.contains(protocol::THREADS))
}

fn carry_out(request: Request) -> Result<Reply> {
    match request {
        Request::Describe => Ok(describe()),
        Request::Emulator => Ok(Reply::Emulator(emulator::detect().map(str::to_owned))),
        Request::Find(candidate) => Ok(Reply::Found(find(&candidate))),
        Request::Verify { candidate, max_ulp } => verdict(&candidate, max_ulp),
        Request::Core { variant, low, high, every } => core(&variant, (low, high), every),
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

fn core(text: &str, bounds: (f32, f32), every: u32) -> Result<Reply> {
    let Candidate::Pass { kernel: Kernel::ExtSum(kernel), .. } = text.parse()? else {
        bail!("`{text}` is no variant of ext_sum");
    };
    let (low, high) = bounds;
    let is_range = low.is_finite() && high.is_finite() && low <= 0.0 && 0.0 <= high;
    ensure!(is_range, "{low} to {high} is no range of numbers around 0");
    let verify::Sweep { max_ulp, at, inputs } = verify::sweep(kernel, bounds, every);
    Ok(Reply::Core { max_ulp, at, inputs })
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
