// Axes that no pass of their grid has. Where one pass has an axis, others may stand beside it.
softmax_kernels::kernels! {
    grid {
        passes: [max],
        isas: [avx2],
        unroll: [2],
        store: [non_temporal],
        direction: [backward],
    }
    grid {
        passes: [max, scale],
        isas: [avx2],
        unroll: [2],
        accumulators: [2],
        exp: [direct 5],
        direction: [backward],
    }
    grid {
        passes: [scale, scale_exp],
        isas: [avx2],
        unroll: [2],
        accumulators: [2],
        exp: [direct 5],
    }
    grid {
        passes: [softmax],
        isas: [avx2],
        unroll: [2],
        exp: [direct 5],
        prefetch: [0],
        streams: [1, 2],
    }
}

fn main() {
    println!("{}", VARIANTS.len());
}
