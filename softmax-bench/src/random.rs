//! Numbers for rows: deterministic, so that two runs time and verify the same rows; and orders for races. No crate: a dozen lines.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator that always gives the same sequence for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Puts the items into an order in which each is as likely as any (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for left in (2..=items.len()).rev() {
            items.swap(left - 1, (self.bits() % left as u64) as usize);
        }
    }

    /// Uniform on [0, 1), a multiple of 2^-53.
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform on (`low`, `high`), rounded to f32.
    pub fn uniform(&mut self, low: f64, high: f64) -> f32 {
        (low + (high - low) * self.unit()) as f32
    }

    /// Normal with mean 0 and the given deviation (Box and Muller), rounded to f32.
    pub fn normal(&mut self, deviation: f64) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (deviation * radius * (std::f64::consts::TAU * self.unit()).cos()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_about_as_likely() {
        let mut random = Random::new(1);
        let mut counts = std::collections::HashMap::<_, u32>::new();
        for _ in 0..6000 {
            let mut items = [1, 2, 3];
            random.shuffle(&mut items);
            *counts.entry(items).or_default() += 1;
        }
        assert!(counts.len() == 6 && counts.values().all(|count| count.abs_diff(1000) < 150), "{counts:?}");
    }

    #[test]
    fn the_moments_are_those_of_the_distributions() {
        let mut random = Random::new(1);
        let n = 100_000;
        let mean_square = |mut draw: Box<dyn FnMut() -> f32>| {
            (0..n).map(|_| f64::from(draw()).powi(2)).sum::<f64>() / f64::from(n)
        };
        let mut other = random.clone();
        let uniform = mean_square(Box::new(move || random.uniform(-10.0, 10.0)));
        let normal = mean_square(Box::new(move || other.normal(5.0)));
        assert!((uniform - 100.0 / 3.0).abs() < 0.5, "{uniform}");
        assert!((normal - 25.0).abs() < 0.5, "{normal}");
    }
}
