//! Testing: a service's rules as a `#[test]` says them, native and without a host. One module a kind:
//!
//! - `event_sourced`: `given::<Service>(events).when(call).then(events, reply)`
//! - `value`: `given::<Service>(value).when(call).then(update(value), reply)`
//! - `replicated`: `given::<Service>().with(|set| ...).when(call).then(|set| ..., reply)`, `.changed(call)`, `.cancelled(call)`
//! - `action`: `when::<Service, _>(call).then(reply)`, `stream::<Service, _>(call).emits(element)`, `open::<Service, _, _>(call)`
//! - `view`: `given::<View>(rows).when([event(service, entity, message)]).then(rows)`
//!
//! `together().event_sourced::<One>().action::<Other>()` is several services, whose effects and forwards reach each other.
//!
//! `.reply()` reads the reply, `.events()` the events and `.read()` the next element of a stream, to look at and to go on with.
//! Other ends of a chain: `.refuses(code, message)`, `.forwards(..., call)`, `.later(..., ticket)`; before them `.effects([...])`,
//! `.cancels([...])`, `.resolves(ticket, method, answer)` and `.metadata(name, value)`. Effects are said with the handler's words:
//! `.effects([call.named("expiry").after(minutes).into()])`. `failure(code, message, reason)` is what an ask that failed brings.
//!
//! K1. Kits run the code of the component on encoded requests, events and states: what passes here encodes there too.
//! K2. Every step decides twice, and of a batch, and checks that the answers are the same (laws L1, L2, L4).
//! K3. The entity of a test is the one that its first request names, or `.entity(key)`. A request that forgets its key fails.
//! K4. Deterministic: time starts at 2026-01-01T00:00:00Z and moves a second with each command; the seed counts up. `.at(ms)`
//!     and `.seed(...)` say otherwise. Where services are together it stands still but for `turn`.

pub mod action;
pub mod event_sourced;
mod kept;
mod key;
mod replica;
pub mod replicated;
mod timeline;
mod together;
pub mod value;
pub mod view;

use std::fmt::Debug;

pub use together::{Came, Parked, Pending, Together, together};

use prost::Message;

use crate::call::{Call, Target};
use crate::code::Code;
use crate::context::Command;
use crate::deferred::{Resolution, Ticket};
use crate::effect::Effect;
use crate::metadata::{Entries, Metadata, MetadataValue, Value};
use crate::outcome::{Outcome, Reply};
use crate::random::Seed;
use crate::reason::{self, Reason};

const START_MS: f64 = 1_767_225_600_000.0;

/// The `failure` of an answer, as the host makes it for an ask that has no reply.
pub fn failure<Status: Message + Default>(code: Code, message: &str, reason: Reason) -> Status {
    reason::failure(code as i32 + 1, message, reason)
}

/// A command of its own, to be borrowed from.
#[derive(Clone)]
struct Asked {
    target: Target,
    now_ms: f64,
    seed: Seed,
}

impl Asked {
    fn command(&self) -> Command<'_> {
        Command {
            method: &self.target.method,
            payload: &self.target.payload,
            metadata: borrowed(&self.target.metadata),
            now_ms: self.now_ms,
            seed: self.seed,
        }
    }
}

fn borrowed(entries: &Entries) -> Metadata<'_> {
    let entries = entries.iter().map(|(name, value)| {
        let value = match value {
            MetadataValue::Text(text) => Value::Text(text),
            MetadataValue::Bytes(bytes) => Value::Bytes(bytes),
        };
        (name.as_str(), value)
    });
    Metadata { entries: entries.collect() }
}

/// Time and chance of the next command.
#[derive(Clone, Default)]
struct Clockwork {
    count: u32,
    at: Option<u64>,
    seed: Option<Seed>,
}

impl Clockwork {
    fn now_ms(&self) -> f64 {
        self.at.map_or(START_MS + f64::from(self.count) * 1000.0, |at| at as f64)
    }

    #[track_caller]
    fn asked(&self, target: Target) -> Asked {
        kept::check_reaches(&target.metadata);
        Asked { target, now_ms: self.now_ms(), seed: self.seed.unwrap_or([1, 2, 3, self.count]) }
    }

    fn next(&self) -> Clockwork {
        Clockwork { count: self.count + 1, ..Clockwork::default() }
    }
}

#[track_caller]
fn same<T: PartialEq + Debug>(what: &str, expected: T, actual: T) {
    assert!(expected == actual, "{what}\n  expected {expected:?}\n       got {actual:?}");
}

#[track_caller]
fn law<T: PartialEq + Debug>(law: &str, one: &T, other: &T) {
    assert!(one == other, "{law}\n  once      {one:?}\n  otherwise {other:?}");
}

