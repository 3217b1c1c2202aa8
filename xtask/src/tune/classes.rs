//! Size classes: from the best plans at some lengths to ranges of lengths, with measured bounds.

use super::gap::{Gap, widest};
use softmax_spec::Plan;
use softmax_spec::profile::{Class, Evidence, Situation};

/// The best plan at one length.
#[derive(Debug, Clone)]
pub struct Pick {
    /// The plan.
    pub plan: Plan,
    /// What was measured; its `len` is the length.
    pub evidence: Evidence,
}

impl Pick {
    /// Its plan and those that tied with it.
    pub fn tied(&self) -> impl Iterator<Item = &Plan> {
        [&self.plan].into_iter().chain(&self.evidence.ties)
    }

    /// These and the best of another algorithm.
    pub fn best(&self) -> impl Iterator<Item = &Plan> {
        self.tied().chain(self.evidence.runner_up.iter().map(|(plan, _)| plan))
    }
}

/// The classes of a situation, in the making.
#[derive(Debug)]
pub struct Draft {
    /// Index of its accuracy, which is its group in races.
    pub group: usize,
    /// What they are for.
    pub situation: Situation,
    /// By ascending length.
    picks: Vec<Pick>,
    /// After every pick but the last.
    gaps: Vec<Gap>,
}

impl Draft {
    /// From picks by ascending length. What lies beyond rows of `longest` elements is not looked into.
    pub fn new(group: usize, situation: Situation, longest: usize, picks: Vec<Pick>) -> Draft {
        let gaps = picks.windows(2).map(|pair| Gap::up_to(longest, &pair[0], &pair[1])).collect();
        Draft { group, situation, picks, gaps }
    }

    /// How many bisections are left if no other plan is found.
    pub fn bisections(&self) -> usize {
        self.gaps.iter().map(Gap::bisections).sum()
    }

    /// The place of the widest gap that is not known well enough, and its width.
    pub fn widest(&self) -> Option<(usize, f64)> {
        let unknown = self.gaps.iter().enumerate().filter(|(_, gap)| gap.bisections() > 0);
        widest(unknown.map(|(place, gap)| (place, gap.width())))
    }

    /// The gap at a place.
    pub fn gap(&mut self, place: usize) -> &mut Gap {
        &mut self.gaps[place]
    }

    /// Adds a pick that was found in the gap at a place.
    pub fn insert(&mut self, place: usize, third: Pick) {
        let gaps = self.gap(place).split(&third);
        self.gaps.splice(place..=place, gaps);
        self.picks.insert(place + 1, third);
    }

    /// The classes, as far as their bounds are known.
    pub fn classes(&self) -> Vec<Class> {
        let runs = self.picks.chunk_by(|a, b| a.plan == b.plan);
        let crossovers = self.gaps.iter().filter(|gap| gap.is_crossover());
        let uppers = crossovers.map(|gap| Some(gap.bound())).chain([None]);
        let class = |(run, upper): (&[Pick], Option<usize>)| {
            let Pick { plan, evidence } = &run[run.len() / 2];
            Class { upper, plan: plan.clone(), evidence: Some(evidence.clone()) }
        };
        runs.zip(uppers).map(class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::samples;
    use crate::tune::gap::tests::{LONG, RESIDENT, SHORT, pick};

    fn draft_of(picks: &[Pick]) -> Draft {
        Draft::new(0, samples::table(&[]).situation, usize::MAX, picks.to_vec())
    }

    #[test]
    fn neighbours_with_the_same_plan_are_one_class() {
        let picks = [pick(SHORT, 16), pick(SHORT, 64), pick(SHORT, 256), pick(LONG, 257), pick(LONG, 4096)];
        let classes = draft_of(&picks).classes();
        assert_eq!(classes.iter().map(|class| class.upper).collect::<Vec<_>>(), [Some(256), None]);
        assert_eq!(classes[0].evidence.as_ref().unwrap().len, 64);
    }

    #[test]
    fn the_widest_gap_is_the_next_and_a_third_plan_in_it_makes_two() {
        let mut draft = draft_of(&[pick(SHORT, 16), pick(LONG, 64), pick(SHORT, 4096), pick(LONG, 8192)]);
        assert_eq!((draft.widest(), draft.bisections()), (Some((1, 64.0)), 3 + 5 + 2));
        draft.insert(1, pick(RESIDENT, 80));
        assert_eq!(draft.widest(), Some((2, 51.2)));
        let uppers: Vec<Option<usize>> = draft.classes().iter().map(|class| class.upper).collect();
        assert_eq!(uppers, [Some(32), Some(72), Some(96), Some(5793), None]);
        // No crossover is left on the side where the plan is the same.
        draft.insert(2, pick(RESIDENT, 96));
        assert_eq!(draft.classes().len(), 5);
    }
}
