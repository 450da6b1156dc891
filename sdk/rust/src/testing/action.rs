//! The kit of actions: `when(call).then(reply)`, and for streams `stream(call).emits(element)` or
//! `open(call).sends(item).replies(reply)`.
//!
//! A stream is driven as the host does it: a step for each thing that the client does, and, where a step asks for more, one
//! when the test looks for the next element. So a server stream without end is no matter.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;

use prost::Message;

use super::{Answered, Asked, Clockwork, extras, law, same};
use crate::action::{Definition, Input, Running, Served, Service};
use crate::call::{Call, Target};
use crate::code::Code;
use crate::effect::Effect;
use crate::log;
use crate::outcome::{Outcome, Reply};

/// More steps without an element than any stream has a reason for.
const IDLE_STEPS_MAX: usize = 1000;

/// Ask this.
#[track_caller]
pub fn when<S: Served, R>(call: Call<R>) -> When<R> {
    same("the service that is asked", <S::Definition as Definition>::NAME, call.target.service.as_str());
    let asked = Clockwork::default().asked(call.target);
    let outcome = answer::<S>(&asked);
    When { answered: Answered::new(&asked.target, outcome), reply: PhantomData }
}

#[track_caller]
pub(super) fn answer<S: Served>(asked: &Asked) -> Outcome {
    let service = Running::<S::Definition>::new();
    let outcome = service.call(&asked.command());
    law("L4: the same command is decided differently", &outcome, &log::again(|| service.call(&asked.command())));
    outcome
}

/// What a command came to.
pub struct When<R> {
    answered: Answered,
    reply: PhantomData<fn() -> R>,
}

impl<R: Message + Default + PartialEq + Debug> When<R> {
    extras!();

    /// The reply, to look at and to go on with.
    #[track_caller]
    pub fn reply(&self) -> R {
        self.answered.reply()
    }

    /// Accepted with this reply.
    #[track_caller]
    pub fn then(self, reply: R) {
        self.answered.replies(&reply);
    }

    /// Accepted, and forwarded.
    #[track_caller]
    pub fn forwards<Other>(self, to: Call<Other>) {
        self.answered.forwards(to);
    }

    /// Refused, with a message that has this in it.
    #[track_caller]
    pub fn refuses(self, code: Code, message: &str) {
        self.answered.refuses(code, message);
    }
}

/// Begin a stream that the server alone sends.
#[track_caller]
pub fn stream<S: Served, R: Message>(call: Call<R>) -> Stream<S, (), R> {
    let payload = call.target.payload.clone();
    let mut stream = begun::<S, (), R>(call.target);
    stream.step(vec![Input::Start(Default::default()), Input::Item(&payload), Input::End]);
    stream
}

/// Begin a stream that the client sends too: `open::<Service, _, _>(orders::call::echo)`.
#[track_caller]
pub fn open<S: Served, Q: Message + Default, R: Message>(call: fn(Q) -> Call<R>) -> Stream<S, Q, R> {
    let mut stream = begun::<S, Q, R>(call(Q::default()).target);
    stream.step(vec![Input::Start(Default::default())]);
    stream
}

#[track_caller]
fn begun<S: Served, Q, R>(target: Target) -> Stream<S, Q, R> {
    same("the service that is asked", <S::Definition as Definition>::NAME, target.service.as_str());
    Stream {
        target,
        clock: Clockwork::default(),
        state: None,
        waiting: VecDeque::new(),
        effects: Vec::new(),
        done: false,
        more: false,
        types: PhantomData,
    }
}

/// A client at its stream. Checks take elements in the order in which they come.
pub struct Stream<S, Q, R> {
    target: Target,
    clock: Clockwork,
    state: Option<Vec<u8>>,
    waiting: VecDeque<Outcome>,
    effects: Vec<Effect>,
    done: bool,
    more: bool,
    #[allow(clippy::type_complexity)]
    types: PhantomData<fn() -> (S, Q, R)>,
}

