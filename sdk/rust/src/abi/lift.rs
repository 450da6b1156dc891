//! Lift: parameters out of the arena, borrowed. The layouts are those of host/guest/layout.ts.
//!
//!   command         64 bytes   method 0, payload 8, metadata 16, now-ms (f64) 24, seed (4 x u32) 32, principal (option) 48, unread
//!   metadata-entry  20         name 0, value: case (u8) 8, text or bytes 12
//!   typed           16         type-name 0, data 8
//!   subscription    24         id 0, method 8, note 16
//!   input           12         case (u8) 0, list 4
//!
//! I1. The host writes what the contract says: lengths are right, text is UTF-8.

use crate::action::Input;
use crate::context::Command;
use crate::metadata::{Metadata, Value};
use crate::random::Seed;
use crate::replicated::Subscription;
use crate::view::{Came, Change, Put, What};

/// Memory of the call: fields are read at offsets from here.
#[derive(Clone, Copy)]
pub(super) struct At(pub usize);

impl At {
    fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: I1; `T` is a number, and the offset is one of the layout's.
        unsafe { ((self.0 + offset) as *const T).read() }
    }

    pub(super) fn bytes<'a>(self, offset: usize) -> &'a [u8] {
        bytes(self.read(offset), self.read(offset + 4))
    }

    pub(super) fn text<'a>(self, offset: usize) -> &'a str {
        text(self.read(offset), self.read(offset + 4))
    }

    fn metadata<'a>(self, offset: usize) -> Metadata<'a> {
        metadata(self.read(offset), self.read(offset + 4))
    }

    pub(super) fn command<'a>(self) -> Command<'a> {
        Command {
            method: self.text(0),
            payload: self.bytes(8),
            metadata: self.metadata(16),
            now_ms: self.read(24),
            seed: self.read::<Seed>(32),
        }
    }
}

pub(super) fn bytes<'a>(pointer: usize, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: I1; arena memory stays until the call is over, and nobody writes to it.
    unsafe { std::slice::from_raw_parts(pointer as *const u8, length) }
}

pub(super) fn text<'a>(pointer: usize, length: usize) -> &'a str {
    // SAFETY: I1.
    unsafe { std::str::from_utf8_unchecked(bytes(pointer, length)) }
}

pub(super) fn list(pointer: usize, count: usize, size: usize) -> impl Iterator<Item = At> {
    (0..count).map(move |index| At(pointer + index * size))
}

pub(super) fn metadata<'a>(pointer: usize, count: usize) -> Metadata<'a> {
    let entry = |at: At| {
        let value = if at.read::<u8>(8) == 0 { Value::Text(at.text(12)) } else { Value::Bytes(at.bytes(12)) };
        (at.text(0), value)
    };
    Metadata { entries: list(pointer, count, 20).map(entry).collect() }
}

pub(super) fn commands<'a>(pointer: usize, count: usize) -> impl Iterator<Item = Command<'a>> {
    list(pointer, count, 64).map(At::command)
}

pub(super) fn events<'a>(pointer: usize, count: usize) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    list(pointer, count, 16).map(|at| (at.text(0), at.bytes(8)))
}

pub(super) fn subscriptions<'a>(pointer: usize, count: usize) -> Vec<Subscription<'a>> {
    list(pointer, count, 24).map(|at| Subscription { id: at.text(0), method: at.text(8), note: at.bytes(16) }).collect()
}

pub(super) fn inputs<'a>(pointer: usize, count: usize) -> Vec<Input<'a>> {
    list(pointer, count, 12)
        .map(|at| match at.read::<u8>(0) {
            0 => Input::Start(at.metadata(4)),
            1 => Input::Item(at.bytes(4)),
            2 => Input::End,
            _ => Input::Cancelled,
        })
        .collect()
}

pub(super) fn changes<'a>(pointer: usize, count: usize) -> Vec<Came<'a>> {
    list(pointer, count, 64)
        .map(|at| {
            let case: u8 = at.read(32);
            let what = if case == 2 { What::Deleted } else { What::Message(case == 0, at.text(36), at.bytes(44)) };
            let (sequence, at_ms): (f64, f64) = (at.read(16), at.read(24));
            let change =
                Change { service: at.text(0), entity: at.text(8), sequence: sequence as u64, at: at_ms as u64 };
            let keys = list(at.read(52), at.read(56), 8).map(|key| key.text(0)).collect();
            Came { change, what, keys }
        })
        .collect()
}

pub(super) fn rows(pointer: usize, count: usize) -> Vec<Put> {
    list(pointer, count, 20)
        .map(|at| Put { key: at.text(0).into(), row: (at.read::<u8>(8) != 0).then(|| at.bytes(12).to_vec()) })
        .collect()
}
