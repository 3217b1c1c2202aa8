//! Ids: the one way in which every term of the vocabulary is written and read back, and the error for a
//! word that is no term.

use std::fmt;

/// A word that names no term of its kind. Says what is allowed and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownId {
    kind: &'static str,
    got: String,
    allowed: Vec<&'static str>,
}

impl UnknownId {
    /// `got` is not one of `allowed`, the ids of `kind` (such as `"ISA"`).
    pub fn new(kind: &'static str, got: &str, allowed: Vec<&'static str>) -> Self {
        Self { kind, got: got.to_owned(), allowed }
    }
}

impl fmt::Display for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`", self.kind, self.got)?;
        if let Some(meant) = nearest(&self.got, self.allowed.iter().copied()) {
            write!(f, ", did you mean `{meant}`?")?;
        }
        write!(f, " (allowed: {})", self.allowed.join(", "))
    }
}

impl std::error::Error for UnknownId {}

/// The candidate that was probably meant: of those that are near, the one with the smallest Levenshtein distance to
/// `word`, the first of equals.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.into_iter().filter(|candidate| is_near(word, candidate));
    near.min_by_key(|candidate| distance(word, candidate))
}

/// Bytes from which on the beginning of a word says which one it is.
const BEGINNING: usize = 3;

/// At most every third byte differs, or one is the beginning of the other.
fn is_near(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let begins = short.len() >= BEGINNING && long.starts_with(short);
    begins || distance(a, b) * 3 <= long.len()
}

/// Levenshtein distance in bytes; ids are ASCII. One row of the usual table at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `part` is `prefix` and a canonical decimal number (no sign, no leading zero).
pub(crate) fn number(part: &str, prefix: &str) -> Option<usize> {
    let digits = part.strip_prefix(prefix)?;
    let n: usize = digits.parse().ok()?;
    (n.to_string() == digits).then_some(n)
}

/// Implements `Display` and `FromStr`, exact inverses, for a term with `ALL` and `id()`.
macro_rules! impl_ids {
    ($term:ty, $kind:literal) => {
        impl ::std::fmt::Display for $term {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.id())
            }
        }

        impl ::std::str::FromStr for $term {
            type Err = $crate::UnknownId;

            fn from_str(word: &str) -> Result<Self, $crate::UnknownId> {
                <$term>::ALL.into_iter().find(|term| term.id() == word).ok_or_else(|| {
                    $crate::UnknownId::new($kind, word, <$term>::ALL.iter().map(|term| term.id()).collect())
                })
            }
        }
    };
}
pub(crate) use impl_ids;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_is_the_one_with_fewest_edits() {
        assert_eq!(nearest("avx51", ["sse2", "avx2", "avx512"]), Some("avx512"));
        assert_eq!(nearest("", []), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn nothing_is_suggested_that_is_not_near() {
        assert_eq!(nearest("sve", ["scalar", "sse2", "avx2"]), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest("maximum", ["max", "sum_exp", "online_sum"]), Some("max"));
        assert_eq!(nearest("non_temp", ["temporal", "non_temporal"]), Some("non_temporal"));
        let error = "altivec".parse::<crate::Isa>().unwrap_err().to_string();
        assert_eq!(error, "unknown ISA `altivec` (allowed: scalar, sse2, avx2, avx512, neon)");
    }

    #[test]
    fn an_unknown_id_says_what_was_meant_and_what_is_allowed() {
        let error = "ax2".parse::<crate::Isa>().unwrap_err().to_string();
        let expected = "unknown ISA `ax2`, did you mean `avx2`? (allowed: scalar, sse2, avx2, avx512, neon)";
        assert_eq!(error, expected);
    }
}
