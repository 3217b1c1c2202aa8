//! Who takes part: the peers that are here and right.

use super::Machine;
use anyhow::{Result, anyhow};
use softmax_bench::protocol::{self, Candidate};
use softmax_spec::Accuracy;

/// Beyond this error a peer does not compute softmax. Generous, for peers make promises of their own, or none: long sums
/// in f32 alone cost hundreds of ULP. What each has is printed.
const WRONG_ULP: u32 = 10_000;

/// Ours and the peers.
#[derive(Debug)]
pub struct Field {
    /// Ours.
    pub ours: Contestant,
    /// Those that can be timed, in the order of the protocol.
    pub peers: Vec<Contestant>,
    /// Those that cannot.
    pub skipped: Vec<Skipped>,
}

/// Something that is timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Contestant {
    /// A short name.
    pub id: String,
    /// What the measuring process calls it.
    pub candidate: Candidate,
    /// Name and version.
    pub name: String,
    /// The largest error seen, in ULP.
    pub max_ulp: f64,
}

/// A peer that is not timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    /// Its id.
    pub id: String,
    /// Why, and what to do about it.
    pub reason: String,
}

impl Field {
    /// Finds out which of the peers (all, if `wanted` names none) can run on the machine, and checks their answers and
    /// ours.
    pub fn gather(machine: &mut impl Machine, accuracy: Accuracy, wanted: &[String]) -> Result<Field> {
        let mut field = Field { ours: ours(machine, accuracy)?, peers: Vec::new(), skipped: Vec::new() };
        for id in protocol::PEERS {
            if wanted.is_empty() || wanted.iter().any(|wanted| wanted == id) {
                match contestant(machine, id, format!("{}{id}", protocol::PEER), WRONG_ULP)? {
                    Ok(peer) => field.peers.push(peer),
                    Err(reason) => field.skipped.push(Skipped { id: id.to_owned(), reason }),
                }
            }
        }
        Ok(field)
    }
}

fn ours(machine: &mut impl Machine, accuracy: Accuracy) -> Result<Contestant> {
    let candidate = match accuracy {
        Accuracy::Fast => protocol::OURS_FAST,
        Accuracy::Accurate => protocol::OURS_ACCURATE,
    };
    let ours = contestant(machine, "ours", candidate.to_owned(), accuracy.max_ulp())?;
    ours.map_err(|reason| anyhow!("there is nothing to compare: {reason}"))
}

/// Somebody who is there and right, or the reason why not.
fn contestant(
    machine: &mut impl Machine,
    id: &str,
    candidate: Candidate,
    limit: u32,
) -> Result<Result<Contestant, String>> {
    let name = match machine.find(&candidate)? {
        Ok(name) => name,
        Err(reason) => return Ok(Err(reason)),
    };
    let verdict = machine.verdict(&candidate, Some(limit))?;
    Ok(match verdict {
        Ok(max_ulp) => Ok(Contestant { id: id.to_owned(), candidate, name, max_ulp }),
        Err(failure) => Err(format!("{name} is wrong, so it is not timed: {failure}")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Model;
    use super::*;

    #[test]
    fn whoever_is_absent_or_wrong_is_skipped_with_the_reason() {
        let mut machine = Model::new();
        machine.wrong = Some("peer:tract");
        let field = Field::gather(&mut machine, Accuracy::Fast, &[]).unwrap();
        let ids: Vec<&str> = field.peers.iter().map(|peer| peer.id.as_str()).collect();
        assert_eq!(ids, ["rten", "xnnpack"]);
        let skipped: Vec<&str> = field.skipped.iter().map(|peer| peer.reason.as_str()).collect();
        assert_eq!(
            skipped,
            ["peer:tract 1 is wrong, so it is not timed: off", "no libdnnl.so", "no libonnxruntime.so"]
        );
    }

    #[test]
    fn only_peers_that_are_wanted_are_looked_at() {
        let field = Field::gather(&mut Model::new(), Accuracy::Accurate, &["xnnpack".to_owned()]).unwrap();
        assert_eq!((field.peers.len(), field.skipped.len()), (1, 0));
        assert_eq!(field.ours.candidate, protocol::OURS_ACCURATE);
    }

    #[test]
    fn there_is_nothing_to_compare_if_ours_is_wrong() {
        let mut machine = Model::new();
        machine.wrong = Some(protocol::OURS_FAST);
        let error = Field::gather(&mut machine, Accuracy::Fast, &[]).unwrap_err().to_string();
        assert!(error.contains("nothing to compare: ours:fast 1 is wrong"), "{error}");
    }
}
