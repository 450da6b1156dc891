//! The kit of replicated entities: `given().with(|set| ...).when(call).then(|set| ..., reply)`. A change is said as the handler
//! says it, from the view before: `|set| set.add(&element)`, and `|_| ()` for none.
//!
//! Between steps a replica of this one node takes the operations, so that the next `when` sees them; methods see what their
//! `_view` lets them see.

use std::fmt::Debug;
use std::marker::PhantomData;

use prost::Message;

use super::key::Naming;
use super::replica::{self, Replica};
use super::{Answered, Asked, Clockwork, entity_extras, extras, law, same};
use crate::call::Call;
use crate::code::Code;
use crate::context::Occasion;
use crate::deferred::Ticket;
use crate::log;
use crate::options::Scope;
use crate::outcome::{Extras, Outcome, Reply};
use crate::replicated::{
    Answer, Decided, Definition, IntoOperations, Running, Served, Service, StreamStep, Subscription, operations_of,
    value_of,
};

type Value<S> = <<S as Served>::Definition as Definition>::Value;

/// An entity that nobody has made yet.
pub fn given<S: Served>() -> Given<S> {
    Given {
        naming: Naming::default(),
        replica: None,
        deleted: false,
        clock: Clockwork::default(),
        service: PhantomData,
    }
}

pub struct Given<S> {
    naming: Naming,
    replica: Option<Replica>,
    deleted: bool,
    clock: Clockwork,
    service: PhantomData<fn() -> S>,
}

impl<S: Served> Given<S> {
    /// The key of the entity, in place of the one that the first request names.
    pub fn entity(mut self, key: &str) -> Self {
        self.naming = Naming::given(key);
        self
    }

    /// The time of the next step, in milliseconds since 1970.
    pub fn at(mut self, now: u64) -> Self {
        self.clock.at = Some(now);
        self
    }

    /// The chance of the next command.
    pub fn seed(mut self, seed: [u32; 4]) -> Self {
        self.clock.seed = Some(seed);
        self
    }

    /// The value as these operations leave it.
    pub fn with<O: IntoOperations>(self, operations: impl FnOnce(&Value<S>) -> O) -> Self {
        let bytes = operations_of::<S::Definition, _>(&self.whole(), operations);
        self.after(&bytes, false, self.clock.clone())
    }

    /// The value by now.
    pub fn value(&self) -> Value<S> {
        value_of::<S::Definition>(&self.whole())
    }

    /// Ask this.
    #[track_caller]
    pub fn when<R>(&self, call: Call<R>) -> When<S, R> {
        let (asked, naming) = self.asked(call);
        let view = self.view(&asked);
        let service = Running::<S::Definition>::new();
        let decided = service.decide(naming.entity(), &view, &asked.command());
        let again = log::again(|| service.decide(naming.entity(), &view, &asked.command()));
        law("L4: the same command is decided differently", &decided, &again);
        let next = self.after(&decided.operations, decided.delete, self.clock.next()).named(naming.clone());
        let rendered = self.after(&decided.operations, false, self.clock.next());
        let outcome = match &decided.answer {
            Answer::Now(outcome) => outcome.clone(),
            Answer::After(note) => service.render(naming.entity(), &rendered.view(&asked), &asked.command(), note),
        };
        let answered = Answered::new(&asked.target, outcome);
        When { before: view, asked, decided, answered, next, reply: PhantomData }
    }

    /// What a stream that this call has opened is told, now that the value is what it is.
    #[track_caller]
    pub fn changed<R>(&self, call: Call<R>) -> WhenChanged<S, R> {
        let (asked, naming) = self.asked(call);
        let view = self.view(&asked);
        let occasion = Occasion { entity: naming.entity(), now_ms: self.clock.now_ms() };
        let one = || Subscription { id: "stream", method: &asked.target.method, note: &asked.target.payload };
        let service = Running::<S::Definition>::new();
        let mut steps = service.changed(&view, &[one()], &occasion);
        let both = log::again(|| service.changed(&view, &[one(), one()], &occasion));
        law("L1: two streams of the same request are told differently", &steps[0], &both[1]);
        let step = steps.remove(0);
        let none = Extras::default().with(Reply::None);
        let answered = Answered::new(&asked.target, step.outcome.clone().unwrap_or(none));
        WhenChanged {
            step,
            answered,
            next: self.after(&[], false, self.clock.next()).named(naming.clone()),
            reply: PhantomData,
        }
    }

