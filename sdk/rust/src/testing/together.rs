//! Together: several services without a host. A command's effects and forwards reach the others, as a host brings them:
//!
//! ```ignore
//! let mut shop = together().event_sourced::<cart::Service>().action::<orders::Service>();
//! shop.call(orders::call::place(order)).replies(placed);
//! ```
//!
//! G1. Each service runs in its own kit, so each command is checked for the laws.
//! G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//!     answer. Effects that nobody waits for run, too: once `call` answers, nothing that is due is left to do.
//! G3. A refused effect, or one that forgets its key, does not fail the command that caused it: a host parks it. An ask is not parked: its
//!     entity hears the refusal.
//! G4. Time stands still but for `turn`, which brings effects that are due later in the order of their time. An ask within a time has failed
//!     when `turn` goes past it, also if its target has deferred the reply: the ticket stays open, and means nothing to this asker.
//! G5. A caller whose reply comes later is answered when its ticket is resolved; until then it `waits`. If the ticket ends before, or an
//!     ask's own time, who asked hears that nobody knows whether it happened.
//!
//! Leaves to others: streams (action.rs, replicated.rs).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use prost::Message;

use super::timeline::{Due, Hearer, Place, Promise, Timeline, What};
use super::{Answered, Clockwork, START_MS, action, event_sourced, key, replicated, value};
use crate::call::{Call, Target};
use crate::code::Code;
use crate::deferred::Ticket;
use crate::effect::{AnswerTo, Due as When, Effect, whole};
use crate::methods::Method;
use crate::outcome::{Extras, Failure, Outcome, Refusal, Reply};
use crate::reason::{self, Reason};

/// As many as a host follows.
const HOPS_MAX: usize = 16;

/// Services that call each other. Each is added by the word of its kind, as in `serve!`; entities begin with nothing.
pub fn together() -> Together {
    Together {
        members: BTreeMap::new(),
        clock: Clockwork::default(),
        now_ms: START_MS,
        timeline: Timeline::default(),
        outside: Vec::new(),
        parked: Vec::new(),
    }
}

pub struct Together {
    members: BTreeMap<&'static str, Box<dyn Member>>,
    clock: Clockwork,
    now_ms: f64,
    timeline: Timeline,
    outside: Vec<Effect>,
    parked: Vec<Parked>,
}

/// An effect whose target refused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    pub effect: Effect,
    pub code: Code,
    pub message: String,
}

/// An effect that is due later.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Milliseconds since 1970.
    pub due: u64,
    pub effect: Effect,
}

