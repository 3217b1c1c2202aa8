//! What can be wrong with a call: only the lengths.

use core::fmt;

/// Slices whose lengths do not fit together. The output is untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeError {
    /// Input and output differ in length.
    Lengths {
        /// Elements of the input.
        input: usize,
        /// Elements of the output.
        output: usize,
    },
    /// The data is no whole number of rows.
    Rows {
        /// Elements of the data.
        len: usize,
        /// Elements of a row.
        row_len: usize,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShapeError::Lengths { input, output } => {
                write!(f, "input has {input} elements but output has {output}")
            }
            ShapeError::Rows { len, row_len } => {
                write!(f, "{len} elements are not a whole number of rows of {row_len}")
            }
        }
    }
}

impl core::error::Error for ShapeError {}

/// Checks that `output` is as long as `input`.
pub(crate) fn same_length(input: &[f32], output: &[f32]) -> Result<(), ShapeError> {
    match input.len() == output.len() {
        true => Ok(()),
        false => Err(ShapeError::Lengths { input: input.len(), output: output.len() }),
    }
}

/// Checks that `len` elements are rows of `row_len`; rows of 0 elements make only an empty whole.
pub(crate) fn whole_rows(len: usize, row_len: usize) -> Result<(), ShapeError> {
    let whole = if row_len == 0 { len == 0 } else { len.is_multiple_of(row_len) };
    whole.then_some(()).ok_or(ShapeError::Rows { len, row_len })
}
