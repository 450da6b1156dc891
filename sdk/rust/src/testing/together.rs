//! Together: several services without a host. A command's effects and forwards reach the others, as a host brings them:
//!
//! ```ignore
//! let mut shop = together().event_sourced::<cart::Service>().action::<orders::Service>();
//! shop.call(orders::call::place(order)).replies(placed);
//! ```
//!
//! G1. Each service runs in its own kit, so each command is checked for the laws.
//! G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//!     answer. Effects that nobody waits for run, too: once `call` answers, nothing is left to do.
//! G3. A refused effect, or one that forgets its key, does not fail the command that caused it: a host parks it.
//!
//! Leaves to others: streams (action.rs, replicated.rs).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use prost::Message;

use super::{Answered, Clockwork, action, event_sourced, key, replicated, value};
use crate::call::{Call, Effect, Target};
use crate::code::Code;
use crate::methods::Method;
use crate::outcome::{Outcome, Refusal, Reply};

/// As many as a host follows.
const HOPS_MAX: usize = 16;

/// Services that call each other. Each is added by the word of its kind, as in `serve!`; entities begin with nothing.
pub fn together() -> Together {
    Together { members: BTreeMap::new(), clock: Clockwork::default(), outside: Vec::new(), parked: Vec::new() }
}

pub struct Together {
    members: BTreeMap<&'static str, Box<dyn Member>>,
    clock: Clockwork,
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
        let outcome = self.run(&target, 0);
        Came { answered: Answered::new(&target, outcome), reply: PhantomData }
    }

    /// Effects on services that are not here, in order: `[call.into()]`.
    pub fn outside(&self) -> &[Effect] {
        &self.outside
    }

    /// Effects that were refused, in order.
    pub fn parked(&self) -> &[Parked] {
        &self.parked
    }

    #[track_caller]
    fn run(&mut self, target: &Target, hops: usize) -> Outcome {
        let Target { service, method, .. } = target;
        let methods = self.methods_at(target);
        let Some(found) = methods.iter().find(|found| found.name == method) else {
            panic!("{service} has no method {method}");
        };
        assert!(!found.streams, "{service}/{method} streams: test it by the kit of its kind");
        assert!(hops <= HOPS_MAX, "{service}/{method} is the last of {hops} hops, too many");
        let entity = match key::key_of(methods, target) {
            None => None,
            Some(Ok(entity)) => Some(entity),
            Some(Err(forgotten)) => return refused(Code::InvalidArgument, forgotten),
        };
        let clock = self.clock.clone();
        self.clock = self.clock.next();
        let member = self.members.get_mut(service.as_str()).expect("methods_at has found it");
        let outcome = member.decide(entity, target, &clock);
        for effect in &outcome.effects {
            self.effect(effect, hops + 1);
        }
        match &outcome.answer {
            Ok(Reply::Forward(to)) => self.run(to, hops + 1),
            _ => outcome,
        }
    }

    #[track_caller]
    fn methods_at(&self, target: &Target) -> &'static [Method] {
        match self.members.get(target.service.as_str()) {
            Some(member) => member.methods(),
            None => panic!("{} is not here: give it to together()", target.service),
        }
    }

    #[track_caller]
    fn effect(&mut self, effect: &Effect, hops: usize) {
        if !self.members.contains_key(effect.call.service.as_str()) {
            self.outside.push(effect.clone());
        } else if let Err(failure) = self.run(&effect.call, hops).answer {
            self.parked.push(Parked { effect: effect.clone(), code: failure.code, message: failure.message });
        }
    }
}

fn refused(code: Code, message: impl Into<String>) -> Outcome {
    Refusal::new(code, message).outcome(Vec::new())
}

/// What a caller got.
pub struct Came<R> {
    answered: Answered,
    reply: PhantomData<fn() -> R>,
}

impl<R: Message + Default + PartialEq + Debug> Came<R> {
    /// This entry is among the answer's metadata.
    #[track_caller]
    pub fn metadata(self, name: &str, value: impl Into<crate::MetadataValue>) -> Self {
        self.answered.metadata(name, value.into());
        self
    }

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R {
        self.answered.reply()
    }

    #[track_caller]
    pub fn replies(self, reply: R) {
        self.answered.replies(&reply);
    }

    /// Refused, with a message that has this in it.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) {
        self.answered.refuses(code, message);
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
