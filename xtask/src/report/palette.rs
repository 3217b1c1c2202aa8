//! Colours by role, on light paper and on dark, and how each algorithm looks.
//!
//! The hues are those of Okabe and Ito, which people with any common colour blindness tell apart, with an indigo for their
//! yellow, which white paper swallows. No hue stands alone: there is a shape, a dash or a name beside it.
//!
//! Plots are drawn in the colours for light paper; where a reader prefers dark, a style sheet replaces each ([`dark_rules`]).

use super::data::curves::Series;
use plotters::style::RGBColor;
use softmax_spec::Algorithm;

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// What is drawn on.
    Paper,
    /// Titles, numbers.
    Text,
    /// Axes, remarks.
    Soft,
    /// Lines that guide the eye.
    Grid,
    /// Areas behind everything.
    Shade,
    /// Hues of what is compared.
    Blue,
    /// A hue.
    Vermilion,
    /// A hue.
    Purple,
    /// A hue.
    Green,
    /// A hue.
    Orange,
    /// A hue.
    Sky,
    /// A hue.
    Indigo,
    /// Of the references.
    Grey,
    /// A step of a scale: 0 is the most striking, [`STEPS`] - 1 the least.
    Step(usize),
    /// Text on the striking steps.
    OnStriking,
    /// Text on the others.
    OnPale,
    /// The wrong side of a scale.
    Loss,
}

/// Steps of a scale.
pub const STEPS: usize = 7;
/// So many of them are striking.
const STRIKING: usize = 4;

/// On light paper, and on dark.
type Pair = [u32; 2];

const SCALE: [Pair; STEPS] = [
    [0x08306b, 0xd6ebff],
    [0x08519c, 0xa5d3fb],
    [0x2171b5, 0x74b8f2],
    [0x4292c6, 0x4a98dc],
    [0x9ecae1, 0x2f6ea8],
    [0xc6dbef, 0x284f78],
    [0xe6eff8, 0x25364a],
];

impl Ink {
    /// Every colour.
    pub fn all() -> impl Iterator<Item = Ink> {
        use Ink::*;
        let named = [
            Paper, Text, Soft, Grid, Shade, Blue, Vermilion, Purple, Green, Orange, Sky, Indigo, Grey,
            OnStriking, OnPale, Loss,
        ];
        named.into_iter().chain((0..STEPS).map(Step))
    }

    /// The hues, the most different first.
    pub const HUES: [Ink; 7] =
        [Ink::Blue, Ink::Orange, Ink::Vermilion, Ink::Green, Ink::Purple, Ink::Sky, Ink::Indigo];

    fn pair(self) -> Pair {
        match self {
            Ink::Paper => [0xffffff, 0x171b21],
            Ink::Text => [0x1b1f24, 0xe9edf2],
            Ink::Soft => [0x59636e, 0xa3adb8],
            Ink::Grid => [0xe3e7eb, 0x2e353d],
            Ink::Shade => [0xeef1f4, 0x232931],
            Ink::Blue => [0x0072b2, 0x4cabee],
            Ink::Vermilion => [0xd55e00, 0xff8b4a],
            Ink::Purple => [0xc05f95, 0xe79ac8],
            Ink::Green => [0x009e73, 0x2bc79a],
            Ink::Orange => [0xe69f00, 0xf7bd45],
            Ink::Sky => [0x4fb0e6, 0x9bdcff],
            Ink::Indigo => [0x332288, 0xa99cf8],
            Ink::Grey => [0x7b848e, 0x8f99a5],
            Ink::Step(step) => SCALE[step.min(STEPS - 1)],
            Ink::OnStriking => [0xfefefe, 0x0c1a29],
            Ink::OnPale => [0x12202e, 0xdfe9f3],
            Ink::Loss => [0xf6c9a8, 0x7a4323],
        }
    }

    /// On light paper.
    pub fn color(self) -> RGBColor {
        let [_, r, g, b] = self.pair()[0].to_be_bytes();
        RGBColor(r, g, b)
    }

    /// Legible on a step of a scale.
    pub fn on_step(step: usize) -> Ink {
        if step < STRIKING { Ink::OnStriking } else { Ink::OnPale }
    }

    /// As style sheets and drawings write it, on light paper and on dark.
    pub fn hex(self) -> [String; 2] {
        self.pair().map(|color| format!("#{color:06X}"))
    }
}

