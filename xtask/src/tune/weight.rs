//! What the parts of a search weigh beside each other, by which its time is shared out.

use softmax_spec::Rows;

/// Parts of a length's weight: screening is the most candidates, and the rest is done twice, in place or not.
const SCREENING: f64 = 0.25;
/// Of the passes that take whole rows, once more in batches.
const SCREENING_BATCHES: f64 = 0.1;
/// And once more in place.
const SCREENING_IN_PLACE: f64 = 0.05;
/// Of a race of plans, of one of the leaders' neighbours, and of the finalists' confirmation.
const RACING: f64 = 0.12;
/// See [`RACING`].
pub const REFINING: f64 = 0.25;
/// See [`RACING`].
pub const CONFIRMING: f64 = 0.15;
/// See [`RACING`]: of looking back.
pub const LOOKING_BACK: f64 = 0.09;
/// How much more a race of plans has where no passes are screened, and what of screening's part is left there for what comes later.
const MORE_RACING: f64 = 0.06;
/// See [`MORE_RACING`].
pub const NOT_SCREENED: f64 = SCREENING + SCREENING_IN_PLACE - 2.0 * MORE_RACING;
/// All of a pick.
const PICKING: f64 = RACING + REFINING + CONFIRMING + LOOKING_BACK;
/// The crossovers' part of the weight of all lengths.
const CROSSOVERS: f64 = 0.35;
/// Weight of the gate on one ISA, in lengths: it takes seconds.
pub const GATE: f64 = 1.0;
/// Rows up to 2^16 cost what a sample costs; longer ones cost more with their length, but fewer candidates are raced.
const FREE_LENGTH_LOG2: f64 = 16.0;
const WEIGHT_PER_OCTAVE: f64 = 0.5;

/// What the work on one ISA weighs.
pub fn weight(sizes: &[usize], rows: &[Rows]) -> f64 {
    let lengths: f64 = sizes.iter().map(|&len| weight_at(len, rows)).sum();
    GATE + lengths + rows.iter().map(|&rows| weight_of_crossovers(sizes, rows)).sum::<f64>()
}

/// The part of screening. In batches it is done out of place alone.
pub fn screening(rows: Rows, in_place: bool) -> f64 {
    match (rows, in_place) {
        (Rows::Single, false) => SCREENING,
        (Rows::Single, true) => SCREENING_IN_PLACE,
        (Rows::Batch, false) => SCREENING_BATCHES,
        (Rows::Batch, true) => 0.0,
    }
}

/// The part of a race of plans, which has more where no passes are screened.
pub const fn racing(is_screened: bool) -> f64 {
    if is_screened { RACING } else { RACING + MORE_RACING }
}

/// What everything at a length weighs but the crossovers.
pub fn weight_at(len: usize, rows: &[Rows]) -> f64 {
    let picking = |rows: &Rows| match (takes(*rows, len), rows) {
        (false, _) => 0.0,
        (true, Rows::Single) => SCREENING_IN_PLACE + 2.0 * PICKING,
        (true, Rows::Batch) => SCREENING_BATCHES + 2.0 * PICKING,
    };
    weight_of(len) * (SCREENING + rows.iter().map(picking).sum::<f64>())
}

/// What finding the crossovers of tables for these rows weighs.
pub fn weight_of_crossovers(sizes: &[usize], rows: Rows) -> f64 {
    CROSSOVERS * sizes.iter().filter(|&&len| takes(rows, len)).map(|&len| weight_of(len)).sum::<f64>()
}

/// Whether rows of that length are tuned for.
pub fn takes(rows: Rows, len: usize) -> bool {
    suits(0, rows.longest_row(), len)
}

/// What one length weighs beside others.
pub fn weight_of(len: usize) -> f64 {
    1.0 + WEIGHT_PER_OCTAVE * ((len as f64).log2() - FREE_LENGTH_LOG2).max(0.0)
}

/// Whether rows of `len` elements are neither shorter than the shortest nor longer than the longest, where there is one.
pub fn suits(shortest: usize, longest: Option<usize>, len: usize) -> bool {
    shortest <= len && longest.is_none_or(|longest| len <= longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let sizes = [1 << 5, 1 << 14, 1 << 16, 1 << 20];
        for rows in [&Rows::ALL[..1], &Rows::ALL[1..], &Rows::ALL] {
            let crossovers: f64 = rows.iter().map(|&rows| weight_of_crossovers(&sizes, rows)).sum();
            let lengths: f64 = sizes.iter().map(|&len| weight_at(len, rows)).sum();
            assert!((GATE + lengths + crossovers - weight(&sizes, rows)).abs() < 1e-12);
        }
        // Batches are of the two short lengths alone.
        let more = weight(&sizes, &Rows::ALL) - weight(&sizes, &[Rows::Single]);
        let of_one = SCREENING_BATCHES + 2.0 * PICKING + CROSSOVERS;
        assert!((more - 2.0 * of_one).abs() < 1e-12);
    }
}
