//! Node: a value in a view, or the lack of one, and its place. Read lazily: an element is looked for when it is asked for.
//!
//! N1. Nothing is guessed: reading what the method's view does not hold panics, and says how to declare it.

use std::ops::Range;
use std::rc::Rc;

use super::wire::{Field, Reader};

/// Where a value is. Linked outwards: most places are only read at.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) outer: Option<Rc<Place>>,
    /// In the map around it; the entity's own value has none.
    pub(super) key: Vec<u8>,
    /// Number of innkeeper.crdt.v1.Kind.
    pub(super) kind: u32,
    /// The view shows it.
    pub(super) exists: bool,
}

#[derive(Clone, Debug)]
enum Content {
    /// It does not exist yet.
    Absent,
    /// The view does not hold it.
    Unknown,
    /// The message of its kind is here.
    Here { kind: u32, range: Range<usize> },
}

/// Made by the SDK for `Kind::open`.
#[derive(Clone, Debug)]
pub struct Node {
    view: Rc<[u8]>,
    content: Content,
    pub(super) place: Rc<Place>,
    /// Elements or keys that are in the view or known not to be there; None: it is the whole.
    looked: Option<Rc<[Vec<u8>]>>,
}

/// What a view's bytes hold (innkeeper.crdt.v1.View).
pub(super) struct Seen {
    view: Rc<[u8]>,
    pub(super) exists: bool,
    pub(super) partial: bool,
    value: Option<(u32, Range<usize>)>,
}

impl Seen {
    pub(super) fn read(bytes: &[u8]) -> Seen {
        let mut seen = Seen { view: bytes.into(), exists: false, partial: false, value: None };
        let mut reader = Reader::new(bytes, 0..bytes.len());
        while let Some(field) = reader.next() {
            match field {
                (1, Field::Varint(exists)) => seen.exists = exists != 0,
                (2, Field::Bytes(range)) => seen.value = kind_of(bytes, range),
                (3, Field::Varint(partial)) => seen.partial = partial != 0,
                _ => {}
            }
        }
        seen
    }

    /// `looked`: the elements that the host has looked up for a partial view.
    pub(super) fn root(&self, kind: u32, looked: impl FnOnce() -> Vec<Vec<u8>>) -> Node {
        let collection = |kind: u32| matches!(kind, G_SET | OR_SET | OR_MAP);
        let content = match &self.value {
            _ if !self.exists => Content::Absent,
            None => Content::Unknown,
            // Of a counter or a register a part is nothing: what is there is not known.
            Some((found, _)) if self.partial && !collection(*found) => Content::Unknown,
            Some((found, range)) => Content::Here { kind: *found, range: range.clone() },
        };
        let place = Rc::new(Place { outer: None, key: Vec::new(), kind, exists: self.exists });
        let looked = (self.partial && self.exists).then(|| looked().into());
        Node { view: self.view.clone(), content, place, looked }
    }
}

pub(super) const G_COUNTER: u32 = 1;
pub(super) const PN_COUNTER: u32 = 2;
pub(super) const G_SET: u32 = 3;
pub(super) const OR_SET: u32 = 4;
pub(super) const LWW_REGISTER: u32 = 5;
pub(super) const FLAG: u32 = 6;
pub(super) const OR_MAP: u32 = 7;
pub(super) const VOTE: u32 = 8;

/// The kind in a message Value.
fn kind_of(bytes: &[u8], range: Range<usize>) -> Option<(u32, Range<usize>)> {
    let mut reader = Reader::new(bytes, range);
    let mut found = None;
    while let Some((kind, field)) = reader.next() {
        if let (1..=8, Field::Bytes(range)) = (kind, field) {
            found = Some((kind, range));
        }
    }
    found
}

/// Key, and where the value is.
type Entry<'a> = (&'a [u8], Option<Range<usize>>);

impl Node {
    /// Where the message is; None: it does not exist yet.
    #[track_caller]
    fn here(&self) -> Option<Range<usize>> {
        match &self.content {
            Content::Absent => None,
            Content::Unknown => panic!("{NOT_HELD}"),
            Content::Here { kind, range } => {
                assert_eq!(*kind, self.place.kind, "the host has a value of another kind than this service declares");
                Some(range.clone())
            }
        }
    }