    /// The client of a stream that this call has opened leaves.
    #[track_caller]
    pub fn cancelled<R>(&self, call: Call<R>) -> WhenCancelled<S> {
        let (asked, naming) = self.asked(call);
        let view = self.view(&asked);
        let occasion = Occasion { entity: naming.entity(), now_ms: self.clock.now_ms() };
        let subscription = Subscription { id: "stream", method: &asked.target.method, note: &asked.target.payload };
        let decided = Running::<S::Definition>::new().cancelled(&view, &subscription, &occasion);
        let Answer::Now(outcome) = decided.answer.clone() else { panic!("nobody is answered who has left") };
        let answered = Answered::new(&asked.target, outcome);
        let next = self.after(&decided.operations, decided.delete, self.clock.next()).named(naming.clone());
        WhenCancelled { before: view, decided, answered, next }
    }

    #[track_caller]
    fn asked<R>(&self, call: Call<R>) -> (Asked, Naming) {
        assert!(!self.deleted, "the entity is deleted: the host answers NOT_FOUND");
        same("the service that is asked", <S::Definition as Definition>::NAME, call.target.service.as_str());
        let naming = self.naming.of(<S::Definition as Definition>::METHODS, &call.target);
        (self.clock.asked(call.target), naming)
    }

    fn named(self, naming: Naming) -> Self {
        Given { naming, ..self }
    }

    pub(super) fn with_clock(self, clock: &Clockwork) -> Self {
        Given { clock: clock.clone(), ..self }
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn whole(&self) -> Vec<u8> {
        replica::view(self.replica.as_ref(), None)
    }

    /// What the method sees.
    fn view(&self, asked: &Asked) -> Vec<u8> {
        let service = Running::<S::Definition>::new();
        let scope = service.about().views.into_iter().find(|(method, _)| *method == asked.target.method);
        let elements = match scope {
            None | Some((_, Scope::All)) => return self.whole(),
            Some((_, Scope::Nothing)) => Vec::new(),
            Some(_) => service.reads(&asked.command()),
        };
        replica::view(self.replica.as_ref(), Some(&elements))
    }

    fn after(&self, operations: &[u8], delete: bool, clock: Clockwork) -> Self {
        let mut replica = self.replica.clone();
        for op in replica::read_operations(operations) {
            replica::apply(&mut replica, &op, 0, self.clock.now_ms() as i64);
        }
        let replica = if delete { None } else { replica };
        Given { naming: self.naming.clone(), replica, deleted: delete, clock, service: PhantomData }
    }
}

#[track_caller]
fn same_change<S: Served, O: IntoOperations>(
    name: &str,
    before: &[u8],
    change: impl FnOnce(&Value<S>) -> O,
    decided: &Decided,
) {
    let expected = replica::read_operations(&operations_of::<S::Definition, _>(before, change));
    assert!(!decided.delete, "{name}: the entity is deleted, and operations are expected");
    same(&format!("{name}: the operations"), expected, replica::read_operations(&decided.operations));
}

/// What a command came to. Each check answers with the entity after it, for the next `when`.
pub struct When<S, R> {
    before: Vec<u8>,
    asked: Asked,
    decided: Decided,
    answered: Answered,
    next: Given<S>,
    reply: PhantomData<fn() -> R>,
}

impl<S: Served, R: Message + Default + PartialEq + Debug> When<S, R> {
    entity_extras!();

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R {
        self.answered.reply()
    }

