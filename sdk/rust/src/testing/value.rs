//! The kit of value entities: `given(value).when(call).then(update(value), reply)`. A change is said as the handler says it.

use std::fmt::Debug;
use std::marker::PhantomData;

use prost::Message;

use super::key::Naming;
use super::{Answered, Asked, Clockwork, entity_extras, extras, law, same};
use crate::call::Call;
use crate::code::Code;
use crate::deferred::Ticket;
use crate::log;
use crate::outcome::Outcome;
use crate::value::{Accepting, Changed, Definition, Running, Served, Service};

pub use crate::value::{accept, remove, update};

type Value<S> = <<S as Served>::Definition as Definition>::Value;

/// An entity with this value, or without one.
pub fn given<S: Served>(value: Option<Value<S>>) -> Given<S> {
    let bytes = value.map(|value| value.encode_to_vec());
    Given {
        naming: Naming::default(),
        start: bytes.clone(),
        asked: Vec::new(),
        bytes,
        clock: Clockwork::default(),
        service: PhantomData,
    }
}

pub struct Given<S> {
    naming: Naming,
    /// Before the first command.
    start: Option<Vec<u8>>,
    asked: Vec<Asked>,
    bytes: Option<Vec<u8>>,
    clock: Clockwork,
    service: PhantomData<fn() -> S>,
}

impl<S: Served> Given<S> {
    /// The key of the entity, in place of the one that the first request names.
    pub fn entity(mut self, key: &str) -> Self {
        self.naming = Naming::given(key);
        self
    }

    /// The time of the next command, in milliseconds since 1970.
    pub fn at(mut self, now: u64) -> Self {
        self.clock.at = Some(now);
        self
    }

    /// The chance of the next command.
    pub fn seed(mut self, seed: [u32; 4]) -> Self {
        self.clock.seed = Some(seed);
        self
    }

    pub(super) fn with_clock(mut self, clock: &Clockwork) -> Self {
        self.clock = clock.clone();
        self
    }

    /// The value by now.
    pub fn value(&self) -> Option<Value<S>> {
        self.bytes.as_ref().map(|bytes| Value::<S>::decode(bytes.as_slice()).expect("a value is a message"))
    }

    /// Ask this.
    #[track_caller]
    pub fn when<R>(&self, call: Call<R>) -> When<S, R> {
        same("the service that is asked", <S::Definition as Definition>::NAME, call.target.service.as_str());
        let naming = self.naming.of(<S::Definition as Definition>::METHODS, &call.target);
        let asked = self.clock.asked(call.target);
        let decide = |value: &Option<Vec<u8>>, asked: &[Asked]| {
            Running::<S::Definition>::new().decide(
                naming.entity(),
                value.as_deref(),
                &mut asked.iter().map(Asked::command),
            )
        };
        let mut decisions = decide(&self.bytes, std::slice::from_ref(&asked));
        law(
            "L4: the same command is decided differently",
            &decisions,
            &log::again(|| decide(&self.bytes, std::slice::from_ref(&asked))),
        );
        let all: Vec<Asked> = self.asked.iter().chain([&asked]).cloned().collect();
        let batch = log::again(|| decide(&self.start, &all));
        law("L1: a batch decides other than its commands one by one", &batch.last(), &decisions.last());
        let (change, outcome) = decisions.remove(0);
        let bytes = match &change {
            Changed::Unchanged => self.bytes.clone(),
            Changed::Updated(bytes) => Some(bytes.clone()),
            Changed::Deleted => None,
        };
        let answered = Answered::new(&asked.target, outcome);
        let start = self.start.clone();
        let next = Given { naming, start, asked: all, bytes, clock: self.clock.next(), service: PhantomData };
        When { change, answered, next, reply: PhantomData }
    }
}

/// What a command came to. Each check answers with the entity after it, for the next `when`.
pub struct When<S, R> {
    change: Changed,
    answered: Answered,
    next: Given<S>,
    reply: PhantomData<fn() -> R>,
}

impl<S: Served, R> When<S, R> {
    entity_extras!();

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R
    where
        R: Message + Default,
    {
        self.answered.reply()
    }

    /// Accepted with this change (`accept()`, `update(value)`, `remove()`) and this reply.
    #[track_caller]
    pub fn then(self, change: Accepting<Value<S>>, reply: R) -> Given<S>
    where
        R: Message + Default + PartialEq + Debug,
        Value<S>: Debug,
    {
        self.answered.replies(&reply);
        self.changed(change)
    }

    /// Accepted with this change, and forwarded.
    #[track_caller]
    pub fn forwards<Other>(self, change: Accepting<Value<S>>, to: Call<Other>) -> Given<S>
    where
        Value<S>: Debug,
    {
        self.answered.forwards(to);
        self.changed(change)
    }

    /// Accepted with this change, and answered when this ticket is resolved.
    #[track_caller]
    pub fn later(self, change: Accepting<Value<S>>, ticket: impl Into<Ticket>) -> Given<S>
    where
        Value<S>: Debug,
    {
        self.answered.later(ticket.into());
        self.changed(change)
    }

    /// Refused, with a message that has this in it.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) -> Given<S> {
        self.answered.refuses(code, message);
        self.next
    }

    pub(super) fn came(self) -> (Outcome, Given<S>) {
        (self.answered.outcome, self.next)
    }

    #[track_caller]
    fn changed(self, change: Accepting<Value<S>>) -> Given<S>
    where
        Value<S>: Debug,
    {
        let shown = |changed: Changed| match changed {
            Changed::Unchanged => "accept()".into(),
            Changed::Deleted => "remove()".into(),
            Changed::Updated(bytes) => {
                let value = Value::<S>::decode(bytes.as_slice()).expect("a value is a message");
                format!("update({value:?})")
            }
        };
        same(&format!("{}: the change", self.answered.name), shown(change.changed()), shown(self.change));
        self.next
    }
}
