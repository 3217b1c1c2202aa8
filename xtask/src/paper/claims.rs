//! What the paper claims, beside what was measured here. Error bars decide: a claim that something is above a bound agrees if
//! the whole interval is, disagrees if none of it is, and is otherwise not tested.

use super::bandwidth::Bandwidth;
use super::caches::Place;
use super::contest::Contest;
use super::estimate::Estimate;
use super::finding::Finding;
use super::published::{self, ALGORITHMS, traffic};
use super::tiles::{Rival, Winner};
use super::verdict::{Claim, Verdict, above, noisy, unmeasured};
use crate::length::Length;
use crate::profiles::TIE;
use softmax_spec::profile::Host;
use softmax_spec::{Algorithm, Isa, Pass};

/// What claims are tested with.
pub struct Evidence<'a> {
    /// What was measured.
    pub findings: &'a [Finding],
    /// This machine.
    pub host: &'a Host,
    /// The ISAs that were measured.
    pub isas: &'a [Isa],
    /// ISAs of the paper that were not.
    pub absent: &'a [Absent],
}

/// An ISA of the paper that is not measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// The ISA.
    pub isa: Isa,
    /// Why not.
    pub reason: String,
}

/// A loop that moves as much takes at least nine tenths of the time of what is limited by memory alone. STREAM's own loops differ
/// by as much among themselves.
const LIMITED_BY_MEMORY: f64 = 0.9;

