//! Actions: services without state, whose methods may stream. A stream is a step function over a state of its own, which the
//! host keeps: it is the type that a streaming method is implemented by.
//!
//! A1. Calls are independent of each other. A refusal keeps its effects.
//! A2. A stream's state goes out and comes in with every step, behind one byte of flags: more to say unasked, the client has
//!     sent all, there is a state. Nothing of a stream is kept here (law L6).
//! A3. `more` asks to be called once the client has taken what was given: one `next` a call, so a slow client slows the guest.
//! A4. Inputs are taken in order, and none after the end. What a step's own effects do comes before its elements.

use std::any::type_name;
use std::marker::PhantomData;
use std::time::Duration;

use prost::Message;

use crate::call::Call;
use crate::context::Command;
pub use crate::context::Moment;
use crate::effect::{Delivery, Effect};
use crate::log;
use crate::metadata::{Metadata, MetadataValue};
use crate::methods::Method;
use crate::options::{About, Kind};
use crate::outcome::{self, Extras, Outcome, Reply};
use crate::random::Seed;
#[doc(hidden)]
pub use crate::running::Running;
pub use crate::{Code, Options, Refusal};

/// A refusal of an action: unlike an entity's it may have effects, which run.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    refusal: Refusal,
    effects: Vec<Effect>,
}

impl Refused {
    /// A command that runs although this one is refused.
    pub fn effect(mut self, effect: impl Into<Delivery>) -> Self {
        self.effects.push(effect.into().into());
        self
    }

    fn outcome(self) -> Outcome {
        self.refusal.outcome(self.effects)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, effects: Vec::new() }
    }
}

/// Refuse. With effects: `Err(Refused::from(Refusal::new(code, message)).effect(call))`.
pub fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refusal::new(code, message).into())
}

/// Accept the command.
pub fn accept() -> Accepting {
    Accepting { extras: Extras::default() }
}

/// Accepted, without an answer yet.
#[must_use = "a decision has an answer: .reply(...) or .forward(...)"]
pub struct Accepting {
    extras: Extras,
}

impl Accepting {
    /// A command that runs before the answer is given.
    pub fn effect(mut self, effect: impl Into<Delivery>) -> Self {
        self.extras.effects.push(effect.into().into());
        self
    }

    /// A command that runs so long after this decision.
    #[track_caller]
    pub fn after(self, time: Duration, effect: impl Into<Delivery>) -> Self {
        self.effect(effect.into().after(time))
    }

    /// A command that runs at this time, in milliseconds since 1970.
    #[track_caller]
    pub fn at(self, time: u64, effect: impl Into<Delivery>) -> Self {
        self.effect(effect.into().at(time))
    }

    /// Sent with the reply, as a response header.
    #[track_caller]
    pub fn metadata(mut self, name: &str, value: impl Into<MetadataValue>) -> Self {
        self.extras.push(name, value.into());
        self
    }

    /// Answer with this message.
    pub fn reply<R: Message>(self, reply: R) -> Decision<R> {
        let outcome = self.extras.with(Reply::Message(reply.encode_to_vec()));
        Ok(Accepted { outcome, reply: PhantomData })
    }

    /// Let another command answer.
    pub fn forward<R, Other>(self, call: Call<Other>) -> Decision<R> {
        Ok(Accepted { outcome: self.extras.with(Reply::Forward(call.target)), reply: PhantomData })
    }
}

/// Accepted and answered with an `R`, or refused.
pub type Decision<R> = Result<Accepted<R>, Refused>;

#[derive(Debug)]
pub struct Accepted<R> {
    outcome: Outcome,
    reply: PhantomData<fn() -> R>,
}

impl<R> Accepted<R> {
    #[doc(hidden)]
    pub fn erase(self) -> Accepted<()> {
        Accepted { outcome: self.outcome, reply: PhantomData }
    }
}

fn outcome_of<R>(decision: Decision<R>) -> Outcome {
    decision.map_or_else(Refused::outcome, |accepted| accepted.outcome)
}

/// What a stream does next: it sends its elements, and goes on unless it ends. A refusal ends the client's stream.
pub type Steps<R> = Result<Step<R>, Refused>;

#[must_use]
#[derive(Debug)]
pub struct Step<R> {
    outputs: Vec<Outcome>,
    effects: Vec<Effect>,
    more: bool,
    ended: bool,
    reply: PhantomData<fn() -> R>,
}

/// Send this element, and go on.
pub fn emit<R: Message>(element: R) -> Step<R> {
    silent().emit(element)
}

/// Nothing to say.
pub fn silent<R: Message>() -> Step<R> {
    Step { outputs: Vec::new(), effects: Vec::new(), more: false, ended: false, reply: PhantomData }
}

