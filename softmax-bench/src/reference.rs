//! What a row costs at least: copying it, reading it, and a loop that a compiler vectorises. The tuner divides by
//! these, measured in the same race, because the bandwidth of a shared machine moves by more than kernels differ.

/// y = x at the speed of the platform's memcpy.
///
/// # Panics
/// If the lengths differ.
pub fn memcpy(x: &[f32], y: &mut [f32]) {
    y.copy_from_slice(x);
}

/// The same on `threads` threads, each with a contiguous part of the row: the calling one and others of the pool.
///
/// # Panics
/// If the lengths differ, or there are no threads.
pub fn memcpy_on(threads: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let part = x.len().div_ceil(threads).max(1);
    let mut parts = x.chunks(part).zip(y.chunks_mut(part));
    rayon::in_place_scope(|scope| {
        let own = parts.next();
        parts.for_each(|(x, y)| scope.spawn(|_| memcpy(x, y)));
        own.into_iter().for_each(|(x, y)| memcpy(x, y));
    });
}

/// y = x * factor, as the compiler vectorises it for the baseline target.
///
/// # Panics
/// If the lengths differ.
#[inline(never)]
pub fn scale_loop(x: &[f32], y: &mut [f32], factor: f32) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y = x * factor;
    }
}

/// The sum of a row, as fast as it can be read with the widest vectors of this CPU.
pub fn read_sum(x: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512 F, just detected.
            return unsafe { read_sum_avx512(x) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2, just detected.
            return unsafe { read_sum_avx2(x) };
        }
    }
    sum_with::<32>(x)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn read_sum_avx512(x: &[f32]) -> f32 {
    sum_with::<128>(x)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn read_sum_avx2(x: &[f32]) -> f32 {
    sum_with::<64>(x)
}

/// `LANES` independent sums: eight vectors of the caller's width, enough to cover the latency of an addition. What
/// is left goes into a narrower set, so that a short row does not pay for folding the wide one.
#[inline(always)]
fn sum_with<const LANES: usize>(x: &[f32]) -> f32 {
    let (wide, rest) = x.as_chunks::<LANES>();
    let (narrow, rest) = rest.as_chunks::<16>();
    let narrow = folded(lane_sums(narrow)) + rest.iter().sum::<f32>();
    if wide.is_empty() { narrow } else { narrow + folded(lane_sums(wide)) }
}

#[inline(always)]
fn lane_sums<const LANES: usize>(chunks: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
    sums
}

/// The sum of a power of two of numbers, by halves, which vectorises.
#[inline(always)]
fn folded<const LANES: usize>(mut sums: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_on_any_number_of_threads() {
        for (threads, len) in [(1, 5), (2, 0), (2, 5), (3, 2), (3, 1000)] {
            let x: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let mut y = vec![-1.0; len];
            memcpy_on(threads, &x, &mut y);
            assert_eq!(x, y);
        }
    }

    #[test]
    fn every_element_is_read_once() {
        for len in [0usize, 1, 63, 64, 65, 128, 1000] {
            let x: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert_eq!(read_sum(&x), (len * len.saturating_sub(1) / 2) as f32);
        }
    }
}
