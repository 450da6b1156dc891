//! Views: rows of a table that follow from what entities have committed.
//!
//! ```ignore
//! impl View for Orders {
//!     type Row = OrderRow;
//!
//!     fn sources(from: Sources<OrderRow>) -> Sources<OrderRow> {
//!         from.events(order::SERVICE)
//!             .row(|placed: Placed, _, change| Some(OrderRow { order: change.entity.into(), cents: placed.cents }))
//!             .row(|_: Cancelled, _, _| None)
//!     }
//! }
//! ```
//!
//! P1. A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
//! P2. A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
//! P3. Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use prost::Name;

pub use crate::event_sourced::State;
use crate::options::Kind;
use crate::replicated;
#[doc(hidden)]
pub use crate::running::Running;

/// A view, for `serve!` under the module of its service. Rows must not depend on the order of changes of different entities, nor on values
/// between an entity's newest ones (law L7): a rebuild brings them in another order, and without those.
pub trait View: 'static {
    /// A message.
    type Row: State + std::fmt::Debug;
    /// What the changes of each source do to rows.
    fn sources(from: Sources<Self::Row>) -> Sources<Self::Row>;
}

/// A type that `serve!` serves as a view.
#[doc(hidden)]
pub trait Served: View {
    const SERVICE: &'static str;
}

/// Of which entity a change is, and when it was committed.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Full name of the entity's service.
    pub service: &'a str,
    pub entity: &'a str,
    /// Of the event, or of the record that changed the value: it rises.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub at: u64,
}

/// The rows that a change may touch: those that its keys name, and those that earlier changes of its entity have put.
pub struct Rows<'a, R> {
    touched: &'a mut Touched,
    row: PhantomData<fn() -> R>,
}

impl<'a, R: State> Rows<'a, R> {
    fn new(touched: &'a mut Touched) -> Self {
        Self { touched, row: PhantomData }
    }

    /// Keys of those that are there.
    pub fn keys(&self) -> Vec<String> {
        let there = |key: &&String| self.touched.table.contains_key(*key);
        self.touched.allowed.iter().filter(there).cloned().collect()
    }

    pub fn get(&self, key: &str) -> Option<R> {
        self.touched.check(key);
        let bytes = self.touched.table.get(key)?;
        Some(R::decode(bytes.as_slice()).unwrap_or_else(|error| panic!("a row is no {}: {error}", R::full_name())))
    }

    /// Panics for a key that is not among those that the change may touch.
    pub fn put(&mut self, key: impl AsRef<str>, row: R) {
        self.touched.set(key.as_ref(), Some(row.encode_to_vec()));
    }

    pub fn delete(&mut self, key: &str) {
        self.touched.set(key, None);
    }
}

