//! Timeline: what waits for time, or for another command, where services are together: effects that are due later, asks, and callers
//! whose ticket is open.
//!
//! S1. What is due is in the order of its time; of equal times what was said first is first.
//! S2. A name is that of one effect of its entity: a new one takes the place of the old, and a cancel drops it.
//! S3. Who waits is answered once: by a resolution or by a deadline.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::deferred::Resolution;
use crate::effect::{AnswerTo, Effect};
use crate::outcome::Outcome;

/// Of an action there is no entity.
#[derive(Clone, PartialEq)]
pub(super) struct Place {
    pub(super) service: String,
    pub(super) entity: String,
}

/// What becomes of an answer.
#[derive(Clone)]
pub(super) enum Hearer {
    /// A refusal of this effect is listed.
    Park(Effect),
    /// The entity hears it, once.
    Ask { from: Place, answer: AnswerTo, hops: usize, heard: Rc<Cell<bool>> },
}

#[derive(Default)]
struct Slot {
    outcome: Option<Outcome>,
    hearers: Vec<Hearer>,
}

/// What one caller gets, now or later.
#[derive(Clone, Default)]
pub(super) struct Promise(Rc<RefCell<Slot>>);

impl Promise {
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.0.borrow().outcome.clone()
    }

    /// Who hears of it; none where it was settled before.
    pub(super) fn settle(&self, outcome: &Outcome) -> Vec<Hearer> {
        let mut slot = self.0.borrow_mut();
        if slot.outcome.is_none() {
            slot.outcome = Some(outcome.clone());
        }
        std::mem::take(&mut slot.hearers)
    }

    /// The outcome, where it is there already; else the hearer is told once it is.
    pub(super) fn heard_by(&self, hearer: &Hearer) -> Option<Outcome> {
        let mut slot = self.0.borrow_mut();
        if slot.outcome.is_none() {
            slot.hearers.push(hearer.clone());
        }
        slot.outcome.clone()
    }
}

pub(super) enum What {
    Effect {
        from: Place,
        effect: Effect,
    },
    /// Of a caller that waits.
    Deadline(Promise),
    /// Of an ask.
    Late(Hearer),
}

pub(super) struct Due {
    pub(super) at_ms: f64,
    pub(super) what: What,
}

struct Open {
    at: Place,
    method: String,
    ticket: String,
    promise: Promise,
}

#[derive(Default)]
pub(super) struct Timeline {
    due: Vec<Due>,
    open: Vec<Open>,
}

impl Timeline {
    pub(super) fn effects(&self) -> impl Iterator<Item = (f64, &Effect)> {
        self.due.iter().filter_map(|due| match &due.what {
            What::Effect { effect, .. } => Some((due.at_ms, effect)),
            What::Deadline(_) | What::Late(_) => None,
        })
    }

    pub(super) fn add(&mut self, at_ms: f64, what: What) {
        let after = self.due.iter().position(|due| due.at_ms > at_ms).unwrap_or(self.due.len());
        self.due.insert(after, Due { at_ms, what });
    }

    pub(super) fn cancel(&mut self, of: &Place, name: &str) {
        self.due.retain(|due| match &due.what {
            What::Effect { from, effect } => from != of || effect.name.as_deref() != Some(name),
            What::Deadline(_) | What::Late(_) => true,
        });
    }

    /// The next that is due by then.
    pub(super) fn next(&mut self, by_ms: f64) -> Option<Due> {
        let is_due = self.due.first().is_some_and(|due| due.at_ms <= by_ms);
        is_due.then(|| self.due.remove(0))
    }

    pub(super) fn wait(&mut self, at: Place, method: &str, ticket: &str, promise: Promise) {
        self.open.push(Open { at, method: method.into(), ticket: ticket.into(), promise });
    }

    /// Those who wait for it. It is no longer open.
    pub(super) fn resolve(&mut self, of: &Place, resolution: &Resolution) -> Vec<Promise> {
        let Resolution { ticket, method, .. } = resolution;
        let (waiting, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|one: &Open| one.at == *of && one.method == *method && one.ticket == *ticket);
        self.open = open;
        waiting.into_iter().map(|one: Open| one.promise).collect()
    }
}
