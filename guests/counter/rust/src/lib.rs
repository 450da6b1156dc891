//! The counter: the smallest service with state.

pub mod proto {
    ::innkeeper::include_proto!();
}

use proto::examples::counter::v1::counter::event_sourced::*;
use proto::examples::counter::v1::{AddRequest, Added, GetRequest, Value, counter};

const VALUE_MAX: i64 = 1_000_000_000_000;

pub struct Service;

innkeeper::events! {
    pub enum Event { Added }
}

impl Counter for Service {
    type State = Value;
    type Event = Event;

    fn evolve(state: &mut Value, event: Event) {
        match event {
            Event::Added(added) => state.value += added.amount,
        }
    }

    fn add(state: &Value, AddRequest { amount, .. }: AddRequest, _: &Context) -> Decision<Self, Value> {
        if amount <= 0 {
            return refuse(Code::InvalidArgument, format!("amount must be positive, got {amount}"));
        }
        if state.value.checked_add(amount).is_none_or(|value| value > VALUE_MAX) {
            return refuse(Code::FailedPrecondition, format!("the value may not exceed {VALUE_MAX}"));
        }
        accept(Added { amount }).reply_with(|after: &Value| *after)
    }

    fn get(state: &Value, _: GetRequest, _: &Context) -> Decision<Self, Value> {
        accept(()).reply(*state)
    }
}

innkeeper::serve! {
    event_sourced: counter => Service,
}
