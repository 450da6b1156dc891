//! Event-sourced entities: the state is the fold of the events. Handlers decide, `evolve` folds.
//!
//! E1. A batch is decided one by one, each command on the state that the one before left (law L1).
//! E2. A refusal brings no events, no effects, and leaves the state (law L3): it is another type, without a place for them.
//! E3. An event is folded as it will be read back from the journal: from its bytes (law L2).
//! E4. What a fold says while a command is decided is that command's; what it says of stored events is dropped.
//! E5. Nothing is held between calls: `held` is answered `unknown`, states are always bytes (law L6).

use std::marker::PhantomData;

use prost::{Message, Name};

use crate::call::{Call, Target};
use crate::context::Command;
pub use crate::context::Context;
use crate::deferred::Ticket;
use crate::log;
use crate::metadata::MetadataValue;
use crate::methods::Method;
use crate::options::{About, Kind};
use crate::outcome::{Extras, Outcome, Reply, Typed};
#[doc(hidden)]
pub use crate::running::Running;
use crate::words::entity_words;
pub use crate::{Code, Options, Refusal, refuse};

/// A state: a message whose default is where an entity starts.
pub trait State: Message + Name + Default + 'static {}
impl<M: Message + Name + Default + 'static> State for M {}

/// All events of an entity, as an enum. Made by `events!`.
pub trait Events: Clone + std::fmt::Debug + PartialEq {
    /// Of all that there are.
    fn type_names() -> Vec<String>;
    fn type_name(&self) -> String;
    fn encode(&self) -> Vec<u8>;
    /// None: it has no event of that name.
    fn decode(type_name: &str, data: &[u8]) -> Option<Result<Self, prost::DecodeError>>;
}

/// What `accept` takes: an event, several as a tuple, an array or a `Vec`, or none as `()`.
#[diagnostic::on_unimplemented(message = "`{Self}` is no event of `{E}`", label = "is not listed in its `events!`")]
pub trait IntoEvents<E> {
    fn push_to(self, events: &mut Vec<E>);
}

impl<E> IntoEvents<E> for () {
    fn push_to(self, _: &mut Vec<E>) {}
}

impl<E, T: IntoEvents<E>> IntoEvents<E> for Vec<T> {
    fn push_to(self, events: &mut Vec<E>) {
        self.into_iter().for_each(|event| event.push_to(events));
    }
}

impl<E, T: IntoEvents<E>> IntoEvents<E> for Option<T> {
    fn push_to(self, events: &mut Vec<E>) {
        self.into_iter().for_each(|event| event.push_to(events));
    }
}

impl<E, T: IntoEvents<E>, const N: usize> IntoEvents<E> for [T; N] {
    fn push_to(self, events: &mut Vec<E>) {
        self.into_iter().for_each(|event| event.push_to(events));
    }
}

impl<E, A: IntoEvents<E>, B: IntoEvents<E>> IntoEvents<E> for (A, B) {
    fn push_to(self, events: &mut Vec<E>) {
        self.0.push_to(events);
        self.1.push_to(events);
    }
}

impl<E, A: IntoEvents<E>, B: IntoEvents<E>, C: IntoEvents<E>> IntoEvents<E> for (A, B, C) {
    fn push_to(self, events: &mut Vec<E>) {
        self.0.push_to(events);
        self.1.push_to(events);
        self.2.push_to(events);
    }
}

