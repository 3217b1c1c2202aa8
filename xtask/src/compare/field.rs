//! Who takes part: the peers that are here and right.

use super::Machine;
use anyhow::{Result, bail};
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
    /// Finds out which of the peers, if `wanted` names any, can run on the machine, and checks their answers and ours.
    pub fn gather(machine: &mut impl Machine, accuracy: Accuracy, wanted: &[String]) -> Result<Field> {
        let ours = ours(machine, accuracy)?;
        let mut field = Field { ours, peers: Vec::new(), skipped: Vec::new() };
        for peer in machine.peers()? {
            if !wanted.is_empty() && !wanted.contains(&peer.id) {
                continue;
            }
            let candidate = format!("{}{}", protocol::PEER, peer.id);
            let checked = match peer.found {
                Ok(name) => match machine.verdict(&candidate, Some(WRONG_ULP))? {
                    Ok(max_ulp) => Ok((name, max_ulp)),
                    Err(failure) => Err(format!("{name} is wrong, so it is not timed: {failure}")),
                },
                Err(reason) => Err(reason),
            };
            match checked {
                Ok((name, max_ulp)) => {
                    field.peers.push(Contestant { id: peer.id, candidate, name, max_ulp });
                }
                Err(reason) => field.skipped.push(Skipped { id: peer.id, reason }),
            }
        }
        Ok(field)
    }
}

fn ours(machine: &mut impl Machine, accuracy: Accuracy) -> Result<Contestant> {
    let (candidate, limit) = match accuracy {
        Accuracy::Fast => (protocol::OURS_FAST, 20),
        // On rows of 5 N(0, 1), which are checked as well.
        Accuracy::Accurate => (protocol::OURS_ACCURATE, 10),
    };
    match machine.verdict(&candidate.to_owned(), Some(limit))? {
        Ok(max_ulp) => Ok(Contestant {
            id: "ours".to_owned(),
            candidate: candidate.to_owned(),
            name: format!("softmax-kernels, {accuracy}"),
            max_ulp,
        }),
        Err(failure) => bail!("our own softmax is wrong, so there is nothing to compare: {failure}"),
    }
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
            ["tract 1 is wrong, so it is not timed: off", "no libdnnl.so", "no libonnxruntime.so"]
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
        assert!(error.contains("nothing to compare: off"), "{error}");
    }
}