/// End the stream.
pub fn end<R: Message>() -> Step<R> {
    silent().end()
}

impl<R: Message> Step<R> {
    /// Send this element too.
    pub fn emit(mut self, element: R) -> Self {
        self.outputs.push(Extras::default().with(Reply::Message(element.encode_to_vec())));
        self
    }

    /// An element that is an answer: `accept()` with a reply or a forward, or a refusal, which ends the client's stream.
    pub fn answer(mut self, answer: Decision<R>) -> Self {
        self.outputs.push(outcome_of(answer));
        self
    }

    /// A command that runs before the elements of this step are sent.
    pub fn effect(mut self, effect: impl Into<Delivery>) -> Self {
        self.effects.push(effect.into().into());
        self
    }

    /// There is more to say: `next` is called once the client has taken this.
    pub fn more(mut self) -> Self {
        self.more = true;
        self
    }

    /// End the stream after these elements.
    pub fn end(mut self) -> Self {
        self.ended = true;
        self
    }
}

/// Go on with the state as it is now.
pub fn keep<R>() -> Kept<R> {
    Kept { effects: Vec::new(), early: None }
}

/// What a stream of requests does with one of them: it goes on, or it has its answer (`Kept::from(accepted)`).
#[must_use]
#[derive(Debug)]
pub struct Kept<R> {
    effects: Vec<Effect>,
    early: Option<Accepted<R>>,
}

impl<R> Kept<R> {
    /// A command that runs now.
    pub fn effect(mut self, effect: impl Into<Delivery>) -> Self {
        self.effects.push(effect.into().into());
        self
    }
}

impl<R> From<Accepted<R>> for Kept<R> {
    fn from(accepted: Accepted<R>) -> Self {
        Kept { effects: Vec::new(), early: Some(accepted) }
    }
}

