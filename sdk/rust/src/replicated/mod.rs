//! Replicated entities: a CRDT, which every node changes at once. A handler reads a view and accepts operations.
//!
//! R1. A refusal brings no operations and no effects (law L3): it is another type, without a place for them.
//! R2. A reply made from what the operations leave is the host's to ask for: the answer is `after`, its note is the old view,
//!     from which `render` makes the same decision again and computes the reply on the new view. Nothing is kept in between
//!     (law L6). Where nothing changes, as by a removal alone, it is computed at once.
//! R3. The note of a subscription is the request that opened it.
//! R4. What `decide` says is told by `render` where that is asked for, since it says it again: each line once. A view is opened
//!     before a command begins, so what `Look::Dynamic` says is dropped.
//!
//! Leaves to others: views (kinds.rs, node.rs), operations as bytes (operation.rs).

mod kinds;
mod node;
mod operation;
pub(crate) mod wire;

use std::marker::PhantomData;

use prost::Message;

use crate::call::{Call, Target};
use crate::context::Command;
pub use crate::context::{Context, Occasion};
use crate::deferred::Ticket;
use crate::effect::{Delivery, Effect};
use crate::log;
use crate::metadata::MetadataValue;
use crate::methods::Method;
use crate::options::{About, Kind as ServiceKind, Scope};
use crate::outcome::{Extras, Outcome, Reply};
#[doc(hidden)]
pub use crate::running::Running;
use crate::words::entity_words;
pub use crate::{Code, Options, Refusal, refuse};
pub use kinds::*;
pub use node::Node;
use node::Seen;
pub use operation::{Clock, Consistency, IntoOperations, Operation};

/// Accept the command, with operations that the view makes, in order.
pub fn accept<V>(operations: impl IntoOperations) -> Accepting<V> {
    let mut list = Vec::new();
    operations.push_to(&mut list);
    let consistency = Consistency::default();
    Accepting { operations: list, removed: false, consistency, extras: Extras::default(), value: PhantomData }
}

/// Accept the command, and delete the entity, for good.
pub fn remove<V>() -> Accepting<V> {
    remove_with(())
}

/// Accept the command, and delete the entity, for good, after these operations: the reply and subscribers see them.
pub fn remove_with<V>(operations: impl IntoOperations) -> Accepting<V> {
    Accepting { removed: true, ..accept(operations) }
}

/// Accepted, without an answer yet.
#[must_use = "a decision has an answer: .reply(...), .reply_with(...), .forward(...), .later(...) or .stream(...)"]
pub struct Accepting<V> {
    operations: Vec<Operation>,
    removed: bool,
    consistency: Consistency,
    extras: Extras,
    value: PhantomData<fn(&V)>,
}

impl<V> Accepting<V> {
    entity_words!();

    /// How far the changes must be written before the answer. Default: `Consistency::Local`.
    pub fn consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// Answer with this message.
    pub fn reply<R: Message, O>(self, reply: R) -> Decision<V, R, O> {
        self.answered(Told::Message(reply.encode_to_vec()), false)
    }

    /// Answer with a message made from the value after the operations.
    pub fn reply_with<R: Message, O>(self, reply: impl FnOnce(&V) -> R + 'static) -> Decision<V, R, O> {
        self.answered(Told::With(Box::new(|after| reply(after).encode_to_vec())), false)
    }

    /// Let another command answer.
    pub fn forward<R, Other, O>(self, call: Call<Other>) -> Decision<V, R, O> {
        self.answered(Told::Forward(call.target), false)
    }

    /// Answer when a later decision resolves this ticket: its name, or `Ticket::new(name).within(time)`.
    pub fn later<R>(self, ticket: impl Into<Ticket>) -> Decision<V, R, Once> {
        self.answered(Told::Later(ticket.into()), false)
    }

    /// Answer with this message, and keep the stream open.
    pub fn stream<R: Message>(self, first: R) -> Decision<V, R, Opening> {
        self.answered(Told::Message(first.encode_to_vec()), true)
    }

    /// Answer with a message made from the value after the operations, and keep the stream open.
    pub fn stream_with<R: Message>(self, first: impl FnOnce(&V) -> R + 'static) -> Decision<V, R, Opening> {
        self.answered(Told::With(Box::new(|after| first(after).encode_to_vec())), true)
    }

    /// Say nothing yet, and keep the stream open.
    pub fn stream_silent<R: Message>(self) -> Decision<V, R, Opening> {
        self.answered(Told::Nothing, true)
    }

