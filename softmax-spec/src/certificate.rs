//! The certificate of the exp cores: how far each is from e^x at worst, over every float that it is used for.
//!
//! What is certified is a core on an ISA in one [`Form`], because the kernels of one core differ in how many vectors they take at
//! once and in what they do with the exponentials, not in how they make them. Files are `softmax-codegen`'s (its module
//! `certificate`), and measuring is `softmax-bench`'s.

use crate::id::impl_ids;
use crate::{Exp, Isa, Pass, PassVariant, REGULAR_MAX, Reduction};
use std::collections::BTreeSet;
use std::fmt;

/// How passes use a core, which decides what it is given and what it should give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// e^(x - max) of a row whose maximum is 0: all that a core is given that subtracts the maximum first, and for
    /// others how far they are from the truth as far below the maximum as exponentials are normal floats.
    Relative,
    /// e^(x - max) for any maximum that is regular, by the cores that never subtract it from x: each x has an error of its own.
    Shifted,
    /// e^x as m 2^n, without a maximum (the Two-Pass paper, Algorithm 4).
    Extended,
}

/// The lowest x with e^x >= 2^-126, the smallest normal float.
const LOWEST_NORMAL: f32 = -87.336_54;

/// The Two-Pass paper's core is made for |x| below this.
const EXTENDED_END: f32 = 16_384.0;

impl Form {
    /// Every form.
    pub const ALL: [Form; 3] = [Form::Relative, Form::Shifted, Form::Extended];

    /// Id, as in certificates.
    pub const fn id(self) -> &'static str {
        match self {
            Form::Relative => "relative",
            Form::Shifted => "shifted",
            Form::Extended => "extended",
        }
    }

    /// The pass whose results are exponentials in this form and nothing else.
    pub const fn pass(self) -> Pass {
        match self {
            Form::Relative | Form::Shifted => Pass::StoreExp,
            Form::Extended => Pass::ExtScale,
        }
    }

    /// Whether passes use cores of that reduction in this form.
    pub const fn suits(self, reduction: Reduction) -> bool {
        match self {
            Form::Relative => true,
            Form::Shifted => !matches!(reduction, Reduction::CodyWaite | Reduction::Fast),
            Form::Extended => reduction.extends(),
        }
    }

    /// The lowest and the highest x. Results are normal floats.
    pub const fn domain(self) -> (f32, f32) {
        match self {
            Form::Relative => (LOWEST_NORMAL, 0.0),
            Form::Shifted => ((-REGULAR_MAX + LOWEST_NORMAL).next_up(), REGULAR_MAX),
            Form::Extended => (-EXTENDED_END.next_down(), EXTENDED_END.next_down()),
        }
    }

    /// c, where the core should give e^(c x). Relative to the maximum nothing cancels, and c is 1.
    pub fn argument_factor(self, reduction: Reduction) -> f64 {
        match self {
            Form::Relative => 1.0,
            Form::Shifted | Form::Extended => reduction.argument_factor(),
        }
    }
}

impl_ids!(Form, "form of an exp core");

/// What a row of a certificate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The core.
    pub exp: Exp,
    /// How it is used.
    pub form: Form,
    /// Where it runs.
    pub isa: Isa,
}

impl Subject {
    /// Everything that the kernels of a grid use, in the order of certificates.
    pub fn of_grid(variants: &[PassVariant]) -> BTreeSet<Subject> {
        variants.iter().flat_map(Subject::shown_by).collect()
    }

    /// What the results of a kernel show.
    pub fn shown_by(variant: &PassVariant) -> impl Iterator<Item = Subject> {
        let &PassVariant { pass, isa, exp, .. } = variant;
        let forms = Form::ALL.into_iter().filter(move |form| form.pass() == pass);
        let of_form = move |form: Form| Some(Subject { exp: exp?, form, isa });
        forms.filter_map(of_form).filter(|subject| subject.form.suits(subject.exp.reduction))
    }

    /// The kernel that shows it best: no way through memory but the plain one, and a few vectors at once.
    pub fn kernel(self, variants: &[PassVariant]) -> Option<PassVariant> {
        let shows = |variant: &&PassVariant| Subject::shown_by(variant).any(|subject| subject == self);
        let rank = |&&PassVariant { tile, memory, .. }: &&PassVariant| {
            (memory, tile.unroll.abs_diff(UNROLL), tile.accumulators, tile.unroll)
        };
        variants.iter().filter(shows).min_by_key(rank).copied()
    }
}

