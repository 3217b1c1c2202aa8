//! Mistakes in a spec: each is one error at the offending token, which says what is allowed, and nothing else is
//! reported. A file per mistake in `ui/`, named for it.
//!
//! `TRYBUILD=overwrite cargo test -p softmax-kernels --test ui` accepts a change. Mistakes in profiles are tested in
//! `softmax-codegen/tests/expand.rs`, because trybuild compiles in a package of its own, to which paths are relative.

#[test]
fn mistakes() {
    // The full grid takes a minute and a half, and is none of these.
    // SAFETY: the only test of its process, whose other thread waits for it.
    unsafe { std::env::set_var(softmax_codegen::GRID_VARIABLE, "f32_max__scalar_u1") };
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
