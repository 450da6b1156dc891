//! The kit of views: `given::<View>(rows).when(changes).then(rows)`. Rows are by their keys; what is there in the end is all that is said.
//!
//! V1. Each `when` checks, of all changes so far, law L7: a batch projects as its changes one by one, in whatever order different entities come,
//!     and without values that are not their entity's newest; and L4: the same is projected twice.
//! V2. A row that is given is one that the entity of the same key has put.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use prost::Message;

use super::{START_MS, replica};
use crate::replicated::{IntoOperations, Kind, first_operations_of};
use crate::view::{Came, Change, Put, REPLICA, Running, Served, Service, State, View, What};

/// What became of an entity.
#[derive(Clone)]
pub struct Changed {
    service: &'static str,
    entity: String,
    message: Option<(bool, String, Vec<u8>)>,
}

/// `event(order::SERVICE, "a", Placed { cents: 5 })`
pub fn event<M: State>(service: &'static str, entity: impl Into<String>, event: M) -> Changed {
    Changed { service, entity: entity.into(), message: Some((true, M::full_name(), event.encode_to_vec())) }
}

/// The value of an entity is this one from now on.
pub fn updated<M: State>(service: &'static str, entity: impl Into<String>, value: M) -> Changed {
    Changed { service, entity: entity.into(), message: Some((false, M::full_name(), value.encode_to_vec())) }
}

/// The value of a replicated entity is, from now on, what these operations make of none:
/// `replica(members::SERVICE, "a", |set: &OrSet<String>| set.add(&"x".into()))`
pub fn replica<K: Kind, O: IntoOperations>(
    service: &'static str,
    entity: impl Into<String>,
    operations: impl FnOnce(&K) -> O,
) -> Changed {
    let mut replica = None;
    for op in replica::read_operations(&first_operations_of(operations)) {
        replica::apply(&mut replica, &op, 0, START_MS as i64);
    }
    let bytes = replica::view(replica.as_ref(), None);
    Changed { service, entity: entity.into(), message: Some((false, REPLICA.into(), bytes)) }
}

/// Nothing is left of an entity.
pub fn deleted(service: &'static str, entity: impl Into<String>) -> Changed {
    Changed { service, entity: entity.into(), message: None }
}

type Table = BTreeMap<String, Vec<u8>>;

/// A table, and what has changed since it was given.
pub struct Given<V> {
    start: Table,
    changes: Vec<Changed>,
    table: Table,
    view: PhantomData<fn() -> V>,
}

/// A table with these rows: `given::<Orders>([("a", OrderRow { ... })])`, or `given::<Orders>([])`.
pub fn given<V: View + Served>(rows: impl IntoIterator<Item = (&'static str, V::Row)>) -> Given<V> {
    let start: Table = rows.into_iter().map(|(key, row)| (key.into(), row.encode_to_vec())).collect();
    Given { table: start.clone(), start, changes: Vec::new(), view: PhantomData }
}

impl<V: View + Served> Given<V> {
    #[track_caller]
    pub fn when(mut self, changes: impl IntoIterator<Item = Changed>) -> Self {
        self.changes.extend(changes);
        let every: Vec<usize> = (0..self.changes.len()).collect();
        let together = self.after(&[every.clone()]);
        assert!(self.after(&[every.clone()]) == together, "the same changes are projected differently twice (law L4)");
        let check = |law: &str, order: &[usize]| {
            let batches: Vec<Vec<usize>> = order.iter().map(|index| vec![*index]).collect();
            let rows = self.after(&batches);
            assert!(rows == together, "law L7: {law}\n  {:?}\n  {:?}", shown::<V>(&together), shown::<V>(&rows));
        };
        check("a batch is projected differently than its changes one by one", &every);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in &every {
            match groups.iter_mut().find(|group| self.id(group[0]) == self.id(*index)) {
                Some(group) => group.push(*index),
                None => groups.push(vec![*index]),
            }
        }
        check("rows depend on the order of changes of different entities", &groups.concat());
        groups.reverse();
        check("rows depend on the order of changes of different entities", &groups.concat());
        let last = |index: &usize| !every.iter().any(|other| other > index && self.id(*other) == self.id(*index));
        let is_event = |index: &usize| matches!(self.changes[*index].message, Some((true, ..)));
        let newest: Vec<usize> = every.iter().copied().filter(|index| is_event(index) || last(index)).collect();
        check("rows depend on values that are not their entity's newest", &newest);
        self.table = together;
        self
    }

    /// All rows that there are now.
    #[track_caller]
    pub fn then(self, rows: impl IntoIterator<Item = (&'static str, V::Row)>) -> Self {
        let expected: Table = rows.into_iter().map(|(key, row)| (key.into(), row.encode_to_vec())).collect();
        let (wanted, there) = (shown::<V>(&expected), shown::<V>(&self.table));
        assert!(expected == self.table, "the rows are others\n  expected {wanted:?}\n  got      {there:?}");
        self
    }

    /// To look at.
    pub fn rows(&self) -> BTreeMap<String, V::Row> {
        shown::<V>(&self.table)
    }

    fn id(&self, index: usize) -> (&'static str, &str) {
        (self.changes[index].service, &self.changes[index].entity)
    }

    fn after(&self, batches: &[Vec<usize>]) -> Table {
        let view = Running::<V>::new();
        let mut table = self.start.clone();
        let mut put: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for batch in batches {
            let before = put.clone();
            let came: Vec<Came<'_>> = batch.iter().map(|index| self.came(*index, &before)).collect();
            let mut keys = view.keys(&came).concat();
            keys.sort();
            keys.dedup();
            let rows = keys.into_iter().map(|key| Put { row: table.get(&key).cloned(), key });
            for (index, puts) in batch.iter().zip(view.project(&came, rows.collect())) {
                let own = put.entry(self.id(*index)).or_insert_with(|| self.given_to(*index));
                for Put { key, row } in puts {
                    own.retain(|other| *other != key);
                    match row {
                        None => drop(table.remove(&key)),
                        Some(row) => {
                            own.push(key.clone());
                            table.insert(key, row);
                        }
                    }
                }
            }
        }
        table
    }

    fn given_to(&self, index: usize) -> Vec<String> {
        let entity = &self.changes[index].entity;
        if self.start.contains_key(entity) { vec![entity.clone()] } else { Vec::new() }
    }

    fn came<'a>(&'a self, index: usize, put: &'a BTreeMap<(&str, &str), Vec<String>>) -> Came<'a> {
        let Changed { service, entity, message } = &self.changes[index];
        let what = match message {
            None => What::Deleted,
            Some((is_event, name, bytes)) => What::Message(*is_event, name, bytes),
        };
        let sequence = index as u64 + 1;
        let change = Change { service, entity, sequence, at: START_MS as u64 + index as u64 * 1000 };
        let keys = match put.get(&self.id(index)) {
            Some(keys) => keys.iter().map(String::as_str).collect(),
            None if self.start.contains_key(entity) => vec![entity.as_str()],
            None => Vec::new(),
        };
        Came { change, what, keys }
    }
}

fn shown<V: View>(table: &Table) -> BTreeMap<String, V::Row> {
    let row = |bytes: &Vec<u8>| V::Row::decode(bytes.as_slice()).expect("a row is a message");
    table.iter().map(|(key, bytes)| (key.clone(), row(bytes))).collect()
}
