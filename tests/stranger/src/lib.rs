//! A grid that softmax-kernels does not have: tiles that no power of two divides, and polynomials of degree 4, in
//! every pass on every ISA, and every way through memory. Whatever a spec may say, not only what the project says, must give right kernels.

softmax_kernels::kernels! {
    grid {
        passes: [max, sum_exp, store_exp, scale, scale_exp, ext_sum, ext_scale, online_sum, softmax],
        isas: [scalar, sse2, avx2, avx512, neon],
        unroll: [3],
        accumulators: [1, 3],
        exp: [cody_waite 4, accurate 4, fast 4, direct 4],
        store: [temporal, non_temporal],
    }
    grid {
        passes: [max, sum_exp, store_exp, scale, scale_exp, ext_sum, ext_scale, online_sum, softmax],
        isas: [scalar, sse2, avx2, avx512, neon],
        unroll: [5, 9],
        accumulators: [1, 3],
        exp: [direct 4],
    }

    // Every way through memory.
    grid {
        passes: [max, sum_exp, store_exp, scale, scale_exp, ext_sum, ext_scale, online_sum, softmax],
        isas: [scalar, sse2, avx2, avx512, neon],
        unroll: [4],
        exp: [direct 4],
        store: [temporal, non_temporal],
        prefetch: [0, 48],
        streams: [1, 2],
        direction: [forward, backward],
    }
}
