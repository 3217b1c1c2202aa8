//! Mistakes in a spec: each is one error at the offending token, which says what is allowed, and nothing else is
//! reported. A file per mistake in `ui/`, named for it.
//!
//! `TRYBUILD=overwrite cargo test -p softmax-codegen --test ui` accepts a change. Mistakes in profiles are tested in
//! `expand.rs`, because trybuild compiles in a package of its own, to which paths are relative.

#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
