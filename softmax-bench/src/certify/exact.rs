//! The reference: e^x as m 2^n with m in f64, and e^(c x) from it, for every finite x that a core is given.
//!
//! n = round(x log2 e), r = x - n ln 2, m = e^r. With ln 2 in two parts n LN2_HIGH and x - n LN2_HIGH are exact, so that r is
//! off by two roundings of at most 2^-55, and the platform's e^r by less than 2^-52 of itself; e^((c - 1) x), which is 1 but for 2^-14,
//! comes from its series, and to multiply by it rounds once more: together 2^-51, which is 2^-27 of an ULP of f32. Where the exact value is as close as that to the middle between two floats, which of them is nearest is
//! not known.

/// ln 2 in two parts: the high one has so few digits that its product with any n below 2^20 is exact.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1.5 * 2^52, by which a sum is rounded to an integer.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// e^x as (m, n), m in [0.7, 1.42].
#[inline]
pub fn exp(x: f32) -> (f64, i32) {
    let x = f64::from(x);
    let rounded = x * std::f64::consts::LOG2_E + ROUNDING;
    let n = rounded - ROUNDING;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    // The last bits of the sum are n's.
    (r.exp(), rounded.to_bits() as i32)
}

/// m e^d for |d| < 2^-14, where the series' next term is below 2^-60.
#[inline]
pub fn times_exp(m: f64, d: f64) -> f64 {
    m + m * (d * (1.0 + d * (0.5 + d * (1.0 / 6.0))))
}

/// The inverse of the unit in the last place of an f32 of that size.
#[inline]
pub fn per_ulp(m: f64) -> f64 {
    // 2^(23 - e) for m in [2^e, 2^(e + 1))
    f64::from_bits(((2 * 1023 + 23) << 52) - (m.to_bits() & (0x7ff << 52)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::floats::{from_rank, rank};

    #[test]
    fn ln2_is_in_two_parts() {
        assert_eq!(LN2_HIGH + LN2_LOW, std::f64::consts::LN_2);
        assert_eq!(LN2_HIGH.to_bits().trailing_zeros(), 21);
    }

    #[test]
    fn a_unit_in_the_last_place_is_the_distance_of_floats() {
        for x in [0.7f32, 1.0, 1.4, 1.9999, 2.0, 3e-38, 1e30] {
            assert_eq!(per_ulp(x.into()).recip(), f64::from(x.next_up()) - f64::from(x));
        }
    }

    /// An unevaluated sum of two f64, the second below half a unit of the first: 106 bits (Dekker 1971).
    #[derive(Clone, Copy)]
    struct Double(f64, f64);

    impl Double {
        fn sum(a: f64, b: f64) -> Double {
            let s = a + b;
            let of_b = s - a;
            Double(s, (a - (s - of_b)) + (b - of_b))
        }

        fn product(a: f64, b: f64) -> Double {
            Double(a * b, a.mul_add(b, -(a * b)))
        }

        fn plus(self, other: Double) -> Double {
            let Double(s, e) = Double::sum(self.0, other.0);
            Double::sum(s, e + self.1 + other.1)
        }

        fn times(self, other: Double) -> Double {
            let Double(p, e) = Double::product(self.0, other.0);
            Double::sum(p, e + self.0 * other.1 + self.1 * other.0)
        }

        fn over(self, k: f64) -> Double {
            let q = self.0 / k;
            let Double(p, e) = Double::product(q, k);
            Double::sum(q, (self.0 - p - e + self.1) / k)
        }
    }

    /// ln 2 to 106 bits: OEIS A002162.
    const LN2: Double = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

    /// e^x 2^-n for an f32 x, by Taylor's series of e^(r/16) and four squarings, to about 2^-95.
    fn exp_by_series(x: f32, n: i32) -> Double {
        let n_ln2 = Double::product(f64::from(-n), LN2.0).plus(Double(f64::from(-n) * LN2.1, 0.0));
        let r = Double(x.into(), 0.0).plus(n_ln2).over(16.0);
        let mut term = Double(1.0, 0.0);
        let mut sum = term;
        for k in 1..20 {
            term = term.times(r).over(f64::from(k));
            sum = sum.plus(term);
        }
        (0..4).fold(sum, |power, _| power.times(power))
    }

    #[test]
    fn the_series_has_the_digits_of_e() {
        // e = 2.718281828459045 2353602874713526625 (OEIS A001113), its f64 and the rest of it.
        let Double(high, low) = exp_by_series(1.0, 0);
        assert_eq!(high, std::f64::consts::E);
        assert!((low - 1.445_646_891_729_250_2e-16).abs() < 1e-27, "{low:e}");
        let Double(high, low) = exp_by_series(std::f32::consts::LN_2, 1);
        // ln 2 rounded to f32 is 1.904654299957768e-9 above it, and e^that is 1 + that + that^2 / 2.
        assert!((high - 1.0 + low - 1.904_654_301_771_622e-9).abs() < 1e-24, "{high:e} {low:e}");
    }

    #[test]
    fn the_reference_is_within_a_millionth_of_an_ulp() {
        // Ranks of |x| < 2^14, 20011 apart in the part where e^x differs from 1.
        let (first, last) = (rank(1e-9), rank(16384.0));
        let mut worst = 0.0f64;
        for x in (first..last).step_by(20_011).map(from_rank).flat_map(|x| [x, -x]) {
            let (m, n) = exp(x);
            let Double(high, low) = exp_by_series(x, n);
            worst = worst.max(((m - high) - low).abs() * per_ulp(m));
        }
        assert!(worst < 1.0 / f64::from(1 << 26), "{worst:e}");
        assert!(worst > 0.0);
    }

    #[test]
    fn an_excess_makes_x_larger() {
        for d in [0.0, 1e-9, -1e-9, 4e-5, -6e-5] {
            let exact = 1.4 * f64::exp(d);
            assert!((times_exp(1.4, d) - exact).abs() <= exact * f64::EPSILON, "{d}");
        }
    }
}
