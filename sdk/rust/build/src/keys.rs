//! Keys: which fields of a message name an entity. prost-types drops the options of others, so they are read here.

use std::collections::BTreeMap;

use prost::{DecodeError, Message};

/// By the full name of their message, as the `.proto` calls it, without a leading dot; in the order of their declaration.
pub type Keys = BTreeMap<String, Vec<Field>>;

const REPEATED: i32 = 3;

#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<Type>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Field {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, tag = "3")]
    pub number: u32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    pub kind: i32,
    #[prost(message, optional, tag = "8")]
    options: Option<Options>,
}

/// Numbers as in innkeeper/options.proto, and Cloudstate's two.
#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(bool, tag = "51080")]
    entity_key: bool,
    #[prost(bool, tag = "1080")]
    cloudstate_entity_key: bool,
    #[prost(bool, tag = "50002")]
    legacy_entity_key: bool,
    #[prost(bool, tag = "51082")]
    allow_empty_key: bool,
}

impl Field {
    pub fn may_be_empty(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.allow_empty_key)
    }

    fn is_key(&self) -> bool {
        let marked =
            |options: &Options| options.entity_key || options.cloudstate_entity_key || options.legacy_entity_key;
        self.label != REPEATED && self.options.as_ref().is_some_and(marked)
    }
}

/// `set`: the bytes of a FileDescriptorSet.
pub fn keys_of(set: &[u8]) -> Result<Keys, DecodeError> {
    let mut keys = Keys::new();
    for File { package, messages } in Set::decode(set)?.files {
        add(&mut keys, &package, messages);
    }
    Ok(keys)
}

fn add(keys: &mut Keys, scope: &str, messages: Vec<Type>) {
    for Type { name, fields, nested } in messages {
        let full = if scope.is_empty() { name } else { format!("{scope}.{name}") };
        add(keys, &full, nested);
        keys.insert(full, fields.into_iter().filter(Field::is_key).collect());
    }
}
