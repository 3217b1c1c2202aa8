//! What lies between two lengths: a crossover if their plans differ, or another plan. Both are found by bisection.

use super::classes::Pick;
use super::field::Field;
use super::outcome::Outcome;
use super::race::EQUAL;
use super::weight::suits;
use crate::length::Length;
use softmax_spec::Plan;
use std::fmt::{self, Display};

/// Lengths of which it is not known whose plan is theirs.
#[derive(Debug, Clone)]
pub struct Gap {
    shorter: Pick,
    longer: Pick,
    /// The longest row that is known to be for the shorter's plan, and the shortest for the longer's.
    ends: [usize; 2],
    /// How many times as long the other plan takes at these, as far as that is known; else 1.
    losses: [f64; 2],
    /// Whether it is looked into.
    is_open: bool,
}

/// What a race half-way has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// That one of the two plans is the best there.
    End,
    /// That another plan is clearly faster than either.
    Third,
}

/// The place of the longer's plan in a [`Gap::field`].
const LONGER: usize = 0;

/// Between lengths of what ratio a crossover is known well enough, by how many times as long the other plan takes at either: where rows leave
/// a cache, much longer even so near it.
const PRECISIONS: [(f64, f64); 3] = [(1.03, 1.2), (1.06, 1.05), (f64::INFINITY, 1.02)];

/// Rows of no more elements are so few tiles that one element more is another tile or another end, and another plan far better: such a
/// crossover is looked into at least once, and if either plan loses more than in the first of [`PRECISIONS`] until it is between neighbours.
const FEW_TILES: usize = 512;

/// Between lengths of a greater ratio that have the same plan, the middle is looked at: of rows that leave a tile's worth of elements
/// over, a plan with a smaller tile may be faster there alone.
const WIDE: f64 = 1.5;

impl Gap {
    /// Between neighbours.
    pub fn new(shorter: &Pick, longer: &Pick) -> Gap {
        let ends = [shorter.evidence.len, longer.evidence.len];
        let losses = [loss(&longer.plan, shorter), loss(&shorter.plan, longer)];
        Gap { shorter: shorter.clone(), longer: longer.clone(), ends, losses, is_open: true }
    }

    /// The same, if it begins with rows that are not longer than `longest`. Else it is not looked into.
    pub fn up_to(longest: usize, shorter: &Pick, longer: &Pick) -> Gap {
        Gap { is_open: shorter.evidence.len <= longest, ..Gap::new(shorter, longer) }
    }

    /// Around a pick that was found in it. What is known of its ends stays known.
    pub fn split(&self, third: &Pick) -> [Gap; 2] {
        let ([low, high], middle) = (self.ends, third.evidence.len);
        let (before, after) = (Gap::new(&self.shorter, third), Gap::new(third, &self.longer));
        // At an end that has moved it is known how much the plan of the other end loses, and no other.
        let known = |end: usize, other: &Pick, gap: &Gap| match () {
            () if third.plan == other.plan => self.losses[end],
            () if self.ends[end] == gap.ends[end] => gap.losses[end],
            () => 1.0,
        };
        let losses = [known(0, &self.longer, &before), known(1, &self.shorter, &after)];
        [
            Gap { ends: [low, middle], losses: [losses[0], before.losses[1]], ..before },
            Gap { ends: [middle, high], losses: [after.losses[0], losses[1]], ..after },
        ]
    }

    /// Whether the plans differ.
    pub fn is_crossover(&self) -> bool {
        self.shorter.plan != self.longer.plan
    }

    /// How many times as long as its shortest row its longest is.
    pub fn width(&self) -> f64 {
        self.ends[1] as f64 / self.ends[0] as f64
    }

    /// How many bisections are left if nothing else is found in it.
    pub fn bisections(&self) -> usize {
        let is_open = self.is_open && self.ends[1] - self.ends[0] > 1;
        match (is_open, self.is_crossover()) {
            (false, _) => 0,
            (true, true) => (self.parts().log2().ceil().max(0.0) as usize).max(self.least()),
            (true, false) => usize::from(self.width() > WIDE),
        }
    }