/// Enough vectors that none waits for another.
const UNROLL: usize = 4;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.isa, self.exp, self.form)
    }
}

/// The worst of a core over many inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// How many floats were tried.
    pub inputs: u64,
    /// The largest |result - exact| in units of the last place of the exact value.
    pub ulp: f64,
    /// The lowest input that has it.
    pub at: f32,
    /// The most floats from a result to the float that is nearest to the exact value.
    pub distance: u32,
    /// The lowest input that has it.
    pub distance_at: f32,
    /// The largest |result / exact - 1| in units of 2^-24, of which an ULP is one to two: what bounds of sums and quotients are made of.
    pub units: f64,
    /// The lowest input that has it.
    pub units_at: f32,
}

/// A row: a core's error over every float of [`Form::domain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of what.
    pub subject: Subject,
    /// The error, rounded up to [`Worst::DIGITS`].
    pub worst: Worst,
    /// A fingerprint of the code that had it.
    pub code: u64,
}

/// What is known of all cores of a grid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Certificate {
    /// ISAs that the grid has and of which nothing is known yet, because nobody who has one has measured.
    pub uncertified: Vec<Isa>,
    /// One per subject of any other ISA, in their order.
    pub rows: Vec<Row>,
}

impl Certificate {
    /// The row about `subject`.
    pub fn row(&self, subject: Subject) -> Option<&Row> {
        self.rows.iter().find(|row| row.subject == subject)
    }

    /// About the subjects of a grid: with these rows, and otherwise with those that it has.
    pub fn updated(self, rows: Vec<Row>, grid: &BTreeSet<Subject>) -> Certificate {
        let of = |subject: &Subject| rows.iter().chain(&self.rows).find(|row| row.subject == *subject);
        let rows: Vec<Row> = grid.iter().filter_map(of).cloned().collect();
        let is_unknown = |isa: &Isa| {
            grid.iter().any(|subject| subject.isa == *isa) && rows.iter().all(|row| row.subject.isa != *isa)
        };
        Certificate { uncertified: Isa::ALL.into_iter().filter(is_unknown).collect(), rows }
    }

    /// Subjects of a grid of which it must know and does not, and those that it knows and the grid has not.
    pub fn missing_and_surplus(&self, grid: &BTreeSet<Subject>) -> (Vec<Subject>, Vec<Subject>) {
        let known: BTreeSet<Subject> = self.rows.iter().map(|row| row.subject).collect();
        let is_expected = |subject: &&Subject| !self.uncertified.contains(&subject.isa);
        let missing = grid.difference(&known).filter(is_expected).copied().collect();
        let of_uncertified = known.iter().filter(|subject| self.uncertified.contains(&subject.isa));
        let surplus = known.difference(grid).chain(of_uncertified).copied().collect();
        (missing, surplus)
    }
}

impl Worst {
    /// Decimal digits of a certified error.
    pub const DIGITS: usize = 3;

    /// Nothing seen yet.
    pub const NONE: Worst =
        Worst { inputs: 0, ulp: 0.0, at: 0.0, distance: 0, distance_at: 0.0, units: 0.0, units_at: 0.0 };

    /// The errors rounded up to the digits that are certified.
    pub fn certified(self) -> Worst {
        let power = 10f64.powi(Worst::DIGITS as i32);
        let up = |error: f64| (error * power).ceil() / power;
        Worst { ulp: up(self.ulp), units: up(self.units), ..self }
    }

    /// Of the inputs of both, whatever they are where there are none. Of equal errors the lower input's counts, so that the order of merging does not matter.
    pub fn merge(self, other: Worst) -> Worst {
        if self.inputs == 0 || other.inputs == 0 {
            return if other.inputs == 0 { self } else { other };
        }
        let (ulp, at) = worse((self.ulp, self.at), (other.ulp, other.at));
        let (distance, distance_at) =
            worse((self.distance, self.distance_at), (other.distance, other.distance_at));
        let (units, units_at) = worse((self.units, self.units_at), (other.units, other.units_at));
        Worst { inputs: self.inputs + other.inputs, ulp, at, distance, distance_at, units, units_at }
    }
}

