//! What the paper says: Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, arXiv 2001.04438. Figures only.

use softmax_spec::{Algorithm, Element, Exp, Isa, Memory, Pass, PassVariant, Reduction, Tile};

/// The algorithms that it compares.
pub const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::TwoPass, Algorithm::ThreePassRecompute, Algorithm::ThreePassReload];

/// The ISAs that it implements them for.
pub const ISAS: [Isa; 2] = [Isa::Avx2, Isa::Avx512];

/// Its exp core: Cody and Waite, a polynomial of degree 5.
pub const EXP: Exp = Exp { reduction: Reduction::CodyWaite, degree: 5 };

/// How far Two-Pass is ahead of Three-Pass out of cache on Skylake-X, at most, in percent.
pub const fn largest_gain(isa: Isa) -> Option<u32> {
    match isa {
        Isa::Avx2 => Some(18),
        Isa::Avx512 => Some(28),
        _ => None,
    }
}

/// Vendor, family and model of Skylake-X, and of the server parts that are the same core.
pub const SKYLAKE_X: (&str, u32, u32) = ("GenuineIntel", 6, 85);

/// The largest error of its exp core for |x| < 2^14, in ULP.
pub const CORE_ULP: f64 = 1.98;

/// A microarchitecture that it tuned tiles for.
#[derive(Debug, Clone, Copy)]
pub struct Tuned {
    /// Its name.
    pub cpu: &'static str,
    /// For which ISA.
    pub isa: Isa,
    /// Elements and accumulators of the best tile of each pass that it names.
    tiles: [(Pass, usize, usize); 5],
}

const fn tuned(
    cpu: &'static str,
    isa: Isa,
    two_pass: [(usize, usize); 2],
    recompute: [(usize, usize); 2],
    reload: (usize, usize),
) -> Tuned {
    let [ext_sum, ext_scale] = two_pass;
    let [sum_exp, scale_exp] = recompute;
    let tiles = [
        (Pass::ExtSum, ext_sum.0, ext_sum.1),
        (Pass::ExtScale, ext_scale.0, ext_scale.1),
        (Pass::SumExp, sum_exp.0, sum_exp.1),
        (Pass::ScaleExp, scale_exp.0, scale_exp.1),
        (Pass::StoreExp, reload.0, reload.1),
    ];
    Tuned { cpu, isa, tiles }
}

/// The winners of its tuning.
pub const TUNED: [Tuned; 4] = [
    tuned("Broadwell", Isa::Avx2, [(96, 1), (32, 1)], [(96, 1), (24, 1)], (64, 1)),
    tuned("Zen 2", Isa::Avx2, [(72, 1), (40, 1)], [(80, 1), (16, 1)], (64, 1)),
    tuned("Skylake-X", Isa::Avx2, [(64, 1), (40, 1)], [(64, 2), (24, 1)], (80, 2)),
    tuned("Skylake-X", Isa::Avx512, [(144, 3), (16, 1)], [(128, 4), (16, 1)], (128, 2)),
];

impl Tuned {
    /// The kernel that its winner is here; `None` for passes that the paper has no figure for.
    pub fn variant(&self, pass: Pass) -> Option<PassVariant> {
        let &(_, elements, accumulators) = self.tiles.iter().find(|(tuned, ..)| *tuned == pass)?;
        let (isa, element) = (self.isa, Element::F32);
        let tile = Tile { unroll: elements / isa.lanes(element), accumulators };
        let exp = pass.exponentiates().then_some(EXP);
        Some(PassVariant { pass, element, isa, exp, tile, memory: Memory::default() })
    }
}

/// The passes of its algorithms, each once.
pub const PASSES: [Pass; 7] =
    [Pass::ExtSum, Pass::ExtScale, Pass::Max, Pass::SumExp, Pass::ScaleExp, Pass::StoreExp, Pass::Scale];

/// Reads and writes of a row, in rows: every pass reads it once, and some write one.
pub fn traffic(algorithm: Algorithm) -> (usize, usize) {
    let passes = algorithm.passes();
    (passes.len(), passes.iter().filter(|pass| pass.stores()).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;
    use std::collections::BTreeSet;

    #[test]
    fn every_published_winner_is_in_the_grid() {
        let grid = project::grid().unwrap();
        for tuned in TUNED {
            for pass in PASSES {
                let Some(variant) = tuned.variant(pass) else { continue };
                assert!(grid.variants.contains(&variant), "{} of {}", variant, tuned.cpu);
                assert_eq!(variant.pruning_reason(), None);
            }
        }
        let skylake = TUNED[3].variant(Pass::ExtSum).unwrap();
        assert_eq!(skylake.id(), "f32_ext_sum__avx512_p5_u144_acc3");
    }

    #[test]
    fn the_passes_are_those_of_the_algorithms() {
        let of_algorithms: BTreeSet<Pass> =
            ALGORITHMS.iter().flat_map(|algorithm| algorithm.passes()).copied().collect();
        assert_eq!(BTreeSet::from(PASSES), of_algorithms);
    }

    #[test]
    fn traffic_is_counted_in_rows() {
        assert_eq!(ALGORITHMS.map(traffic), [(2, 1), (3, 1), (3, 2)]);
    }
}