/// The events of a service: an enum with a variant for each message. `evolve` matches on it, so that an event that it does
/// not fold is a compile error.
///
/// ```ignore
/// innkeeper::events! {
///     pub enum Event { Added, Removed }
/// }
/// ```
#[macro_export]
macro_rules! events {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident { $($event:ident),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility enum $name { $($event($event)),+ }

        impl $crate::event_sourced::Events for $name {
            fn type_names() -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![$(<$event as $crate::prost::Name>::full_name()),+]
            }

            fn type_name(&self) -> ::std::string::String {
                match self { $(Self::$event(_) => <$event as $crate::prost::Name>::full_name()),+ }
            }

            fn encode(&self) -> ::std::vec::Vec<u8> {
                match self { $(Self::$event(event) => $crate::prost::Message::encode_to_vec(event)),+ }
            }

            fn decode(
                type_name: &str,
                data: &[u8],
            ) -> ::std::option::Option<::std::result::Result<Self, $crate::prost::DecodeError>> {
                $(if type_name == <$event as $crate::prost::Name>::full_name() {
                    return ::std::option::Option::Some($crate::prost::Message::decode(data).map(Self::$event));
                })+
                ::std::option::Option::None
            }
        }

        impl $crate::event_sourced::IntoEvents<$name> for $name {
            fn push_to(self, events: &mut ::std::vec::Vec<$name>) {
                events.push(self);
            }
        }

        $(impl $crate::event_sourced::IntoEvents<$name> for $event {
            fn push_to(self, events: &mut ::std::vec::Vec<$name>) {
                events.push($name::$event(self));
            }
        })+
    };
}

/// Accept the command, with the events that it leads to, in order.
pub fn accept<S, E>(events: impl IntoEvents<E>) -> Accepting<S, E> {
    let mut list = Vec::new();
    events.push_to(&mut list);
    Accepting { events: list, extras: Extras::default(), state: PhantomData }
}

/// Accepted, without an answer yet.
#[must_use = "a decision has an answer: .reply(...), .reply_with(...), .forward(...) or .later(...)"]
pub struct Accepting<S, E> {
    events: Vec<E>,
    extras: Extras,
    state: PhantomData<fn(&S)>,
}

impl<S, E> Accepting<S, E> {
    entity_words!();

    /// Answer with this message.
    pub fn reply<R: Message>(self, reply: R) -> Decision<S, E, R> {
        self.answered(Answer::Message(reply.encode_to_vec()))
    }

    /// Answer with a message made from the state after the events.
    pub fn reply_with<R: Message>(self, reply: impl FnOnce(&S) -> R + 'static) -> Decision<S, E, R> {
        self.answered(Answer::With(Box::new(|after| reply(after).encode_to_vec())))
    }

    /// Let another command answer.
    pub fn forward<R, Other>(self, call: Call<Other>) -> Decision<S, E, R> {
        self.answered(Answer::Forward(call.target))
    }

    /// Answer when a later decision resolves this ticket: its name, or `Ticket::new(name).within(time)`.
    pub fn later<R>(self, ticket: impl Into<Ticket>) -> Decision<S, E, R> {
        self.answered(Answer::Later(ticket.into()))
    }

    fn answered<R>(self, answer: Answer<S>) -> Decision<S, E, R> {
        Ok(Accepted { events: self.events, answer, extras: self.extras, reply: PhantomData })
    }
}

/// Accepted and answered with an `R`, or refused.
pub type Decision<S, E, R> = Result<Accepted<S, E, R>, Refusal>;

pub struct Accepted<S, E, R> {
    events: Vec<E>,
    answer: Answer<S>,
    extras: Extras,
    reply: PhantomData<fn() -> R>,
}

impl<S, E, R> Accepted<S, E, R> {
    #[doc(hidden)]
    pub fn erase(self) -> Accepted<S, E, ()> {
        Accepted { events: self.events, answer: self.answer, extras: self.extras, reply: PhantomData }
    }
}

/// Bytes of the reply, from what is there after the decision.
type Make<S> = Box<dyn FnOnce(&S) -> Vec<u8>>;

enum Answer<S> {
    Message(Vec<u8>),
    With(Make<S>),
    Forward(Target),
    Later(Ticket),
}

/// A service as generated code ties the author's to the wire.
#[doc(hidden)]
pub trait Definition: 'static {
    type State: State;
    type Event: Events;
    const NAME: &'static str;
    const METHODS: &'static [Method];
    fn options() -> Options;
    fn evolve(state: &mut Self::State, event: Self::Event);
    fn decide(
        state: &Self::State,
        method: &str,
        payload: &[u8],
        context: &Context<'_>,
    ) -> Decision<Self::State, Self::Event, ()>;
}

