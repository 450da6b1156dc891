//! Services: for each of them a module with its calls, and for each kind that it can be of a trait that the author implements.
//!
//! S1. Whether a service can be of a kind shows in its methods: those of entities do not stream, but for the answers of
//!     replicated ones.
//! S2. What a kind has besides comes by a glob, and generated code names everything by its whole path: a service may be called as a
//!     word of the SDK or of the language. An alias of the service's name gets a `_`.
//! S3. A trait has the service's methods, and what its kind has besides. A method of such a name gets a `_`; so does the second of
//!     two methods that Rust spells alike.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prost_build::{Service, ServiceGenerator};

use super::Fields;
use super::answers::{Hearing, Types};
use super::keys::Keys;
use super::names::{identifier, module_of};
use super::twins::Renamed;

pub struct Services {
    pub fields: Fields,
    pub keys: Keys,
    pub hearing: Hearing,
    pub types: Types,
    /// Requests that have their `Hears` already.
    pub heard: BTreeSet<String>,
    /// Modules that are there, with the package that they are in: another of the same name gets a `_`.
    pub modules: BTreeSet<(String, String)>,
    pub renamed: Renamed,
}

impl ServiceGenerator for Services {
    fn generate(&mut self, service: Service, buf: &mut String) {
        let mut module = module_of(&service.name);
        while !self.modules.insert((service.package.clone(), module.clone())) {
            module.push('_');
        }
        let full = if service.package.is_empty() {
            service.proto_name.clone()
        } else {
            format!("{}.{}", service.package, service.proto_name)
        };
        let of = Names { service: &service.name, full: &full };
        let methods = |taken: &[&str], suffixes: &[&str]| methods_of(&service, &self.renamed, taken, suffixes);
        let streams = |asked: bool, answered: bool| {
            service.methods.iter().any(|rpc| (asked && rpc.client_streaming) || (answered && rpc.server_streaming))
        };
        let mut out = String::new();
        let _ = writeln!(out, "/// Service `{full}`.\npub mod {module} {{");
        let _ = writeln!(out, "/// Its full name: for a source of a view.\npub const SERVICE: &str = {full:?};");
        call(&mut out, &of, &methods(&[], &[]));
        table(&mut out, &methods(&[], &[]), &self.keys);
        if !streams(true, true) {
            event_sourced(&mut out, &of, &methods(&["options", "evolve"], &[]));
            value(&mut out, &of, &methods(&["options"], &[]));
        }
        if !streams(true, false) {
            replicated(&mut out, &of, &methods(&["options"], &["_view", "_changed", "_cancelled"]), &self.fields);
        }
        action(&mut out, &of, &methods(&["options"], &[]));
        out.push_str("}\n");
        self.hears(&mut out, &of, &service);
        buf.push_str(&out);
    }
}

impl Services {
    /// `Hears` for the requests of the methods that hear answers.
    fn hears(&mut self, out: &mut String, of: &Names, service: &Service) {
        for rpc in &service.methods {
            if !self.hearing.contains(&format!("{}/{}", of.full, rpc.proto_name)) {
                continue;
            }
            // Of another shape, the host refuses the method.
            let Some((reply, note)) = self.types.heard_by(&rpc.input_proto_type, &service.package) else { continue };
            if self.heard.insert(rpc.input_proto_type.clone()) {
                let request = &rpc.input_type;
                let _ = writeln!(
                    out,
                    "impl ::innkeeper::Hears for {request} {{ type Reply = {reply}; type Note = {note}; }}"
                );
            }
        }
    }
}

struct Names<'a> {
    service: &'a str,
    full: &'a str,
}

impl Names<'_> {
    /// The name of an alias beside the service's trait.
    fn beside(&self, alias: &str) -> String {
        if self.service == alias { format!("{alias}_") } else { alias.into() }
    }
}