/// Of two errors with their inputs.
fn worse<T: PartialOrd>(a: (T, f32), b: (T, f32)) -> (T, f32) {
    let is_worse = b.0 > a.0 || b.0 == a.0 && b.1 < a.1;
    if is_worse { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_normal_in_every_domain() {
        let (lowest, _) = Form::Relative.domain();
        let smallest = f64::from(f32::MIN_POSITIVE);
        assert!(f64::from(lowest).exp() >= smallest && f64::from(lowest.next_down()).exp() < smallest);
        let (lowest, highest) = Form::Shifted.domain();
        assert!((f64::from(lowest) + f64::from(REGULAR_MAX)).exp() >= smallest);
        assert_eq!(highest, REGULAR_MAX);
    }

    #[test]
    fn kernels_show_the_cores_that_they_store_the_results_of() {
        let shown = |id: &str| {
            let variant: PassVariant = id.parse().unwrap();
            Subject::shown_by(&variant).map(|subject| subject.to_string()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown("f32_store_exp__avx2_p5_u8"), "avx2 p5 relative");
        assert_eq!(shown("f32_store_exp__avx512_q2_u16"), "avx512 q2 relative, avx512 q2 shifted");
        assert_eq!(shown("f32_ext_scale__sse2_d5_u4"), "sse2 d5 extended");
        assert_eq!(shown("f32_scale_exp__sse2_d5_u4"), "");
        assert_eq!(shown("f32_max__sse2_u4"), "");
    }

    #[test]
    fn a_certificate_is_about_a_grid_and_says_what_it_does_not_know() {
        let grid = |ids: &[&str]| {
            let variants: Vec<PassVariant> = ids.iter().map(|id| id.parse().unwrap()).collect();
            Subject::of_grid(&variants)
        };
        let row = |&subject: &Subject| Row { subject, worst: Worst::NONE, code: 1 };
        let small = grid(&["f32_store_exp__avx2_a6_u8"]);
        let large = grid(&["f32_store_exp__avx2_a6_u8", "f32_ext_scale__sse2_p5_u4"]);
        let known = Certificate::default().updated(small.iter().map(row).collect(), &large);
        assert_eq!((known.rows.len(), &known.uncertified[..]), (2, &[Isa::Sse2][..]));
        assert_eq!(known.missing_and_surplus(&large), (vec![], vec![]));
        let all = known
            .clone()
            .updated(large.iter().map(|subject| Row { code: 2, ..row(subject) }).collect(), &large);
        assert_eq!((all.rows.len(), all.uncertified.len()), (3, 0));
        assert!(all.rows.iter().all(|row| row.code == 2));
        assert_eq!(all.missing_and_surplus(&small).1.len(), 1);
        assert_eq!(all.clone().updated(vec![], &small).rows.len(), 2);
        let forgot = Certificate { rows: all.rows[1..].to_vec(), ..all };
        assert_eq!(forgot.missing_and_surplus(&large), (vec![*large.first().unwrap()], vec![]));
        let denies = Certificate { uncertified: vec![Isa::Avx2], ..known };
        assert_eq!(denies.missing_and_surplus(&small).1.len(), 2);
    }

    #[test]
    fn merging_takes_the_worst_of_either_in_any_order() {
        let seen = |ulp, at, distance, distance_at| Worst {
            inputs: 1,
            ulp,
            at,
            distance,
            distance_at,
            units: 2.0 * ulp,
            units_at: at,
        };
        let all = [seen(1.0, 3.0, 2, 5.0), seen(2.0, 4.0, 1, 1.0), seen(2.0, -4.0, 2, 1.0), Worst::NONE];
        let expected = Worst { inputs: 3, ..seen(2.0, -4.0, 2, 1.0) };
        assert_eq!(all.into_iter().fold(Worst::NONE, Worst::merge), expected);
        assert_eq!(all.into_iter().rev().fold(Worst::NONE, Worst::merge), expected);
        assert_eq!(seen(0.0, 5.0, 0, 5.0).merge(Worst::NONE), Worst::NONE.merge(seen(0.0, 5.0, 0, 5.0)));
    }

    #[test]
    fn errors_are_certified_rounded_up() {
        assert_eq!(Worst { ulp: 1.9771, ..Worst::NONE }.certified().ulp, 1.978);
        assert_eq!(Worst { ulp: 1.5, ..Worst::NONE }.certified().ulp, 1.5);
    }
}
