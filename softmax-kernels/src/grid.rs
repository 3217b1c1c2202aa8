//! The grid: every kernel variant that this crate can be built with, and the profiles that choose among them.

crate::kernels! {
    crate: crate,
    profiles: ["tuned/intel-xeon-f6-m207.toml", "tuned/amd-epyc-f26-m2.toml", "tuned/amd-epyc-f25-m17.toml", "tuned/amd-epyc-f25-m1.toml", "tuned/default.toml"],
    // Unit tests are of what chooses among kernels: they need no others.
    shortlist: unless(all(feature = "full-grid", not(test))),

    // Passes without exponentials are memory-bound or nearly so; their tile matters less.
    grid {
        passes: [max, scale],
        isas: [scalar, sse2, avx2, avx512],
        unroll: [1, 2, 4, 6, 8, 12, 16],
        accumulators: [1, 2, 4, 8],
    }

    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale, online_sum],
        isas: [avx2, avx512],
        unroll: [1, 2, 3, 4, 6, 8, 10, 12, 16],
        accumulators: [1, 2, 3, 4],
        exp: [direct 5],
    }

    // What accurate plans are made of. Their sums wait for nothing, so one accumulator is enough.
    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx2, avx512],
        unroll: [1, 2, 3, 4, 6, 8, 10, 12, 16],
        exp: [accurate 6],
    }

    // To compare with: the paper's reduction and others that are used where nothing better is.
    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale, online_sum],
        isas: [avx2, avx512],
        unroll: [1, 2, 3, 4, 6, 8],
        accumulators: [1, 2, 3, 4],
        exp: [cody_waite 5..=6, accurate 5, fast 5],
    }

    // The rest of the tiles that the paper's tuning ended with, on one CPU or another.
    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale],
        isas: [avx2, avx512],
        unroll: [5, 9, 10, 12],
        accumulators: [1, 2, 3],
        exp: [cody_waite 5],
    }

    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx2],
        unroll: [1, 2, 3, 4, 6, 8, 12],
        accumulators: [1, 2, 3, 4],
        exp: [eighths 3, saturating 3],
    }

    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx512],
        unroll: [1, 2, 3, 4, 6, 8, 10, 12, 16],
        accumulators: [1, 2, 3, 4],
        exp: [table 2, quick 2],
    }

    // Past the caches, for rows that do not fit there.
    grid {
        passes: [scale, scale_exp],
        isas: [avx2, avx512],
        unroll: [1, 2, 4, 8],
        exp: [accurate 6, direct 5],
        store: [non_temporal],
    }
    grid { passes: [scale_exp], isas: [avx512], unroll: [1, 2, 4, 8], exp: [table 2, quick 2], store: [non_temporal] }
    grid { passes: [scale_exp], isas: [avx2], unroll: [1, 2, 4, 8], exp: [eighths 3, saturating 3], store: [non_temporal] }
    grid { passes: [ext_scale], isas: [avx2, avx512], unroll: [1, 2, 4], exp: [cody_waite 5, direct 5], store: [non_temporal] }

    // Other ways through memory, for rows past the caches: a first pass that prefetches, or reads several streams; a last
    // pass that does so too, or starts where the one before it ended. Memory decides there, so a few tiles are enough.
    grid {
        passes: [max, scale, ext_sum, ext_scale],
        isas: [avx2, avx512],
        unroll: [4, 8],
        accumulators: [2],
        exp: [direct 5],
        store: [temporal, non_temporal],
        prefetch: [0, 1024],
        direction: [forward, backward],
    }
    grid {
        passes: [max, scale, ext_sum, ext_scale],
        isas: [avx2, avx512],
        unroll: [4, 8],
        accumulators: [2],
        exp: [direct 5],
        store: [temporal, non_temporal],
        streams: [4],
    }
    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx2],
        unroll: [4, 8],
        accumulators: [2],
        exp: [eighths 3, saturating 3],
        store: [temporal, non_temporal],
        prefetch: [0, 1024],
        direction: [forward, backward],
    }
    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx2],
        unroll: [4, 8],
        accumulators: [2],
        exp: [eighths 3, saturating 3],
        store: [temporal, non_temporal],
        streams: [4],
    }
    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx512],
        unroll: [4, 8],
        accumulators: [2],
        exp: [table 2, quick 2],
        store: [temporal, non_temporal],
        prefetch: [0, 1024],
        direction: [forward, backward],
    }
    grid {
        passes: [sum_exp, store_exp, scale_exp],
        isas: [avx512],
        unroll: [4, 8],
        accumulators: [2],
        exp: [table 2, quick 2],
        store: [temporal, non_temporal],
        streams: [4],
    }

    // Rows in registers: an arm for every number of vectors up to the unroll. As the arms are the same, a smaller one is no faster.
    grid { passes: [softmax], isas: [avx512], unroll: [16], exp: [accurate 6, direct 5, table 2] }
    grid { passes: [softmax], isas: [avx2], unroll: [12], exp: [accurate 6, direct 5, eighths 3] }
    grid { passes: [softmax], isas: [scalar, sse2], unroll: [4], exp: [accurate 6, direct 5] }

    // Rows in the L1 cache, in one function.
    grid {
        passes: [fused_softmax],
        isas: [avx512],
        unroll: [2, 4, 6, 8],
        accumulators: [1, 2, 4],
        exp: [direct 5, quick 2],
    }
    grid {
        passes: [fused_softmax],
        isas: [avx2],
        unroll: [2, 4, 6, 8],
        accumulators: [1, 2, 4],
        exp: [direct 5, eighths 3],
    }
    grid { passes: [fused_softmax], isas: [avx2, avx512], unroll: [2, 4, 8], exp: [accurate 6] }
    grid { passes: [fused_softmax], isas: [scalar, sse2], unroll: [2], accumulators: [1, 2], exp: [accurate 6, direct 5] }

    // NEON, of which no machine has been measured: tiles that fill its 32 registers of four lanes or half of them, few others.
    grid { passes: [max, scale], isas: [neon], unroll: [1, 2, 4, 8], accumulators: [1, 2, 4] }
    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale, online_sum],
        isas: [neon],
        unroll: [1, 2, 4, 6, 8],
        accumulators: [1, 2, 4],
        exp: [direct 5],
    }
    grid { passes: [sum_exp, store_exp, scale_exp], isas: [neon], unroll: [1, 2, 4, 6, 8], exp: [accurate 6] }
    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale, online_sum],
        isas: [neon],
        unroll: [2, 4],
        accumulators: [2, 4],
        exp: [cody_waite 5..=6, accurate 5, fast 5],
    }
    grid {
        passes: [max, scale, scale_exp, ext_sum, ext_scale],
        isas: [neon],
        unroll: [4, 8],
        accumulators: [2],
        exp: [direct 5],
        streams: [1, 4],
        direction: [forward, backward],
    }
    grid { passes: [softmax], isas: [neon], unroll: [16], exp: [accurate 6, direct 5] }
    grid { passes: [fused_softmax], isas: [neon], unroll: [2, 4, 8], accumulators: [1, 2, 4], exp: [direct 5] }
    grid { passes: [fused_softmax], isas: [neon], unroll: [2, 4, 8], exp: [accurate 6] }

    // Fallbacks: right everywhere, tuned only a little.
    grid {
        passes: [sum_exp, store_exp, scale_exp, ext_sum, ext_scale, online_sum],
        isas: [scalar, sse2],
        unroll: [1, 2, 4],
        accumulators: [1, 2, 4],
        exp: [cody_waite 5..=6, accurate 5..=6, fast 5, direct 5],
    }
}