/// One request, many replies. `Self` is the stream's state.
pub trait ServerStream: Message + Default + 'static {
    type Request: Message + Default;
    type Reply: Message;
    fn start(request: Self::Request, moment: &Moment<'_>) -> Result<Self, Refused>;
    /// The next elements. Called again once the client has taken them.
    fn next(&mut self, moment: &Moment<'_>) -> Steps<Self::Reply>;
    /// The client has left. Effects run; nothing is sent.
    fn cancelled(&mut self, _moment: &Moment<'_>) -> Accepting {
        accept()
    }
}

/// Many requests, one reply. `Self` is the stream's state.
pub trait ClientStream: Message + Default + 'static {
    type Request: Message + Default;
    type Reply: Message;
    fn start(_moment: &Moment<'_>) -> Result<Self, Refused> {
        Ok(Self::default())
    }
    fn item(&mut self, request: Self::Request, moment: &Moment<'_>) -> Result<Kept<Self::Reply>, Refused>;
    /// The client has sent all.
    fn end(&mut self, moment: &Moment<'_>) -> Decision<Self::Reply>;
    /// The client has left. Effects run; nothing is sent.
    fn cancelled(&mut self, _moment: &Moment<'_>) -> Accepting {
        accept()
    }
}

/// Many requests, many replies. `Self` is the stream's state.
pub trait Bidi: Message + Default + 'static {
    type Request: Message + Default;
    type Reply: Message;
    fn start(_moment: &Moment<'_>) -> Result<Self, Refused> {
        Ok(Self::default())
    }
    fn item(&mut self, request: Self::Request, moment: &Moment<'_>) -> Steps<Self::Reply>;
    /// After a step that says `.more()`: what else there is, once the client has taken the last elements.
    fn next(&mut self, _moment: &Moment<'_>) -> Steps<Self::Reply> {
        panic!("a step of {} asks for more, but there is no next", type_name::<Self>())
    }
    /// The client has sent all. As it is here the stream ends, unless there is more.
    fn end(&mut self, _moment: &Moment<'_>) -> Steps<Self::Reply> {
        Ok(silent())
    }
    /// The client has left. Effects run; nothing is sent.
    fn cancelled(&mut self, _moment: &Moment<'_>) -> Accepting {
        accept()
    }
}

/// A service as generated code ties the author's to the wire.
#[doc(hidden)]
pub trait Definition: 'static {
    const NAME: &'static str;
    const METHODS: &'static [Method];
    fn options() -> Options;
    fn call(method: &str, payload: &[u8], moment: &Moment<'_>) -> Decision<()>;
    #[allow(private_interfaces)]
    fn stream(method: &str, stream: Stream<'_>) -> Stepped;
}

/// A type that `serve!` serves as an action.
#[doc(hidden)]
pub trait Served {
    type Definition: Definition;
}

/// A service as the boundary calls it.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Service: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> About;
    fn call(&self, command: &Command<'_>) -> Outcome;
    fn stream(&self, method: &str, state: Option<&[u8]>, inputs: Vec<Input<'_>>, now_ms: f64, seed: Seed) -> Stepped;
}

#[allow(private_interfaces)]
impl<D: Definition> Service for Running<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn about(&self) -> About {
        About {
            name: D::NAME,
            kind: Kind::Action,
            options: D::options(),
            state_type: None,
            views: Vec::new(),
            events: Vec::new(),
        }
    }

    fn call(&self, command: &Command<'_>) -> Outcome {
        log::begin();
        outcome_of(D::call(command.method, command.payload, &command.moment())).logged()
    }

    fn stream(
        &self,
        method: &str,
        state: Option<&[u8]>,
        mut inputs: Vec<Input<'_>>,
        now_ms: f64,
        seed: Seed,
    ) -> Stepped {
        // Only the call's beginning brings metadata.
        let metadata = inputs.iter_mut().find_map(|input| match input {
            Input::Start(metadata) => Some(std::mem::take(metadata)),
            _ => None,
        });
        let moment = Moment::new(now_ms, seed, metadata.unwrap_or_default());
        log::begin();
        D::stream(method, Stream { state, inputs, moment }).logged()
    }
}

pub(crate) enum Input<'a> {
    Start(Metadata<'a>),
    Item(&'a [u8]),
    End,
    Cancelled,
}

#[cfg(not(target_arch = "wasm32"))]
impl<'a> Input<'a> {
    /// The same once more.
    pub(crate) fn again(&self) -> Input<'a> {
        match self {
            Input::Start(metadata) => Input::Start(metadata.clone()),
            Input::Item(payload) => Input::Item(payload),
            Input::End => Input::End,
            Input::Cancelled => Input::Cancelled,
        }
    }
}

/// One call's worth of a stream, before it is known of which shape it is.
#[doc(hidden)]
pub struct Stream<'a> {
    state: Option<&'a [u8]>,
    inputs: Vec<Input<'a>>,
    moment: Moment<'a>,
}

#[doc(hidden)]
#[derive(Debug, PartialEq)]
pub struct Stepped {
    pub(crate) outputs: Vec<Outcome>,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) done: bool,
    pub(crate) more: bool,
}

impl Stepped {
    /// With what was said in this step, on its first output; on one that says nothing else if there is none.
    fn logged(mut self) -> Stepped {
        let logs = log::take();
        match self.outputs.first_mut() {
            Some(output) => output.logs = logs,
            None if logs.is_empty() => {}
            None => self.outputs.push(Outcome { logs, ..Extras::default().with(Reply::None) }),
        }
        self
    }
}

impl Stream<'_> {
    pub fn unknown_method(service: &str, method: &str) -> Stepped {
        failed(outcome::unknown_method::<()>(service, method).unwrap_err().into())
    }

    pub fn server<S: ServerStream>(self, request: &str) -> Stepped {
        self.run::<S>(|going, input| going.server_input(input), Some(|going| going.server_next()), request)
    }

    pub fn client<S: ClientStream>(self, request: &str) -> Stepped {
        self.run::<S>(|going, input| going.client_input(input), None, request)
    }

    pub fn bidi<S: Bidi>(self, request: &str) -> Stepped {
        self.run::<S>(|going, input| going.bidi_input(input), Some(|going| going.bidi_next()), request)
    }

    fn run<S: Message + Default>(
        self,
        take: fn(&mut Going<'_, S>, Input<'_>),
        next: Option<fn(&mut Going<'_, S>)>,
        request: &str,
    ) -> Stepped {
        let mut going = Going::new(self.state, &self.moment, request);
        if self.inputs.is_empty() {
            if let Some(next) = next {
                next(&mut going);
            }
        }
        for input in self.inputs {
            if !going.done {
                take(&mut going, input);
            }
        }
        going.stepped()
    }
}

fn failed(refused: Refused) -> Stepped {
    Stepped { outputs: vec![refused.outcome()], state: None, done: true, more: false }
}

const MORE: u8 = 1;
const CLOSED: u8 = 2;
const STATE: u8 = 4;

struct Going<'a, S> {
    moment: &'a Moment<'a>,
    request: &'a str,
    state: Option<S>,
    outputs: Vec<Outcome>,
    more: bool,
    closed: bool,
    done: bool,
}