    /// How many there are however narrow it is: of few tiles the picks at its ends do not tell what happens between.
    fn least(&self) -> usize {
        usize::from(self.is_unknown() && self.has_few_tiles())
    }

    fn has_few_tiles(&self) -> bool {
        self.ends[1] <= FEW_TILES
    }

    /// How many times as wide it is as one in which a crossover is known well enough.
    fn parts(&self) -> f64 {
        let loss = self.losses.into_iter().fold(1.0, f64::max);
        let precise = PRECISIONS.iter().position(|(most, _)| loss <= *most).expect("the last is for all");
        match precise > 0 && self.has_few_tiles() {
            true => (self.ends[1] - self.ends[0]) as f64,
            false => self.width().ln() / PRECISIONS[precise].1.ln(),
        }
    }

    /// The plans of the shorter and the longer rows.
    pub fn plans(&self) -> [&Plan; 2] {
        [&self.shorter.plan, &self.longer.plan]
    }

    /// Whether nothing is known yet of what lies between.
    pub fn is_unknown(&self) -> bool {
        self.ends == [self.shorter.evidence.len, self.longer.evidence.len]
    }

    /// The length half-way.
    pub fn middle(&self) -> usize {
        between(self.ends[0], self.ends[1], 0.5)
    }

    /// The longest row for which the shorter's plan is to be used, as far as that is known: if either plan loses the more the farther
    /// from the crossover, that lies nearer to the end where the other loses less.
    pub fn bound(&self) -> usize {
        let [low, high] = self.ends;
        let bound = if high - low > 1 { between(low, high, self.part()) } else { low };
        bound.min(self.shorter.plan.longest_row().unwrap_or(usize::MAX))
    }

    /// How far from the shorter end to the longer the crossover is, 0 to 1; half-way unless something is lost at both.
    fn part(&self) -> f64 {
        match self.losses.map(f64::ln) {
            [low, high] if low.min(high) > EQUAL.ln() => low / (low + high),
            _ => 0.5,
        }
    }

    /// Narrows the gap by a race of its [`Gap::field`] for a group on rows of a length in it, unless a third plan has won.
    pub fn narrow(&mut self, group: usize, len: usize, raced: &Outcome) -> Found {
        let shorter = raced.field.index(&self.shorter.plan);
        let fastest = raced.ranking(group).first().copied().unwrap_or(LONGER);
        if [LONGER].into_iter().chain(shorter).all(|end| raced.is_beaten(group, end, fastest)) {
            return Found::Third;
        }
        // How many times as long as the longer's the shorter's plan takes, if it takes such rows.
        match shorter.map(|shorter| raced.ratio(group, shorter, LONGER)) {
            _ if !self.is_crossover() => self.ends[0] = self.ends[1],
            Some(ratio) if ratio > 1.0 => (self.ends[1], self.losses[1]) = (len, ratio),
            Some(ratio) => (self.ends[0], self.losses[0]) = (len, 1.0 / ratio),
            None => self.ends[1] = self.shorter.plan.longest_row().map_or(len, |longest| longest + 1),
        }
        Found::End
    }

    /// What to race on rows of a length in it, for the accuracy of that group: the longer's plan and, as far as they suit such rows, the
    /// shorter's, those that did about as well as either or were the best of another algorithm, and those `around`: another may be best
    /// there, such as one whose tile is just as long as the row.
    pub fn field(&self, group: usize, len: usize, around: &[Plan]) -> Field {
        let Gap { shorter, longer, .. } = self;
        let is_suited = |plan: &Plan| suits(plan.shortest_row(), plan.longest_row(), len);
        let mut field = Field::default();
        for plan in
            [&longer.plan, &shorter.plan].into_iter().filter(|&plan| *plan == longer.plan || is_suited(plan))
        {
            field.add(plan, Some(group));
            field.keep(plan);
        }
        for plan in shorter.best().chain(longer.best()).filter(|plan| is_suited(plan)).chain(around) {
            field.add(plan, Some(group));
        }
        field
    }
}

