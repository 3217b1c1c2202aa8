//! Values that some float operation, comparison or reduction treats differently from others.

const NAN: f32 = f32::NAN;
/// Masks are -inf.
pub const INF: f32 = f32::INFINITY;

/// All of them.
pub const VALUES: [f32; 32] = [
    NAN,
    -NAN,
    INF,
    -INF,
    0.0,
    -0.0,
    // The smallest subnormal numbers, one in their midst, and the smallest normal ones.
    1e-45,
    -1e-45,
    1e-40,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    // Where exponentials leave the range of floats, alone and relative to a constant.
    50.0,
    88.8,
    104.0,
    200.0,
    -88.0,
    -104.0,
    // Around the bound up to which cores are exact.
    8191.0,
    8193.0,
    -8191.0,
    -8193.0,
    // Where x log2 e has no fraction left.
    16_777_216.0,
    -16_777_216.0,
    1e9,
    -1e9,
    // The ends of the range.
    1e30,
    -1e30,
    3.4e38,
    -3.4e38,
    f32::MAX,
    f32::MIN,
    // Masks as some write them.
    -10_000.0,
];
