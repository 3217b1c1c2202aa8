//! The rows that a peer is run on.

/// Rows of equal length, one after the other, and where their softmax goes.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: Rows<'a>,
    row_len: usize,
}

/// The elements of a batch.
#[derive(Debug)]
pub enum Rows<'a> {
    /// From `x` to `y`, which are equally long.
    Apart(&'a [f32], &'a mut [f32]),
    /// Output overwrites input.
    InPlace(&'a mut [f32]),
}

impl<'a> Batch<'a> {
    /// From `x` to `y`.
    ///
    /// # Panics
    /// If the lengths differ or are no multiple of `row_len`.
    pub fn apart(x: &'a [f32], y: &'a mut [f32], row_len: usize) -> Batch<'a> {
        assert!(x.len() == y.len() && is_whole(x.len(), row_len), "whole rows of one length");
        Batch { rows: Rows::Apart(x, y), row_len }
    }

    /// Over the input.
    ///
    /// # Panics
    /// If the length is no multiple of `row_len`.
    pub fn in_place(x: &'a mut [f32], row_len: usize) -> Batch<'a> {
        assert!(is_whole(x.len(), row_len), "whole rows of one length");
        Batch { rows: Rows::InPlace(x), row_len }
    }

    /// The same batch once more.
    pub fn again(&mut self) -> Batch<'_> {
        let rows = match &mut self.rows {
            Rows::Apart(x, y) => Rows::Apart(x, y),
            Rows::InPlace(x) => Rows::InPlace(x),
        };
        Batch { rows, row_len: self.row_len }
    }

    /// Elements of a row.
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The elements, for a peer that takes slices.
    pub fn into_rows(self) -> Rows<'a> {
        self.rows
    }

    /// As many runs of whole rows, or as many as there are rows, whose numbers of rows differ by one at most.
    pub fn divided(self, parts: usize) -> Vec<Rows<'a>> {
        let len = match &self.rows {
            Rows::Apart(x, _) => x.len(),
            Rows::InPlace(x) => x.len(),
        };
        let rows = len.checked_div(self.row_len).unwrap_or(0);
        let parts = parts.min(rows);
        let mut rest = self.rows;
        let mut divided = Vec::with_capacity(parts);
        for i in 0..parts {
            let count = (i + 1) * rows / parts - i * rows / parts;
            let part;
            (part, rest) = rest.split_at(count * self.row_len);
            divided.push(part);
        }
        divided
    }

    /// The same for a C library; `None` of an empty batch, which libraries need not accept.
    pub fn addresses(&mut self) -> Option<Addresses> {
        let (x, y, len) = match &mut self.rows {
            Rows::Apart(x, y) => (x.as_ptr(), y.as_mut_ptr(), x.len()),
            Rows::InPlace(x) => {
                let y = x.as_mut_ptr();
                (y.cast_const(), y, x.len())
            }
        };
        let rows = len.checked_div(self.row_len).unwrap_or(0);
        (rows > 0).then_some(Addresses { x, y, rows, row_len: self.row_len })
    }
}

impl<'a> Rows<'a> {
    fn split_at(self, at: usize) -> (Rows<'a>, Rows<'a>) {
        match self {
            Rows::Apart(x, y) => {
                let ((x, more_x), (y, more_y)) = (x.split_at(at), y.split_at_mut(at));
                (Rows::Apart(x, y), Rows::Apart(more_x, more_y))
            }
            Rows::InPlace(x) => {
                let (x, more) = x.split_at_mut(at);
                (Rows::InPlace(x), Rows::InPlace(more))
            }
        }
    }
}

fn is_whole(len: usize, row_len: usize) -> bool {
    // One row needs no division, which would show in the time of a short one.
    len == row_len || len == 0 || (row_len > 0 && len.is_multiple_of(row_len))
}

/// Where a batch lies: `rows * row_len` readable elements at `x` and as many writable ones at `y`, for as long as the
/// batch lives. `x` and `y` may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Input.
    pub x: *const f32,
    /// Output.
    pub y: *mut f32,
    /// Number of rows, not 0.
    pub rows: usize,
    /// Elements of a row, not 0.
    pub row_len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_describe_whole_rows() {
        let mut x = [0.0; 6];
        let addresses = Batch::in_place(&mut x, 3).addresses().unwrap();
        assert_eq!((addresses.rows, addresses.row_len), (2, 3));
        assert_eq!(addresses.x, addresses.y.cast_const());
        let y = &mut [0.0; 6];
        let addresses = Batch::apart(&x, y, 6).addresses().unwrap();
        assert_eq!((addresses.x, addresses.rows), (x.as_ptr(), 1));
        assert!(Batch::in_place(&mut [], 0).addresses().is_none());
    }

    #[test]
    fn parts_are_whole_rows_in_their_order() {
        let mut x = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0];
        let mut lengths = |parts| -> Vec<(f32, usize)> {
            let parts = Batch::in_place(&mut x, 2).divided(parts).into_iter();
            parts
                .map(|rows| if let Rows::InPlace(x) = rows { (x[0], x.len()) } else { unreachable!() })
                .collect()
        };
        assert_eq!(lengths(0), []);
        assert_eq!(lengths(2), [(0.0, 2), (1.0, 4)]);
        assert_eq!(lengths(9), [(0.0, 2), (1.0, 2), (2.0, 2)]);
    }

    #[test]
    #[should_panic(expected = "whole rows")]
    fn half_a_row_is_refused() {
        Batch::in_place(&mut [0.0; 5], 3);
    }
}
