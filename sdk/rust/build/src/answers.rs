//! Answers: which methods hear what a call was answered, and of which types reply and note are. Their requests get the trait
//! `innkeeper::Hears`. And which methods the host answers (`watch`), so that nobody writes a function for them. prost-types drops the
//! options of others, so they are read here.

use std::collections::{BTreeMap, BTreeSet};

use prost::{DecodeError, Message};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use super::names::{module_of, type_of};
use super::prefix;

/// `SERVICE/METHOD` of those with the option `answers`.
pub type Hearing = BTreeSet<String>;

/// What the options of a set say of its methods.
#[derive(Debug, Default, PartialEq)]
pub struct Said {
    pub hearing: Hearing,
    /// `SERVICE/METHOD` of those with the option `watch`.
    pub watching: BTreeSet<String>,
}

/// Numbers of the fields of a request that hears (innkeeper/options.proto).
const REPLY: i32 = 1;
const NOTE: i32 = 3;

#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<Options>,
}

#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(message, optional, tag = "51083")]
    method: Option<Settings>,
}

#[derive(Clone, PartialEq, Message)]
struct Settings {
    #[prost(string, tag = "2")]
    answers: String,
    #[prost(string, tag = "3")]
    watch: String,
}

/// `set`: the bytes of a FileDescriptorSet.
pub fn said_in(set: &[u8]) -> Result<Said, DecodeError> {
    let mut said = Said::default();
    for File { package, services } in Set::decode(set)?.files {
        for Service { name: service, methods } in services {
            let full = if package.is_empty() { service } else { format!("{package}.{service}") };
            for Method { name, options } in methods {
                let Some(settings) = options.and_then(|options| options.method) else { continue };
                if !settings.answers.is_empty() {
                    said.hearing.insert(format!("{full}/{name}"));
                }
                if !settings.watch.is_empty() {
                    said.watching.insert(format!("{full}/{name}"));
                }
            }
        }
    }
    Ok(said)
}

/// Takes the methods out that the host answers.
pub fn without_watches(set: &mut FileDescriptorSet, watching: &BTreeSet<String>) {
    for file in &mut set.file {
        let scope = prefix(file);
        for service in &mut file.service {
            let full = format!("{scope}.{}", service.name());
            let full = full.trim_start_matches('.').to_string();
            service.method.retain(|method| !watching.contains(&format!("{full}/{}", method.name())));
        }
    }
}

/// Messages with their place among the modules that prost makes.
#[derive(Default)]
pub struct Types {
    /// Paths from the outermost module, by full name with a leading dot.
    paths: BTreeMap<String, String>,
    /// Types of reply and note, where they are messages.
    parts: BTreeMap<String, (Option<String>, Option<String>)>,
}

impl Types {
    pub fn of(set: &FileDescriptorSet) -> Types {
        let mut types = Types::default();
        for file in &set.file {
            let modules: Vec<String> =
                file.package().split('.').filter(|part| !part.is_empty()).map(module_of).collect();
            types.add(&prefix(file), &modules, &file.message_type);
        }
        types
    }

