//! What a chunk of floats is compared with: computed when it is first asked for, once for all cores that should give the same.

use super::exact;

/// The references of a chunk.
#[derive(Default)]
pub struct References {
    /// e^x as m 2^n.
    powers: Vec<(f64, i32)>,
    /// By excess.
    exact: Vec<(f64, Vec<Exact>)>,
}

impl References {
    /// Before another chunk.
    pub fn forget(&mut self) {
        self.powers.clear();
        self.exact.iter_mut().for_each(|(_, exact)| exact.clear());
    }

    /// What x should become with that excess, in units of 2^unit.
    pub fn of(&mut self, x: &[f32], excess: f64, unit: i32) -> &[Exact] {
        if self.powers.is_empty() {
            self.powers.extend(x.iter().map(|&x| exact::exp(x)));
        }
        let known = self.exact.iter().position(|(known, _)| *known == excess);
        let place = known.unwrap_or_else(|| {
            self.exact.push((excess, Vec::with_capacity(x.len())));
            self.exact.len() - 1
        });
        let (_, exact) = &mut self.exact[place];
        if exact.is_empty() {
            let with_powers = x.iter().zip(&self.powers);
            exact.extend(with_powers.map(|(&x, &power)| Exact::of_power(x, power, excess, unit)));
        }
        exact
    }
}

/// A reference, in a unit that a chunk has in common, so that it is far from the ends of f32; and what all cores need of it.
#[derive(Debug, Clone, Copy)]
pub struct Exact {
    /// The exact value.
    pub value: f64,
    /// Units of 2^-24 of it in 1.
    pub units: f64,
    /// The bits of the float that is nearest.
    pub nearest: i32,
}

/// Units in a number as large as what they are relative to.
const UNITS: f64 = (1 << 24) as f64;

impl Exact {
    /// m 2^n.
    #[inline]
    pub fn new(m: f64, n: i32) -> Exact {
        let value = m * power_of_two(n);
        Exact { value, units: UNITS / value, nearest: (value as f32).to_bits().cast_signed() }
    }

    /// e^(x + excess x) in units of 2^unit.
    pub fn of(x: f32, excess: f64, unit: i32) -> Exact {
        Exact::of_power(x, exact::exp(x), excess, unit)
    }

    /// The same from e^x.
    #[inline]
    fn of_power(x: f32, (m, n): (f64, i32), excess: f64, unit: i32) -> Exact {
        let m = if excess == 0.0 { m } else { exact::times_exp(m, excess * f64::from(x)) };
        Exact::new(m, n - unit)
    }
}

/// 2^n, where that is a normal f64.
#[inline]
pub fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chunk_has_its_own_references_for_each_excess() {
        let mut references = References::default();
        for x in [[-1.0f32, -0.5, 0.25], [1.0, 2.0, 3.0]] {
            references.forget();
            for excess in [0.0, 1e-6, 0.0, -1e-6] {
                let found = references.of(&x, excess, 1).iter().map(|exact| exact.value);
                let expected = x.map(|x| (f64::from(x) * (1.0 + excess)).exp() / 2.0);
                assert!(found.zip(expected).all(|(found, expected)| (found / expected - 1.0).abs() < 1e-15));
                assert_eq!(references.of(&x, excess, 1).len(), x.len());
            }
        }
    }

    #[test]
    fn a_reference_is_in_the_unit_that_is_asked_for() {
        let Exact { value, units, nearest } = Exact::of(1000.0, 0.0, 1442);
        let exact = (1000.0 - 1442.0 * std::f64::consts::LN_2).exp();
        assert!((value / exact - 1.0).abs() < 1e-12 && (value * units - UNITS).abs() < 1e-8);
        assert_eq!(nearest, (exact as f32).to_bits().cast_signed());
    }
}