    fn answered<R, O>(self, told: Told<V>, opens: bool) -> Decision<V, R, O> {
        let Self { operations, removed, consistency, extras, .. } = self;
        Ok(Accepted { operations, removed, consistency, told, opens, extras, reply: PhantomData })
    }
}

/// Accepted and answered with an `R`, or refused. `O`: may it open a stream?
pub type Decision<V, R, O = Once> = Result<Accepted<V, R, O>, Refusal>;

/// Of a method that answers once.
pub enum Once {}

/// Of a method that streams: it may keep its stream open.
pub enum Opening {}

pub struct Accepted<V, R, O> {
    operations: Vec<Operation>,
    removed: bool,
    consistency: Consistency,
    told: Told<V>,
    opens: bool,
    extras: Extras,
    reply: PhantomData<fn() -> (R, O)>,
}

impl<V, R, O> Accepted<V, R, O> {
    #[doc(hidden)]
    pub fn erase(self) -> Accepted<V, (), Opening> {
        let Self { operations, removed, consistency, told, opens, extras, .. } = self;
        Accepted { operations, removed, consistency, told, opens, extras, reply: PhantomData }
    }
}

/// Bytes of the reply, from what is there after the decision.
type Make<V> = Box<dyn FnOnce(&V) -> Vec<u8>>;

enum Told<V> {
    Message(Vec<u8>),
    With(Make<V>),
    Forward(Target),
    Later(Ticket),
    Nothing,
}

/// What a subscriber is told of a change. A refusal ends its stream.
pub type Steps<R> = Result<Step<R>, Refusal>;

#[must_use]
pub struct Step<R> {
    element: Option<Vec<u8>>,
    effects: Vec<Effect>,
    ended: bool,
    reply: PhantomData<fn() -> R>,
}

/// Tell this.
pub fn emit<R: Message>(element: R) -> Step<R> {
    Step { element: Some(element.encode_to_vec()), effects: Vec::new(), ended: false, reply: PhantomData }
}

/// Nothing to say.
pub fn silent<R: Message>() -> Step<R> {
    Step { element: None, effects: Vec::new(), ended: false, reply: PhantomData }
}

/// End the stream.
pub fn end<R: Message>() -> Step<R> {
    silent().end()
}

impl<R> Step<R> {
    /// A command that runs before the element is sent.
    pub fn effect(mut self, effect: impl Into<Delivery>) -> Self {
        self.effects.push(effect.into().into());
        self
    }

    /// End the stream after the element.
    pub fn end(mut self) -> Self {
        self.ended = true;
        self
    }

    #[doc(hidden)]
    pub fn erase(self) -> Step<()> {
        Step { element: self.element, effects: self.effects, ended: self.ended, reply: PhantomData }
    }
}