impl Together {
    #[track_caller]
    pub fn event_sourced<S: crate::event_sourced::Served + 'static>(self) -> Self {
        use crate::event_sourced::Definition;
        let member = EventSourced::<S>(Entities::new());
        self.with(<S::Definition as Definition>::NAME, Box::new(member))
    }

    #[track_caller]
    pub fn value<S: crate::value::Served + 'static>(self) -> Self {
        use crate::value::Definition;
        let member = Value::<S>(Entities::new());
        self.with(<S::Definition as Definition>::NAME, Box::new(member))
    }

    #[track_caller]
    pub fn replicated<S: crate::replicated::Served + 'static>(self) -> Self {
        use crate::replicated::Definition;
        let member = Replicated::<S>(Entities::new());
        self.with(<S::Definition as Definition>::NAME, Box::new(member))
    }

    #[track_caller]
    pub fn action<S: crate::action::Served + 'static>(self) -> Self {
        use crate::action::Definition;
        self.with(<S::Definition as Definition>::NAME, Box::new(Action::<S>(PhantomData)))
    }

    #[track_caller]
    fn with(mut self, name: &'static str, member: Box<dyn Member>) -> Self {
        assert!(self.members.insert(name, member).is_none(), "{name} is here twice");
        self
    }

    /// The time of the next command, in milliseconds since 1970.
    pub fn at(&mut self, now: u64) -> &mut Self {
        self.clock.at = Some(now);
        self
    }

    /// The chance of the next command.
    pub fn seed(&mut self, seed: [u32; 4]) -> &mut Self {
        self.clock.seed = Some(seed);
        self
    }

    /// A caller's command; it and all that comes of it is done when this answers.
    #[track_caller]
    pub fn call<R>(&mut self, call: Call<R>) -> Came<R> {
        let target = call.target;
        if let Some(Err(forgotten)) = key::key_of(self.methods_at(&target), &target) {
            panic!("{forgotten}");
        }
        let name = format!("{}/{}", target.service, target.method);
        Came { name, promise: self.run(&target, 0, None), reply: PhantomData }
    }

    /// So much time passes: what is due by then is done.
    #[track_caller]
    pub fn turn(&mut self, time: Duration) {
        let end = self.now_ms + whole(time);
        while let Some(Due { at_ms, what }) = self.timeline.next(end) {
            // Of what was due in the past, the time is not that.
            self.now_ms = self.now_ms.max(at_ms);
            match what {
                What::Effect { from, effect } => self.deliver(&effect, &from, at_ms, 0),
                What::Deadline(promise) => {
                    let late = refused(Code::DeadlineExceeded, "the reply did not come in time");
                    self.settle(&promise, &late, Reason::Unknown);
                }
                What::Late(hearer) => {
                    let late = refused(Code::DeadlineExceeded, "the call was not answered in time");
                    self.tell(hearer, &late, Reason::Unknown);
                }
            }
        }
        self.now_ms = end;
    }

    /// Effects that are due later, in the order of their time.
    pub fn pending(&self) -> Vec<Pending> {
        let pending = |(due, effect): (f64, &Effect)| Pending { due: due as u64, effect: effect.clone() };
        self.timeline.effects().map(pending).collect()
    }

    /// Effects on services that are not here, in order: `[call.into()]`.
    pub fn outside(&self) -> &[Effect] {
        &self.outside
    }

    /// Effects that were refused, in order.
    pub fn parked(&self) -> &[Parked] {
        &self.parked
    }

    /// `asker`: the entity that hears an answer by this command, whose request names none.
    #[track_caller]
    fn run(&mut self, target: &Target, hops: usize, asker: Option<&str>) -> Promise {
        let Target { service, method, .. } = target;
        let methods = self.methods_at(target);
        let Some(found) = methods.iter().find(|found| found.name == method) else {
            panic!("{service} has no method {method}");
        };
        assert!(!found.streams, "{service}/{method} streams: test it by the kit of its kind");
        assert!(hops <= HOPS_MAX, "{service}/{method} is the last of {hops} hops, too many");
        let entity = match key::key_of(methods, target) {
            None => asker.map(Into::into),
            Some(Ok(entity)) => Some(entity),
            Some(Err(forgotten)) => return settled(&refused(Code::InvalidArgument, forgotten)),
        };
        let now_ms = self.clock.at.map_or(self.now_ms, |at| at as f64);
        let clock = Clockwork { at: Some(now_ms as u64), ..self.clock.clone() };
        self.clock = self.clock.next();
        let at = Place { service: service.clone(), entity: entity.clone().unwrap_or_default() };
        let member = self.members.get_mut(service.as_str()).expect("methods_at has found it");
        let outcome = member.decide(entity, target, &clock);
        let promise = Promise::default();
        if let Ok(Reply::Later(Ticket { name, within_s })) = &outcome.answer {
            self.timeline.wait(at.clone(), method, name, promise.clone());
            if let Some(within_s) = within_s {
                self.timeline.add(now_ms + f64::from(*within_s) * 1000.0, What::Deadline(promise.clone()));
            }
        }
        for resolution in &outcome.resolves {
            let answer = resolution.answer.clone().map(Reply::Message);
            let metadata = resolution.metadata.clone();
            let resolved = Outcome { answer, metadata, ..Extras::default().with(Reply::None) };
            for waiting in self.timeline.resolve(&at, resolution) {
                self.settle(&waiting, &resolved, Reason::Refused);
            }
        }
        for name in &outcome.cancels {
            self.timeline.cancel(&at, name);
        }
        // All are of one commit: what the answer to an effect cancels is pending by then.
        for effect in &outcome.effects {
            self.pend(effect, &at, now_ms);
        }
        for effect in outcome.effects.iter().filter(|effect| matches!(effect.due, When::AtOnce)) {
            self.deliver(effect, &at, now_ms, hops + 1);
        }
        match &outcome.answer {
            Ok(Reply::Forward(to)) => return self.run(to, hops + 1, None),
            Ok(Reply::Later(_)) => {}
            _ => self.settle(&promise, &outcome, Reason::Refused),
        }
        promise
    }

    #[track_caller]
    fn settle(&mut self, promise: &Promise, outcome: &Outcome, reason: Reason) {
        for hearer in promise.settle(outcome) {
            self.tell(hearer, outcome, reason);
        }
    }

    #[track_caller]
    fn tell(&mut self, hearer: Hearer, outcome: &Outcome, reason: Reason) {
        match hearer {
            Hearer::Park(effect) => {
                if let Err(Failure { code, message, .. }) = outcome.answer.clone() {
                    self.parked.push(Parked { effect, code, message });
                }
            }
            Hearer::Ask { from: Place { service, entity }, answer: AnswerTo { method, note, .. }, hops, heard } => {
                if !heard.replace(true) {
                    let payload = reason::answer(&outcome.answer, &note, reason);
                    let target = Target { service, method, payload, metadata: Vec::new() };
                    self.run(&target, hops, Some(&entity));
                }
            }
        }
    }

    #[track_caller]
    fn methods_at(&self, target: &Target) -> &'static [Method] {
        match self.members.get(target.service.as_str()) {
            Some(member) => member.methods(),
            None => panic!("{} is not here: give it to together()", target.service),
        }
    }

    /// If it is due later.
    fn pend(&mut self, effect: &Effect, from: &Place, now_ms: f64) {
        // A pending one of this name is replaced.
        if let Some(name) = &effect.name {
            self.timeline.cancel(from, name);
        }
        let due_ms = match effect.due {
            When::AtOnce => return,
            When::After(ms) => now_ms + ms,
            When::At(ms) => ms,
        };
        self.timeline.add(due_ms, What::Effect { from: from.clone(), effect: effect.clone() });
    }

    #[track_caller]
    fn deliver(&mut self, effect: &Effect, from: &Place, due_ms: f64, hops: usize) {
        let promise = if self.members.contains_key(effect.call.service.as_str()) {
            self.run(&effect.call, hops, None)
        } else {
            self.outside.push(effect.clone());
            Promise::default()
        };
        let hearer = match &effect.answer {
            None => Hearer::Park(effect.clone()),
            Some(answer) => {
                let heard = Rc::new(Cell::new(false));
                Hearer::Ask { from: from.clone(), answer: answer.clone(), hops, heard }
            }
        };
        if let Some(outcome) = promise.heard_by(&hearer) {
            self.tell(hearer, &outcome, Reason::Refused);
        } else if let (Some(within_ms), Hearer::Ask { .. }) = (effect.within_ms, &hearer) {
            self.timeline.add(due_ms + within_ms, What::Late(hearer));
        }
    }
}

