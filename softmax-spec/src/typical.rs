//! Which variants of a grid stand for the rest where nothing has been tuned.

use crate::{Algorithm, Exp, Isa, Pass, PassVariant, Plan};

/// The unroll that the paper's and our own winners are closest to, in vectors.
const USUAL_UNROLL: usize = 8;
/// Accumulators of most published winners.
const USUAL_ACCUMULATORS: usize = 2;

/// The middle of the grid for a pass: the variant closest to the usual tile, with that core if the pass has any.
pub fn typical_pass(variants: &[PassVariant], pass: Pass, isa: Isa, exp: Exp) -> Option<PassVariant> {
    let of_pass = variants.iter().filter(|variant| variant.pass == pass && variant.isa == isa);
    let fitting = of_pass.filter(|variant| variant.exp.is_none_or(|own| own == exp));
    let nearest = fitting.min_by_key(|variant| {
        let tile = variant.tile;
        let unusual = (tile.unroll.abs_diff(USUAL_UNROLL), tile.accumulators.abs_diff(USUAL_ACCUMULATORS));
        (unusual, variant.memory, variant.id())
    });
    nearest.copied()
}

/// The algorithm of such passes; `None` where there are none, or the core does not suit the algorithm on `isa`.
pub fn typical_plan(variants: &[PassVariant], algorithm: Algorithm, isa: Isa, exp: Exp) -> Option<Plan> {
    let pass = |&pass: &Pass| typical_pass(variants, pass, isa, exp);
    let passes: Option<Vec<PassVariant>> = algorithm.passes().iter().map(pass).collect();
    Plan::new(algorithm, passes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_middle_of_a_grid_is_typical() {
        let ids = [
            "f32_ext_sum__avx2_p5_u8",
            "f32_ext_sum__avx2_p5_u64_acc4",
            "f32_ext_sum__avx2_p5_u64_acc2_pf1024",
            "f32_ext_sum__avx2_p5_u64_acc2",
            "f32_ext_sum__avx2_d5_u64_acc2",
            "f32_ext_scale__avx2_p5_u32",
        ];
        let variants = ids.map(|id| id.parse().unwrap());
        let plan = |exp: &str| typical_plan(&variants, Algorithm::TwoPass, Isa::Avx2, exp.parse().unwrap());
        let expected = "two_pass(f32_ext_sum__avx2_p5_u64_acc2, f32_ext_scale__avx2_p5_u32)";
        assert_eq!(plan("p5").map(|plan| plan.to_string()).as_deref(), Some(expected));
        assert_eq!(plan("d5"), None);
    }
}