impl<'a, S: Message + Default> Going<'a, S> {
    fn new(bytes: Option<&[u8]>, moment: &'a Moment<'a>, request: &'a str) -> Self {
        let (flags, bytes) =
            bytes.and_then(|bytes| bytes.split_first()).map_or((0, &[][..]), |(flags, rest)| (*flags, rest));
        let decoded = || {
            S::decode(bytes).unwrap_or_else(|error| panic!("the stream's state is no {}: {error}", type_name::<S>()))
        };
        Self {
            moment,
            request,
            state: (flags & STATE != 0).then(decoded),
            outputs: Vec::new(),
            more: flags & MORE != 0,
            closed: flags & CLOSED != 0,
            done: false,
        }
    }

    fn stepped(self) -> Stepped {
        let Self { outputs, done, more, closed, state, .. } = self;
        let state = (!done).then(|| {
            let flag = |on: bool, flag: u8| if on { flag } else { 0 };
            let mut bytes = vec![flag(more, MORE) | flag(closed, CLOSED) | flag(state.is_some(), STATE)];
            if let Some(state) = state {
                state.encode_raw(&mut bytes);
            }
            bytes
        });
        Stepped { outputs, state, done, more: more && !done }
    }

    fn state(&mut self) -> &mut S {
        self.state.get_or_insert_default()
    }

    fn begin(&mut self, state: Result<S, Refused>) {
        match state {
            Ok(state) => self.state = Some(state),
            Err(refused) => self.last(refused.outcome()),
        }
    }

    fn last(&mut self, outcome: Outcome) {
        self.outputs.push(outcome);
        self.done = true;
    }

    fn decoded<R: Message + Default>(&mut self, payload: &[u8]) -> Option<R> {
        match outcome::request(self.request, payload) {
            Ok(request) => Some(request),
            Err(refusal) => {
                self.last(Refused::from(refusal).outcome());
                None
            }
        }
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.outputs.push(Extras { effects, ..Extras::default() }.with(Reply::None));
        }
    }

    /// `asks`: it is called again without being told `more`.
    fn follow<R>(&mut self, steps: Steps<R>, asks: bool) {
        match steps {
            Err(refused) => self.last(refused.outcome()),
            Ok(step) => {
                self.effects(step.effects);
                self.outputs.extend(step.outputs);
                self.more |= step.more || asks;
                // Nothing can come of a stream that neither gets nor gives any more.
                self.done = step.ended || (self.closed && !self.more);
            }
        }
    }

    fn leave(&mut self, accepting: Accepting) {
        self.done = true;
        self.outputs.push(accepting.extras.with(Reply::None));
    }
}

impl<S: ServerStream> Going<'_, S> {
    fn server_input(&mut self, input: Input<'_>) {
        match input {
            // The request is an item that follows at once, and its end says nothing.
            Input::Start(_) | Input::End => {}
            Input::Item(payload) => {
                let Some(request) = self.decoded(payload) else { return };
                self.begin(S::start(request, self.moment));
                if !self.done {
                    self.server_next();
                }
            }
            Input::Cancelled => {
                let moment = self.moment;
                let accepting = self.state().cancelled(moment);
                self.leave(accepting);
            }
        }
    }

    fn server_next(&mut self) {
        self.more = false;
        let moment = self.moment;
        let steps = self.state().next(moment);
        self.follow(steps, true);
    }
}

impl<S: ClientStream> Going<'_, S> {
    fn client_input(&mut self, input: Input<'_>) {
        let moment = self.moment;
        match input {
            Input::Start(_) => self.begin(S::start(moment)),
            Input::Item(payload) => {
                let Some(request) = self.decoded(payload) else { return };
                match self.state().item(request, moment) {
                    Err(refused) => self.last(refused.outcome()),
                    Ok(Kept { effects, early }) => {
                        self.effects(effects);
                        if let Some(accepted) = early {
                            self.last(accepted.outcome);
                        }
                    }
                }
            }
            Input::End => {
                self.closed = true;
                let answer = self.state().end(moment);
                self.last(outcome_of(answer));
            }
            Input::Cancelled => {
                let accepting = self.state().cancelled(moment);
                self.leave(accepting);
            }
        }
    }
}

impl<S: Bidi> Going<'_, S> {
    fn bidi_input(&mut self, input: Input<'_>) {
        let moment = self.moment;
        match input {
            Input::Start(_) => self.begin(S::start(moment)),
            Input::Item(payload) => {
                let Some(request) = self.decoded(payload) else { return };
                let steps = self.state().item(request, moment);
                self.follow(steps, false);
            }
            Input::End => {
                self.closed = true;
                let steps = self.state().end(moment);
                self.follow(steps, false);
            }
            Input::Cancelled => {
                let accepting = self.state().cancelled(moment);
                self.leave(accepting);
            }
        }
    }

    fn bidi_next(&mut self) {
        if self.more {
            self.more = false;
            let moment = self.moment;
            let steps = self.state().next(moment);
            self.follow(steps, false);
        }
    }
}
