//! Twins: names of a `.proto` that differ in case or underscores only, which Rust spells alike. All but one get a number.
//!
//! T1. Of types in one package or message that are spelled alike, the one whose name is Rust's already keeps it, else the first. A message
//!     with types of its own gives way to a package whose module has its name; a oneof gives way to a field.
//! T2. Only Rust's name changes: what code says of the `.proto`, and what goes over the wire, has the name of the `.proto`.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::names::{module_of, type_of};

/// Full names of types without a dot before, as they are now, with those of the `.proto`.
#[derive(Clone, Default)]
pub struct Renamed(BTreeMap<String, String>);

impl Renamed {
    /// Its name in the `.proto`.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// Gives every type a name of its own in Rust.
pub fn apart(set: &mut FileDescriptorSet) -> Renamed {
    let mut modules: BTreeSet<(String, String)> = BTreeSet::new();
    let mut scopes: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for file in &set.file {
        let package = file.package();
        let inner = package.split('.').scan(String::new(), |outer, part| {
            let home = outer.clone();
            *outer = if home.is_empty() { part.into() } else { format!("{home}.{part}") };
            Some((home, module_of(part)))
        });
        modules.extend(inner);
        let types = scopes.entry(package.into()).or_default();
        types.extend(file.message_type.iter().map(|message| (message.name().to_string(), has_module(message))));
        types.extend(file.enum_type.iter().map(|found| (found.name().to_string(), false)));
    }
    let named: BTreeMap<String, BTreeMap<String, String>> = scopes
        .into_iter()
        .map(|(package, types)| {
            let taken = modules.iter().filter(|(home, _)| *home == package).map(|(_, name)| name.clone()).collect();
            let names = names_in(&types, taken);
            (package, names)
        })
        .collect();
    let mut made = Made::default();
    for file in &mut set.file {
        let package = file.package().to_string();
        made.rename(&package, &package, &mut file.message_type, &mut file.enum_type, &named[&package]);
    }
    for file in &mut set.file {
        refer(file, &made.now);
    }
    Renamed(made.now.into_iter().map(|(was, is)| (is, was)).collect())
}

/// Whether prost makes a module for what is inside of it.
pub fn has_module(message: &DescriptorProto) -> bool {
    let has_types = message.nested_type.iter().any(|nested| !is_map_entry(nested));
    let has_oneofs = message.field.iter().any(|field| field.oneof_index.is_some() && !field.proto3_optional());
    has_types || has_oneofs || !message.enum_type.is_empty()
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

/// The names of the `.proto` that change, with what they are to be. `types`: each with whether it has a module. `modules`: those that are taken.
fn names_in(types: &[(String, bool)], mut modules: BTreeSet<String>) -> BTreeMap<String, String> {
    let mut used = BTreeSet::new();
    let mut changed = BTreeMap::new();
    let (own, others): (Vec<_>, Vec<_>) = types.iter().partition(|(name, _)| type_of(name) == *name);
    for (name, has_module) in own.into_iter().chain(others) {
        let mut candidate = name.clone();
        let mut number = 2;
        while used.contains(&type_of(&candidate)) || (*has_module && modules.contains(&module_of(&candidate))) {
            candidate = format!("{name}{number}");
            number += 1;
        }
        used.insert(type_of(&candidate));
        if *has_module {
            modules.insert(module_of(&candidate));
        }
        if candidate != *name {
            changed.insert(name.clone(), candidate);
        }
    }
    changed
}

#[derive(Default)]
struct Made {
    /// By the full name in the `.proto`, where it changed.
    now: BTreeMap<String, String>,
}

impl Made {
    /// `was`, `is`: the scope as it was called, and as it is.
    fn rename(
        &mut self,
        was: &str,
        is: &str,
        messages: &mut [DescriptorProto],
        enums: &mut [prost_types::EnumDescriptorProto],
        names: &BTreeMap<String, String>,
    ) {
        let within = |scope: &str, name: &str| if scope.is_empty() { name.into() } else { format!("{scope}.{name}") };
        for found in enums {
            let name = found.name().to_string();
            let now = names.get(&name).cloned().unwrap_or_else(|| name.clone());
            self.note(within(was, &name), within(is, &now));
            found.name = Some(now);
        }
        for message in messages {
            let name = message.name().to_string();
            let now = names.get(&name).cloned().unwrap_or_else(|| name.clone());
            let (inner_was, inner_is) = (within(was, &name), within(is, &now));
            self.note(inner_was.clone(), inner_is.clone());
            message.name = Some(now);
            let mut types: Vec<(String, bool)> = message
                .nested_type
                .iter()
                .filter(|nested| !is_map_entry(nested))
                .map(|nested| (nested.name().to_string(), has_module(nested)))
                .collect();
            types.extend(message.enum_type.iter().map(|found| (found.name().to_string(), false)));
            let inner = names_in(&types, BTreeSet::new());
            self.rename(&inner_was, &inner_is, &mut message.nested_type, &mut message.enum_type, &inner);
            oneofs_apart(message);
        }
    }

    fn note(&mut self, was: String, is: String) {
        if was != is {
            self.now.insert(was, is);
        }
    }
}

/// A oneof is a field in Rust.
fn oneofs_apart(message: &mut DescriptorProto) {
    let mut used: BTreeSet<String> = message.field.iter().map(|field| module_of(field.name())).collect();
    for oneof in &mut message.oneof_decl {
        let name = oneof.name().to_string();
        let mut candidate = name.clone();
        let mut number = 2;
        // prost leaves a oneof of an optional field out.
        while used.contains(&module_of(&candidate)) && !name.starts_with('_') {
            candidate = format!("{name}{number}");
            number += 1;
        }
        used.insert(module_of(&candidate));
        oneof.name = Some(candidate);
    }
}

fn refer(file: &mut FileDescriptorProto, now: &BTreeMap<String, String>) {
    let renew = |name: &mut Option<String>| {
        if let Some(is) = name.as_deref().and_then(|name| now.get(name.trim_start_matches('.'))) {
            *name = Some(format!(".{is}"));
        }
    };
    fn each(messages: &mut [DescriptorProto], renew: &impl Fn(&mut Option<String>)) {
        for message in messages {
            for field in &mut message.field {
                renew(&mut field.type_name);
            }
            each(&mut message.nested_type, renew);
        }
    }
    each(&mut file.message_type, &renew);
    for method in file.service.iter_mut().flat_map(|service| &mut service.method) {
        renew(&mut method.input_type);
        renew(&mut method.output_type);
    }
}

/// prost's text, in which types say the names of the `.proto` again.
pub fn restored(text: &str, renamed: &Renamed) -> String {
    if renamed.0.is_empty() {
        return text.into();
    }
    let mut lines: Vec<String> = Vec::new();
    let mut name_at = 0;
    for line in text.lines() {
        lines.push(line.into());
        let trimmed = line.trim_start();
        if trimmed.starts_with("const NAME:") {
            name_at = lines.len() - 1;
        } else if trimmed.starts_with("fn full_name()") {
            let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_string();
            let full = quoted(line);
            let Some(original) = renamed.0.get(&full) else { continue };
            let name = quoted(&lines[name_at]);
            let package = full.len() - name.len();
            lines[name_at] = lines[name_at].replace(&format!("\"{name}\""), &format!("{:?}", &original[package..]));
            let last = lines.len() - 1;
            lines[last] = line.replace(&format!("{full}\""), &format!("{original}\""));
        }
    }
    lines.join("\n") + "\n"
}