impl<S: Served, Q: Message, R: Message + Default + PartialEq + Debug> Stream<S, Q, R> {
    #[track_caller]
    pub fn sends(mut self, item: Q) -> Self {
        let payload = item.encode_to_vec();
        self.step(vec![Input::Item(&payload)]);
        self
    }

    /// The client has sent all.
    #[track_caller]
    pub fn closes(mut self) -> Self {
        self.step(vec![Input::End]);
        self
    }

    /// The client leaves.
    #[track_caller]
    pub fn cancels(mut self) -> Self {
        self.step(vec![Input::Cancelled]);
        self.waiting.clear();
        self
    }

    /// The next element, to look at and to go on with. Asks for more where the stream has more.
    #[track_caller]
    pub fn read(&mut self) -> R {
        self.take().reply()
    }

    /// The next element is this. Asks for more where the stream has more.
    #[track_caller]
    pub fn emits(mut self, element: R) -> Self {
        self.take().replies(&element);
        self
    }

    /// The next element is another command's answer.
    #[track_caller]
    pub fn forwards<Other>(mut self, to: Call<Other>) -> Self {
        self.take().forwards(to);
        self
    }

    /// The next element is a refusal, with a message that has this in it, and so the end.
    #[track_caller]
    pub fn refuses(mut self, code: Code, message: &str) -> Self {
        self.take().refuses(code, message);
        self
    }

    /// The one answer to all that was sent.
    #[track_caller]
    pub fn replies(self, reply: R) -> Self {
        self.emits(reply).ends()
    }

    /// Nothing is left to take, and the stream waits for its client.
    #[track_caller]
    pub fn silent(mut self) -> Self {
        self.fetch();
        same(&format!("{}: what is left to take", self.name()), &VecDeque::new(), &self.waiting);
        assert!(!self.done, "{}: the stream is over", self.name());
        self
    }

    /// Nothing is left to take, and the stream is over.
    #[track_caller]
    pub fn ends(mut self) -> Self {
        self.fetch();
        same(&format!("{}: what is left to take", self.name()), &VecDeque::new(), &self.waiting);
        assert!(self.done, "{}: the stream goes on", self.name());
        self
    }

    /// The effects of everything since the last look at them, in order: `[call.into()]`.
    #[track_caller]
    pub fn effects(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        let seen = std::mem::take(&mut self.effects);
        same(&format!("{}: effects", self.name()), effects.into_iter().collect(), seen);
        self
    }

    #[track_caller]
    fn take(&mut self) -> Answered {
        self.fetch();
        let name = self.name();
        let outcome =
            self.waiting.pop_front().unwrap_or_else(|| panic!("{name}: an element is expected, and there is none"));
        Answered { name, outcome }
    }

    /// Until there is something to take, or nothing comes unasked.
    #[track_caller]
    fn fetch(&mut self) {
        for _ in 0..IDLE_STEPS_MAX {
            if !self.waiting.is_empty() || !self.more {
                return;
            }
            self.step(Vec::new());
        }
        panic!("{}: asks for more and more, and says nothing", self.name());
    }
}

impl<S: Served, Q, R> Stream<S, Q, R> {
    fn name(&self) -> String {
        format!("{}/{}", self.target.service, self.target.method)
    }

    #[track_caller]
    fn step(&mut self, inputs: Vec<Input<'_>>) {
        assert!(!self.done, "{}: the stream is over", self.name());
        let again = inputs.iter().map(Input::again).collect();
        let asked = self.clock.asked(self.target.clone());
        let service = Running::<S::Definition>::new();
        let run = |inputs| service.stream(&self.target.method, self.state.as_deref(), inputs, asked.now_ms, asked.seed);
        let stepped = run(inputs);
        law("L4: the same step is made differently", &stepped, &log::again(|| run(again)));
        self.clock = self.clock.next();
        self.state = stepped.state;
        self.done = stepped.done;
        self.more = stepped.more;
        for outcome in stepped.outputs {
            self.effects.extend(outcome.effects.iter().cloned());
            if outcome.answer != Ok(Reply::None) {
                self.waiting.push_back(outcome);
            }
        }
    }
}
