//! Services: for each of them a module with its calls, and for each kind that it can be of a trait that the author implements.
//!
//! S1. Whether a service can be of a kind shows in its methods: those of entities do not stream, but for the answers of
//!     replicated ones.
//! S2. What a kind has besides comes by a glob, so that a service may be called as one of the SDK's words.
//! S3. A trait's methods are those of the service; what the kind has besides is in the trait too. An rpc of such a name is told.

use std::fmt::Write as _;

use prost_build::{Method, Service, ServiceGenerator};

use super::Fields;

pub struct Services {
    pub fields: Fields,
}

impl ServiceGenerator for Services {
    fn generate(&mut self, service: Service, buf: &mut String) {
        let module = snake(&service.name);
        let full = if service.package.is_empty() {
            service.proto_name.clone()
        } else {
            format!("{}.{}", service.package, service.proto_name)
        };
        let methods = &service.methods;
        let of = Names { service: &service.name, full: &full };
        let mut out = String::new();
        let _ = writeln!(out, "/// Service `{full}`.\npub mod {module} {{");
        call(&mut out, &of, methods);
        if methods.iter().all(|method| !method.client_streaming && !method.server_streaming) {
            event_sourced(&mut out, &of, methods);
            value(&mut out, &of, methods);
        }
        if methods.iter().all(|method| !method.client_streaming) {
            replicated(&mut out, &of, methods, &self.fields);
        }
        action(&mut out, &of, methods);
        out.push_str("}\n");
        buf.push_str(&out);
    }
}

struct Names<'a> {
    service: &'a str,
    full: &'a str,
}

