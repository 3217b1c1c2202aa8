//! The certificate's table in `docs/SEMANTICS.md`.

use crate::project;
use anyhow::{Context, Result};
use softmax_codegen::certificate;
use softmax_spec::certificate::Certificate;
use std::path::PathBuf;

/// The lines that the table stands between.
const BEGIN: &str = "<!-- the certificate, by `cargo xtask verify --write` -->\n";
const END: &str = "<!-- end of the certificate -->\n";

/// The document.
pub fn path() -> PathBuf {
    project::root().join("docs/SEMANTICS.md")
}

/// A text with this certificate's table instead of the one that it has.
pub fn with_table(text: &str, certificate: &Certificate) -> Result<String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.with_context(|| format!("{} has no place for the table", path().display()))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", certificate::markdown(certificate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_certificates_table() {
        let text = project::read(&path()).unwrap();
        assert_eq!(with_table(&text, &project::certificate().unwrap()).unwrap(), text);
    }

    #[test]
    fn a_document_without_a_place_is_refused() {
        assert!(with_table("nothing\n", &Certificate::default()).is_err());
    }
}
