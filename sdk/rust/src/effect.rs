//! Effects: calls that run once a decision is durable, at once or later.
//!
//! E1. An entity's effects have names, and answers that the entity hears; those of an action and of a stream have neither. So there are
//!     two types: a `Delivery` is what all may have, an `Effect` is an entity's.
//! E2. Times are whole milliseconds, rounded up: an effect is never early.
//!
//! Leaves to others: which words a decision has (words.rs), bytes (abi/lower.rs).

use std::time::Duration;

use prost::Message;

use crate::call::{Call, Target};

/// Beyond this no whole number is exact in an f64, which is how times cross the boundary.
const MILLISECONDS_MAX: u128 = (1 << 53) - 1;

/// When it is delivered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Due {
    #[default]
    AtOnce,
    After(f64),
    At(f64),
}

/// Who hears what it was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerTo {
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) note: Vec<u8>,
}

/// An effect of an entity.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an effect does nothing unless a decision has it"]
pub struct Effect {
    pub(crate) call: Target,
    pub(crate) synchronous: bool,
    pub(crate) due: Due,
    pub(crate) name: Option<String>,
    pub(crate) answer: Option<AnswerTo>,
    pub(crate) within_ms: Option<f64>,
}

impl Effect {
    /// Unique within the entity: an effect of this name that is still pending is replaced, and `cancel` drops it.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The answer must come in this time from when it is due; then it is a failure.
    #[track_caller]
    pub fn within(mut self, time: Duration) -> Self {
        self.within_ms = Some(whole(time));
        self
    }

    /// It is due so long after the decision.
    #[track_caller]
    pub fn after(mut self, time: Duration) -> Self {
        self.due = Due::After(whole(time));
        self
    }

    /// It is due at this time, in milliseconds since 1970.
    #[track_caller]
    pub fn at(mut self, time: u64) -> Self {
        self.due = Due::At(whole(Duration::from_millis(time)));
        self
    }
}

/// A call as an effect that any service may have. With a name it is an entity's.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an effect does nothing unless a decision has it"]
pub struct Delivery(Effect);

impl Delivery {
    pub(crate) fn new(call: Target) -> Self {
        let synchronous = false;
        Self(Effect { call, synchronous, due: Due::AtOnce, name: None, answer: None, within_ms: None })
    }

    pub(crate) fn synchronous(mut self) -> Self {
        self.0.synchronous = true;
        self
    }

    /// Unique within the entity: an effect of this name that is still pending is replaced, and `cancel` drops it.
    pub fn named(self, name: impl Into<String>) -> Effect {
        self.0.named(name)
    }

    /// The answer must come in this time from when it is due; then the target has failed.
    #[track_caller]
    pub fn within(self, time: Duration) -> Self {
        Self(self.0.within(time))
    }

    /// It is due so long after the decision.
    #[track_caller]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.after(time))
    }

    /// It is due at this time, in milliseconds since 1970.
    #[track_caller]
    pub fn at(self, time: u64) -> Self {
        Self(self.0.at(time))
    }
}

impl From<Delivery> for Effect {
    fn from(delivery: Delivery) -> Self {
        delivery.0
    }
}

impl<R> From<Call<R>> for Delivery {
    fn from(call: Call<R>) -> Self {
        Self::new(call.target)
    }
}

impl<R> From<Call<R>> for Effect {
    fn from(call: Call<R>) -> Self {
        Delivery::from(call).into()
    }
}

impl<R> Call<R> {
    /// As an effect for whose end the caller's reply waits.
    pub fn synchronous(self) -> Delivery {
        Delivery::from(self).synchronous()
    }

    /// As an effect whose outcome this entity hears: as a command of `method`, one of its own, which is called in the generated
    /// module `call`. The note comes back as it is: `.ask(shop::call::charged, Some(note))`.
    pub fn ask<Q: Hears<Reply = R> + Default, A>(self, method: fn(Q) -> Call<A>, note: Option<Q::Note>) -> Effect {
        let Target { service, method, .. } = method(Q::default()).target;
        let note = note.map_or_else(Vec::new, |note| note.encode_to_vec());
        Effect { answer: Some(AnswerTo { service, method, note }), ..self.into() }
    }

    /// As an effect with a name, unique within the entity.
    pub fn named(self, name: impl Into<String>) -> Effect {
        Delivery::from(self).named(name)
    }

    /// As an effect that must be answered in this time.
    #[track_caller]
    pub fn within(self, time: Duration) -> Delivery {
        Delivery::from(self).within(time)
    }

    /// As an effect that is due so long after the decision.
    #[track_caller]
    pub fn after(self, time: Duration) -> Delivery {
        Delivery::from(self).after(time)
    }

    /// As an effect that is due at this time, in milliseconds since 1970.
    #[track_caller]
    pub fn at(self, time: u64) -> Delivery {
        Delivery::from(self).at(time)
    }
}

/// The request of a method that hears what a call was answered. Generated code says which messages are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the request of a method with the option `answers`",
    label = "hears no answers"
)]
pub trait Hears: Message {
    /// What the call is answered.
    type Reply;
    type Note: Message;
}

/// Whole milliseconds, rounded up.
#[track_caller]
pub(crate) fn whole(time: Duration) -> f64 {
    let count = time.as_nanos().div_ceil(1_000_000);
    assert!(count <= MILLISECONDS_MAX, "{time:?} is longer than the 2^53 - 1 milliseconds that an effect can wait");
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Call::<()>::new("a.v1.A", "Do", &()).into()
    }

    #[test]
    fn times_are_whole_milliseconds_rounded_up() {
        let due = |time| Effect::from(delivery().after(time)).due;
        assert_eq!(due(Duration::ZERO), Due::After(0.0));
        assert_eq!(due(Duration::from_nanos(1)), Due::After(1.0));
        assert_eq!(due(Duration::from_micros(1500)), Due::After(2.0));
        assert_eq!(Effect::from(delivery().within(Duration::from_secs(2))).within_ms, Some(2000.0));
        assert_eq!(Effect::from(delivery().at(7)).due, Due::At(7.0));
    }

    #[test]
    #[should_panic(expected = "is longer than the 2^53 - 1 milliseconds")]
    fn a_time_that_no_number_holds_is_a_clear_panic() {
        let _ = delivery().after(Duration::MAX);
    }
}
