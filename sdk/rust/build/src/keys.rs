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

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, label: i32, options: Options) -> Field {
        Field { name: name.into(), number: 1, label, kind: 9, options: Some(options) }
    }

    fn keys(package: &str) -> Keys {
        let nested = Type { name: "Inner".into(), ..Type::default() };
        let fields = vec![
            field("b", 1, Options { legacy_entity_key: true, ..Options::default() }),
            field("none", 1, Options { allow_empty_key: true, ..Options::default() }),
            field("a", 1, Options { entity_key: true, allow_empty_key: true, ..Options::default() }),
            field("c", 1, Options { cloudstate_entity_key: true, ..Options::default() }),
            field("many", REPEATED, Options { entity_key: true, ..Options::default() }),
        ];
        let messages = vec![Type { name: "Outer".into(), fields, nested: vec![nested] }];
        keys_of(&Set { files: vec![File { package: package.into(), messages }] }.encode_to_vec()).unwrap()
    }

    #[test]
    fn each_of_the_three_options_marks_a_field_in_the_order_of_declaration() {
        let marked = &keys("p.v1")["p.v1.Outer"];
        let shown: Vec<(&str, bool)> = marked.iter().map(|field| (field.name.as_str(), field.may_be_empty())).collect();
        assert_eq!(shown, [("b", false), ("a", true), ("c", false)]);
    }

    #[test]
    fn messages_have_their_full_names() {
        assert_eq!(keys("p.v1").into_keys().collect::<Vec<_>>(), ["p.v1.Outer", "p.v1.Outer.Inner"]);
        assert_eq!(keys("").into_keys().collect::<Vec<_>>(), ["Outer", "Outer.Inner"]);
    }
}
