//! The smallest ONNX model with a softmax, written as protobuf by hand: a dozen fields need no crate.

use std::ffi::CStr;

/// The name of its input.
pub const INPUT: &CStr = c"x";
/// The name of its output.
pub const OUTPUT: &CStr = c"y";

/// Since this version of the operators Softmax normalises the axis that it is told and nothing else.
const OPSET: u64 = 13;
/// The format that came with it.
const IR_VERSION: u64 = 7;
/// `TensorProto.FLOAT`.
const FLOAT: u64 = 1;
/// `AttributeProto.INT`.
const INT: u64 = 2;

/// A `ModelProto`: y = Softmax(x) along the last axis of a matrix of any shape.
pub fn softmax() -> Vec<u8> {
    let axis = [text(1, "axis"), number(3, (-1i64).cast_unsigned()), number(20, INT)].concat();
    let node = [text(1, "x"), text(2, "y"), text(4, "Softmax"), bytes(5, &axis)].concat();
    let graph =
        [bytes(1, &node), text(2, "softmax"), bytes(11, &matrix("x")), bytes(12, &matrix("y"))].concat();
    [number(1, IR_VERSION), bytes(7, &graph), bytes(8, &number(2, OPSET))].concat()
}

/// A `ValueInfoProto`: a matrix of floats whose dimensions have names instead of lengths.
fn matrix(name: &str) -> Vec<u8> {
    let shape = ["rows", "len"].map(|name| bytes(1, &text(2, name))).concat();
    let tensor = [number(1, FLOAT), bytes(2, &shape)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

/// A field that holds a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field that holds a message or a text.
fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [&varint(field << 3 | 2)[..], &varint(value.len() as u64), value].concat()
}

fn text(field: u64, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

/// Seven bits per byte, the lowest first; all but the last byte have their top bit set.
fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_protobuf_says() {
        // The examples of its documentation.
        assert_eq!(number(1, 150), [0x08, 0x96, 0x01]);
        assert_eq!(text(2, "testing"), b"\x12\x07testing");
        assert_eq!(varint(u64::MAX).len(), 10);
    }

    #[test]
    fn names_agree_with_the_model() {
        assert_eq!((INPUT, OUTPUT), (c"x", c"y"));
        assert_eq!(softmax()[..2], [0x08, 0x07]);
    }
}
