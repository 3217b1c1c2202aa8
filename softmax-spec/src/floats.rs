//! Every float in order: ranks, in which neighbours differ by one and the two zeros are neighbours.

/// The rank of a number: 0 for 0.0, -1 for -0.0.
pub fn rank(x: f32) -> i64 {
    let bits = i64::from(x.to_bits() & 0x7fff_ffff);
    if x.is_sign_negative() { -1 - bits } else { bits }
}

/// The number of a rank.
pub fn from_rank(rank: i64) -> f32 {
    match u32::try_from(rank) {
        Ok(bits) => f32::from_bits(bits),
        Err(_) => -f32::from_bits((-1 - rank) as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_order_of_floats() {
        let ascending = [f32::NEG_INFINITY, f32::MIN, -1.0, -1e-45, -0.0, 0.0, 1e-45, 1.0, f32::MAX];
        assert!(ascending.is_sorted_by(|&a, &b| rank(a) < rank(b)));
        for x in ascending {
            assert_eq!(from_rank(rank(x)).to_bits(), x.to_bits());
        }
        assert_eq!(rank(1e-45) - rank(-1e-45), 3);
    }
}
