//! What was measured, one thing at a time: a line of JSON each, and together what tables and claims are made of.

use super::bandwidth::{Bandwidth, Mover};
use super::contest::Contest;
use super::ground::Ground;
use super::published::ALGORITHMS;
use super::scaling::Scaling;
use super::tiles::Winner;
use serde_json::{Map, Value, json};
use softmax_spec::Isa;
use softmax_spec::certificate::Worst;

/// Something that was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// The caches, and how long rows may be.
    Ground(Ground),
    /// The error of the exp core on an ISA.
    Core(Isa, Worst),
    /// The best tile of a pass.
    Winner(Winner),
    /// The algorithms at one length.
    Contest(Contest),
    /// A pass beside STREAM's loops.
    Bandwidth(Bandwidth),
    /// The algorithms on several threads.
    Scaling(Scaling),
}

impl Finding {
    /// The best tile of a pass, if it is that.
    pub fn winner(&self) -> Option<&Winner> {
        if let Finding::Winner(winner) = self { Some(winner) } else { None }
    }

    /// The algorithms at one length.
    pub fn contest(&self) -> Option<&Contest> {
        if let Finding::Contest(contest) = self { Some(contest) } else { None }
    }

    /// A pass beside STREAM's loops.
    pub fn bandwidth(&self) -> Option<&Bandwidth> {
        if let Finding::Bandwidth(bandwidth) = self { Some(bandwidth) } else { None }
    }

    /// The algorithms on several threads.
    pub fn scaling(&self) -> Option<&Scaling> {
        if let Finding::Scaling(scaling) = self { Some(scaling) } else { None }
    }

    /// The caches, and how long rows may be.
    pub fn ground(&self) -> Option<&Ground> {
        if let Finding::Ground(ground) = self { Some(ground) } else { None }
    }

    /// An ISA and the error of the exp core on it.
    pub fn core(&self) -> Option<(Isa, Worst)> {
        if let Finding::Core(isa, error) = self { Some((*isa, *error)) } else { None }
    }

    /// A line for scripts.
    pub fn json(&self) -> Value {
        match self {
            Finding::Ground(ground) => ground.json(),
            Finding::Core(isa, Worst { ulp, at, inputs, .. }) => {
                json!({ "kind": "core", "isa": isa.id(), "max_ulp": ulp, "at": at, "inputs": inputs })
            }
            Finding::Winner(winner) => winner_json(winner),
            Finding::Contest(contest) => contest_json(contest),
            Finding::Bandwidth(bandwidth) => bandwidth_json(bandwidth),
            Finding::Scaling(scaling) => scaling_json(scaling),
        }
    }
}

fn winner_json(winner: &Winner) -> Value {
    let published = winner
        .published
        .iter()
        .map(|rival| json!({ "cpu": rival.cpu, "variant": rival.variant.id(), "ratio": rival.ratio.json() }));
    json!({
        "kind": "tile",
        "isa": winner.variant.isa.id(),
        "pass": winner.variant.pass.id(),
        "len": winner.len,
        "place": winner.place.to_string(),
        "variant": winner.variant.id(),
        "ns_per_element": winner.ns.json(),
        "ties": winner.ties,
        "published": published.collect::<Value>(),
    })
}

fn contest_json(contest: &Contest) -> Value {
    let algorithms = contest.runs.iter().map(|run| {
        let algorithm = run.plan.algorithm();
        let of_run = json!({
            "plan": run.plan.to_string(),
            "ns_per_element": run.ns().json(),
            "gb_per_s": run.gb_per_s(),
            "to_two_pass": contest.ratio(algorithm, ALGORITHMS[0]).json(),
        });
        (algorithm.to_string(), of_run)
    });
    json!({
        "kind": "algorithms",
        "isa": contest.isa.id(),
        "len": contest.len,
        "place": contest.place.map(|place| place.to_string()),
        "algorithms": algorithms.collect::<Map<_, _>>(),
        "memcpy_ns_per_element": contest.memcpy.json(),
        "fastest": contest.fastest().id(),
    })
}

fn bandwidth_json(bandwidth: &Bandwidth) -> Value {
    let candidate = match &bandwidth.what {
        Mover::Pass(variant) => variant.id(),
        Mover::Loop(name) => (*name).to_owned(),
    };
    json!({
        "kind": "bandwidth",
        "isa": bandwidth.isa.id(),
        "len": bandwidth.len,
        "candidate": candidate,
        "in_place": bandwidth.in_place,
        "ns_per_element": bandwidth.ns.json(),
        "gb_per_s": bandwidth.gb_per_s(),
        "of_stream": bandwidth.of_stream.json(),
        "of_copy": bandwidth.of_copy.map(|share| share.json()),
    })
}

fn scaling_json(scaling: &Scaling) -> Value {
    let speeds = ALGORITHMS.iter().zip(&scaling.speed);
    let speeds = speeds.map(|(algorithm, speed)| (algorithm.to_string(), speed.json()));
    let [alone, together] = &scaling.gain;
    json!({
        "kind": "scaling",
        "isa": scaling.isa.id(),
        "threads": scaling.threads,
        "len": scaling.len,
        "speed_per_thread": speeds.collect::<Map<_, _>>(),
        "memcpy_speed_per_thread": scaling.memcpy.json(),
        "gain_on_one_thread": alone.json(),
        "gain_on_all_threads": together.json(),
    })
}
