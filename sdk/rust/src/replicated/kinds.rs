//! Kinds: what a handler reads of a replicated value, and what makes its operations. A kind is the type of the value and the
//! view of it at once: `OrMap<String, PnCounter>`.
//!
//! V1. A value that does not exist yet reads as its default (§replica-2); an operation on it creates it (operation.O1).
//! V2. Elements and keys are messages, and compared by their bytes. A `String`, a number, a `bool` or bytes is the message that
//!     has it as field 1, and no bytes for its default (§element-1): as the host makes one of a request's field. A message with
//!     a map field is fine (maps are ordered), one with a float that may be -0 is not.

use std::marker::PhantomData;

use prost::Message;

use super::node::{FLAG, G_COUNTER, G_SET, LWW_REGISTER, Node, OR_MAP, OR_SET, PN_COUNTER, VOTE};
use super::operation::{Change, Clock, Operation};
use super::wire;

/// An element of a set, a key of a map, or what a register holds.
pub trait Element: Message + Default + Clone + 'static {}
impl<T: Message + Default + Clone + 'static> Element for T {}

fn decode<T: Element>(bytes: &[u8]) -> T {
    T::decode(bytes).unwrap_or_else(|_| panic!("an element that is not one of this service"))
}

/// A kind of replicated value.
pub trait Kind: Sized + 'static {
    /// Elements or keys; `()` where there are none.
    type Element: Element;
    #[doc(hidden)]
    const NUMBER: u32;
    #[doc(hidden)]
    fn open(node: Node) -> Self;
    /// Bytes of a register's first value.
    #[doc(hidden)]
    fn initial() -> Option<Vec<u8>> {
        None
    }
}

/// Only grows.
#[derive(Clone, Debug)]
pub struct GCounter(Node);

impl GCounter {
    #[track_caller]
    pub fn value(&self) -> u64 {
        self.0.number(1).unwrap_or(0)
    }

    pub fn add(&self, amount: u64) -> Operation {
        Operation::new(&self.0.place, Change::Increment(amount))
    }
}

impl Kind for GCounter {
    type Element = ();
    const NUMBER: u32 = G_COUNTER;
    fn open(node: Node) -> Self {
        Self(node)
    }
}

/// Counts up and down.
#[derive(Clone, Debug)]
pub struct PnCounter(Node);

impl PnCounter {
    #[track_caller]
    pub fn value(&self) -> i64 {
        wire::unzigzag(self.0.number(1).unwrap_or(0))
    }

    pub fn add(&self, amount: i64) -> Operation {
        Operation::new(&self.0.place, Change::Add(amount))
    }
}

impl Kind for PnCounter {
    type Element = ();
    const NUMBER: u32 = PN_COUNTER;
    fn open(node: Node) -> Self {
        Self(node)
    }
}

/// A set that only grows.
#[derive(Clone, Debug)]
pub struct GSet<T>(Node, PhantomData<T>);

/// A set. An element that is added and removed at the same time is in it.
#[derive(Clone, Debug)]
pub struct OrSet<T>(Node, PhantomData<T>);

macro_rules! set {
    ($name:ident, $number:expr) => {
        impl<T: Element> $name<T> {
            /// Elements of the whole set, also where the method sees only some.
            #[track_caller]
            pub fn size(&self) -> u64 {
                self.0.size()
            }

            #[track_caller]
            pub fn has(&self, element: &T) -> bool {
                self.0.has(&element.encode_to_vec())
            }

            /// In the order of their bytes; where the method sees only some, those.
            #[track_caller]
            pub fn iter(&self) -> impl Iterator<Item = T> {
                self.0.items().map(|(element, _)| decode(element))
            }

            pub fn add(&self, element: &T) -> Operation {
                Operation::new(&self.0.place, Change::Insert(element.encode_to_vec()))
            }
        }

        impl<T: Element> Kind for $name<T> {
            type Element = T;
            const NUMBER: u32 = $number;
            fn open(node: Node) -> Self {
                Self(node, PhantomData)
            }
        }
    };
}

set!(GSet, G_SET);
set!(OrSet, OR_SET);

impl<T: Element> OrSet<T> {
    pub fn remove(&self, element: &T) -> Operation {
        Operation::new(&self.0.place, Change::Remove(element.encode_to_vec()))
    }

    pub fn clear(&self) -> Operation {
        Operation::new(&self.0.place, Change::Clear)
    }
}

/// A value of which the last write wins. It begins with `T::default()`, which as an entity is written when the first command
/// meets it.
#[derive(Clone, Debug)]
pub struct LwwRegister<T>(Node, PhantomData<T>);

impl<T: Element> LwwRegister<T> {
    #[track_caller]
    pub fn value(&self) -> T {
        self.0.bytes(1).map(decode).unwrap_or_default()
    }