/// A type that `serve!` serves as an event-sourced service.
#[doc(hidden)]
pub trait Served {
    type Definition: Definition;
}

pub(crate) struct Decided {
    /// One for each command.
    pub(crate) decisions: Vec<(Vec<Typed>, Outcome)>,
    /// None: as before.
    pub(crate) state: Option<Vec<u8>>,
}

/// A service as the boundary calls it.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Service: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> About;
    fn decide(
        &self,
        entity: &str,
        basis: Option<&[u8]>,
        commands: &mut dyn Iterator<Item = Command<'_>>,
        want_state: bool,
    ) -> Decided;
    fn evolve(&self, basis: Option<&[u8]>, events: &mut dyn Iterator<Item = (&str, &[u8])>) -> Vec<u8>;
}

#[allow(private_interfaces)]
impl<D: Definition> Service for Running<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn about(&self) -> About {
        let state_type = Some(D::State::full_name());
        let mut events = D::Event::type_names();
        events.sort_unstable();
        About { name: D::NAME, kind: Kind::EventSourced, options: D::options(), state_type, views: Vec::new(), events }
    }

    fn decide(
        &self,
        entity: &str,
        basis: Option<&[u8]>,
        commands: &mut dyn Iterator<Item = Command<'_>>,
        want_state: bool,
    ) -> Decided {
        let mut state = before::<D>(basis);
        let mut changed = want_state;
        let decisions = commands
            .map(|command| {
                log::begin();
                let (events, outcome) = decide_one::<D>(&mut state, entity, &command);
                changed |= !events.is_empty();
                (events, outcome.logged())
            })
            .collect();
        Decided { decisions, state: changed.then(|| state.encode_to_vec()) }
    }

    fn evolve(&self, basis: Option<&[u8]>, events: &mut dyn Iterator<Item = (&str, &[u8])>) -> Vec<u8> {
        let mut state = before::<D>(basis);
        for (type_name, data) in events {
            D::evolve(&mut state, event_of::<D>(type_name, data));
        }
        state.encode_to_vec()
    }
}

fn before<D: Definition>(basis: Option<&[u8]>) -> D::State {
    match basis {
        None => D::State::default(),
        Some(bytes) => D::State::decode(bytes)
            .unwrap_or_else(|error| panic!("{}: the stored state is no {}: {error}", D::NAME, D::State::full_name())),
    }
}

/// An event without a place in the enum: the entity is stuck until a version has it.
fn event_of<D: Definition>(type_name: &str, data: &[u8]) -> D::Event {
    match D::Event::decode(type_name, data) {
        None => panic!("{} has no event {type_name}: its `events!` does not list it", D::NAME),
        Some(event) => event.unwrap_or_else(|error| panic!("{}: an event is no {type_name}: {error}", D::NAME)),
    }
}

fn decide_one<D: Definition>(state: &mut D::State, entity: &str, command: &Command<'_>) -> (Vec<Typed>, Outcome) {
    let context = Context::new(entity, command);
    match D::decide(state, command.method, command.payload, &context) {
        Err(refusal) => (Vec::new(), refusal.outcome(Vec::new())),
        Ok(Accepted { events, answer, extras, .. }) => {
            extras.check_own(D::NAME);
            let typed = events
                .into_iter()
                .map(|event| {
                    let typed = Typed { type_name: event.type_name(), data: event.encode() };
                    D::evolve(state, event_of::<D>(&typed.type_name, &typed.data));
                    typed
                })
                .collect();
            let reply = match answer {
                Answer::Message(bytes) => Reply::Message(bytes),
                Answer::With(make) => Reply::Message(make(state)),
                Answer::Forward(call) => Reply::Forward(call),
                Answer::Later(ticket) => Reply::Later(ticket),
            };
            (typed, extras.with(reply))
        }
    }
}
