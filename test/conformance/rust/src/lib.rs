//! The model services in Rust. conformance.proto says what each act means.

pub mod actions;
pub mod events;
pub mod members;
pub mod proto;
pub mod replicas;
mod script;
pub mod values;
pub mod views;

use proto::{actions as actions_service, events as events_service, members as members_service};
use proto::{replicas as replicas_service, values as values_service};

innkeeper::serve! {
    event_sourced: events_service => events::Service,
    value: values_service => values::Service,
    replicated: replicas_service => replicas::Service,
    replicated: members_service => members::Service,
    action: actions_service => actions::Service,
    view: proto::notes => views::Notes,
    view: proto::board => views::Board,
    view: proto::crowd => views::Crowd,
}