    /// A field that is a number.
    #[track_caller]
    pub(super) fn number(&self, number: u32) -> Option<u64> {
        let mut reader = Reader::new(&self.view, self.here()?);
        let mut found = 0;
        while let Some(field) = reader.next() {
            if let (at, Field::Varint(value)) = field {
                if at == number {
                    found = value;
                }
            }
        }
        Some(found)
    }

    /// A field that is bytes.
    #[track_caller]
    pub(super) fn bytes(&self, number: u32) -> Option<&[u8]> {
        let mut reader = Reader::new(&self.view, self.here()?);
        let mut found = 0..0;
        while let Some(field) = reader.next() {
            if let (at, Field::Bytes(range)) = field {
                if at == number {
                    found = range;
                }
            }
        }
        Some(&self.view[found])
    }

    /// Elements of the whole, also where the view is partial.
    #[track_caller]
    pub(super) fn size(&self) -> u64 {
        self.number(2).unwrap_or(0).max(self.items().count() as u64)
    }

    /// All that the view holds, in the order of their bytes.
    #[track_caller]
    pub(super) fn items(&self) -> impl Iterator<Item = Entry<'_>> {
        let range = self.here().unwrap_or(0..0);
        let of_map = self.place.kind == OR_MAP;
        let mut reader = Reader::new(&self.view, range);
        std::iter::from_fn(move || {
            loop {
                if let (1, Field::Bytes(range)) = reader.next()? {
                    return Some(if of_map { self.entry(range) } else { (&self.view[range], None) });
                }
            }
        })
    }

    fn entry(&self, range: Range<usize>) -> Entry<'_> {
        let mut reader = Reader::new(&self.view, range);
        let (mut key, mut value) = (&self.view[0..0], None);
        while let Some(field) = reader.next() {
            match field {
                (1, Field::Bytes(range)) => key = &self.view[range],
                (2, Field::Bytes(range)) => value = Some(range),
                _ => {}
            }
        }
        (key, value)
    }

    fn find(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.items().find(|(found, _)| *found == key)
    }

    /// Whether the lack of it in the view is the lack of it.
    fn knows(&self, key: &[u8]) -> bool {
        match (&self.content, &self.looked) {
            (Content::Absent, _) | (Content::Here { .. }, None) => true,
            (Content::Unknown, _) => false,
            (Content::Here { .. }, Some(looked)) => looked.iter().any(|one| one == key),
        }
    }

    #[track_caller]
    pub(super) fn has(&self, key: &[u8]) -> bool {
        let found = self.find(key).is_some();
        assert!(found || self.knows(key), "{NOT_HELD}");
        found
    }

    /// The value of a key. An operation needs no look at it; reading what the view does not hold is told when it is read.
    pub(super) fn at(&self, key: Vec<u8>, kind: u32) -> Node {
        let entry = match self.content {
            Content::Here { .. } => self.find(&key),
            _ => None,
        };
        let content = match entry {
            Some((_, value)) => self.content_of(value),
            None if self.knows(&key) => Content::Absent,
            None => Content::Unknown,
        };
        self.inside(key, kind, content)
    }

    /// The value of an entry of `items`.
    pub(super) fn of(&self, (key, value): Entry<'_>, kind: u32) -> Node {
        self.inside(key.to_vec(), kind, self.content_of(value))
    }

    fn content_of(&self, value: Option<Range<usize>>) -> Content {
        match value.and_then(|range| kind_of(&self.view, range)) {
            Some((kind, range)) => Content::Here { kind, range },
            None => Content::Unknown,
        }
    }

    fn inside(&self, key: Vec<u8>, kind: u32, content: Content) -> Node {
        let exists = matches!(content, Content::Here { .. });
        let place = Rc::new(Place { outer: Some(self.place.clone()), key, kind, exists });
        Node { view: self.view.clone(), content, place, looked: None }
    }
}

const NOT_HELD: &str = "the view of this method does not hold what is looked at; declare it in the method's `_view`";