fn settled(outcome: &Outcome) -> Promise {
    let promise = Promise::default();
    promise.settle(outcome);
    promise
}

fn refused(code: Code, message: impl Into<String>) -> Outcome {
    Refusal::new(code, message).outcome(Vec::new())
}

/// What a caller got, or will get.
pub struct Came<R> {
    name: String,
    promise: Promise,
    reply: PhantomData<fn() -> R>,
}

impl<R: Message + Default + PartialEq + Debug> Came<R> {
    /// The reply comes later: the ticket is open.
    #[track_caller]
    pub fn waits(&self) {
        let outcome = self.promise.outcome();
        assert!(outcome.is_none(), "{}: a reply that comes later is expected\n  got {outcome:?}", self.name);
    }

    #[track_caller]
    fn answered(&self) -> Answered {
        let outcome = self.promise.outcome();
        let outcome = outcome.unwrap_or_else(|| panic!("{}: the reply comes later: its ticket is open", self.name));
        Answered { name: self.name.clone(), outcome }
    }

    /// This entry is among the answer's metadata.
    #[track_caller]
    pub fn metadata(self, name: &str, value: impl Into<crate::MetadataValue>) -> Self {
        self.answered().metadata(name, value.into());
        self
    }

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R {
        self.answered().reply()
    }