    fn add(&mut self, scope: &str, modules: &[String], messages: &[DescriptorProto]) {
        for message in messages {
            let full = format!("{scope}.{}", message.name());
            let path: Vec<String> = modules.iter().cloned().chain([type_of(message.name())]).collect();
            let part = |number| {
                let field = message.field.iter().find(|field| field.number() == number)?;
                (field.r#type() == Type::Message).then(|| field.type_name().to_string())
            };
            self.parts.insert(full.clone(), (part(REPLY), part(NOTE)));
            let inner: Vec<String> = modules.iter().cloned().chain([module_of(message.name())]).collect();
            self.add(&full, &inner, &message.nested_type);
            self.paths.insert(full, path.join("::"));
        }
    }

    /// Reply and note of a request that hears, as types of a package's module. None: the message has another shape.
    pub fn heard_by(&self, request: &str, package: &str) -> Option<(String, String)> {
        let (reply, note) = self.parts.get(request)?;
        let note = note.as_ref().map_or(Some("()".into()), |note| self.seen_from(package, note));
        Some((self.seen_from(package, reply.as_ref()?)?, note?))
    }

    fn seen_from(&self, package: &str, full: &str) -> Option<String> {
        if full == ".google.protobuf.Empty" {
            return Some("()".into());
        }
        let depth = package.split('.').filter(|part| !part.is_empty()).count();
        Some(format!("{}{}", "super::".repeat(depth), self.paths.get(full)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::{FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

    fn method(name: &str, answers: &str, watch: &str) -> Method {
        let settings = Settings { answers: answers.into(), watch: watch.into() };
        Method { name: name.into(), options: Some(Options { method: Some(settings) }) }
    }

    #[test]
    fn options_say_which_methods_hear_and_which_the_host_answers() {
        let plain = Method { name: "Plain".into(), options: None };
        let methods = vec![
            method("Charged", "pay.v1.Pay/Charge", ""),
            method("Internal", "", ""),
            plain,
            method("WatchShop", "", "Plain"),
        ];
        let file = File { package: "shop.v1".into(), services: vec![Service { name: "Shop".into(), methods }] };
        let said = said_in(&Set { files: vec![file] }.encode_to_vec()).unwrap();
        assert_eq!(said.hearing.into_iter().collect::<Vec<_>>(), ["shop.v1.Shop/Charged"]);
        assert_eq!(said.watching.into_iter().collect::<Vec<_>>(), ["shop.v1.Shop/WatchShop"]);
    }

    #[test]
    fn methods_that_the_host_answers_are_taken_out() {
        let method = |name: &str| MethodDescriptorProto { name: Some(name.into()), ..MethodDescriptorProto::default() };
        let shop = ServiceDescriptorProto {
            name: Some("Shop".into()),
            method: vec![method("GetShop"), method("WatchShop")],
            ..ServiceDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            package: Some("shop.v1".into()),
            service: vec![shop],
            ..FileDescriptorProto::default()
        };
        let mut set = FileDescriptorSet { file: vec![file] };
        without_watches(&mut set, &BTreeSet::from(["shop.v1.Shop/WatchShop".to_string()]));
        let left: Vec<_> = set.file[0].service[0].method.iter().map(|method| method.name().to_string()).collect();
        assert_eq!(left, ["GetShop"]);
    }

    fn field(number: i32, of: &str) -> FieldDescriptorProto {
        FieldDescriptorProto {
            number: Some(number),
            r#type: Some(Type::Message as i32),
            type_name: Some(of.into()),
            ..FieldDescriptorProto::default()
        }
    }

    fn message(name: &str, field: Vec<FieldDescriptorProto>, nested_type: Vec<DescriptorProto>) -> DescriptorProto {
        DescriptorProto { name: Some(name.into()), field, nested_type, ..DescriptorProto::default() }
    }

    #[test]
    fn reply_and_note_are_named_from_the_package_of_the_service() {
        let file = |package: &str, message_type: Vec<DescriptorProto>| FileDescriptorProto {
            package: Some(package.into()),
            message_type,
            ..FileDescriptorProto::default()
        };
        let answer = vec![field(1, ".pay.v1.Reply"), field(3, ".shop.v1.Outer.Note")];
        let shop = vec![
            message("Answer", answer, Vec::new()),
            message("Bare", vec![field(1, ".google.protobuf.Empty")], Vec::new()),
            message("Outer", Vec::new(), vec![message("Note", Vec::new(), Vec::new())]),
        ];
        let pay = vec![message("Reply", Vec::new(), Vec::new())];
        let types = Types::of(&FileDescriptorSet { file: vec![file("shop.v1", shop), file("pay.v1", pay)] });
        let heard = |request: &str| types.heard_by(request, "shop.v1");
        let named = |reply: &str, note: &str| Some((reply.to_string(), note.to_string()));
        assert_eq!(
            heard(".shop.v1.Answer"),
            named("super::super::pay::v1::Reply", "super::super::shop::v1::outer::Note")
        );
        assert_eq!(heard(".shop.v1.Bare"), named("()", "()"));
        assert_eq!(heard(".shop.v1.Outer"), None);
    }
}
