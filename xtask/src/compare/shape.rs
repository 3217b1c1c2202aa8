//! Shapes as people type them: `512x64`, `1x4k`.

use crate::length::{self, Length};
use std::fmt;
use std::str::FromStr;

/// Rows of one length, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many.
    pub rows: usize,
    /// Elements of each.
    pub len: usize,
}

impl Shape {
    /// All elements.
    pub fn elements(self) -> usize {
        self.rows * self.len
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let (rows, len) = text.split_once('x').ok_or_else(|| {
            format!("`{text}` is no shape: expected rows x row length, such as 512x64 or 1x4k")
        })?;
        let (rows, len) = (rows.parse::<Length>()?.0, len.parse::<Length>()?.0);
        // The measuring process accepts as many elements in a batch as in a row.
        match rows.checked_mul(len) {
            Some(elements) if elements <= length::MAX => Ok(Shape { rows, len }),
            _ => Err(format!("{text} has too many elements: at most 2^28")),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}", self.rows, self.len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_lengths_are_read_and_shown() {
        for (text, rows, len) in [("512x64", 512, 64), ("1x4k", 1, 4096), ("2x2^20", 2, 1 << 20)] {
            let shape = Shape { rows, len };
            assert_eq!(text.parse(), Ok(shape));
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        assert_eq!(Shape { rows: 3, len: 5 }.elements(), 15);
    }

    #[test]
    fn what_is_no_shape_is_refused_with_what_is_accepted() {
        for (text, expected) in [
            ("64", "such as 512x64"),
            ("", "such as 512x64"),
            ("0x64", "is not in 1..="),
            ("x64", "`` is no row length"),
            ("1x2x3", "`2x3` is no row length"),
            ("2x2^28", "at most 2^28"),
        ] {
            let error = text.parse::<Shape>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