struct Method {
    proto_name: String,
    /// In the trait and among the calls.
    name: String,
    input_type: String,
    output_type: String,
    /// As prost has it, for the table of fields.
    input_known_as: String,
    /// As the `.proto` calls it.
    input_proto_type: String,
    client_streaming: bool,
    server_streaming: bool,
}

/// `taken`: what the trait has besides. `suffixes`: what it adds to each method's name.
fn methods_of(service: &Service, renamed: &Renamed, taken: &[&str], suffixes: &[&str]) -> Vec<Method> {
    let mut used: BTreeSet<String> = taken.iter().map(|name| (*name).to_string()).collect();
    for rpc in &service.methods {
        used.extend(suffixes.iter().map(|suffix| format!("{}{suffix}", rpc.name.trim_start_matches("r#"))));
    }
    let made = service.methods.iter().map(|rpc| {
        let mut name = rpc.name.clone();
        while used.contains(&name) {
            name = format!("{}_", name.trim_start_matches("r#"));
        }
        used.insert(name.clone());
        used.extend(suffixes.iter().map(|suffix| format!("{}{suffix}", name.trim_start_matches("r#"))));
        Method {
            proto_name: rpc.proto_name.clone(),
            name,
            input_type: rpc.input_type.clone(),
            output_type: rpc.output_type.clone(),
            input_known_as: rpc.input_proto_type.clone(),
            input_proto_type: renamed.original(rpc.input_proto_type.trim_start_matches('.')).into(),
            client_streaming: rpc.client_streaming,
            server_streaming: rpc.server_streaming,
        }
    });
    made.collect()
}

/// A type as it is named from two modules further in.
fn inner(path: &str) -> String {
    if path.starts_with("::") || path.starts_with('(') { path.into() } else { format!("super::super::{path}") }
}

fn input(method: &Method) -> String {
    inner(&method.input_type)
}

fn output(method: &Method) -> String {
    inner(&method.output_type)
}

fn request(method: &Method) -> String {
    format!("::innkeeper::request({:?}, payload)?", method.input_proto_type)
}

/// `r#do` in a longer name.
fn stem(method: &Method) -> &str {
    method.name.trim_start_matches("r#")
}

fn call(out: &mut String, of: &Names, methods: &[Method]) {
    out.push_str("/// Calls of its methods, to forward to or as effects.\npub mod call {\n");
    for method in methods {
        let _ = writeln!(
            out,
            "/// A call of `{full}/{proto}`.\npub fn {name}(request: {input}) -> ::innkeeper::Call<{output}> {{ ::innkeeper::Call::new({full:?}, {proto:?}, &request) }}",
            full = of.full,
            proto = method.proto_name,
            name = method.name,
            input = input(method),
            output = output(method),
        );
    }
    out.push_str("}\n");
}

/// What the methods are, for all kinds.
fn table(out: &mut String, methods: &[Method], keys: &Keys) {
    out.push_str("#[doc(hidden)]\npub const METHODS_: &[::innkeeper::Method] = &[\n");
    for method in methods {
        // A key is that of an entity's methods, which take one request.
        let key = keys.get(&method.input_proto_type).filter(|_| !method.client_streaming);
        let fields = key.into_iter().flatten().map(|field| {
            format!(
                "::innkeeper::KeyField {{ name: {:?}, number: {}, kind: {}, may_be_empty: {} }}",
                field.name,
                field.number,
                field.kind,
                field.may_be_empty()
            )
        });
        let _ = writeln!(
            out,
            "::innkeeper::Method {{ name: {:?}, streams: {}, key: &[{}] }},",
            method.proto_name,
            method.client_streaming || method.server_streaming,
            fields.collect::<Vec<_>>().join(", ")
        );
    }
    out.push_str("];\n");
}

const REGISTERED: &str = "/// Ties an implementation to the wire; for `serve!`.\npub struct Registered_<S_>(::core::marker::PhantomData<fn() -> S_>);\n";

