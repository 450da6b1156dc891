//! Value entities: one value, put, changed and deleted as a whole.
//!
//! V1. A batch is decided one by one, each command on the value that the one before left (law L1).
//! V2. A refusal leaves the value, and brings no effects (law L3): it is another type, without a place for them.
//! V3. Nothing is held between calls (law L6).

use std::marker::PhantomData;

use prost::{Message, Name};

use crate::call::{Call, Target};
use crate::context::Command;
pub use crate::context::Context;
use crate::deferred::Ticket;
pub use crate::event_sourced::State;
use crate::log;
use crate::metadata::MetadataValue;
use crate::methods::Method;
use crate::options::{About, Kind};
use crate::outcome::{Extras, Outcome, Reply};
#[doc(hidden)]
pub use crate::running::Running;
use crate::words::entity_words;
pub use crate::{Code, Options, Refusal, refuse};

enum Change<V> {
    Keep,
    Update(V),
    Remove,
}

/// Accept the command; the value stays.
pub fn accept<V>() -> Accepting<V> {
    Accepting { change: Change::Keep, extras: Extras::default() }
}

/// Accept the command; the value of the entity is this one from now on.
pub fn update<V>(value: V) -> Accepting<V> {
    Accepting { change: Change::Update(value), extras: Extras::default() }
}

/// Accept the command, and delete the value. It may be set again.
pub fn remove<V>() -> Accepting<V> {
    Accepting { change: Change::Remove, extras: Extras::default() }
}

/// Accepted, without an answer yet.
#[must_use = "a decision has an answer: .reply(...), .reply_with(...), .forward(...) or .later(...)"]
pub struct Accepting<V> {
    change: Change<V>,
    extras: Extras,
}

impl<V> Accepting<V> {
    entity_words!();

    /// Answer with this message.
    pub fn reply<R: Message>(self, reply: R) -> Decision<V, R> {
        self.answered(Answer::Message(reply.encode_to_vec()))
    }

    /// Answer with a message made from the value after the change.
    pub fn reply_with<R: Message>(self, reply: impl FnOnce(Option<&V>) -> R + 'static) -> Decision<V, R> {
        self.answered(Answer::With(Box::new(|after| reply(after).encode_to_vec())))
    }

    /// Let another command answer.
    pub fn forward<R, Other>(self, call: Call<Other>) -> Decision<V, R> {
        self.answered(Answer::Forward(call.target))
    }

    /// Answer when a later decision resolves this ticket: its name, or `Ticket::new(name).within(time)`.
    pub fn later<R>(self, ticket: impl Into<Ticket>) -> Decision<V, R> {
        self.answered(Answer::Later(ticket.into()))
    }

    /// For the kit, which is given a change without an answer.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn changed(self) -> Changed
    where
        V: Message,
    {
        match self.change {
            Change::Keep => Changed::Unchanged,
            Change::Update(value) => Changed::Updated(value.encode_to_vec()),
            Change::Remove => Changed::Deleted,
        }
    }

    fn answered<R>(self, answer: Answer<V>) -> Decision<V, R> {
        Ok(Accepted { change: self.change, answer, extras: self.extras, reply: PhantomData })
    }
}

/// Accepted and answered with an `R`, or refused.
pub type Decision<V, R> = Result<Accepted<V, R>, Refusal>;

pub struct Accepted<V, R> {
    change: Change<V>,
    answer: Answer<V>,
    extras: Extras,
    reply: PhantomData<fn() -> R>,
}

impl<V, R> Accepted<V, R> {
    #[doc(hidden)]
    pub fn erase(self) -> Accepted<V, ()> {
        Accepted { change: self.change, answer: self.answer, extras: self.extras, reply: PhantomData }
    }
}

/// Bytes of the reply, from what is there after the decision.
type Make<V> = Box<dyn FnOnce(Option<&V>) -> Vec<u8>>;

enum Answer<V> {
    Message(Vec<u8>),
    With(Make<V>),
    Forward(Target),
    Later(Ticket),
}

/// A service as generated code ties the author's to the wire.
#[doc(hidden)]
pub trait Definition: 'static {
    type Value: State;
    const NAME: &'static str;
    const METHODS: &'static [Method];
    fn options() -> Options;
    fn decide(
        value: Option<&Self::Value>,
        method: &str,
        payload: &[u8],
        context: &Context<'_>,
    ) -> Decision<Self::Value, ()>;
}

/// A type that `serve!` serves as a value service.
#[doc(hidden)]
pub trait Served {
    type Definition: Definition;
}

#[derive(Debug, PartialEq)]
pub(crate) enum Changed {
    Unchanged,
    Updated(Vec<u8>),
    Deleted,
}

/// A service as the boundary calls it.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Service: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> About;
    /// One decision for each command.
    fn decide(
        &self,
        entity: &str,
        basis: Option<&[u8]>,
        commands: &mut dyn Iterator<Item = Command<'_>>,
    ) -> Vec<(Changed, Outcome)>;
}

#[allow(private_interfaces)]
impl<D: Definition> Service for Running<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn about(&self) -> About {
        let state_type = Some(D::Value::full_name());
        About {
            name: D::NAME,
            kind: Kind::Value,
            options: D::options(),
            state_type,
            views: Vec::new(),
            events: Vec::new(),
        }
    }

    fn decide(
        &self,
        entity: &str,
        basis: Option<&[u8]>,
        commands: &mut dyn Iterator<Item = Command<'_>>,
    ) -> Vec<(Changed, Outcome)> {
        let mut value = basis.map(|bytes| {
            D::Value::decode(bytes).unwrap_or_else(|error| {
                panic!("{}: the stored value is no {}: {error}", D::NAME, D::Value::full_name())
            })
        });
        let decide = |command: Command<'_>| {
            log::begin();
            let (changed, outcome) = decide_one::<D>(&mut value, entity, &command);
            (changed, outcome.logged())
        };
        commands.map(decide).collect()
    }
}

fn decide_one<D: Definition>(value: &mut Option<D::Value>, entity: &str, command: &Command<'_>) -> (Changed, Outcome) {
    let context = Context::new(entity, command);
    match D::decide(value.as_ref(), command.method, command.payload, &context) {
        Err(refusal) => (Changed::Unchanged, refusal.outcome(Vec::new())),
        Ok(Accepted { change, answer, extras, .. }) => {
            extras.check_own(D::NAME);
            let changed = match change {
                Change::Keep => Changed::Unchanged,
                Change::Remove => {
                    *value = None;
                    Changed::Deleted
                }
                Change::Update(new) => {
                    let bytes = new.encode_to_vec();
                    *value = Some(new);
                    Changed::Updated(bytes)
                }
            };
            let reply = match answer {
                Answer::Message(bytes) => Reply::Message(bytes),
                Answer::With(make) => Reply::Message(make(value.as_ref())),
                Answer::Forward(call) => Reply::Forward(call),
                Answer::Later(ticket) => Reply::Later(ticket),
            };
            (changed, extras.with(reply))
        }
    }
}
