//! Metadata: what the caller sent along, and what goes back with a reply. In order, duplicates allowed.
//!
//! M1. Names are in lower case. Those that end in `-bin` have bytes, all others text: what is otherwise on the way out is the
//!     author's mistake and a panic, since the host would drop it in silence.

/// A value of metadata as it is sent: text, or bytes for names that end in `-bin`.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&str> for MetadataValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for MetadataValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for MetadataValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<u8>> for MetadataValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// On the way out.
pub(crate) type Entries = Vec<(String, MetadataValue)>;

#[track_caller]
pub(crate) fn push(entries: &mut Entries, name: &str, value: MetadataValue) {
    let name = name.to_ascii_lowercase();
    assert_eq!(
        name.ends_with("-bin"),
        matches!(value, MetadataValue::Bytes(_)),
        "metadata {name}: names that end in -bin take bytes, all others text"
    );
    entries.push((name, value));
}

/// A value of metadata as it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What the caller sent along.
#[derive(Clone, Debug, Default)]
pub struct Metadata<'a> {
    pub(crate) entries: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Metadata<'a> {
    /// First text value of a name (any case).
    pub fn get(&self, name: &str) -> Option<&'a str> {
        match self.find(name)? {
            Value::Text(text) => Some(text),
            Value::Bytes(_) => None,
        }
    }

    /// First value of a name that ends in `-bin`.
    pub fn get_bytes(&self, name: &str) -> Option<&'a [u8]> {
        match self.find(name)? {
            Value::Text(_) => None,
            Value::Bytes(bytes) => Some(bytes),
        }
    }

    /// In order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.entries.iter().copied()
    }

    fn find(&self, name: &str) -> Option<Value<'a>> {
        let found = self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }
}
