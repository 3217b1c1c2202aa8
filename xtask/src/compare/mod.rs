//! `compare`: what people call, raced against other libraries' softmax on this machine.
//!
//! Ours is the public API with whatever profile a build has for this machine, not a plan picked for the occasion. All
//! candidates of a shape are sampled in the same rounds, in one child process ([`crate::measuring::child`]).

mod effort;
mod field;
pub mod lines;
mod report;
mod shape;
mod standing;

pub use shape::Shape;

use crate::host::FORCE_ISA;
use crate::measuring::contention::SharedTally;
use crate::measuring::{Child, Timings, child, preflight};
use crate::progress::Steps;
use crate::{flags, host, stderr, stdout};
use anyhow::{Result, bail};
use effort::Effort;
use field::Field;
use report::Circumstances;
use softmax_bench::protocol::{Candidate, MEMCPY, READ_SUM, TimeRequest};
use standing::{Samples, Standing};

/// Short rows, rows in each cache and in memory; batches as attention, classifiers and language models have them.
const SHAPES: [(usize, usize); 14] = [
    (1, 64),
    (1, 256),
    (1, 1024),
    (1, 4096),
    (1, 16384),
    (1, 65536),
    (1, 1 << 18),
    (1, 1 << 20),
    (1, 1 << 23),
    (1, 1 << 26),
    (512, 64),
    (1024, 197),
    (512, 1000),
    (8, 128_256),
];
/// If the CPU does not say.
const USUAL_L2_KIB: u32 = 1024;

/// The measuring process, or a model of it in tests.
pub trait Machine: Timings {
    /// The name of a candidate, or why it cannot run there.
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>>;
    /// The largest error of a candidate in ULP, or what is wrong with it.
    fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>>;
}

impl Machine for Child {
    fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
        Child::find(self, candidate)
    }

    fn verdict(&mut self, candidate: &Candidate, max_ulp: Option<u32>) -> Result<Result<f64, String>> {
        Child::verdict(self, candidate, max_ulp)
    }
}

/// Runs the command.
pub fn run(flags: &flags::Compare) -> Result<()> {
    preflight::require_cpu()?;
    let environment = environment(flags)?;
    preflight::warn();
    stderr::say("building the measuring process with the full grid and the peers");
    let tally = SharedTally::default();
    let mut child = Child::start_timing(&child::build(&["peers"])?, environment)?.counting(&tally);

    let field = Field::gather(&mut child, flags.accuracy, &flags.peers)?;
    for peer in &field.skipped {
        stderr::say(format_args!("skipped: {}: {}", peer.id, peer.reason));
    }
    let (effort, host) = (Effort::new(flags.effort), host::host());
    let run = Circumstances {
        cpu: &host.brand,
        isa: flags.isa.as_ref().map(|isa| isa.id()),
        accuracy: flags.accuracy.id(),
        in_place: flags.in_place,
        effort: effort.name,
    };
    let l2_kib = if host.l2_kib > 0 { host.l2_kib } else { USUAL_L2_KIB };
    let races = Races { field: &field, effort, in_place: flags.in_place, l2_bytes: l2_kib as usize * 1024 };
    if flags.json {
        stdout::print_json_line(&report::head(&field, &run))?;
        let print = |standing: &Standing| stdout::print_json_line(&report::line(standing));
        races.run(&mut child, &shapes(flags), print)?;
        tally.get().say();
        return Ok(());
    }
    let standings = races.run(&mut child, &shapes(flags), |_| Ok(()))?;
    stdout::print(&report::text(&field, &run, &standings))?;
    tally.get().say();
    Ok(())
}

/// What the child gets beside our own environment.
fn environment(flags: &flags::Compare) -> Result<Vec<(&'static str, String)>> {
    let Some(isa) = flags.isa else { return Ok(vec![]) };
    host::require(isa, &host::isas())?;
    Ok(vec![(FORCE_ISA, isa.id().to_owned())])
}

fn shapes(flags: &flags::Compare) -> Vec<Shape> {
    match flags.shapes.is_empty() {
        true => SHAPES.map(|(rows, len)| Shape { rows, len }).to_vec(),
        false => flags.shapes.clone(),
    }
}

/// What the races of a run have in common.
struct Races<'a> {
    field: &'a Field,
    effort: Effort,
    in_place: bool,
    l2_bytes: usize,
}