impl Evidence<'_> {
    /// Every claim, with its verdict.
    pub fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![traffic_claim()];
        for &isa in self.isas {
            claims.extend(self.claims_on(isa));
        }
        for Absent { isa, reason } in self.absent {
            let untested =
                |claim| Claim { verdict: Verdict::Untested(reason.clone()), here: "-".to_owned(), ..claim };
            claims.extend(self.claims_on(*isa).into_iter().map(untested));
        }
        claims
    }

    fn claims_on(&self, isa: Isa) -> Vec<Claim> {
        let contests: Vec<&Contest> = self.findings.iter().filter_map(Finding::contest).collect();
        let contests: Vec<&Contest> = contests.into_iter().filter(|contest| contest.isa == isa).collect();
        let far: Vec<&Contest> =
            contests.iter().copied().filter(|contest| contest.place == Some(Place::Memory)).collect();
        let near: Vec<&Contest> =
            contests.into_iter().filter(|contest| matches!(contest.place, Some(Place::Cache(_)))).collect();
        let claims = [
            Some(ahead(&far)),
            self.gain(isa, &far),
            Some(reload_in_cache(&near)),
            Some(self.by_memory(isa, "three_pass_bandwidth", &THREE_PASS)),
            Some(self.by_memory(isa, "two_pass_bandwidth", &TWO_PASS)),
            Some(self.by_memory(isa, "movers_bandwidth", &MOVERS)),
            Some(self.tiles(isa)),
            Some(self.accuracy(isa)),
        ];
        claims.into_iter().flatten().map(|claim| Claim { isa: Some(isa), ..claim }).collect()
    }

    /// How much Two-Pass gains, which is a figure of one CPU.
    fn gain(&self, isa: Isa, far: &[&Contest]) -> Option<Claim> {
        let figure = published::largest_gain(isa)?;
        let largest = far.iter().max_by(|a, b| a.gain().middle.total_cmp(&b.gain().middle));
        let Host { vendor, family, model, .. } = self.host;
        let is_skylake = (vendor.as_str(), *family, *model) == published::SKYLAKE_X;
        let verdict = match largest {
            None => unmeasured(),
            Some(_) if !is_skylake => {
                Verdict::Untested("the figure is of Skylake-X, and this is another CPU".to_owned())
            }
            Some(contest) if contest.gain().high >= 1.0 + f64::from(figure) / 100.0 => Verdict::Agrees,
            Some(_) => Verdict::Disagrees,
        };
        Some(Claim {
            id: "largest_gain",
            isa: None,
            what: "its gain there over the faster of them",
            paper: format!("up to {figure} % on Skylake-X"),
            here: largest.map_or_else(nothing, |contest| at(contest.len, &percent(&contest.gain()))),
            verdict,
        })
    }

    /// Whether passes are limited by memory.
    fn by_memory(&self, isa: Isa, id: &'static str, (what, paper, passes): &Movement) -> Claim {
        let of_passes = |bandwidth: &&Bandwidth| {
            bandwidth.isa == isa && bandwidth.pass().is_some_and(|pass| passes.contains(&pass))
        };
        let bandwidths: Vec<&Bandwidth> =
            self.findings.iter().filter_map(Finding::bandwidth).filter(of_passes).collect();
        let share = |bandwidth: &&Bandwidth| {
            let place = if bandwidth.in_place { " in place" } else { "" };
            format!("{}{place} {:.0} %", bandwidth.what.name(), bandwidth.of_stream.middle * 100.0)
        };
        let shares: Vec<String> = bandwidths.iter().map(share).collect();
        Claim {
            id,
            isa: None,
            what,
            paper: (*paper).to_owned(),
            here: if shares.is_empty() { nothing() } else { format!("of STREAM: {}", shares.join(", ")) },
            verdict: above(bandwidths.iter().map(|bandwidth| bandwidth.of_stream), LIMITED_BY_MEMORY),
        }
    }

    /// Whether another CPU's best tiles are not the best ones here.
    fn tiles(&self, isa: Isa) -> Claim {
        let winners = self.findings.iter().filter_map(Finding::winner);
        let winners: Vec<&Winner> = winners.filter(|winner| winner.variant.isa == isa).collect();
        let rivals: Vec<(&Winner, &Rival)> = winners
            .iter()
            .flat_map(|&winner| winner.published.iter().map(move |rival| (winner, rival)))
            .collect();
        let slower = |(_, rival): &&(&Winner, &Rival)| rival.ratio.is_above(TIE) == Some(true);
        let worst = rivals.iter().max_by(|(_, a), (_, b)| a.ratio.low.total_cmp(&b.ratio.low));
        let verdict = match () {
            () if rivals.is_empty() => unmeasured(),
            () if rivals.iter().any(|rival| slower(&rival)) => Verdict::Agrees,
            () if rivals.iter().all(|(_, rival)| rival.ratio.is_above(TIE) == Some(false)) => {
                Verdict::Disagrees
            }
            () => noisy(),
        };
        let here = worst.map_or_else(nothing, |(winner, rival)| {
            let count = rivals.iter().filter(slower).count();
            format!(
                "{count} of {} published tiles are slower; {}'s {}: {} of the best's time ({})",
                rivals.len(),
                rival.cpu,
                rival.variant.pass,
                rival.ratio,
                winner.place
            )
        });
        Claim {
            id: "tiles",
            isa: None,
            what: "the best tiles differ from CPU to CPU",
            paper: "others on each of three".to_owned(),
            here,
            verdict,
        }
    }

    /// The error of the exp core.
    fn accuracy(&self, isa: Isa) -> Claim {
        let errors = self.findings.iter().filter_map(Finding::core);
        let error = errors.filter(|(of, _)| *of == isa).map(|(_, error)| error).next();
        /// Half of the last digit that the paper gives.
        const ROUNDING: f64 = 0.005;
        let verdict = match error {
            None => unmeasured(),
            Some(error) if error.ulp < published::CORE_ULP + ROUNDING => Verdict::Agrees,
            Some(_) => Verdict::Disagrees,
        };
        Claim {
            id: "core",
            isa: None,
            what: "largest error of the exp core",
            paper: format!("{} ULP, |x| < 2^14", published::CORE_ULP),
            here: error.map_or_else(nothing, |error| {
                let millions = error.inputs as f64 * 1e-6;
                format!("{:.2} ULP, |x| < 2^14, {millions:.0} million inputs", error.ulp)
            }),
            verdict,
        }
    }
}