/// How many times as long as the pick of a length the other plan takes there, as far as that is known.
fn loss(plan: &Plan, pick: &Pick) -> f64 {
    let runner_up = pick.evidence.runner_up.iter().find(|(runner_up, _)| runner_up == plan);
    runner_up.map_or(1.0, |(_, ratio)| *ratio)
}

/// Its ends.
impl Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.ends.map(Length);
        write!(f, "{low} and {high}")
    }
}

/// Of places with their widths the first of the widest.
pub fn widest<P: Ord>(places: impl Iterator<Item = (P, f64)>) -> Option<(P, f64)> {
    places.max_by(|(i, a), (j, b)| a.total_cmp(b).then_with(|| j.cmp(i)))
}

/// The length that is this part of the way, by ratio, from one to another that is longer by more than 1; strictly between them.
fn between(low: usize, high: usize, part: f64) -> usize {
    let length = (low as f64 * (high as f64 / low as f64).powf(part)).round() as usize;
    length.clamp(low + 1, high - 1)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::measuring::Timings;
    use crate::profiles::samples;
    use crate::tune::clock::Time;
    use crate::tune::race::{Row, Rules, race};
    use anyhow::Result;
    use softmax_bench::protocol::TimeRequest;
    use softmax_spec::Rows;
    use softmax_spec::profile::Class;
    use std::collections::BTreeMap;
    use std::time::Duration;

    pub const SHORT: &str = "two_pass(f32_ext_sum__avx2_p5_u8, f32_ext_scale__avx2_p5_u8)";
    pub const RESIDENT: &str = "resident(f32_softmax__avx2_d5_u96)";
    pub const LONG: &str = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u64)";

    /// `SHORT` is faster up to this length, and the other one beyond, so many times.
    struct Crossing(usize, f64);

    impl Timings for Crossing {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let faster = |id: &str| (id == SHORT) == (request.len <= self.0);
            let time = |id: &String| vec![if faster(id) { 1.0 } else { self.1 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    pub fn pick(plan: &str, len: usize) -> Pick {
        let Class { plan, evidence, .. } = samples::class(None, plan, len, 1.0);
        Pick { plan, evidence: evidence.expect("it was measured") }
    }

    /// One bisection.
    fn bisect(gap: &mut Gap, timings: &mut impl Timings) -> Option<Outcome> {
        bisect_beside(&[], gap, timings)
    }

    /// The same, with other plans around. What was raced, if a third plan is the best.
    fn bisect_beside(around: &[Plan], gap: &mut Gap, timings: &mut impl Timings) -> Option<Outcome> {
        let row = Row { len: gap.middle(), in_place: false, rows: Rows::Single };
        let rules = Rules { first: 7, batch: 7, enough: 7, rounds: 7, patience: 0, keep: 0, sample_us: 1.0 };
        let deadline = Time::default().after(Duration::from_secs(60));
        let field = gap.field(0, row.len, around);
        let raced = race(timings, row, &field.entries, &rules, &deadline, |_| {}).unwrap();
        let outcome = Outcome::new(field, raced, BTreeMap::new());
        (gap.narrow(0, row.len, &outcome) == Found::Third).then_some(outcome)
    }

    /// The crossover, in no more bisections than were announced and those that it takes where plans differ much.
    fn crossover(timings: &mut impl Timings, mut gap: Gap) -> usize {
        let announced = gap.bisections();
        let [(_, coarse), .., (_, fine)] = PRECISIONS;
        let [exact, fine] = [1.0 + 1.0 / FEW_TILES as f64, fine].map(f64::ln);
        let more = (coarse.ln() / exact.min(fine)).log2().ceil() as usize;
        for _ in 0..announced + more {
            if gap.bisections() > 0 {
                assert!(bisect(&mut gap, timings).is_none());
            }
        }
        assert_eq!(gap.bisections(), 0, "{gap:?}");
        gap.bound()
    }

    #[test]
    fn crossovers_are_found_within_the_precision() {
        for crossing in [64, 65, 100, 300, 1000, 2000, 4095] {
            for (slope, precision) in PRECISIONS.map(|(most, precision)| (f64::min(most, 1.1), precision)) {
                let gap = Gap::new(&pick(SHORT, 64), &pick(LONG, 4096));
                let bound = crossover(&mut Crossing(crossing, slope), gap);
                let off = (bound as f64 / crossing as f64).ln().abs();
                assert!(off <= precision.ln(), "{bound} for {crossing}");
                assert!((64..4096).contains(&bound));
            }
        }
        let neighbours = Gap::new(&pick(SHORT, 2), &pick(LONG, 3));
        assert_eq!((neighbours.bisections(), neighbours.bound()), (0, 2));
    }

    #[test]
    fn between_few_tiles_it_is_found_to_the_element_unless_little_is_lost() {
        let gap = Gap::new(&pick(SHORT, 128), &pick(LONG, 256));
        for crossing in [128, 131, 200, 254, 255] {
            assert_eq!(crossover(&mut Crossing(crossing, 1.04), gap.clone()), crossing);
        }
        let left = |ends, loss| Gap { ends, losses: [loss; 2], ..gap.clone() }.bisections();
        assert_eq!([left([240, 256], 1.02), left([240, 256], 1.04), left([255, 256], 1.04)], [0, 4, 0]);
        assert_eq!(left([FEW_TILES - 15, FEW_TILES + 1], 1.04), 0);
        let unknown = Gap::new(&pick(SHORT, 247), &pick(LONG, 256));
        assert_eq!((unknown.bisections(), Gap { ends: [247, 255], ..unknown }.bisections()), (1, 0));
    }

    #[test]
    fn a_plan_for_short_rows_ends_where_it_can() {
        let bound =
            |len| crossover(&mut Crossing(4096, 1.1), Gap::new(&pick(RESIDENT, len), &pick(LONG, 4096)));
        assert!((92..=96).contains(&bound(64)), "{}", bound(64));
        assert_eq!(bound(96), 96);
    }

    #[test]
    fn what_begins_with_too_long_rows_is_not_looked_into() {
        let gap = |longest| Gap::up_to(longest, &pick(SHORT, 64), &pick(LONG, 4096));
        assert!(gap(64).bisections() > 0);
        assert_eq!((gap(63).bisections(), gap(63).is_crossover(), gap(63).bound()), (0, true, 512));
    }

    #[test]
    fn what_is_not_bisected_is_half_way() {
        assert_eq!(Gap::new(&pick(SHORT, 64), &pick(LONG, 4096)).bound(), 512);
    }

    #[test]
    fn a_bound_is_nearer_to_where_the_other_plan_loses_less() {
        let bound = |losses| Gap { losses, ..Gap::new(&pick(SHORT, 64), &pick(LONG, 4096)) }.bound();
        assert_eq!(bound([1.02, 1.02 * 1.02]), 256);
        assert_eq!(bound([1.02 * 1.02, 1.02]), 1024);
        assert_eq!([bound([1.0, 1.1]), bound([1.1, 1.005])], [512; 2], "one is not known, or nothing");
    }

    #[test]
    fn what_the_other_plan_loses_at_an_end_is_known_if_it_was_the_runner_up_there() {
        let mut short = pick(SHORT, 64);
        short.evidence.runner_up = Some((RESIDENT.parse().unwrap(), 1.3));
        let mut between = Gap::new(&short, &pick(LONG, 4096));
        assert_eq!(between.losses, [1.0; 2]);
        let losses = |between: &Gap| between.split(&pick(RESIDENT, 91)).map(|gap| gap.losses);
        assert_eq!(losses(&between), [[1.3, 1.0], [1.0; 2]]);
        between.ends[0] = 80;
        assert_eq!(losses(&between), [[1.0; 2]; 2], "it was measured at another length");
    }

    /// `RESIDENT` is by far the fastest as long as it takes rows.
    struct Resident;

    impl Timings for Resident {
        fn samples(&mut self, request: &TimeRequest) -> Result<Vec<Vec<f64>>> {
            let time = |id: &String| vec![if id == RESIDENT { 0.5 } else { 1.0 }; request.rounds];
            Ok(request.candidates.iter().map(time).collect())
        }
    }

    #[test]
    fn a_third_plan_that_tied_at_an_end_is_found_between() {
        let (mut short, long) = (pick(SHORT, 64), pick(LONG, 128));
        assert_eq!(crossover(&mut Resident, Gap::new(&short, &long)), 118);
        short.evidence.ties = vec![RESIDENT.parse().unwrap()];
        let mut between = Gap::new(&short, &long);
        let third = bisect(&mut between, &mut Resident).expect("a third plan");
        let raced: Vec<Plan> = third.field.plans.into_iter().flatten().collect();
        assert_eq!(raced, [LONG, SHORT, RESIDENT].map(|text| text.parse().unwrap()));
        assert!(third.raced.samples.iter().all(|samples| !samples.is_empty()));
        // A tile that ends below the first length to be raced changes nothing.
        assert!(bisect(&mut Gap::new(&short, &pick(LONG, 1 << 10)), &mut Resident).is_none());
    }

    #[test]
    fn a_plan_around_is_found_that_no_end_knows() {
        let around = [RESIDENT, SHORT].map(|text| text.parse().unwrap());
        let mut between = Gap::new(&pick(SHORT, 64), &pick(LONG, 128));
        assert!(between.is_unknown() && bisect(&mut between.clone(), &mut Resident).is_none());
        let third = bisect_beside(&around, &mut between, &mut Resident).expect("a third plan");
        assert_eq!(third.field.plans.len(), 3, "each once");
        assert!(bisect(&mut between, &mut Crossing(100, 1.1)).is_none());
        assert!(!between.is_unknown());
    }

    #[test]
    fn in_the_middle_of_a_wide_class_another_plan_is_found_or_not_looked_for_again() {
        let (mut before, after) = (pick(SHORT, 64), pick(SHORT, 128));
        let mut between = Gap::new(&before, &after);
        assert_eq!((between.is_crossover(), between.bisections()), (false, 1));
        assert!(bisect(&mut between, &mut Resident).is_none());
        assert_eq!(between.bisections(), 0);
        assert_eq!(Gap::new(&before, &pick(SHORT, 96)).bisections(), 0, "it is not wide");

        before.evidence.ties = vec![RESIDENT.parse().unwrap()];
        let mut between = Gap::new(&before, &after);
        let third = bisect(&mut between, &mut Resident).expect("another plan");
        assert_eq!(third.field.plans.len(), 2);
        let around = between.split(&pick(RESIDENT, 91));
        assert!(around.iter().all(Gap::is_crossover));
    }

    #[test]
    fn a_third_plan_leaves_a_gap_on_either_side_with_the_ends_that_were_known() {
        let mut between = Gap::new(&pick(SHORT, 64), &pick(LONG, 4096));
        assert!(bisect(&mut between, &mut Crossing(100, 1.1)).is_none());
        assert_eq!(between.losses, [1.0, 1.1]);
        let [before, after] = between.split(&pick(RESIDENT, 91));
        assert_eq!([before.ends, after.ends], [[64, 91], [91, 512]]);
        assert_eq!([before.losses, after.losses], [[1.0; 2]; 2], "beside another plan it is not known");
        let [before, after] = between.split(&pick(LONG, 91));
        assert_eq!((before.ends, before.is_crossover(), after.is_crossover()), ([64, 91], true, false));
        let [before, after] = between.split(&pick(SHORT, 91));
        assert_eq!((before.is_crossover(), after.is_crossover()), (false, true));
        assert_eq!([before.losses, after.losses], [[1.0; 2], [1.0, 1.1]]);
        let mut between = Gap::new(&pick(SHORT, 64), &pick(LONG, 4096));
        assert!(bisect(&mut between, &mut Crossing(1000, 1.1)).is_none());
        assert_eq!((between.ends, between.losses), ([512, 4096], [1.1, 1.0]));
        let [before, after] = between.split(&pick(LONG, 1024));
        assert_eq!([before.losses, after.losses], [[1.1, 1.0], [1.0; 2]]);
    }
}
