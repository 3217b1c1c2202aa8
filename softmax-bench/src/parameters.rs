//! What single passes are given beside the row: in a plan these numbers come from the pass before.

use softmax_kernels::ExtSum;

/// The arguments of every pass for one row, computed once in f64 and never inside a timed region.
#[derive(Debug, Clone, Copy)]
pub struct Parameters {
    /// The row's true maximum; -inf for an empty row.
    pub max: f32,
    /// 1 / (sum of e^(x - max)).
    pub factor: f64,
    /// Sum of e^x.
    pub sum: ExtSum,
}

impl Parameters {
    /// The parameters of a row of finite values.
    pub fn of(x: &[f32]) -> Parameters {
        let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = x.iter().map(|&x| (f64::from(x) - f64::from(max)).exp()).sum();
        // sum of e^x = 2^log2
        let log2 = f64::from(max) * std::f64::consts::LOG2_E + sum.log2();
        let ext = match log2.is_finite() {
            true => ExtSum { mantissa: (log2 - log2.floor()).exp2() as f32, exponent: log2.floor() as f32 },
            false => ExtSum { mantissa: 0.0, exponent: f32::NEG_INFINITY },
        };
        Parameters { max, factor: 1.0 / sum, sum: ext }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extended_sum_is_the_sum() {
        let Parameters { max, factor, sum } = Parameters::of(&[1.0, -2.0, 3.0, 0.5]);
        let exact: f64 = [1.0f64, -2.0, 3.0, 0.5].map(f64::exp).iter().sum();
        let got = f64::from(sum.mantissa) * f64::from(sum.exponent).exp2();
        assert_eq!(max, 3.0);
        assert!((got / exact - 1.0).abs() < 1e-7);
        assert!((factor * exact / 3f64.exp() - 1.0).abs() < 1e-7);
    }
}