type Keys = Box<dyn Fn(&[u8], &Change<'_>) -> Vec<String>>;
type Project = Box<dyn Fn(&[u8], &mut Touched, &Change<'_>)>;

struct Projection {
    /// None: the entity's.
    keys: Option<Keys>,
    project: Project,
}

struct Source {
    service: &'static str,
    kind: Kind,
    takes: Vec<(String, Projection)>,
    deleted: Option<Project>,
}

/// What the changes of each source do to rows: a source, then what it brings.
pub struct Sources<R> {
    list: Vec<Source>,
    row: PhantomData<fn() -> R>,
}

fn list_of<V: View>() -> Vec<Source> {
    V::sources(Sources { list: Vec::new(), row: PhantomData }).list
}

impl<R: State> Sources<R> {
    /// Events of the entities of an event-sourced service: `.events(order::SERVICE)`. Of those that no `row` or `rows` takes nothing comes.
    #[track_caller]
    pub fn events(self, service: &'static str) -> Self {
        self.source(service, Kind::EventSourced)
    }

    /// The newest values of the entities of a value service. Rows that an entity has put and that are not put again for its newest value are
    /// deleted; so are all of them if the value is, unless `deleted` says otherwise.
    #[track_caller]
    pub fn values(self, service: &'static str) -> Self {
        self.source(service, Kind::Value)
    }

    /// The newest values of the entities of a replicated service, which `replica` or `replica_rows` takes. What was said of `values` holds here, too.
    #[track_caller]
    pub fn replicas(self, service: &'static str) -> Self {
        self.source(service, Kind::Replicated)
    }

    #[track_caller]
    fn source(mut self, service: &'static str, kind: Kind) -> Self {
        let twice = self.list.iter().any(|source| source.service == service);
        assert!(!twice, "the source {service} is there twice");
        self.list.push(Source { service, kind, takes: Vec::new(), deleted: None });
        self
    }

    /// What becomes of the one row of an entity, whose key is the entity's; None: there is none.
    #[track_caller]
    pub fn row<M: State>(self, project: impl Fn(M, Option<R>, &Change<'_>) -> Option<R> + 'static) -> Self {
        let run = move |bytes: &[u8], row: Option<R>, change: &Change<'_>| project(read(bytes), row, change);
        self.take(M::full_name(), None, one_row(run))
    }

    /// For a change that does not touch the row of its entity alone: the keys of the rows that it may touch, and what it does to them.
    #[track_caller]
    pub fn rows<M: State>(
        self,
        keys: impl Fn(&M, &Change<'_>) -> Vec<String> + 'static,
        project: impl Fn(M, &mut Rows<'_, R>, &Change<'_>) + 'static,
    ) -> Self {
        self.take(
            M::full_name(),
            Some(Box::new(move |bytes, change| keys(&read(bytes), change))),
            Box::new(move |bytes, touched, change| project(read(bytes), &mut Rows::new(touched), change)),
        )
    }

    /// `row` for a replicated entity, whose value is of its service's kind: `.replica(|set: &OrSet<String>, _, change| ...)`. It can only be
    /// looked at.
    #[track_caller]
    pub fn replica<K: replicated::Kind>(
        self,
        project: impl Fn(&K, Option<R>, &Change<'_>) -> Option<R> + 'static,
    ) -> Self {
        let run = move |bytes: &[u8], row: Option<R>, change: &Change<'_>| project(&replicated::seen(bytes), row, change);
        self.take(REPLICA.into(), None, one_row(run))
    }

    /// `rows` for a replicated entity, as `replica` is `row`.
    #[track_caller]
    pub fn replica_rows<K: replicated::Kind>(
        self,
        keys: impl Fn(&K, &Change<'_>) -> Vec<String> + 'static,
        project: impl Fn(&K, &mut Rows<'_, R>, &Change<'_>) + 'static,
    ) -> Self {
        self.take(
            REPLICA.into(),
            Some(Box::new(move |bytes, change| keys(&replicated::seen(bytes), change))),
            Box::new(move |bytes, touched, change| {
                project(&replicated::seen(bytes), &mut Rows::new(touched), change);
            }),
        )
    }

    /// What is done when nothing is left of an entity, instead of deleting the rows that it has put: `rows` has these.
    #[track_caller]
    pub fn deleted(mut self, project: impl Fn(&mut Rows<'_, R>, &Change<'_>) + 'static) -> Self {
        self.last().deleted = Some(Box::new(move |_, touched, change| project(&mut Rows::new(touched), change)));
        self
    }

    #[track_caller]
    fn take(mut self, name: String, keys: Option<Keys>, project: Project) -> Self {
        let source = self.last();
        assert!(!source.takes.iter().any(|(other, _)| *other == name), "{name} is taken twice of {}", source.service);
        source.takes.push((name, Projection { keys, project }));
        self
    }

    #[track_caller]
    fn last(&mut self) -> &mut Source {
        self.list.last_mut().expect("say first whose changes they are: .events(SERVICE), .values(SERVICE) or .replicas(SERVICE)")
    }
}

/// A replicated value, as it crosses the boundary.
pub(crate) const REPLICA: &str = "innkeeper.crdt.v1.View";

fn one_row<R: State>(run: impl Fn(&[u8], Option<R>, &Change<'_>) -> Option<R> + 'static) -> Project {
    Box::new(move |bytes, touched, change| {
        let mut rows = Rows::<R>::new(touched);
        match run(bytes, rows.get(change.entity), change) {
            Some(row) => rows.put(change.entity, row),
            None => rows.delete(change.entity),
        }
    })
}

fn read<M: State>(bytes: &[u8]) -> M {
    M::decode(bytes).unwrap_or_else(|error| panic!("a change brings no {}: {error}", M::full_name()))
}

/// The rows that one change may touch, and what it has done to them.
struct Touched {
    table: BTreeMap<String, Vec<u8>>,
    allowed: Vec<String>,
    /// In the order in which they were touched first.
    puts: Vec<Put>,
}

impl Touched {
    #[track_caller]
    fn check(&self, key: &str) {
        let may = self.allowed.iter().any(|allowed| allowed == key);
        assert!(may, "the row {key:?} is none that the change may touch; name its key in `rows`");
    }

    #[track_caller]
    fn set(&mut self, key: &str, row: Option<Vec<u8>>) {
        self.check(key);
        match &row {
            Some(bytes) => self.table.insert(key.into(), bytes.clone()),
            None => self.table.remove(key),
        };
        match self.puts.iter_mut().find(|put| put.key == key) {
            Some(put) => put.row = row,
            None => self.puts.push(Put { key: key.into(), row }),
        }
    }
}

/// A row; without bytes it is deleted, or not there.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub(crate) key: String,
    pub(crate) row: Option<Vec<u8>>,
}

#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// An event, or what a value is now: name and bytes of the message.
    Message(bool, &'a str, &'a [u8]),
    Deleted,
}

/// A change as it comes.
#[doc(hidden)]
#[derive(Clone)]
pub struct Came<'a> {
    pub(crate) change: Change<'a>,
    pub(crate) what: What<'a>,
    /// Of the rows that its entity has put.
    pub(crate) keys: Vec<&'a str>,
}

impl Came<'_> {
    fn id(&self) -> (&str, &str) {
        (self.change.service, self.change.entity)
    }
}

#[doc(hidden)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
pub struct About {
    pub(crate) name: &'static str,
    pub(crate) row_type: String,
    /// Service, kind, and the names of what is taken, sorted.
    pub(crate) sources: Vec<(&'static str, u8, Vec<String>)>,
}

/// A view as the boundary calls it.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Service: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> About;
    /// One list for each change.
    fn keys(&self, changes: &[Came<'_>]) -> Vec<Vec<String>>;
    fn project(&self, changes: &[Came<'_>], rows: Vec<Put>) -> Vec<Vec<Put>>;
}

#[allow(private_interfaces)]
impl<V: Served> Service for Running<V> {
    fn name(&self) -> &'static str {
        V::SERVICE
    }

    fn about(&self) -> About {
        let sources = list_of::<V>().into_iter().map(|source| {
            let mut types: Vec<String> = source.takes.into_iter().map(|(name, _)| name).collect();
            types.sort();
            (source.service, source.kind as u8, types)
        });
        About { name: V::SERVICE, row_type: V::Row::full_name(), sources: sources.collect() }
    }

    fn keys(&self, changes: &[Came<'_>]) -> Vec<Vec<String>> {
        let sources = list_of::<V>();
        // What an earlier change of the same call may put, a later one of its entity may find.
        let mut before: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        let keys = changes.iter().map(|came| {
            let mut keys = own_keys(&sources, came);
            keys.extend(came.keys.iter().map(|key| (*key).to_string()));
            keys.extend(before.remove(&came.id()).unwrap_or_default());
            let keys = distinct(keys);
            before.insert(came.id(), keys.clone());
            keys
        });
        keys.collect()
    }

    fn project(&self, changes: &[Came<'_>], rows: Vec<Put>) -> Vec<Vec<Put>> {
        let sources = list_of::<V>();
        let there = rows.into_iter().filter_map(|Put { key, row }| Some((key, row?)));
        let mut touched = Touched { table: there.collect(), allowed: Vec::new(), puts: Vec::new() };
        let mut put: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        let puts = changes.iter().map(|came| {
            let mut former = put.remove(&came.id());
            let former = former.get_or_insert_with(|| came.keys.iter().map(|key| (*key).to_string()).collect());
            let own = own_keys(&sources, came);
            touched.allowed = distinct(own.into_iter().chain(former.iter().cloned()).collect());
            run(&sources, came, former, &mut touched);
            let puts = std::mem::take(&mut touched.puts);
            for Put { key, row } in &puts {
                former.retain(|other| other != key);
                if row.is_some() {
                    former.push(key.clone());
                }
            }
            put.insert(came.id(), std::mem::take(former));
            puts
        });
        puts.collect()
    }
}

fn source_of<'a>(sources: &'a [Source], came: &Came<'_>) -> &'a Source {
    let found = sources.iter().find(|source| source.service == came.change.service);
    found.expect("the host brings changes only of sources that were described")
}

fn projection_of<'a>(source: &'a Source, type_name: &str) -> Option<&'a Projection> {
    source.takes.iter().find(|(name, _)| name == type_name).map(|(_, projection)| projection)
}

fn own_keys(sources: &[Source], came: &Came<'_>) -> Vec<String> {
    let What::Message(_, type_name, bytes) = came.what else { return Vec::new() };
    match projection_of(source_of(sources, came), type_name) {
        None => Vec::new(),
        Some(Projection { keys: None, .. }) => vec![came.change.entity.into()],
        Some(Projection { keys: Some(keys), .. }) => keys(bytes, &came.change),
    }
}

fn run(sources: &[Source], came: &Came<'_>, former: &[String], touched: &mut Touched) {
    let source = source_of(sources, came);
    let cleans = match came.what {
        What::Message(is_event, type_name, bytes) => match projection_of(source, type_name) {
            None => false,
            Some(projection) => {
                (projection.project)(bytes, touched, &came.change);
                !is_event
            }
        },
        What::Deleted => match &source.deleted {
            None => true,
            Some(project) => {
                project(&[], touched, &came.change);
                false
            }
        },
    };
    if cleans {
        for key in former {
            if !touched.puts.iter().any(|put| put.key == *key) {
                touched.set(key, None);
            }
        }
    }
}

fn distinct(keys: Vec<String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(keys.len());
    for key in keys {
        if !distinct.contains(&key) {
            distinct.push(key);
        }
    }
    distinct
}
