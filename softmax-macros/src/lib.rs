//! The procedural macro [`kernels!`]: hands a spec's tokens to `softmax-codegen`, where everything happens.

use proc_macro::TokenStream;

/// Expands a declarative spec to a grid of SIMD softmax kernels and their registry.
///
/// ```text
/// softmax_kernels::kernels! {
///     grid {
///         passes: [sum_exp, scale_exp],        // max sum_exp store_exp scale scale_exp ext_sum ext_scale online_sum
///         isas: [scalar, avx2, avx512],        // scalar sse2 avx2 avx512 neon
///         unroll: [1, 2, 6],                   // vectors per iteration, 1..=16
///         accumulators: [1, 3],                // default [1]; each must divide an unroll
///         exp: [cody_waite 4..=5, fast 5],     // reductions cody_waite, accurate, fast; degrees 3..=7
///     }
/// }
/// ```
///
/// Several `grid` blocks are united; `elements: [f32]` is the default. The expansion defines
/// `pub static VARIANTS: &[softmax_kernels::Variant]`, one row per variant of the grid, in the module that invokes it; a
/// module can hold one invocation. Options before the grids: `crate: path,` where `softmax_kernels` goes by another
/// name; `profiles: ["file.toml"],` and `shortlist: unless(feature = "..."),`, which `softmax-kernels` itself uses to
/// compile only what profiles name.
///
/// Every mistake in a spec is a compile error at its token, all of them at once.
#[proc_macro]
pub fn kernels(input: TokenStream) -> TokenStream {
    softmax_codegen::kernels(input.into()).into()
}