    #[track_caller]
    pub fn replies(self, reply: R) {
        self.answered().replies(&reply);
    }

    /// Refused, with a message that has this in it.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) {
        self.answered().refuses(code, message);
    }
}

/// A service among others.
trait Member {
    fn methods(&self) -> &'static [Method];
    /// `entity`: None where the method names none.
    fn decide(&mut self, entity: Option<String>, target: &Target, clock: &Clockwork) -> Outcome;
}

/// Those that a command has reached, by key.
type Entities<G> = BTreeMap<String, G>;

fn call_of(target: &Target) -> Call<()> {
    Call::of(target.clone())
}

fn named(entity: Option<String>, target: &Target) -> String {
    entity.unwrap_or_else(|| panic!("{}/{} names no entity", target.service, target.method))
}

struct EventSourced<S>(Entities<event_sourced::Given<S>>);

impl<S: crate::event_sourced::Served> Member for EventSourced<S> {
    fn methods(&self) -> &'static [Method] {
        <S::Definition as crate::event_sourced::Definition>::METHODS
    }

    fn decide(&mut self, entity: Option<String>, target: &Target, clock: &Clockwork) -> Outcome {
        let entity = named(entity, target);
        let given = self.0.remove(&entity).unwrap_or_else(|| event_sourced::given::<S>(()).entity(&entity));
        let (outcome, after) = given.with_clock(clock).when(call_of(target)).came();
        self.0.insert(entity, after);
        outcome
    }
}

struct Value<S>(Entities<value::Given<S>>);

impl<S: crate::value::Served> Member for Value<S> {
    fn methods(&self) -> &'static [Method] {
        <S::Definition as crate::value::Definition>::METHODS
    }

    fn decide(&mut self, entity: Option<String>, target: &Target, clock: &Clockwork) -> Outcome {
        let entity = named(entity, target);
        let given = self.0.remove(&entity).unwrap_or_else(|| value::given::<S>(None).entity(&entity));
        let (outcome, after) = given.with_clock(clock).when(call_of(target)).came();
        self.0.insert(entity, after);
        outcome
    }
}

struct Replicated<S>(Entities<replicated::Given<S>>);

impl<S: crate::replicated::Served> Member for Replicated<S> {
    fn methods(&self) -> &'static [Method] {
        <S::Definition as crate::replicated::Definition>::METHODS
    }

    fn decide(&mut self, entity: Option<String>, target: &Target, clock: &Clockwork) -> Outcome {
        let entity = named(entity, target);
        let given = self.0.remove(&entity).unwrap_or_else(|| replicated::given::<S>().entity(&entity));
        if given.is_deleted() {
            self.0.insert(entity, given);
            return refused(Code::NotFound, "Entity deleted");
        }
        let (outcome, after) = given.with_clock(clock).when(call_of(target)).came();
        self.0.insert(entity, after);
        outcome
    }
}

struct Action<S>(PhantomData<fn() -> S>);

impl<S: crate::action::Served> Member for Action<S> {
    fn methods(&self) -> &'static [Method] {
        <S::Definition as crate::action::Definition>::METHODS
    }

    fn decide(&mut self, _: Option<String>, target: &Target, clock: &Clockwork) -> Outcome {
        action::answer::<S>(&clock.asked(target.clone()))
    }
}
