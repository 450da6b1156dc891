//! Operations: what a handler asks to change, as bytes for the host.
//!
//! O1. Whatever an operation needs and the view does not show (the entity, entries on the way, the value itself) is created
//!     first: the kind would be ambiguous otherwise, and a path would lead nowhere. `create` does nothing where it is there.
//! O2. After a removal in the same decision nothing of a path counts as there.
//! O3. A register's first value is a write (§register-1): a decision on a new one that sets none sets its default.

use std::rc::Rc;

use super::node::{LWW_REGISTER, Place};
use super::wire;

/// Which of two writes wins: the later, the earlier, or the one with the greater `at`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u32)]
pub enum Clock {
    Default,
    Reverse,
    Custom,
    CustomAutoIncrement,
}

impl Clock {
    /// The clock with this number in innkeeper.crdt.v1.Clock; any other is the default one.
    pub fn from_number(number: u32) -> Clock {
        match number {
            1 => Clock::Reverse,
            2 => Clock::Custom,
            3 => Clock::CustomAutoIncrement,
            _ => Clock::Default,
        }
    }
}

/// How far a change must be written before its answer: on this host, on most that have the entity, on all. A host that is alone meets
/// each of them by its own commit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(u32)]
pub enum Consistency {
    #[default]
    Local,
    Majority,
    All,
}

impl Consistency {
    /// The one with this number in innkeeper.crdt.v1.Consistency.
    pub fn from_number(number: u32) -> Option<Consistency> {
        [Consistency::Local, Consistency::Majority, Consistency::All].get(number as usize).copied()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Nothing but what comes before every operation: what is not there is created.
    Create,
    Increment(u64),
    Add(i64),
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Clear,
    Assign {
        value: Vec<u8>,
        clock: Clock,
        at: i64,
    },
    Enable,
    Vote(bool),
}

/// A change of a replicated value. Made by the view that a handler is given; what `accept` takes.
#[derive(Clone, Debug)]
#[must_use = "an operation does nothing unless it is accepted"]
pub struct Operation {
    place: Rc<Place>,
    change: Change,
}

impl Operation {
    pub(super) fn new(place: &Rc<Place>, change: Change) -> Operation {
        Operation { place: place.clone(), change }
    }
}

/// What `accept` takes: an operation, several as a tuple, an array or a `Vec`, or none as `()`.
pub trait IntoOperations {
    fn push_to(self, operations: &mut Vec<Operation>);
}

impl IntoOperations for Operation {
    fn push_to(self, operations: &mut Vec<Operation>) {
        operations.push(self);
    }
}

impl IntoOperations for () {
    fn push_to(self, _: &mut Vec<Operation>) {}
}

impl<T: IntoOperations> IntoOperations for Vec<T> {
    fn push_to(self, operations: &mut Vec<Operation>) {
        self.into_iter().for_each(|operation| operation.push_to(operations));
    }
}

impl<T: IntoOperations> IntoOperations for Option<T> {
    fn push_to(self, operations: &mut Vec<Operation>) {
        self.into_iter().for_each(|operation| operation.push_to(operations));
    }
}

impl<T: IntoOperations, const N: usize> IntoOperations for [T; N] {
    fn push_to(self, operations: &mut Vec<Operation>) {
        self.into_iter().for_each(|operation| operation.push_to(operations));
    }
}

impl<A: IntoOperations, B: IntoOperations> IntoOperations for (A, B) {
    fn push_to(self, operations: &mut Vec<Operation>) {
        self.0.push_to(operations);
        self.1.push_to(operations);
    }
}

impl<A: IntoOperations, B: IntoOperations, C: IntoOperations> IntoOperations for (A, B, C) {
    fn push_to(self, operations: &mut Vec<Operation>) {
        self.0.push_to(operations);
        self.1.push_to(operations);
        self.2.push_to(operations);
    }
}

/// Bytes of innkeeper.crdt.v1.Operations. `initial`: of a register that does not exist yet (O3).
pub(super) fn encode(operations: &[Operation], initial: Option<Vec<u8>>, consistency: Consistency) -> Vec<u8> {
    let mut out = changes(operations, initial);
    if consistency != Consistency::Local {
        wire::number(2, u64::from(consistency as u32), &mut out);
    }
    out
}

fn changes(operations: &[Operation], initial: Option<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    if let (true, Some(value)) = (operations.is_empty(), initial) {
        let way = [&Place { outer: None, key: Vec::new(), kind: LWW_REGISTER, exists: false }];
        create(&way, &mut out);
        change(&way, &Change::Assign { value, clock: Clock::Default, at: 0 }, &mut out);
        return out;
    }
    let mut created: Vec<Vec<&[u8]>> = Vec::new();
    let mut removed = false;
    for operation in operations {
        let way = way_to(&operation.place);
        for depth in 0..way.len() {
            if way[depth].exists && !(removed && depth > 0) {
                continue;
            }
            let path: Vec<&[u8]> = way[1..=depth].iter().map(|place| place.key.as_slice()).collect();
            if !created.contains(&path) {
                create(&way[..=depth], &mut out);
                created.push(path);
            }
        }
        if !matches!(operation.change, Change::Create) {
            change(&way, &operation.change, &mut out);
        }
        if matches!(operation.change, Change::Remove(_) | Change::Clear) {
            removed = true;
            created.clear();
        }
    }
    out
}

/// The places on the way, outermost first, the last one included.
fn way_to(place: &Place) -> Vec<&Place> {
    let mut way = vec![place];
    let mut at = place;
    while let Some(outer) = &at.outer {
        at = outer;
        way.push(at);
    }
    way.reverse();
    way
}

fn create(way: &[&Place], out: &mut Vec<u8>) {
    let kind = way.last().map_or(0, |place| place.kind);
    operation(way, |inner| wire::number(2, u64::from(kind), inner), out);
}

fn change(way: &[&Place], change: &Change, out: &mut Vec<u8>) {
    operation(way, |inner| put(change, inner), out);
}

fn operation(way: &[&Place], put: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    for place in &way[1..] {
        wire::bytes(1, &place.key, &mut inner);
    }
    put(&mut inner);
    wire::bytes(1, &inner, out);
}

fn put(change: &Change, out: &mut Vec<u8>) {
    match change {
        Change::Create => {}
        Change::Increment(amount) => wire::number(3, *amount, out),
        Change::Add(amount) => wire::number(4, wire::zigzag(*amount), out),
        Change::Insert(element) => wire::bytes(5, element, out),
        Change::Remove(element) => wire::bytes(6, element, out),
        Change::Clear => wire::number(7, 1, out),
        Change::Assign { value, clock, at } => {
            let mut assign = Vec::new();
            if !value.is_empty() {
                wire::bytes(1, value, &mut assign);
            }
            if *clock != Clock::Default {
                wire::number(2, u64::from(*clock as u32), &mut assign);
            }
            if *at != 0 {
                wire::number(3, *at as u64, &mut assign);
            }
            wire::bytes(8, &assign, out);
        }
        Change::Enable => wire::number(9, 1, out),
        Change::Vote(own) => wire::number(10, u64::from(*own), out),
    }
}