/// An answer that a test expects, and what goes with it.
struct Answered {
    name: String,
    outcome: Outcome,
}

impl Answered {
    fn new(target: &Target, outcome: Outcome) -> Answered {
        Answered { name: format!("{}/{}", target.service, target.method), outcome }
    }

    #[track_caller]
    fn effects(&self, effects: impl IntoIterator<Item = Effect>) {
        same(&format!("{}: effects", self.name), effects.into_iter().collect(), self.outcome.effects.clone());
    }

    #[track_caller]
    fn metadata(&self, name: &str, value: MetadataValue) {
        let entry = (name.to_ascii_lowercase(), value);
        let found = self.outcome.metadata.contains(&entry);
        assert!(found, "{}: {entry:?} is not in the metadata {:?}", self.name, self.outcome.metadata);
    }

    #[track_caller]
    fn replies<R: Message + Default + PartialEq + Debug>(&self, reply: &R) {
        let Ok(Reply::Message(bytes)) = &self.outcome.answer else {
            panic!("{}: a reply is expected, {reply:?}\n  got {:?}", self.name, self.outcome.answer);
        };
        let actual = R::decode(bytes.as_slice()).expect("a reply is a message");
        let expected = R::decode(reply.encode_to_vec().as_slice()).expect("a reply is a message");
        same(&format!("{}: the reply", self.name), expected, actual);
    }

    #[track_caller]
    fn reply<R: Message + Default>(&self) -> R {
        let Ok(Reply::Message(bytes)) = &self.outcome.answer else {
            panic!("{}: there is no reply\n  got {:?}", self.name, self.outcome.answer);
        };
        R::decode(bytes.as_slice()).expect("a reply is a message")
    }

    #[track_caller]
    fn forwards<Other>(&self, call: Call<Other>) {
        same(&format!("{}: the answer", self.name), &Ok(Reply::Forward(call.target)), &self.outcome.answer);
    }

    #[track_caller]
    fn later(&self, ticket: Ticket) {
        same(&format!("{}: the answer", self.name), &Ok(Reply::Later(ticket)), &self.outcome.answer);
    }

    #[track_caller]
    fn cancels<Name: Into<String>>(&self, names: impl IntoIterator<Item = Name>) {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        same(&format!("{}: what is cancelled", self.name), &names, &self.outcome.cancels);
    }

    #[track_caller]
    fn resolves(&self, resolution: Resolution) {
        let found = self.outcome.resolves.contains(&resolution);
        assert!(found, "{}: {resolution:?} is not among what is resolved: {:?}", self.name, self.outcome.resolves);
    }

    #[track_caller]
    fn refuses(&self, code: Code, message: &str) {
        let Err(failure) = &self.outcome.answer else {
            panic!("{}: a refusal is expected, {code:?}\n  got {:?}", self.name, self.outcome.answer);
        };
        same(&format!("{}: the code of '{}'", self.name, failure.message), code, failure.code);
        let said = &failure.message;
        assert!(said.contains(message), "{}: a refusal that says '{message}' is expected\n  got '{said}'", self.name);
    }
}

/// What an entity's answer can be checked for besides.
macro_rules! entity_extras {
    () => {
        extras!();

        /// Exactly these pending effects are dropped, by their names, in order.
        #[track_caller]
        pub fn cancels<Name: Into<String>>(self, names: impl IntoIterator<Item = Name>) -> Self {
            self.answered.cancels(names);
            self
        }

        /// This ticket of this method is answered so: `.resolves("t", shop::call::pay, Ok(paid))`, or `refuse(code, message)`.
        #[track_caller]
        pub fn resolves<Q: Default, Later: Message>(
            self,
            ticket: &str,
            method: fn(Q) -> Call<Later>,
            answer: Result<Later, crate::Refusal>,
        ) -> Self {
            self.answered.resolves(crate::deferred::Resolution::new(ticket.into(), method, answer));
            self
        }
    };
}
pub(crate) use entity_extras;

/// What every kit's answer can be checked for besides the answer itself.
macro_rules! extras {
    () => {
        /// These effects, in order: `[call.into()]`.
        #[track_caller]
        pub fn effects(self, effects: impl IntoIterator<Item = crate::Effect>) -> Self {
            self.answered.effects(effects);
            self
        }

        /// This entry is among the reply's metadata.
        #[track_caller]
        pub fn metadata(self, name: &str, value: impl Into<crate::MetadataValue>) -> Self {
            self.answered.metadata(name, value.into());
            self
        }
    };
}
pub(crate) use extras;
