//! Replica: one replica of a value as the host would keep it, without others to merge with.

use std::collections::BTreeMap;

use crate::replicated::wire::{self, Field, Reader};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Replica {
    GCounter(u64),
    PnCounter(i64),
    GSet(Vec<Vec<u8>>),
    OrSet(Vec<Vec<u8>>),
    Register { value: Vec<u8>, time: i64 },
    Flag(bool),
    Map(BTreeMap<Vec<u8>, Replica>),
    Vote { own: bool },
}

/// An operation as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Op {
    path: Vec<Vec<u8>>,
    field: u32,
    number: u64,
    bytes: Vec<u8>,
}

pub(super) fn read_operations(bytes: &[u8]) -> Vec<Op> {
    fields(bytes).into_iter().filter(|(number, ..)| *number == 1).map(|(_, _, bytes)| read_operation(&bytes)).collect()
}

fn fields(bytes: &[u8]) -> Vec<(u32, u64, Vec<u8>)> {
    let mut reader = Reader::new(bytes, 0..bytes.len());
    std::iter::from_fn(|| reader.next())
        .map(|(number, field)| match field {
            Field::Varint(value) => (number, value, Vec::new()),
            Field::Bytes(range) => (number, 0, bytes[range].to_vec()),
            Field::Other => panic!("operations have no such field"),
        })
        .collect()
}

fn read_operation(bytes: &[u8]) -> Op {
    let mut op = Op::default();
    for (field, number, bytes) in fields(bytes) {
        if field == 1 {
            op.path.push(bytes);
        } else {
            op = Op { field, number, bytes, ..op };
        }
    }
    op
}

/// # Panics
/// For an operation that the value does not have.
pub(super) fn apply(replica: &mut Option<Replica>, op: &Op, depth: usize, now: i64) {
    if let Some(key) = op.path.get(depth) {
        let Some(Replica::Map(entries)) = replica else { panic!("a path leads through what is no map") };
        let mut inside = entries.remove(key);
        apply(&mut inside, op, depth + 1, now);
        entries.extend(inside.map(|inside| (key.clone(), inside)));
        return;
    }
    if op.field == 2 {
        replica.get_or_insert_with(|| created(op.number));
        return;
    }
    change(replica.as_mut().expect("an operation is on what was created"), op, now);
}

fn created(kind: u64) -> Replica {
    match kind {
        1 => Replica::GCounter(0),
        2 => Replica::PnCounter(0),
        3 => Replica::GSet(Vec::new()),
        4 => Replica::OrSet(Vec::new()),
        5 => Replica::Register { value: Vec::new(), time: i64::MIN },
        6 => Replica::Flag(false),
        7 => Replica::Map(BTreeMap::new()),
        _ => Replica::Vote { own: false },
    }
}

fn change(replica: &mut Replica, op: &Op, now: i64) {
    match (replica, op.field) {
        (Replica::GCounter(value), 3) => *value += op.number,
        (Replica::PnCounter(value), 4) => *value += wire::unzigzag(op.number),
        (Replica::GSet(elements) | Replica::OrSet(elements), 5) => {
            if let Err(at) = elements.binary_search(&op.bytes) {
                elements.insert(at, op.bytes.clone());
            }
        }
        (Replica::OrSet(elements), 6) => elements.retain(|element| *element != op.bytes),
        (Replica::OrSet(elements), 7) => elements.clear(),
        (Replica::Register { value, time }, 8) => {
            let (written, at) = write(&op.bytes, *time, now);
            if at > *time {
                *value = written;
                *time = at;
            }
        }
        (Replica::Flag(enabled), 9) => *enabled = true,
        (Replica::Map(entries), 6) => drop(entries.remove(&op.bytes)),
        (Replica::Map(entries), 7) => entries.clear(),
        (Replica::Vote { own }, 10) => *own = op.number != 0,
        (replica, field) => panic!("{replica:?} has no operation {field}"),
    }
}

/// What is written, and its time (§register).
fn write(assign: &[u8], previous: i64, now: i64) -> (Vec<u8>, i64) {
    let (mut value, mut clock, mut custom) = (Vec::new(), 0, 0);
    for (field, number, bytes) in fields(assign) {
        match field {
            1 => value = bytes,
            2 => clock = number,
            _ => custom = number as i64,
        }
    }
    let time = match clock {
        1 if previous == i64::MIN => -now,
        1 => (-now).min(previous - 1),
        2 => custom,
        3 if custom > previous => custom,
        3 => previous + 1,
        _ if now > previous => now,
        _ => previous + 1,
    };
    (value, time)
}

/// Bytes of innkeeper.crdt.v1.View. `only`: the elements that the view holds; None: it is the whole.
pub(super) fn view(replica: Option<&Replica>, only: Option<&[Vec<u8>]>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(replica) = replica {
        wire::number(1, 1, &mut out);
        wire::bytes(2, &value(replica, only), &mut out);
        if only.is_some() {
            wire::number(3, 1, &mut out);
        }
    }
    out
}

fn value(replica: &Replica, only: Option<&[Vec<u8>]>) -> Vec<u8> {
    let whole = only.is_none();
    let seen = |key: &Vec<u8>| only.is_none_or(|only| only.contains(key));
    let mut inner = Vec::new();
    let kind = match replica {
        Replica::GCounter(value) => {
            wire::number(1, if whole { *value } else { 0 }, &mut inner);
            1
        }
        Replica::PnCounter(value) => {
            wire::number(1, if whole { wire::zigzag(*value) } else { 0 }, &mut inner);
            2
        }
        Replica::GSet(elements) | Replica::OrSet(elements) => {
            elements.iter().filter(|element| seen(element)).for_each(|element| wire::bytes(1, element, &mut inner));
            wire::number(2, elements.len() as u64, &mut inner);
            if matches!(replica, Replica::GSet(_)) { 3 } else { 4 }
        }
        Replica::Register { value, .. } => {
            wire::bytes(1, if whole { value } else { &[] }, &mut inner);
            5
        }
        Replica::Flag(enabled) => {
            wire::number(1, u64::from(whole && *enabled), &mut inner);
            6
        }
        Replica::Map(entries) => {
            for (key, inside) in entries.iter().filter(|(key, _)| seen(key)) {
                let mut entry = Vec::new();
                wire::bytes(1, key, &mut entry);
                wire::bytes(2, &value(inside, None), &mut entry);
                wire::bytes(1, &entry, &mut inner);
            }
            wire::number(2, entries.len() as u64, &mut inner);
            7
        }
        Replica::Vote { own } => {
            wire::number(1, u64::from(whole && *own), &mut inner);
            wire::number(2, u64::from(whole && *own), &mut inner);
            wire::number(3, 1, &mut inner);
            8
        }
    };
    let mut out = Vec::new();
    wire::bytes(kind, &inner, &mut out);
    out
}
