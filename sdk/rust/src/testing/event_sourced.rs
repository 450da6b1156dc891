//! The kit of event-sourced entities: `given(events).when(call).then(events, reply)`.

use std::fmt::Debug;
use std::marker::PhantomData;

use prost::Message;

use super::key::Naming;
use super::{Answered, Asked, Clockwork, entity_extras, extras, law, same};
use crate::call::Call;
use crate::code::Code;
use crate::deferred::Ticket;
use crate::event_sourced::{Decided, Definition, Events, IntoEvents, Running, Served, Service};
use crate::log;
use crate::outcome::{Outcome, Typed};

type Event<S> = <<S as Served>::Definition as Definition>::Event;
type State<S> = <<S as Served>::Definition as Definition>::State;

/// An entity with this history.
pub fn given<S: Served>(events: impl IntoEvents<Event<S>>) -> Given<S> {
    let history = typed::<S>(events);
    Given {
        naming: Naming::default(),
        start: history.clone(),
        asked: Vec::new(),
        events: history,
        clock: Clockwork::default(),
        service: PhantomData,
    }
}

pub struct Given<S> {
    naming: Naming,
    /// Before the first command.
    start: Vec<Typed>,
    asked: Vec<Asked>,
    /// All by now.
    events: Vec<Typed>,
    clock: Clockwork,
    service: PhantomData<fn() -> S>,
}

impl<S> Clone for Given<S> {
    fn clone(&self) -> Self {
        let Self { naming, start, asked, events, clock, service } = self;
        Self {
            naming: naming.clone(),
            start: start.clone(),
            asked: asked.clone(),
            events: events.clone(),
            clock: clock.clone(),
            service: *service,
        }
    }
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

    /// The state, folded from everything so far.
    pub fn state(&self) -> State<S> {
        State::<S>::decode(fold::<S>(&self.events).as_slice()).expect("a state is a message")
    }

    /// Ask this.
    #[track_caller]
    pub fn when<R>(&self, call: Call<R>) -> When<S, R> {
        let name = <S::Definition as Definition>::NAME;
        same("the service that is asked", name, call.target.service.as_str());
        let naming = self.naming.of(<S::Definition as Definition>::METHODS, &call.target);
        let asked = self.clock.asked(call.target);
        let before = fold::<S>(&self.events);
        let decide = |state: &[u8], asked: &[Asked]| -> Decided {
            Running::<S::Definition>::new().decide(
                naming.entity(),
                Some(state),
                &mut asked.iter().map(Asked::command),
                true,
            )
        };
        let mut decided = decide(&before, std::slice::from_ref(&asked));
        let again = log::again(|| decide(&before, std::slice::from_ref(&asked)));
        law("L4: the same command is decided differently", &decided.decisions, &again.decisions);
        let all: Vec<Asked> = self.asked.iter().chain([&asked]).cloned().collect();
        let batch = log::again(|| decide(&fold::<S>(&self.start), &all));
        law(
            "L1: a batch decides other than its commands one by one",
            &batch.decisions.last(),
            &decided.decisions.last(),
        );
        let (events, outcome) = decided.decisions.remove(0);
        let next = Given {
            naming: naming.clone(),
            start: self.start.clone(),
            asked: all,
            events: self.events.iter().chain(&events).cloned().collect(),
            clock: self.clock.next(),
            service: PhantomData,
        };
        law("L2: the state is not the fold of the events", &batch.state, &Some(fold::<S>(&next.events)));
        When::new(&asked, events, outcome, next)
    }
}

/// What a command came to. Each check answers with the entity after it, for the next `when`.
pub struct When<S, R> {
    events: Vec<Typed>,
    answered: Answered,
    next: Given<S>,
    reply: PhantomData<fn() -> R>,
}

impl<S: Served, R> When<S, R> {
    fn new(asked: &Asked, events: Vec<Typed>, outcome: Outcome, next: Given<S>) -> Self {
        Self { events, answered: Answered::new(&asked.target, outcome), next, reply: PhantomData }
    }

    entity_extras!();

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R
    where
        R: Message + Default,
    {
        self.answered.reply()
    }

    /// The events of this command, to look at and to go on with.
    pub fn events(&self) -> Vec<Event<S>> {
        shown::<S>(&self.events)
    }

    /// Accepted with exactly these events and this reply.
    #[track_caller]
    pub fn then(self, events: impl IntoEvents<Event<S>>, reply: R) -> Given<S>
    where
        R: Message + Default + PartialEq + Debug,
    {
        self.answered.replies(&reply);
        self.changed(events)
    }

    /// Accepted with exactly these events, and forwarded.
    #[track_caller]
    pub fn forwards<Other>(self, events: impl IntoEvents<Event<S>>, to: Call<Other>) -> Given<S> {
        self.answered.forwards(to);
        self.changed(events)
    }

    /// Accepted with exactly these events, and answered when this ticket is resolved.
    #[track_caller]
    pub fn later(self, events: impl IntoEvents<Event<S>>, ticket: impl Into<Ticket>) -> Given<S> {
        self.answered.later(ticket.into());
        self.changed(events)
    }

    /// Refused, with a message that has this in it.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) -> Given<S> {
        self.answered.refuses(code, message);
        self.next
    }

    #[track_caller]
    fn changed(self, events: impl IntoEvents<Event<S>>) -> Given<S> {
        same(&format!("{}: the events", self.answered.name), shown::<S>(&typed::<S>(events)), self.events());
        self.next
    }

    pub(super) fn came(self) -> (Outcome, Given<S>) {
        (self.answered.outcome, self.next)
    }
}

fn shown<S: Served>(events: &[Typed]) -> Vec<Event<S>> {
    let event = |typed: &Typed| Event::<S>::decode(&typed.type_name, &typed.data)?.ok();
    events.iter().map(|typed| event(typed).expect("an event of this service")).collect()
}

fn typed<S: Served>(events: impl IntoEvents<Event<S>>) -> Vec<Typed> {
    let mut list = Vec::new();
    events.push_to(&mut list);
    list.iter().map(|event| Typed { type_name: event.type_name(), data: event.encode() }).collect()
}

fn fold<S: Served>(events: &[Typed]) -> Vec<u8> {
    let mut events = events.iter().map(|typed| (typed.type_name.as_str(), typed.data.as_slice()));
    log::again(|| Running::<S::Definition>::new().evolve(None, &mut events))
}
