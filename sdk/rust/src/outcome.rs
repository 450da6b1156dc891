//! Outcomes: answers as the boundary has them (wit/types.wit). Every kind of service ends here.
//!
//! O1. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong panics.

use prost::{Message, Name};

use crate::call::Target;
use crate::code::Code;
use crate::deferred::{Resolution, Ticket};
use crate::effect::{AnswerTo, Effect};
use crate::log::{self, Line};
use crate::metadata::{self, Entries, MetadataValue};

/// A protobuf message with its full name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    pub(crate) type_name: String,
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Message(Vec<u8>),
    Forward(Target),
    None,
    Later(Ticket),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) answer: Result<Reply, Failure>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) metadata: Entries,
    /// What was said on the way, be it to a refusal.
    pub(crate) logs: Vec<Line>,
    pub(crate) cancels: Vec<String>,
    pub(crate) resolves: Vec<Resolution>,
}

impl Outcome {
    /// With what was said since the command began, which is over.
    pub(crate) fn logged(self) -> Outcome {
        Outcome { logs: log::take(), ..self }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) details: Vec<Typed>,
}

/// What goes with an accepted command besides its answer.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) effects: Vec<Effect>,
    pub(crate) metadata: Entries,
    pub(crate) cancels: Vec<String>,
    pub(crate) resolves: Vec<Resolution>,
}

impl Extras {
    /// Answers that are heard and tickets that are resolved are of methods of the service itself: the boundary has no place for others.
    pub(crate) fn check_own(&self, service: &str) {
        let heard = self.effects.iter().filter_map(|effect| effect.answer.as_ref());
        for answer in heard {
            let AnswerTo { service: other, method, .. } = answer;
            assert!(
                other == service,
                "{service} asks, and {other}/{method} is to hear the answer: it is no method of {service}"
            );
        }
        for Resolution { ticket, service: other, method, .. } in &self.resolves {
            assert!(
                other == service,
                "{service} resolves {ticket:?} of {other}/{method}, which is no method of {service}"
            );
        }
    }

    #[track_caller]
    pub(crate) fn push(&mut self, name: &str, value: MetadataValue) {
        metadata::push(&mut self.metadata, name, value);
    }

    pub(crate) fn with(self, reply: Reply) -> Outcome {
        let Self { effects, metadata, cancels, resolves } = self;
        Outcome { answer: Ok(reply), effects, metadata, logs: Vec::new(), cancels, resolves }
    }
}

/// A deliberate no. It changes nothing; the message reaches the caller as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    failure: Failure,
    metadata: Entries,
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let failure = Failure { code, message: message.into(), details: Vec::new() };
        Self { failure, metadata: Entries::new() }
    }

    /// A message that says more, for programs; it reaches the caller as a google.rpc.Status detail.
    pub fn detail<M: Message + Name>(mut self, detail: &M) -> Self {
        self.failure.details.push(Typed { type_name: M::full_name(), data: detail.encode_to_vec() });
        self
    }

    /// Sent with the refusal.
    #[track_caller]
    pub fn metadata(mut self, name: &str, value: impl Into<MetadataValue>) -> Self {
        metadata::push(&mut self.metadata, name, value.into());
        self
    }

    pub(crate) fn outcome(self, effects: Vec<Effect>) -> Outcome {
        let Self { failure, metadata } = self;
        let (cancels, resolves) = (Vec::new(), Vec::new());
        Outcome { answer: Err(failure), effects, metadata, logs: Vec::new(), cancels, resolves }
    }

    pub(crate) fn parts(self) -> (Failure, Entries) {
        (self.failure, self.metadata)
    }
}

/// Refuse the command. With details: `Err(Refusal::new(code, message).detail(&message))`.
pub fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, message))
}

#[doc(hidden)]
pub fn unknown_method<T>(service: &str, method: &str) -> Result<T, Refusal> {
    refuse(Code::Unimplemented, format!("{service} has no method {method}"))
}

/// `name`: the full name of the type, without a leading dot.
#[doc(hidden)]
pub fn request<M: Message + Default>(name: &str, payload: &[u8]) -> Result<M, Refusal> {
    M::decode(payload).map_err(|error| malformed(name, &error))
}

#[cold]
fn malformed(name: &str, error: &prost::DecodeError) -> Refusal {
    Refusal::new(Code::InvalidArgument, format!("the request is no {name}: {error}"))
}