/// What a method sees of the value.
pub enum Look<Request, Element> {
    All,
    /// Nothing but the size of a set or a map.
    Nothing,
    /// The element or key that this field of the request names: a large set costs nothing then.
    Element(&'static str),
    /// The elements or keys that are computed from the request.
    Dynamic(fn(&Request) -> Vec<Element>),
}

impl<Request: Message + Default, E: Element> Look<Request, E> {
    #[doc(hidden)]
    pub fn scope(&self, method: &str, fields: &[(&'static str, u32, bool)]) -> Looked {
        Looked(match self {
            Look::All => Scope::All,
            Look::Nothing => Scope::Nothing,
            Look::Dynamic(_) => Scope::Dynamic,
            Look::Element(name) => {
                let known = fields.iter().any(|(field, _, _)| field == name);
                assert!(known, "the request of {method} has no field {name}, which its view names");
                Scope::Element(name)
            }
        })
    }

    /// `fields` of the request: name, number, whether it is a message.
    #[doc(hidden)]
    pub fn elements(&self, payload: &[u8], fields: &[(&'static str, u32, bool)]) -> Vec<Vec<u8>> {
        match self {
            Look::All | Look::Nothing => Vec::new(),
            Look::Element(name) => {
                let field = fields.iter().find(|(field, _, _)| field == name);
                field.map(|&(_, number, message)| field_as_element(payload, number, message)).into_iter().collect()
            }
            // `decide` refuses what is no request.
            Look::Dynamic(look) => match Request::decode(payload) {
                Ok(request) => look(&request).iter().map(Message::encode_to_vec).collect(),
                Err(_) => Vec::new(),
            },
        }
    }
}

/// As the host makes an element of a request's field: a message is its own bytes, a scalar the message that has it as field 1.
fn field_as_element(payload: &[u8], number: u32, message: bool) -> Vec<u8> {
    let mut reader = wire::Reader::new(payload, 0..payload.len());
    let mut found = Vec::new();
    while let Some((at, field)) = reader.next() {
        if at != number {
            continue;
        }
        found.clear();
        match field {
            wire::Field::Bytes(range) if message => found.extend_from_slice(&payload[range]),
            wire::Field::Bytes(range) if !range.is_empty() => wire::bytes(1, &payload[range], &mut found),
            wire::Field::Varint(value) if value != 0 => wire::number(1, value, &mut found),
            _ => {}
        }
    }
    found
}

#[doc(hidden)]
pub struct Looked(Scope);

/// A service as generated code ties the author's to the wire.
#[doc(hidden)]
pub trait Definition: 'static {
    type Value: Kind;
    const NAME: &'static str;
    const METHODS: &'static [Method];
    fn options() -> Options;
    fn views() -> Vec<(&'static str, Looked)>;
    /// Elements that the command needs to see.
    fn elements(method: &str, payload: &[u8]) -> Vec<Vec<u8>>;
    fn decide(
        value: &Self::Value,
        method: &str,
        payload: &[u8],
        context: &Context<'_>,
    ) -> Decision<Self::Value, (), Opening>;
    /// None: the method does not stream.
    fn changed(value: &Self::Value, method: &str, note: &[u8], occasion: &Occasion<'_>) -> Option<Steps<()>>;
    fn cancelled(
        value: &Self::Value,
        method: &str,
        note: &[u8],
        occasion: &Occasion<'_>,
    ) -> Option<Accepting<Self::Value>>;
}

/// A type that `serve!` serves as a replicated service.
#[doc(hidden)]
pub trait Served {
    type Definition: Definition;
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Now(Outcome),
    After(Vec<u8>),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) answer: Answer,
    pub(crate) operations: Vec<u8>,
    pub(crate) delete: bool,
    pub(crate) subscribe: Option<Vec<u8>>,
}

pub(crate) struct Subscription<'a> {
    // The native kit knows its one stream without it.
    #[allow(dead_code)]
    pub(crate) id: &'a str,
    pub(crate) method: &'a str,
    pub(crate) note: &'a [u8],
}

#[derive(Debug, PartialEq)]
pub(crate) struct StreamStep {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) end: bool,
}

/// A service as the boundary calls it.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Service: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> About;
    fn reads(&self, command: &Command<'_>) -> Vec<Vec<u8>>;
    fn decide(&self, entity: &str, view: &[u8], command: &Command<'_>) -> Decided;
    fn render(&self, entity: &str, view: &[u8], command: &Command<'_>, note: &[u8]) -> Outcome;
    /// A step for each subscription.
    fn changed(&self, view: &[u8], subscriptions: &[Subscription<'_>], occasion: &Occasion<'_>) -> Vec<StreamStep>;
    fn cancelled(&self, view: &[u8], subscription: &Subscription<'_>, occasion: &Occasion<'_>) -> Decided;
}

#[allow(private_interfaces)]
impl<D: Definition> Service for Running<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn about(&self) -> About {
        let views = D::views().into_iter().filter(|(_, Looked(scope))| !matches!(scope, Scope::All));
        About {
            name: D::NAME,
            kind: ServiceKind::Replicated,
            options: D::options(),
            state_type: None,
            views: views.map(|(method, Looked(scope))| (method, scope)).collect(),
            events: Vec::new(),
        }
    }

    fn reads(&self, command: &Command<'_>) -> Vec<Vec<u8>> {
        D::elements(command.method, command.payload)
    }

    fn decide(&self, entity: &str, view: &[u8], command: &Command<'_>) -> Decided {
        let seen = Seen::read(view);
        let value = open::<D>(&seen, command.method, command.payload);
        log::begin();
        match D::decide(&value, command.method, command.payload, &Context::new(entity, command)) {
            Err(refusal) => Decided {
                answer: Answer::Now(refusal.outcome(Vec::new()).logged()),
                operations: Vec::new(),
                delete: false,
                subscribe: None,
            },
            Ok(accepted) => {
                accepted.extras.check_own(D::NAME);
                let operations = operations::<D>(&seen, accepted.removed, &accepted.operations, accepted.consistency);
                let delete = accepted.removed;
                let subscribe = accepted.opens.then(|| command.payload.to_vec());
                let later = matches!(accepted.told, Told::With(_)) && !accepted.operations.is_empty();
                let answer = if later {
                    log::take();
                    Answer::After(view.to_vec())
                } else {
                    Answer::Now(outcome_of(accepted, &value).logged())
                };
                Decided { answer, operations, delete, subscribe }
            }
        }
    }

    fn render(&self, entity: &str, view: &[u8], command: &Command<'_>, note: &[u8]) -> Outcome {
        let (method, payload) = (command.method, command.payload);
        let before = open::<D>(&Seen::read(note), method, payload);
        let after = open::<D>(&Seen::read(view), method, payload);
        log::begin();
        let outcome = match log::again(|| D::decide(&before, method, payload, &Context::new(entity, command))) {
            Err(refusal) => refusal.outcome(Vec::new()),
            Ok(accepted) => outcome_of(accepted, &after),
        };
        outcome.logged()
    }

    fn changed(&self, view: &[u8], subscriptions: &[Subscription<'_>], occasion: &Occasion<'_>) -> Vec<StreamStep> {
        let seen = Seen::read(view);
        let step = |subscription: &Subscription<'_>| {
            let Subscription { method, note, .. } = subscription;
            let value = open::<D>(&seen, method, note);
            log::begin();
            stream_step(D::changed(&value, method, note, occasion).unwrap_or_else(|| no_streams::<D>(method)))
        };
        subscriptions.iter().map(step).collect()
    }

    fn cancelled(&self, view: &[u8], subscription: &Subscription<'_>, occasion: &Occasion<'_>) -> Decided {
        let Subscription { method, note, .. } = subscription;
        let seen = Seen::read(view);
        let value = open::<D>(&seen, method, note);
        log::begin();
        let accepting = D::cancelled(&value, method, note, occasion).unwrap_or_else(|| no_streams::<D>(method));
        Decided {
            operations: operations::<D>(&seen, accepting.removed, &accepting.operations, accepting.consistency),
            delete: accepting.removed,
            answer: Answer::Now(accepting.extras.with(Reply::None).logged()),
            subscribe: None,
        }
    }
}

fn no_streams<D: Definition>(method: &str) -> ! {
    panic!("{}/{method} has no streams", D::NAME)
}

fn open<D: Definition>(seen: &Seen, method: &str, payload: &[u8]) -> D::Value {
    D::Value::open(seen.root(D::Value::NUMBER, || D::elements(method, payload)))
}

fn operations<D: Definition>(
    seen: &Seen,
    removed: bool,
    operations: &[Operation],
    consistency: Consistency,
) -> Vec<u8> {
    let initial = if seen.exists || removed { None } else { D::Value::initial() };
    operation::encode(operations, initial, consistency)
}

fn outcome_of<V>(accepted: Accepted<V, (), Opening>, value: &V) -> Outcome {
    let reply = match accepted.told {
        Told::Message(bytes) => Reply::Message(bytes),
        Told::With(make) => Reply::Message(make(value)),
        Told::Forward(call) => Reply::Forward(call),
        Told::Later(ticket) => Reply::Later(ticket),
        Told::Nothing => Reply::None,
    };
    accepted.extras.with(reply)
}

fn stream_step(steps: Steps<()>) -> StreamStep {
    match steps {
        Err(refusal) => StreamStep { outcome: Some(refusal.outcome(Vec::new()).logged()), end: true },
        Ok(Step { element, effects, ended, .. }) => {
            let reply = element.map_or(Reply::None, Reply::Message);
            let outcome = Extras { effects, ..Extras::default() }.with(reply).logged();
            let silent = outcome.answer == Ok(Reply::None) && outcome.effects.is_empty() && outcome.logs.is_empty();
            StreamStep { outcome: (!silent).then_some(outcome), end: ended }
        }
    }
}

/// For views of rows: a value, to look at.
pub(crate) fn seen<K: Kind>(view: &[u8]) -> K {
    K::open(Seen::read(view).root(K::NUMBER, Vec::new))
}

/// For the kit: bytes of operations on a value that is not there yet.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn first_operations_of<K: Kind, O: IntoOperations>(make: impl FnOnce(&K) -> O) -> Vec<u8> {
    let mut list = Vec::new();
    make(&seen(&[])).push_to(&mut list);
    operation::encode(&list, K::initial(), Consistency::Local)
}

/// For the kit: bytes of operations on a view of the whole.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn operations_of<D: Definition, O: IntoOperations>(
    view: &[u8],
    make: impl FnOnce(&D::Value) -> O,
) -> Vec<u8> {
    let mut list = Vec::new();
    make(&value_of::<D>(view)).push_to(&mut list);
    operations::<D>(&Seen::read(view), false, &list, Consistency::Local)
}

/// For the kit. What a part does not hold can be changed, and not be looked at.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn value_of<D: Definition>(view: &[u8]) -> D::Value {
    seen(view)
}
