//! The measuring process: building it, starting it, asking it.

use super::contention::{Asking, Measured, SharedTally};
use super::interrupt::{self, Interrupted, Process};
use super::{Timings, preflight};
use crate::executable;
use anyhow::{Context, Result, anyhow, bail, ensure};
use softmax_bench::protocol::{
    Candidate, CoreError, CoreRequest, Reply, Request, RowErrors, RowsRequest, TimeRequest,
};
use softmax_spec::Isa;
use softmax_spec::certificate::Worst;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Builds the measuring process with these features beside its own and returns where it is.
pub fn build(features: &[&str]) -> Result<PathBuf> {
    executable::build("softmax-bench", "measure", features)
}

/// A running measuring process.
pub struct Child {
    path: PathBuf,
    environment: Vec<(&'static str, String)>,
    process: Process,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    tally: SharedTally,
    asking: Asking,
    /// Whether another process is to answer what is timed next.
    is_stale: bool,
}

impl Child {
    /// Starts it with these variables added to its environment.
    pub fn start(path: &Path, environment: Vec<(&'static str, String)>) -> Result<Child> {
        let (process, requests, replies) = spawn(path, &environment)?;
        let process = Arc::new(Mutex::new(process));
        Ok(Child {
            path: path.to_owned(),
            environment,
            process,
            requests,
            replies,
            tally: SharedTally::default(),
            asking: Asking::default(),
            is_stale: false,
        })
    }

    /// The same, to have something timed. Fails under an emulator.
    pub fn start_timing(path: &Path, environment: Vec<(&'static str, String)>) -> Result<Child> {
        let mut child = Child::start(path, environment)?;
        match child.ask(&Request::Emulator)? {
            Reply::Emulator(emulator) => preflight::refuse(emulator.as_deref())?,
            other => return Err(unexpected(&other)),
        }
        Ok(child)
    }

    /// From now on its samples count in `tally`.
    pub fn counting(mut self, tally: &SharedTally) -> Child {
        self.tally = SharedTally::clone(tally);
        self
    }

    /// From now on ctrl-C ends it, and whatever it is asked fails with [`Interrupted`].
    pub fn end_on_ctrl_c(&self) -> Result<()> {
        interrupt::watch(Arc::clone(&self.process))
    }

    /// The ISAs that it supports and the variants that it holds.
    pub fn describe(&mut self) -> Result<(Vec<Isa>, Vec<String>)> {
        match self.ask(&Request::Describe)? {
            Reply::Description { isas, variants } => {
                let isas: Result<Vec<Isa>, _> = isas.iter().map(|isa| isa.parse()).collect();
                Ok((isas?, variants))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The name of a candidate, or why it cannot run.
    pub fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        match self.exchange(&Request::Find(candidate.clone()))? {
            Some(Reply::Found(found)) => Ok(found),
            Some(other) => Err(unexpected(&other)),
            None => self.restart().map(Err),
        }
    }

    /// The largest error of a candidate in ULP, or what is wrong with it.
    pub fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>> {
        match self.exchange(&Request::Verify { candidate: candidate.clone(), max_ulp })? {
            Some(Reply::Verdict { max_ulp, failure }) => Ok(failure.map_or(Ok(max_ulp), Err)),
            Some(Reply::Error(error)) => Ok(Err(error)),
            Some(other) => Err(unexpected(&other)),
            None => self.restart().map(Err),
        }
    }

    /// The errors of exp cores by themselves, in the order of the request.
    pub fn core_errors(&mut self, request: CoreRequest) -> Result<Vec<Worst>> {
        let expected = request.cores.len();
        let Reply::Core(errors) = self.ask(&Request::Core(request))? else {
            bail!("the measuring process answered another question");
        };
        ensure!(errors.len() == expected, "the measuring process answered for other variants");
        let worst = |CoreError { inputs, ulp, at, distance, distance_at, units, units_at }| Worst {
            inputs,
            ulp,
            at,
            distance,
            distance_at,
            units,
            units_at,
        };
        Ok(errors.into_iter().map(worst).collect())
    }

    /// The errors of whole rows, in the order of the candidates.
    pub fn row_errors(&mut self, request: RowsRequest) -> Result<Vec<RowErrors>> {
        let expected = request.candidates.len();
        let Reply::Rows(errors) = self.ask(&Request::Rows(request))? else {
            bail!("the measuring process answered another question");
        };
        ensure!(errors.len() == expected, "the measuring process answered for other candidates");
        Ok(errors)
    }

    /// A kernel or a library that crashes takes down the process, not the search. Says so.
    fn restart(&mut self) -> Result<String> {
        let status = self.ended()?;
        self.respawn()?;
        Ok(format!("it crashed the measuring process ({status})"))
    }

    /// Lets the process end and starts another.
    fn renew(&mut self) -> Result<()> {
        self.requests = None;
        self.ended()?;
        self.respawn()
    }

    /// Starts another process in the place of one that has ended, so that ctrl-C ends the new one.
    fn respawn(&mut self) -> Result<()> {
        let (process, requests, replies) = spawn(&self.path, &self.environment)?;
        *self.lock() = process;
        (self.requests, self.replies) = (requests, replies);
        Ok(())
    }

    /// How it ended, if not from outside.
    fn ended(&self) -> Result<ExitStatus> {
        let status = self.lock().wait()?;
        interrupt::check()?;
        match interrupt::killed_by(status) {
            None => Ok(status),
            Some(interrupt::CTRL_C) => Err(Interrupted.into()),
            Some(_) => bail!("the measuring process was killed from outside ({status})"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, process::Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        match self.exchange(request)? {
            Some(Reply::Error(error)) => bail!("the measuring process refuses: {error}"),
            Some(reply) => Ok(reply),
            None => bail!("the measuring process ended early ({})", self.ended()?),
        }
    }

    /// Has candidates timed.
    fn time(&mut self, request: &TimeRequest) -> Result<Measured> {
        if std::mem::take(&mut self.is_stale) {
            self.renew()?;
        }
        match self.ask(&Request::Time(request.clone()))? {
            Reply::Samples { samples, contention } => Ok(Measured { samples, contention }),
            other => Err(unexpected(&other)),
        }
    }

    /// `None` if the process is gone.
    fn exchange(&mut self, request: &Request) -> Result<Option<Reply>> {
        interrupt::check()?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let requests = self.requests.as_mut().context("the measuring process is being stopped")?;
        if requests.write_all(&line).and_then(|()| requests.flush()).is_err() {
            return Ok(None);
        }
        let mut line = String::new();
        match self.replies.read_line(&mut line).context("cannot read from the measuring process")? {
            0 => Ok(None),
            _ => serde_json::from_str(&line).map(Some).context("the measuring process sent no reply"),
        }
    }
}

impl Timings for Child {
    fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
        self.measured(request).map(|measured| measured.samples)
    }

    fn anew(&mut self) {
        self.is_stale = true;
    }

    fn measured(&mut self, request: &TimeRequest) -> Result<Measured> {
        /// Others go on for up to seconds: it may be another core's turn by then.
        const PAUSE: Duration = Duration::from_millis(50);
        let mut asking = std::mem::take(&mut self.asking);
        let measured = asking.ask(|is_again| {
            let start = Instant::now();
            if is_again {
                thread::sleep(PAUSE);
                self.anew();
            }
            Ok((self.time(request)?, start.elapsed()))
        })?;
        self.asking = asking;
        let mut tally = self.tally.get();
        tally.add(&measured);
        self.tally.set(tally);
        Ok(measured)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It ends when its input does.
        self.requests = None;
        let _ = self.lock().wait();
    }
}

fn spawn(
    path: &Path,
    environment: &[(&'static str, String)],
) -> Result<(process::Child, Option<ChildStdin>, BufReader<ChildStdout>)> {
    let mut command = executable::command(path);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().with_context(|| format!("cannot start {}", path.display()))?;
    let requests = process.stdin.take();
    let replies = BufReader::new(process.stdout.take().context("the measuring process has no stdout")?);
    Ok((process, requests, replies))
}

fn unexpected(reply: &Reply) -> anyhow::Error {
    anyhow!("the measuring process answered another question: {reply:?}")
}
