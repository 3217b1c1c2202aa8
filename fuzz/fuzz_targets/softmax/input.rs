//! From bytes to a call: a few that say which, and the rest as elements, repeated until the rows are full, so that a short input makes
//! a long row and a change of one byte a row that differs a little.

use super::values::VALUES;
use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// A call.
pub struct Input {
    /// Which of the public functions.
    pub way: usize,
    /// Elements off the beginning of an allocation.
    pub offset: usize,
    pub shape: Shape,
    /// The elements of x.
    pub x: Vec<f32>,
}

/// The lengths of a call.
pub enum Shape {
    /// Those of rows.
    Rows { count: usize, len: usize },
    /// Any, which may not fit together.
    Wrong { y_len: usize, row_len: usize },
}

impl Input {
    /// Whatever the bytes, there is a call.
    pub fn of(data: &[u8]) -> Input {
        // Where bytes end, numbers are 0: no error comes of it.
        Input::read(&mut Unstructured::new(data)).expect("zeros follow the last byte")
    }

    fn read(bytes: &mut Unstructured) -> Result<Input> {
        let (way, offset) = (bytes.arbitrary::<u8>()?, bytes.arbitrary::<u8>()? % 16);
        let (shape, x_len) = match bytes.arbitrary::<u8>()? {
            0..8 => wrong(bytes)?,
            kind => rows(kind, bytes)?,
        };
        let x = elements(bytes, x_len)?;
        Ok(Input { way: way.into(), offset: offset.into(), shape, x })
    }
}

/// Short lengths, equal ones among them, and row lengths of all magnitudes.
fn wrong(bytes: &mut Unstructured) -> Result<(Shape, usize)> {
    let [x_len, y_len, row_len] =
        [0; 3].map(|_: u8| bytes.arbitrary::<u8>().map(|len| usize::from(len % 40)));
    let row_len = if bytes.arbitrary::<u8>()? == 0xff { usize::MAX - row_len? } else { row_len? };
    Ok((Shape::Wrong { y_len: y_len?, row_len }, x_len?))
}

/// Every length up to 1023, and those around the ends of tiles, blocks and classes beyond.
fn rows(kind: u8, bytes: &mut Unstructured) -> Result<(Shape, usize)> {
    let around = |middle: usize, byte: u8| middle - 8 + usize::from(byte % 17);
    let (most, len) = match kind {
        8..160 => (8, bytes.arbitrary::<u16>()? as usize % 130),
        160..224 => (4, bytes.arbitrary::<u16>()? as usize % 1024),
        224..240 => (3, around(1 << (6 + bytes.arbitrary::<u8>()? % 7), bytes.arbitrary()?)),
        240..254 => (2, around(1000 * (1 + bytes.arbitrary::<u8>()? as usize % 9), bytes.arbitrary()?)),
        // From here on a row may be divided among threads.
        254.. => (1, around(1 << 17, bytes.arbitrary()?)),
        _ => unreachable!("other shapes"),
    };
    let count = 1 + bytes.arbitrary::<u8>()? as usize % most;
    Ok((Shape::Rows { count, len }, count * len))
}

/// So many elements: some at places of their own, and the others in turn.
fn elements(bytes: &mut Unstructured, len: usize) -> Result<Vec<f32>> {
    let mut places = Vec::new();
    for _ in 0..bytes.arbitrary::<u8>()? % 4 {
        places.push((bytes.arbitrary::<u16>()? as usize, element(bytes)?));
    }
    let mut turn = vec![element(bytes)?];
    while !bytes.is_empty() && turn.len() < len {
        turn.push(element(bytes)?);
    }
    let mut x: Vec<f32> = turn.iter().copied().cycle().take(len).collect();
    for (place, element) in places.into_iter().filter(|_| len > 0) {
        x[place % len] = element;
    }
    Ok(x)
}

/// Ordinary elements, a step apart; special ones; and any bits.
fn element(bytes: &mut Unstructured) -> Result<f32> {
    Ok(match bytes.arbitrary::<u8>()? {
        byte @ 0..192 => f32::from(byte) / 8.0 - 12.0,
        byte @ 192..224 => VALUES[usize::from(byte - 192)],
        224..255 => f32::from_bits(bytes.arbitrary()?),
        // Where exponentials become subnormal.
        255 => -80.0 - f32::from(bytes.arbitrary::<u8>()?) / 8.0,
    })
}
