//! What must not compile, each with a message that names the fix. `tests/api` has what must.
//!
//! The texts are those of the compiler that `rust-version` names: `TRYBUILD=overwrite cargo test --test compile_fail`
//! writes them anew.

#[test]
fn what_must_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.compile_fail("tests/ui/attributes/*.rs");
}
