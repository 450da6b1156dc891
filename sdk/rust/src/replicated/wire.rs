//! Wire: the few forms of protobuf that views and operations (innkeeper.crdt.v1) need, read where they are asked for.
//!
//! W1. Views come from the host; what is malformed is a bug, and a panic. Nothing is read outside of the bytes.

use std::ops::Range;

#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

pub(crate) enum Field {
    Varint(u64),
    /// Where its bytes are.
    Bytes(Range<usize>),
    Other,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], range: Range<usize>) -> Self {
        let Range { start, end } = range;
        Self { bytes: &bytes[..end], at: start, end }
    }

    /// Number and value of the next field.
    pub(crate) fn next(&mut self) -> Option<(u32, Field)> {
        if self.at >= self.end {
            return None;
        }
        let tag = self.varint();
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()),
            1 => self.skip(8),
            2 => {
                let length = usize::try_from(self.varint()).ok();
                let start = self.at;
                self.at = length
                    .and_then(|length| start.checked_add(length))
                    .filter(|&end| end <= self.end)
                    .expect(MALFORMED);
                Field::Bytes(start..self.at)
            }
            5 => self.skip(4),
            _ => panic!("{MALFORMED}"),
        };
        Some(((tag >> 3) as u32, field))
    }

    fn skip(&mut self, count: usize) -> Field {
        self.at += count;
        assert!(self.at <= self.end, "{MALFORMED}");
        Field::Other
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).expect(MALFORMED);
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        panic!("{MALFORMED}")
    }
}

const MALFORMED: &str = "a view that is no innkeeper.crdt.v1.View";

pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn number(field: u32, value: u64, out: &mut Vec<u8>) {
    varint(u64::from(field << 3), out);
    varint(value, out);
}

pub(crate) fn bytes(field: u32, value: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | 2), out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