    pub fn set(&self, value: &T) -> Operation {
        self.set_with(value, Clock::Default, 0)
    }

    /// `at`: for the custom clocks.
    pub fn set_with(&self, value: &T, clock: Clock, at: i64) -> Operation {
        Operation::new(&self.0.place, Change::Assign { value: value.encode_to_vec(), clock, at })
    }
}

impl<T: Element> Kind for LwwRegister<T> {
    type Element = T;
    const NUMBER: u32 = LWW_REGISTER;
    fn open(node: Node) -> Self {
        Self(node, PhantomData)
    }
    fn initial() -> Option<Vec<u8>> {
        Some(T::default().encode_to_vec())
    }
}

/// Off, and once on, on for good.
#[derive(Clone, Debug)]
pub struct Flag(Node);

impl Flag {
    #[track_caller]
    pub fn enabled(&self) -> bool {
        self.0.number(1).unwrap_or(0) != 0
    }

    /// For good.
    pub fn enable(&self) -> Operation {
        Operation::new(&self.0.place, Change::Enable)
    }
}

impl Kind for Flag {
    type Element = ();
    const NUMBER: u32 = FLAG;
    fn open(node: Node) -> Self {
        Self(node)
    }
}

/// A vote of each node, not of each client.
#[derive(Clone, Debug)]
pub struct Vote(Node);

impl Vote {
    /// This node's.
    #[track_caller]
    pub fn own(&self) -> bool {
        self.0.number(1).unwrap_or(0) != 0
    }

    #[track_caller]
    pub fn votes_for(&self) -> u32 {
        self.0.number(2).unwrap_or(0) as u32
    }

    #[track_caller]
    pub fn voters(&self) -> u32 {
        self.0.number(3).unwrap_or(1) as u32
    }

    pub fn vote(&self, own: bool) -> Operation {
        Operation::new(&self.0.place, Change::Vote(own))
    }
}

impl Kind for Vote {
    type Element = ();
    const NUMBER: u32 = VOTE;
    fn open(node: Node) -> Self {
        Self(node)
    }
}

/// A map whose values are replicated values of one kind, nested as you like. With known keys: `record!`.
#[derive(Clone, Debug)]
pub struct OrMap<K, V>(Node, PhantomData<(K, V)>);

impl<K: Element, V: Kind> OrMap<K, V> {
    /// Keys of the whole map, also where the method sees only some.
    #[track_caller]
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    #[track_caller]
    pub fn has(&self, key: &K) -> bool {
        self.0.has(&key.encode_to_vec())
    }

    /// The value of a key; of one that is not there, a view to create it with.
    pub fn at(&self, key: &K) -> V {
        V::open(self.0.at(key.encode_to_vec(), V::NUMBER))
    }

    /// Add this key with its value's default; nothing where it is there. Any operation on `at` adds it, too.
    pub fn create(&self, key: &K) -> Operation {
        Operation::new(&self.0.at(key.encode_to_vec(), V::NUMBER).place, Change::Create)
    }

    /// In the order of their bytes; where the method sees only some, those.
    #[track_caller]
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.0.items().map(|(key, _)| decode(key))
    }

    /// In the order of the keys' bytes; where the method sees only some, those.
    #[track_caller]
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> {
        self.0.items().map(|entry| (decode(entry.0), V::open(self.0.of(entry, V::NUMBER))))
    }

    pub fn remove(&self, key: &K) -> Operation {
        Operation::new(&self.0.place, Change::Remove(key.encode_to_vec()))
    }

    pub fn clear(&self) -> Operation {
        Operation::new(&self.0.place, Change::Clear)
    }
}

impl<K: Element, V: Kind> Kind for OrMap<K, V> {
    type Element = K;
    const NUMBER: u32 = OR_MAP;
    fn open(node: Node) -> Self {
        Self(node, PhantomData)
    }
}

/// A map with known keys, each with a kind of its own: the fields of a struct.
///
/// ```ignore
/// innkeeper::record! {
///     pub struct Board { title: LwwRegister<String>, tags: OrSet<String> }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($inner:vis $field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        $visibility struct $name { $($inner $field: $kind),+ }

        impl $crate::replicated::Kind for $name {
            type Element = ::std::string::String;
            const NUMBER: u32 = $crate::replicated::MAP;
            fn open(node: $crate::replicated::Node) -> Self {
                Self { $($field: $crate::replicated::member(&node, stringify!($field))),+ }
            }
        }
    };
}

/// The value of a known key.
#[doc(hidden)]
pub fn member<V: Kind>(map: &Node, name: &str) -> V {
    V::open(map.at(name.to_string().encode_to_vec(), V::NUMBER))
}

#[doc(hidden)]
pub const MAP: u32 = OR_MAP;
