//! Deferred: replies that come later. A handler answers with a ticket, and a later decision of the entity resolves it.
//!
//! Leaves to others: who waits for a ticket, and how long (the host).

use std::time::Duration;

use prost::Message;

use crate::call::{Call, Target};
use crate::metadata::Entries;
use crate::outcome::{Failure, Refusal};

/// The caller's call stays open until the ticket is resolved: `Ticket::new(name).within(time)`, or the name alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub(crate) name: String,
    pub(crate) within_s: Option<u32>,
}

impl Ticket {
    /// Unique within the entity. Another caller of the same method joins a ticket that is open.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), within_s: None }
    }

    /// Callers are answered DEADLINE_EXCEEDED after this time, in whole seconds, rounded up, at least one.
    pub fn within(mut self, time: Duration) -> Self {
        let whole = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        self.within_s = Some(u32::try_from(whole.max(1)).unwrap_or(u32::MAX));
        self
    }
}

impl From<&str> for Ticket {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Ticket {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// What all who wait for a ticket are answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolution {
    pub(crate) ticket: String,
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) answer: Result<Vec<u8>, Failure>,
    pub(crate) metadata: Entries,
}

impl Resolution {
    pub(crate) fn new<Q: Default, R: Message>(
        ticket: String,
        method: fn(Q) -> Call<R>,
        answer: Result<R, Refusal>,
    ) -> Self {
        let Target { service, method, .. } = method(Q::default()).target;
        let (answer, metadata) = match answer {
            Ok(reply) => (Ok(reply.encode_to_vec()), Entries::new()),
            Err(refusal) => {
                let (failure, metadata) = refusal.parts();
                (Err(failure), metadata)
            }
        };
        Self { ticket, service, method, answer, metadata }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_open_for_whole_seconds_rounded_up() {
        let within = |time| Ticket::new("t").within(time).within_s;
        assert_eq!(within(Duration::ZERO), Some(1));
        assert_eq!(within(Duration::from_secs(2)), Some(2));
        assert_eq!(within(Duration::from_nanos(2_000_000_001)), Some(3));
        assert_eq!(within(Duration::MAX), Some(u32::MAX));
        assert_eq!(Ticket::from("t").within_s, None);
    }
}