/// Names that a kind's trait has besides the methods.
fn checked(out: &mut String, of: &Names, methods: &[Method], taken: &[&str]) {
    for method in methods {
        if taken.contains(&method.name.as_str()) {
            let text = format!(
                "{}: a service of this kind cannot have an rpc {}, since its trait has a function of that name",
                of.full, method.proto_name
            );
            let _ = writeln!(out, "pub const _: () = ::core::panic!({text:?});");
        }
    }
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
    format!("::innkeeper::request({:?}, payload)?", method.input_proto_type.trim_start_matches('.'))
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

const REGISTERED: &str = "/// Ties an implementation to the wire; for `serve!`.\npub struct Registered<S>(::core::marker::PhantomData<fn() -> S>);\n";

fn event_sourced(out: &mut String, of: &Names, methods: &[Method]) {
    let Names { service, full } = of;
    out.push_str("/// As an event-sourced entity.\npub mod event_sourced {\n");
    checked(out, of, methods, &["options", "evolve"]);
    let _ = writeln!(
        out,
        "pub use ::innkeeper::event_sourced::*;
        /// Accepted and answered with an `R`, or refused.
        pub type Decision<S, R> = ::innkeeper::event_sourced::Decision<<S as {service}>::State, <S as {service}>::Event, R>;
        /// `{full}` as an event-sourced entity.
        pub trait {service}: Sized + 'static {{
            /// A message whose default is where an entity starts.
            type State: ::innkeeper::event_sourced::State;
            /// Made by `innkeeper::events!`.
            type Event: ::innkeeper::event_sourced::Events;
            fn options() -> Options {{ Options::default() }}
            /// The state after an event.
            fn evolve(state: &mut Self::State, event: Self::Event);"
    );
    for method in methods {
        let (name, input, output) = (&method.name, input(method), output(method));
        let _ = writeln!(
            out,
            "fn {name}(state: &Self::State, request: {input}, context: &Context<'_>) -> Decision<Self, {output}>;"
        );
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S: {service}> ::innkeeper::event_sourced::Definition for Registered<S> {{
            type State = S::State;
            type Event = S::Event;
            const NAME: &'static str = {full:?};
            fn options() -> Options {{ S::options() }}
            fn evolve(state: &mut S::State, event: S::Event) {{ S::evolve(state, event) }}
            fn decide(state: &S::State, method: &str, payload: &[u8], context: &Context<'_>) -> Decision<S, ()> {{
                match method {{"
    );
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S::{}(state, {}, context).map(::innkeeper::event_sourced::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}

fn value(out: &mut String, of: &Names, methods: &[Method]) {
    let Names { service, full } = of;
    out.push_str("/// As a value entity.\npub mod value {\n");
    checked(out, of, methods, &["options"]);
    let _ = writeln!(
        out,
        "pub use ::innkeeper::value::*;
        /// Accepted and answered with an `R`, or refused.
        pub type Decision<S, R> = ::innkeeper::value::Decision<<S as {service}>::Value, R>;
        /// `{full}` as a value entity.
        pub trait {service}: Sized + 'static {{
            /// A message.
            type Value: ::innkeeper::event_sourced::State;
            fn options() -> Options {{ Options::default() }}"
    );
    for method in methods {
        let (name, input, output) = (&method.name, input(method), output(method));
        let _ = writeln!(
            out,
            "fn {name}(value: Option<&Self::Value>, request: {input}, context: &Context<'_>) -> Decision<Self, {output}>;"
        );
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S: {service}> ::innkeeper::value::Definition for Registered<S> {{
            type Value = S::Value;
            const NAME: &'static str = {full:?};
            fn options() -> Options {{ S::options() }}
            fn decide(value: Option<&S::Value>, method: &str, payload: &[u8], context: &Context<'_>) -> Decision<S, ()> {{
                match method {{"
    );
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S::{}(value, {}, context).map(::innkeeper::value::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}

fn replicated(out: &mut String, of: &Names, methods: &[Method], fields: &Fields) {
    let Names { service, full } = of;
    out.push_str("/// As a replicated entity.\npub mod replicated {\n");
    checked(out, of, methods, &["options"]);
    let _ = writeln!(
        out,
        "pub use ::innkeeper::replicated::*;
        /// Accepted and answered with an `R`, or refused.
        pub type Decision<S, R> = ::innkeeper::replicated::Decision<<S as {service}>::Value, R>;
        /// The same, and the stream may stay open.
        pub type StreamDecision<S, R> = ::innkeeper::replicated::Decision<<S as {service}>::Value, R, Opening>;
        /// What a method sees of the value.
        pub type View<S, Request> = Look<Request, <<S as {service}>::Value as Kind>::Element>;
        /// `{full}` as a replicated entity.
        pub trait {service}: Sized + 'static {{
            /// Of which kind the value is: `OrSet<String>`.
            type Value: ::innkeeper::replicated::Kind;
            fn options() -> Options {{ Options::default() }}"
    );
    for method in methods {
        let (name, stem, input, output) = (&method.name, stem(method), input(method), output(method));
        let decision = if method.server_streaming { "StreamDecision" } else { "Decision" };
        let _ = writeln!(
            out,
            "fn {name}(value: &Self::Value, request: {input}, context: &Context<'_>) -> {decision}<Self, {output}>;
            /// What `{stem}` sees of the value.
            fn {stem}_view() -> View<Self, {input}> {{ Look::All }}"
        );
        if method.server_streaming {
            let _ = writeln!(
                out,
                "/// What a subscriber is told of a change. `request` is the one that opened its stream.
                fn {stem}_changed(value: &Self::Value, request: {input}, occasion: &Occasion<'_>) -> Steps<{output}>;
                /// The client has left: operations and effects count.
                fn {stem}_cancelled(_value: &Self::Value, _request: {input}, _occasion: &Occasion<'_>) -> Accepting<Self::Value> {{ accept(()) }}"
            );
        }
    }
    out.push_str("}\n");
    let fields_of = |method: &Method| {
        let empty = Vec::new();
        let list = fields.get(&method.input_proto_type).unwrap_or(&empty);
        let entries: Vec<String> =
            list.iter().map(|(name, number, message)| format!("({name:?}, {number}, {message})")).collect();
        format!("&[{}]", entries.join(", "))
    };
    let _ = writeln!(
        out,
        "{REGISTERED}
        impl<S: {service}> ::innkeeper::replicated::Definition for Registered<S> {{
            type Value = S::Value;
            const NAME: &'static str = {full:?};
            fn options() -> Options {{ S::options() }}
            fn views() -> ::std::vec::Vec<(&'static str, Looked)> {{ ::std::vec!["
    );
    for method in methods {
        let _ = writeln!(
            out,
            "({:?}, S::{}_view().scope({:?}, {})),",
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
            "{:?} => S::{}_view().elements(payload, {}),",
            method.proto_name,
            stem(method),
            fields_of(method)
        );
    }
    out.push_str("_ => ::std::vec::Vec::new(),\n} }\nfn decide(value: &S::Value, method: &str, payload: &[u8], context: &Context<'_>) -> StreamDecision<S, ()> { match method {\n");
    for method in methods {
        let _ = writeln!(
            out,
            "{:?} => S::{}(value, {}, context).map(Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => ::innkeeper::unknown_method(Self::NAME, method),\n} }\n#[allow(unused_variables)]\nfn changed(value: &S::Value, method: &str, payload: &[u8], occasion: &Occasion<'_>) -> Option<Steps<()>> { match method {\n");
    let note = |method: &Method| {
        format!(
            "::innkeeper::request({:?}, payload).unwrap_or_else(|_| ::core::panic!(\"a note that is not of this service\"))",
            method.input_proto_type.trim_start_matches('.')
        )
    };
    for method in methods.iter().filter(|method| method.server_streaming) {
        let _ = writeln!(
            out,
            "{:?} => Some(S::{}_changed(value, {}, occasion).map(Step::erase)),",
            method.proto_name,
            stem(method),
            note(method)
        );
    }
    out.push_str("_ => None,\n} }\n#[allow(unused_variables)]\nfn cancelled(value: &S::Value, method: &str, payload: &[u8], occasion: &Occasion<'_>) -> Option<Accepting<S::Value>> { match method {\n");
    for method in methods.iter().filter(|method| method.server_streaming) {
        let _ = writeln!(
            out,
            "{:?} => Some(S::{}_cancelled(value, {}, occasion)),",
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
    checked(out, of, methods, &["options"]);
    let _ = writeln!(
        out,
        "pub use ::innkeeper::action::*;
        /// `{full}` as an action.
        pub trait {service}: Sized + 'static {{
            fn options() -> Options {{ Options::default() }}"
    );
    for method in methods {
        let (input, output) = (input(method), output(method));
        let _ = if streams(method) {
            let (shape, _) = shape(method);
            writeln!(
                out,
                "/// The state of a stream of `{0}`, which it is implemented by.\ntype {0}: {shape}<Request = {input}, Reply = {output}>;",
                method.proto_name
            )
        } else {
            writeln!(out, "fn {}(request: {input}, moment: &Moment<'_>) -> Decision<{output}>;", method.name)
        };
    }
    let _ = writeln!(
        out,
        "}}
        {REGISTERED}
        impl<S: {service}> ::innkeeper::action::Definition for Registered<S> {{
            const NAME: &'static str = {full:?};
            fn options() -> Options {{ S::options() }}
            #[allow(unused_variables)]
            fn call(method: &str, payload: &[u8], moment: &Moment<'_>) -> Decision<()> {{
                match method {{"
    );
    for method in methods.iter().filter(|method| !streams(method)) {
        let _ = writeln!(
            out,
            "{:?} => S::{}({}, moment).map(::innkeeper::action::Accepted::erase),",
            method.proto_name,
            method.name,
            request(method)
        );
    }
    out.push_str("_ => Ok(::innkeeper::unknown_method(Self::NAME, method)?),\n}\n}\nfn stream(method: &str, stream: ::innkeeper::action::Stream<'_>) -> ::innkeeper::action::Stepped {\nmatch method {\n");
    for method in methods.iter().filter(|method| streams(method)) {
        let _ = writeln!(
            out,
            "{:?} => stream.{}::<S::{}>({:?}),",
            method.proto_name,
            shape(method).1,
            method.proto_name,
            method.input_proto_type.trim_start_matches('.')
        );
    }
    out.push_str("_ => ::innkeeper::action::Stream::unknown_method(Self::NAME, method),\n}\n}\n}\n}\n");
}

/// As prost-build names modules.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let after_small = index > 0 && (letters[index - 1].is_lowercase() || letters[index - 1].is_ascii_digit());
        let before_small = index > 0
            && letters[index - 1].is_uppercase()
            && letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    if matches!(
        out.as_str(),
        "self"
            | "super"
            | "crate"
            | "type"
            | "match"
            | "mod"
            | "move"
            | "loop"
            | "fn"
            | "use"
            | "impl"
            | "trait"
            | "async"
            | "await"
            | "gen"
            | "enum"
            | "struct"
            | "static"
            | "const"
            | "where"
            | "while"
            | "for"
            | "in"
            | "if"
            | "else"
            | "let"
            | "ref"
            | "return"
            | "pub"
            | "dyn"
            | "box"
            | "do"
            | "final"
            | "macro"
            | "try"
            | "yield"
            | "abstract"
            | "become"
            | "override"
            | "priv"
            | "typeof"
            | "unsized"
            | "virtual"
            | "true"
            | "false"
            | "as"
            | "break"
            | "continue"
            | "extern"
            | "mut"
            | "unsafe"
    ) {
        out.push('_');
    }
    out
}