    /// Accepted with this change, and this one reply.
    #[track_caller]
    pub fn then<O: IntoOperations>(self, change: impl FnOnce(&Value<S>) -> O, reply: R) -> Given<S> {
        self.answered.replies(&reply);
        assert!(self.decided.subscribe.is_none(), "{}: the stream stays open", self.answered.name);
        self.changed(change)
    }

    /// Accepted with this change, and the stream stays open, with this first element or without.
    #[track_caller]
    pub fn streams<O: IntoOperations>(self, change: impl FnOnce(&Value<S>) -> O, first: Option<R>) -> Given<S> {
        match first {
            Some(first) => self.answered.replies(&first),
            None => {
                same(&format!("{}: the answer", self.answered.name), &Ok(Reply::None), &self.answered.outcome.answer)
            }
        }
        let note = Some(&self.asked.target.payload);
        assert!(self.decided.subscribe.as_ref() == note, "{}: the stream does not stay open", self.answered.name);
        self.changed(change)
    }

    /// Accepted with this change, and forwarded.
    #[track_caller]
    pub fn forwards<O: IntoOperations, Other>(self, change: impl FnOnce(&Value<S>) -> O, to: Call<Other>) -> Given<S> {
        self.answered.forwards(to);
        self.changed(change)
    }

    /// Accepted with this change, and answered when this ticket is resolved.
    #[track_caller]
    pub fn later<O: IntoOperations>(self, change: impl FnOnce(&Value<S>) -> O, ticket: impl Into<Ticket>) -> Given<S> {
        self.answered.later(ticket.into());
        self.changed(change)
    }

    /// Accepted, with this reply, and the entity is deleted for good.
    #[track_caller]
    pub fn deletes(self, reply: R) -> Given<S> {
        self.answered.replies(&reply);
        assert!(self.decided.delete, "{}: the entity is not deleted", self.answered.name);
        self.next
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
    fn changed<O: IntoOperations>(self, change: impl FnOnce(&Value<S>) -> O) -> Given<S> {
        same_change::<S, O>(&self.answered.name, &self.before, change, &self.decided);
        self.next
    }
}

/// What a subscriber is told of a change.
pub struct WhenChanged<S, R> {
    step: StreamStep,
    answered: Answered,
    next: Given<S>,
    reply: PhantomData<fn() -> R>,
}

impl<S: Served, R: Message + Default + PartialEq + Debug> WhenChanged<S, R> {
    extras!();

    /// The element, to look at and to go on with.
    #[track_caller]
    pub fn read(&self) -> R {
        self.answered.reply()
    }

    #[track_caller]
    pub fn emits(self, element: R) -> Given<S> {
        assert!(!self.step.end, "{}: the stream ends", self.answered.name);
        self.answered.replies(&element);
        self.next
    }

    #[track_caller]
    pub fn silent(self) -> Given<S> {
        assert!(!self.step.end, "{}: the stream ends", self.answered.name);
        self.says_nothing()
    }

    /// The stream ends, with a last element or without.
    #[track_caller]
    pub fn ends(self, last: Option<R>) -> Given<S> {
        assert!(self.step.end, "{}: the stream does not end", self.answered.name);
        match last {
            None => self.says_nothing(),
            Some(last) => {
                self.answered.replies(&last);
                self.next
            }
        }
    }

    /// Refused, with a message that has this in it, which ends the stream.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) -> Given<S> {
        self.answered.refuses(code, message);
        self.next
    }

    #[track_caller]
    fn says_nothing(self) -> Given<S> {
        same(&format!("{}: the element", self.answered.name), &Ok(Reply::None), &self.answered.outcome.answer);
        self.next
    }
}

/// What a client that leaves comes to.
pub struct WhenCancelled<S> {
    before: Vec<u8>,
    decided: Decided,
    answered: Answered,
    next: Given<S>,
}

impl<S: Served> WhenCancelled<S> {
    extras!();

    /// With this change.
    #[track_caller]
    pub fn then<O: IntoOperations>(self, change: impl FnOnce(&Value<S>) -> O) -> Given<S> {
        same_change::<S, O>(&self.answered.name, &self.before, change, &self.decided);
        self.next
    }
}