fn event_sourced(out: &mut String, of: &Names, methods: &[Method]) {
    let Names { service, full } = of;
    let decision = of.beside("Decision");
    out.push_str("/// As an event-sourced entity.\npub mod event_sourced {\n");
    let _ = writeln!(
        out,
        "pub use ::innkeeper::event_sourced::*;
        /// Accepted and answered with an `R`, or refused.
        pub type {decision}<S_, R_> = ::innkeeper::event_sourced::Decision<<S_ as {service}>::State, <S_ as {service}>::Event, R_>;
        /// `{full}` as an event-sourced entity.
        pub trait {service}: ::core::marker::Sized + 'static {{
            /// A message whose default is where an entity starts.
            type State: ::innkeeper::event_sourced::State;
            /// Made by `innkeeper::events!`.
            type Event: ::innkeeper::event_sourced::Events;
            fn options() -> ::innkeeper::Options {{ ::innkeeper::Options::default() }}
            /// The state after an event.
            fn evolve(state: &mut Self::State, event: Self::Event);"
    );
    for method in methods {
        let (name, input, output) = (&method.name, input(method), output(method));
        let _ = writeln!(
            out,
            "fn {name}(state: &Self::State, request: {input}, context: &::innkeeper::Context<'_>) -> {decision}<Self, {output}>;"
        );
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S_: {service}> ::innkeeper::event_sourced::Definition for Registered_<S_> {{
            type State = S_::State;
            type Event = S_::Event;
            const NAME: &'static str = {full:?};
            const METHODS: &'static [::innkeeper::Method] = super::METHODS_;
            fn options() -> ::innkeeper::Options {{ S_::options() }}
            fn evolve(state: &mut S_::State, event: S_::Event) {{ S_::evolve(state, event) }}
            fn decide(state: &S_::State, method: &str, payload: &[u8], context: &::innkeeper::Context<'_>) -> {decision}<S_, ()> {{
                match method {{"
    );
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S_::{}(state, {}, context).map(::innkeeper::event_sourced::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}

fn value(out: &mut String, of: &Names, methods: &[Method]) {
    let Names { service, full } = of;
    let decision = of.beside("Decision");
    out.push_str("/// As a value entity.\npub mod value {\n");
    let _ = writeln!(
        out,
        "pub use ::innkeeper::value::*;
        /// Accepted and answered with an `R`, or refused.
        pub type {decision}<S_, R_> = ::innkeeper::value::Decision<<S_ as {service}>::Value, R_>;
        /// `{full}` as a value entity.
        pub trait {service}: ::core::marker::Sized + 'static {{
            /// A message.
            type Value: ::innkeeper::event_sourced::State;
            fn options() -> ::innkeeper::Options {{ ::innkeeper::Options::default() }}"
    );
    for method in methods {
        let (name, input, output) = (&method.name, input(method), output(method));
        let _ = writeln!(
            out,
            "fn {name}(value: ::core::option::Option<&Self::Value>, request: {input}, context: &::innkeeper::Context<'_>) -> {decision}<Self, {output}>;"
        );
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S_: {service}> ::innkeeper::value::Definition for Registered_<S_> {{
            type Value = S_::Value;
            const NAME: &'static str = {full:?};
            const METHODS: &'static [::innkeeper::Method] = super::METHODS_;
            fn options() -> ::innkeeper::Options {{ S_::options() }}
            fn decide(value: ::core::option::Option<&S_::Value>, method: &str, payload: &[u8], context: &::innkeeper::Context<'_>) -> {decision}<S_, ()> {{
                match method {{"
    );
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S_::{}(value, {}, context).map(::innkeeper::value::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}

fn replicated(out: &mut String, of: &Names, methods: &[Method], fields: &Fields) {
    let Names { service, full } = of;
    let decision_alias = of.beside("Decision");
    let stream_decision = of.beside("StreamDecision");
    let view = of.beside("View");
    out.push_str("/// As a replicated entity.\npub mod replicated {\n");
    let _ = writeln!(
        out,
        "pub use ::innkeeper::replicated::*;
        /// Accepted and answered with an `R`, or refused.
        pub type {decision_alias}<S_, R_> = ::innkeeper::replicated::Decision<<S_ as {service}>::Value, R_>;
        /// The same, and the stream may stay open.
        pub type {stream_decision}<S_, R_> = ::innkeeper::replicated::Decision<<S_ as {service}>::Value, R_, ::innkeeper::replicated::Opening>;
        /// What a method sees of the value.
        pub type {view}<S_, R_> = ::innkeeper::replicated::Look<R_, <<S_ as {service}>::Value as ::innkeeper::replicated::Kind>::Element>;
        /// `{full}` as a replicated entity.
        pub trait {service}: ::core::marker::Sized + 'static {{
            /// Of which kind the value is: `OrSet<String>`.
            type Value: ::innkeeper::replicated::Kind;
            fn options() -> ::innkeeper::Options {{ ::innkeeper::Options::default() }}"
    );
    for method in methods {
        let (name, stem, input, output) = (&method.name, stem(method), input(method), output(method));
        let decision = if method.server_streaming { &stream_decision } else { &decision_alias };
        let _ = writeln!(
            out,
            "fn {name}(value: &Self::Value, request: {input}, context: &::innkeeper::Context<'_>) -> {decision}<Self, {output}>;
            /// What `{stem}` sees of the value.
            fn {stem}_view() -> {view}<Self, {input}> {{ ::innkeeper::replicated::Look::All }}"
        );
        if method.server_streaming {
            let _ = writeln!(
                out,
                "/// What a subscriber is told of a change. `request` is the one that opened its stream.
                fn {stem}_changed(value: &Self::Value, request: {input}, occasion: &::innkeeper::Occasion<'_>) -> ::innkeeper::replicated::Steps<{output}>;
                /// The client has left: operations and effects count.
                fn {stem}_cancelled(_value: &Self::Value, _request: {input}, _occasion: &::innkeeper::Occasion<'_>) -> ::innkeeper::replicated::Accepting<Self::Value> {{ ::innkeeper::replicated::accept(()) }}"
            );
        }
    }
    out.push_str("}\n");
    let fields_of = |method: &Method| {
        let empty = Vec::new();
        let list = fields.get(&method.input_known_as).unwrap_or(&empty);
        let entries: Vec<String> =
            list.iter().map(|(name, number, message)| format!("({name:?}, {number}, {message})")).collect();
        format!("&[{}]", entries.join(", "))
    };
    let _ = writeln!(
        out,
        "{REGISTERED}
        impl<S_: {service}> ::innkeeper::replicated::Definition for Registered_<S_> {{
            type Value = S_::Value;
            const NAME: &'static str = {full:?};
            const METHODS: &'static [::innkeeper::Method] = super::METHODS_;
            fn options() -> ::innkeeper::Options {{ S_::options() }}
            fn views() -> ::std::vec::Vec<(&'static str, ::innkeeper::replicated::Looked)> {{ ::std::vec!["
    );
    for method in methods {
        let _ = writeln!(
            out,
            "({:?}, S_::{}_view().scope({:?}, {})),",
            method.proto_name,
            stem(method),
            method.proto_name,
            fields_of(method)
        );
    }
    out.push_str(
        "] }\nfn elements(method: &str, payload: &[u8]) -> ::std::vec::Vec<::std::vec::Vec<u8>> { match method {\n",
    );
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S_::{}_view().elements(payload, {}),",
            method.proto_name,
            stem(method),
            fields_of(method)
        );
    }
    out.push_str("_ => ::std::vec::Vec::new(),\n} }\nfn decide(value: &S_::Value, method: &str, payload: &[u8], context: &::innkeeper::Context<'_>) -> ::innkeeper::replicated::Decision<S_::Value, (), ::innkeeper::replicated::Opening> { match method {\n");
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S_::{}(value, {}, context).map(::innkeeper::replicated::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n} }\n#[allow(unused_variables)]\nfn changed(value: &S_::Value, method: &str, payload: &[u8], occasion: &::innkeeper::Occasion<'_>) -> ::core::option::Option<::innkeeper::replicated::Steps<()>> { match method {\n");
    let note = |method: &Method| {
        format!(
            "::innkeeper::request({:?}, payload).unwrap_or_else(|_| ::core::panic!(\"a note that is not of this service\"))",
            method.input_proto_type
        )
    };
    for method in methods.iter().filter(|method| method.server_streaming) {
        let _ = writeln!(
            out,
            "{:?} => Some(S_::{}_changed(value, {}, occasion).map(::innkeeper::replicated::Step::erase)),",
            method.proto_name,
            stem(method),
            note(method)
        );
    }
    out.push_str("_ => None,\n} }\n#[allow(unused_variables)]\nfn cancelled(value: &S_::Value, method: &str, payload: &[u8], occasion: &::innkeeper::Occasion<'_>) -> ::core::option::Option<::innkeeper::replicated::Accepting<S_::Value>> { match method {\n");
    for method in methods.iter().filter(|method| method.server_streaming) {
        let _ = writeln!(
            out,
            "{:?} => Some(S_::{}_cancelled(value, {}, occasion)),",
            method.proto_name,
            stem(method),
            note(method)
        );
    }
    out.push_str("_ => None,\n} }\n}\n}\n");
}

fn action(out: &mut String, of: &Names, methods: &[Method]) {
    let Names { service, full } = of;
    let streams = |method: &Method| method.client_streaming || method.server_streaming;
    let shape = |method: &Method| match (method.client_streaming, method.server_streaming) {
        (true, true) => ("Bidi", "bidi"),
        (true, false) => ("ClientStream", "client"),
        _ => ("ServerStream", "server"),
    };
    out.push_str("/// As an action.\npub mod action {\n");
    let _ = writeln!(
        out,
        "pub use ::innkeeper::action::*;
        /// `{full}` as an action.
        pub trait {service}: ::core::marker::Sized + 'static {{
            fn options() -> ::innkeeper::Options {{ ::innkeeper::Options::default() }}"
    );
    for method in methods {
        let (input, output) = (input(method), output(method));
        let _ = if streams(method) {
            let (shape, _) = shape(method);
            writeln!(
                out,
                "/// The state of a stream of `{}`, which it is implemented by.\ntype {}: ::innkeeper::action::{shape}<Request = {input}, Reply = {output}>;",
                method.proto_name,
                identifier(&method.proto_name)
            )
        } else {
            writeln!(
                out,
                "fn {}(request: {input}, moment: &::innkeeper::Moment<'_>) -> ::innkeeper::action::Decision<{output}>;",
                method.name
            )
        };
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S_: {service}> ::innkeeper::action::Definition for Registered_<S_> {{
            const NAME: &'static str = {full:?};
            const METHODS: &'static [::innkeeper::Method] = super::METHODS_;
            fn options() -> ::innkeeper::Options {{ S_::options() }}
            #[allow(unused_variables)]
            fn call(method: &str, payload: &[u8], moment: &::innkeeper::Moment<'_>) -> ::innkeeper::action::Decision<()> {{
                match method {{"
    );
    for method in methods.iter().filter(|method| !streams(method)) {
        let _ = writeln!(
            out,
            "{:?} => S_::{}({}, moment).map(::innkeeper::action::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => Ok(::innkeeper::unknown_method(Self::NAME, method)?),\n}\n}\nfn stream(method: &str, stream: ::innkeeper::action::Stream<'_>) -> ::innkeeper::action::Stepped {\nmatch method {\n");
    for method in methods.iter().filter(|method| streams(method)) {
        let _ = writeln!(
            out,
            "{:?} => stream.{}::<S_::{}>({:?}),",
            method.proto_name,
            shape(method).1,
            identifier(&method.proto_name),
            method.input_proto_type
        );
    }
    out.push_str("_ => ::innkeeper::action::Stream::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}