impl Races<'_> {
    /// A race per shape; `tell` hears of each as soon as it is over.
    fn run(
        &self,
        machine: &mut impl Machine,
        shapes: &[Shape],
        tell: impl Fn(&Standing) -> Result<()>,
    ) -> Result<Vec<Standing>> {
        let progress = Steps::new(shapes.len());
        let one = |&shape| {
            progress.begin(&shape);
            let standing = self.race(machine, shape)?;
            progress.end();
            tell(&standing)?;
            Ok(standing)
        };
        shapes.iter().map(one).collect()
    }

    /// Everybody at one shape, interleaved.
    fn race(&self, machine: &mut impl Machine, shape: Shape) -> Result<Standing> {
        let Field { ours, peers, .. } = self.field;
        let fixed = [ours.candidate.clone(), MEMCPY.to_owned(), READ_SUM.to_owned()];
        let samples = machine.samples(&TimeRequest {
            candidates: fixed.into_iter().chain(peers.iter().map(|peer| peer.candidate.clone())).collect(),
            rows: shape.rows,
            len: shape.len,
            in_place: self.in_place,
            rounds: self.effort.rounds(shape),
            sample_us: self.effort.sample_us,
        })?;
        let [ours, memcpy, read_sum, of_peers @ ..] = &samples[..] else {
            bail!("the measuring process timed {} candidates", samples.len());
        };
        let ids = peers.iter().map(|peer| peer.id.as_str());
        let peers = ids.zip(of_peers.iter().map(Vec::as_slice)).collect();
        Ok(Standing::new(shape, &Samples { ours, memcpy, read_sum, peers }, self.l2_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::typed;
    use softmax_spec::Accuracy;

    /// A machine with three of the five peers, on which everything takes a nanosecond per letter of its name.
    pub struct Model {
        /// A candidate that fails its check.
        pub wrong: Option<&'static str>,
        /// What it was asked to time.
        pub asked: Vec<TimeRequest>,
    }

    impl Model {
        pub fn new() -> Model {
            Model { wrong: None, asked: vec![] }
        }
    }

    impl Timings for Model {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            self.asked.push(request.clone());
            Ok(request.candidates.iter().map(|name| vec![name.len() as f64; request.rounds]).collect())
        }
    }

    impl Machine for Model {
        fn find(&mut self, candidate: &Candidate) -> Result<Result<String, String>> {
            Ok(match candidate.as_str() {
                "peer:onednn" => Err("no libdnnl.so".to_owned()),
                "peer:onnxruntime" => Err("no libonnxruntime.so".to_owned()),
                name => Ok(format!("{name} 1")),
            })
        }

        fn verdict(&mut self, candidate: &Candidate, _: Option<u32>) -> Result<Result<f64, String>> {
            Ok(if self.wrong == Some(candidate) { Err("off".to_owned()) } else { Ok(3.0) })
        }
    }

    #[test]
    fn everybody_is_timed_in_one_race() {
        let mut machine = Model::new();
        let field = Field::gather(&mut machine, Accuracy::Fast, &[]).unwrap();
        let effort = Effort::new(flags::Effort::Quick);
        let races = Races { field: &field, effort, in_place: true, l2_bytes: 1 << 20 };
        let standing = races.race(&mut machine, Shape { rows: 4, len: 197 }).unwrap();
        let [request] = &machine.asked[..] else { panic!("{:?}", machine.asked) };
        assert_eq!((request.rows, request.len, request.in_place), (4, 197, true));
        let expected = ["ours:fast", "ref:memcpy", "ref:read_sum", "peer:rten", "peer:tract", "peer:xnnpack"];
        assert_eq!(request.candidates, expected);
        assert_eq!((standing.time, standing.memcpy), (9.0, 10.0));
        let best = standing.best().unwrap();
        assert_eq!((best.id.as_str(), best.to_ours), ("rten", 1.0));
    }

    #[test]
    fn shapes_are_as_asked_or_a_selection() {
        assert_eq!(
            shapes(&typed("--shapes 4x197,1x1k")),
            ["4x197", "1x1024"].map(|text| text.parse().unwrap())
        );
        assert_eq!(shapes(&typed("")).len(), 14);
    }

    #[test]
    fn the_isa_goes_to_the_child_if_this_cpu_has_it() {
        assert_eq!(environment(&typed("")).unwrap(), []);
        assert_eq!(environment(&typed("--isa scalar")).unwrap(), [(FORCE_ISA, "scalar".to_owned())]);
    }
}