/// Rules of a style sheet that replace the colours of drawings by those for dark paper.
pub fn dark_rules() -> String {
    let rule = |ink: Ink| {
        let [light, dark] = ink.hex();
        format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}\n")
    };
    Ink::all().map(rule).collect()
}

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// None.
    Nothing,
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// Upright.
    Triangle,
    /// On its tip.
    Wedge,
    /// An x.
    Cross,
    /// A +.
    Plus,
    /// A thin circle around something.
    Ring,
}

impl Marker {
    /// The shapes, the most different first.
    pub const ALL: [Marker; 7] = [
        Marker::Circle,
        Marker::Square,
        Marker::Triangle,
        Marker::Diamond,
        Marker::Cross,
        Marker::Wedge,
        Marker::Plus,
    ];
}

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its colour.
    pub ink: Ink,
    /// Its points.
    pub marker: Marker,
    /// Whether points are hollow and lines dashed.
    pub is_open: bool,
}

/// Algorithms of a family share a hue and a shape; that which evaluates exponentials twice is open.
pub fn look(series: Series) -> Look {
    use Algorithm::*;
    let (ink, marker, is_open) = match series {
        Series::Memcpy => (Ink::Grey, Marker::Nothing, true),
        Series::Roofline => (Ink::Text, Marker::Nothing, false),
        Series::Algorithm(TwoPass) => (Ink::Blue, Marker::Triangle, false),
        Series::Algorithm(ThreePassReload) => (Ink::Vermilion, Marker::Circle, false),
        Series::Algorithm(ThreePassRecompute) => (Ink::Vermilion, Marker::Circle, true),
        Series::Algorithm(Online) => (Ink::Purple, Marker::Cross, false),
        Series::Algorithm(BlockedReload) => (Ink::Green, Marker::Square, false),
        Series::Algorithm(BlockedRecompute) => (Ink::Green, Marker::Square, true),
        Series::Algorithm(SampledReload) => (Ink::Orange, Marker::Diamond, false),
        Series::Algorithm(SampledRecompute) => (Ink::Orange, Marker::Diamond, true),
        Series::Algorithm(Resident) => (Ink::Indigo, Marker::Plus, false),
        Series::Algorithm(Fused) => (Ink::Sky, Marker::Wedge, false),
    };
    Look { ink, marker, is_open }
}

/// The name of a series, short enough for a label.
pub fn name(series: Series) -> String {
    match series {
        Series::Memcpy => "memcpy".to_owned(),
        Series::Roofline => "roofline".to_owned(),
        Series::Algorithm(algorithm) => {
            algorithm.id().replace("three_", "3-").replace("two_", "2-").replace('_', " ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_roles_share_a_colour_that_is_replaced() {
        let light: HashSet<String> = Ink::all().map(|ink| ink.hex()[0].clone()).collect();
        assert_eq!(light.len(), Ink::all().count());
    }

    #[test]
    fn no_two_algorithms_look_alike() {
        let looks: Vec<Look> = Algorithm::ALL.map(|algorithm| look(Series::Algorithm(algorithm))).into();
        for (i, look) in looks.iter().enumerate() {
            assert!(!looks[..i].contains(look), "{look:?}");
        }
    }

    /// Relative luminance and contrast of WCAG 2.
    fn contrast(a: u32, b: u32) -> f64 {
        let luminance = |color: u32| {
            let [_, r, g, b] = color.to_be_bytes();
            let [r, g, b] = [r, g, b].map(|channel| {
                let c = f64::from(channel) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_is_legible_on_either_paper() {
        for paper in [0, 1] {
            for ink in [Ink::Text, Ink::Soft] {
                let contrast = contrast(ink.pair()[paper], Ink::Paper.pair()[paper]);
                assert!(contrast >= 4.5, "{ink:?} on paper {paper}: {contrast}");
            }
            for hue in Ink::HUES {
                let contrast = contrast(hue.pair()[paper], Ink::Paper.pair()[paper]);
                assert!(contrast >= 2.0, "{hue:?} on paper {paper}: {contrast}");
            }
            for step in 0..STEPS {
                let contrast = contrast(Ink::on_step(step).pair()[paper], Ink::Step(step).pair()[paper]);
                assert!(contrast >= 3.0, "step {step} on paper {paper}: {contrast}");
            }
        }
    }
}