/// What is claimed of passes, the paper's words for it in short, and the passes.
type Movement = (&'static str, &'static str, &'static [Pass]);

const THREE_PASS: Movement = (
    "out of cache memory limits every pass of Three-Pass",
    "limited by bandwidth",
    &[Pass::Max, Pass::SumExp, Pass::ScaleExp, Pass::StoreExp, Pass::Scale],
);
const TWO_PASS: Movement = (
    "out of cache memory limits both passes of Two-Pass",
    "what its gain rests on",
    &[Pass::ExtSum, Pass::ExtScale],
);
const MOVERS: Movement =
    ("passes that only move memory are as fast as STREAM", "as fast", &[Pass::Max, Pass::Scale]);

/// Counted from the passes that the kernels are generated for.
fn traffic_claim() -> Claim {
    const FIGURES: [usize; 3] = [3, 4, 5];
    let rows = ALGORITHMS.map(|algorithm| {
        let (reads, writes) = traffic(algorithm);
        reads + writes
    });
    let text = |[two_pass, recompute, reload]: [usize; 3]| {
        format!("{two_pass}N Two-Pass, {recompute}N recompute, {reload}N reload")
    };
    Claim {
        id: "traffic",
        isa: None,
        what: "rows that are read and written, counted",
        paper: text(FIGURES),
        here: text(rows),
        verdict: if rows == FIGURES { Verdict::Agrees } else { Verdict::Disagrees },
    }
}

/// Two-Pass against the faster Three-Pass algorithm.
fn ahead(far: &[&Contest]) -> Claim {
    let gains: Vec<String> = far.iter().map(|contest| at(contest.len, &percent(&contest.gain()))).collect();
    Claim {
        id: "ahead_out_of_cache",
        isa: None,
        what: "out of cache Two-Pass is faster than both Three-Pass",
        paper: "on Skylake-X, Broadwell and Zen 2".to_owned(),
        here: if gains.is_empty() { nothing() } else { gains.join(", ") },
        verdict: above(far.iter().map(|contest| contest.gain()), 1.0),
    }
}

/// Reloading against both others.
fn reload_in_cache(near: &[&Contest]) -> Claim {
    let others = [Algorithm::TwoPass, Algorithm::ThreePassRecompute];
    let against = |contest: &&Contest| others.map(|other| contest.ratio(other, Algorithm::ThreePassReload));
    let all: Vec<[Estimate; 2]> = near.iter().map(against).collect();
    let slower =
        |contest: &&Contest| (contest.place, contest.ratio(Algorithm::TwoPass, Algorithm::ThreePassReload));
    let slower: Vec<(Option<Place>, Estimate)> = near.iter().map(slower).collect();
    let texts: Vec<String> = slower.chunk_by(|(a, _), (b, _)| a == b).map(range).collect();
    Claim {
        id: "reload_in_cache",
        isa: None,
        what: "in cache reloading is faster than both others",
        paper: "faster".to_owned(),
        here: match texts.is_empty() {
            true => nothing(),
            false => format!("Two-Pass's time over it: {}", texts.join(", ")),
        },
        verdict: above(all.into_iter().flatten(), 1.0),
    }
}

fn nothing() -> String {
    "-".to_owned()
}

fn at(len: usize, what: &str) -> String {
    format!("{what} at n={}", Length(len))
}

/// A ratio as what it is more than 1.
fn percent(ratio: &Estimate) -> String {
    let [middle, low, high] = [ratio.middle, ratio.low, ratio.high].map(|ratio| (ratio - 1.0) * 100.0);
    format!("{middle:+.0} % ({low:+.0} to {high:+.0})")
}

/// Ratios in one place.
fn range(ratios: &[(Option<Place>, Estimate)]) -> String {
    let middles = || ratios.iter().map(|(_, ratio)| ratio.middle);
    let (low, high) = (middles().fold(f64::INFINITY, f64::min), middles().fold(0.0, f64::max));
    let place = ratios[0].0.map_or_else(String::new, |place| format!(" in {place}"));
    match ratios {
        [_] => format!("{low:.2}{place}"),
        _ => format!("{low:.2} to {high:.2}{place}"),
    }
}
