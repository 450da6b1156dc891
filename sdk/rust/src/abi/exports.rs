//! Exports: one function for each of the contract's, given the services that a component has of that kind.
//!
//!   description     40 bytes   sdk-name 0, sdk-version 8, services 16, descriptors 24, view-services 32
//!
//!   event-sourced   decide-answer  36   case (u8) 0; decided: decisions 4 (88 each: events 0, outcome 8), next: case (u8) 12, state 16
//!                   evolve-answer  24   case (u8) 0, state 4
//!   value           decide-answer  20   case (u8) 0; decided: decisions 4 (92 each: change 0, outcome 12), held (u8) 12
//!   replicated      decision      108   answer: case (u8) 0, outcome or list 4; operations 84, delete (u8) 92, subscribe 96
//!                   stream-step    96   subscription 0, outcome: present (u8) 8, outcome 12; end (u8) 92
//!   view            change         64   service 0, entity 8, sequence (f64) 16, at-ms (f64) 24, what: case (u8) 32, typed 36; keys 52
//!                   put            20   key 0, row (option) 8
//!   action          step           24   outputs 0, state 8, done (u8) 20, more (u8) 21
//!
//! The parameters are flat values, as host/guest/layout.ts says.

use super::fault;
use super::lift::{self, At};
use super::lower::Put;
use crate::context::{Command, Occasion};
use crate::options::About;
use crate::outcome::Outcome;
use crate::replicated::{Answer, Decided, Subscription};
use crate::value::Changed;
use crate::{action, event_sourced, replicated, value, view};

/// The services of a component.
pub struct Services {
    pub event_sourced: &'static [&'static dyn event_sourced::Service],
    pub value: &'static [&'static dyn value::Service],
    pub replicated: &'static [&'static dyn replicated::Service],
    pub action: &'static [&'static dyn action::Service],
    pub view: &'static [&'static dyn view::Service],
}

/// The host asks only for services that were described.
macro_rules! named {
    ($services:expr, $name:expr) => {{
        let name = $name;
        *$services.iter().find(|service| service.name() == name).expect("this component has no such service")
    }};
}

pub fn describe(services: &Services, descriptors: &'static [u8]) -> usize {
    fault::watch();
    let mut about: Vec<About> = Vec::new();
    about.extend(services.event_sourced.iter().map(|service| service.about()));
    about.extend(services.value.iter().map(|service| service.about()));
    about.extend(services.replicated.iter().map(|service| service.about()));
    about.extend(services.action.iter().map(|service| service.about()));
    let answer = Put::new(40);
    answer.text(0, "innkeeper-rust");
    answer.text(8, env!("CARGO_PKG_VERSION"));
    answer.list(16, 80, about, Put::service);
    answer.constant(24, descriptors);
    answer.list(32, 24, services.view.iter().map(|view| view.about()).collect(), Put::view_service);
    answer.pointer()
}

pub fn view_keys(services: &Services, view: [usize; 2], changes: [usize; 2]) -> usize {
    let view = named!(services.view, lift::text(view[0], view[1]));
    let answer = Put::new(8);
    let keys = view.keys(&lift::changes(changes[0], changes[1]));
    answer.list(0, 8, keys, |at, keys| at.list(0, 8, keys, |at, key| at.text(0, &key)));
    answer.pointer()
}

pub fn view_project(services: &Services, view: [usize; 2], changes: [usize; 2], rows: [usize; 2]) -> usize {
    let view = named!(services.view, lift::text(view[0], view[1]));
    let answer = Put::new(8);
    let puts = view.project(&lift::changes(changes[0], changes[1]), lift::rows(rows[0], rows[1]));
    answer.list(0, 8, puts, |at, puts| at.list(0, 20, puts, Put::row));
    answer.pointer()
}

const INITIAL: u32 = 0;
const HELD: u32 = 2;

/// None: it is held, which nothing ever is.
fn basis<'a>(case: u32, pointer: usize, length: usize) -> Option<Option<&'a [u8]>> {
    match case {
        INITIAL => Some(None),
        HELD => None,
        _ => Some(Some(lift::bytes(pointer, length))),
    }
}

#[allow(clippy::too_many_arguments)]
pub fn event_sourced_decide(
    services: &Services,
    service: [usize; 2],
    entity: [usize; 2],
    case: u32,
    state: [usize; 2],
    commands: [usize; 2],
    want_state: u32,
) -> usize {
    let answer = Put::new(36);
    let Some(basis) = basis(case, state[0], state[1]) else {
        answer.byte(0, 1);
        return answer.pointer();
    };
    let service = named!(services.event_sourced, lift::text(service[0], service[1]));
    let mut commands = lift::commands(commands[0], commands[1]);
    let decided = service.decide(lift::text(entity[0], entity[1]), basis, &mut commands, want_state != 0);
    answer.byte(0, 0);
    answer.list(4, 88, decided.decisions, |at, (events, outcome)| {
        at.typed(0, events);
        at.outcome(8, outcome);
    });
    answer.bool(12, decided.state.is_some());
    if let Some(state) = decided.state {
        answer.bytes(16, state);
    }
    answer.pointer()
}

pub fn event_sourced_evolve(
    services: &Services,
    service: [usize; 2],
    case: u32,
    state: [usize; 2],
    events: [usize; 2],
) -> usize {
    let answer = Put::new(24);
    let Some(basis) = basis(case, state[0], state[1]) else {
        answer.byte(0, 2);
        return answer.pointer();
    };
    let service = named!(services.event_sourced, lift::text(service[0], service[1]));
    answer.byte(0, 0);
    answer.bytes(4, service.evolve(basis, &mut lift::events(events[0], events[1])));
    answer.pointer()
}

pub fn value_decide(
    services: &Services,
    service: [usize; 2],
    entity: [usize; 2],
    case: u32,
    state: [usize; 2],
    commands: [usize; 2],
) -> usize {
    let answer = Put::new(20);
    let Some(basis) = basis(case, state[0], state[1]) else {
        answer.byte(0, 1);
        return answer.pointer();
    };
    let service = named!(services.value, lift::text(service[0], service[1]));
    let mut commands = lift::commands(commands[0], commands[1]);
    let decisions = service.decide(lift::text(entity[0], entity[1]), basis, &mut commands);
    answer.byte(0, 0);
    answer.list(4, 92, decisions, |at, (changed, outcome)| {
        match changed {
            Changed::Unchanged => at.byte(0, 0),
            Changed::Updated(value) => {
                at.byte(0, 1);
                at.bytes(4, value);
            }
            Changed::Deleted => at.byte(0, 2),
        }
        at.outcome(12, outcome);
    });
    answer.byte(12, 0);
    answer.pointer()
}

#[allow(clippy::too_many_arguments)]
pub fn replicated_reads(
    services: &Services,
    service: [usize; 2],
    method: [usize; 2],
    payload: [usize; 2],
    metadata: [usize; 2],
    now_ms: f64,
    seed: [u32; 4],
) -> usize {
    let command = Command {
        method: lift::text(method[0], method[1]),
        payload: lift::bytes(payload[0], payload[1]),
        metadata: lift::metadata(metadata[0], metadata[1]),
        now_ms,
        seed,
    };
    let service = named!(services.replicated, lift::text(service[0], service[1]));
    let answer = Put::new(8);
    answer.list(0, 8, service.reads(&command), |at, element| at.bytes(0, element));
    answer.pointer()
}

/// `tuple`: service 0, entity 8, view 16, command 24.
pub fn replicated_decide(services: &Services, tuple: usize) -> usize {
    let at = At(tuple);
    let service = named!(services.replicated, at.text(0));
    decision(service.decide(at.text(8), at.bytes(16), &At(tuple + 24).command()))
}

/// `tuple`: the same, and note 88.
pub fn replicated_render(services: &Services, tuple: usize) -> usize {
    let at = At(tuple);
    let service = named!(services.replicated, at.text(0));
    let answer = Put::new(80);
    answer.outcome(0, service.render(at.text(8), at.bytes(16), &At(tuple + 24).command(), at.bytes(88)));
    answer.pointer()
}

pub fn replicated_changed(
    services: &Services,
    service: [usize; 2],
    entity: [usize; 2],
    view: [usize; 2],
    subscriptions: [usize; 2],
    now_ms: f64,
) -> usize {
    let service = named!(services.replicated, lift::text(service[0], service[1]));
    let occasion = Occasion { entity: lift::text(entity[0], entity[1]), now_ms };
    let subscriptions = lift::subscriptions(subscriptions[0], subscriptions[1]);
    let steps = service.changed(lift::bytes(view[0], view[1]), &subscriptions, &occasion);
    let answer = Put::new(8);
    answer.list(0, 96, subscriptions.into_iter().zip(steps).collect(), |at, (subscription, step)| {
        at.text(0, subscription.id);
        at.bool(8, step.outcome.is_some());
        if let Some(outcome) = step.outcome {
            at.outcome(12, outcome);
        }
        at.bool(92, step.end);
    });
    answer.pointer()
}

#[allow(clippy::too_many_arguments)]
pub fn replicated_cancelled(
    services: &Services,
    service: [usize; 2],
    entity: [usize; 2],
    view: [usize; 2],
    id: [usize; 2],
    method: [usize; 2],
    note: [usize; 2],
    now_ms: f64,
) -> usize {
    let service = named!(services.replicated, lift::text(service[0], service[1]));
    let occasion = Occasion { entity: lift::text(entity[0], entity[1]), now_ms };
    let subscription = Subscription {
        id: lift::text(id[0], id[1]),
        method: lift::text(method[0], method[1]),
        note: lift::bytes(note[0], note[1]),
    };
    decision(service.cancelled(lift::bytes(view[0], view[1]), &subscription, &occasion))
}

fn decision(decided: Decided) -> usize {
    let answer = Put::new(108);
    match decided.answer {
        Answer::Now(outcome) => {
            answer.byte(0, 0);
            answer.outcome(4, outcome);
        }
        Answer::After(note) => {
            answer.byte(0, 1);
            answer.bytes(4, note);
        }
    }
    answer.bytes(84, decided.operations);
    answer.bool(92, decided.delete);
    answer.option(96, decided.subscribe);
    answer.pointer()
}

pub fn action_call(services: &Services, service: [usize; 2], commands: [usize; 2]) -> usize {
    let service = named!(services.action, lift::text(service[0], service[1]));
    let outcomes = lift::commands(commands[0], commands[1]).map(|command| service.call(&command)).collect();
    let answer = Put::new(8);
    put_outcomes(answer, outcomes);
    answer.pointer()
}

#[allow(clippy::too_many_arguments)]
pub fn action_stream(
    services: &Services,
    service: [usize; 2],
    method: [usize; 2],
    present: u32,
    state: [usize; 2],
    inputs: [usize; 2],
    now_ms: f64,
    seed: [u32; 4],
) -> usize {
    let service = named!(services.action, lift::text(service[0], service[1]));
    let state = (present != 0).then(|| lift::bytes(state[0], state[1]));
    let inputs = lift::inputs(inputs[0], inputs[1]);
    let step = service.stream(lift::text(method[0], method[1]), state, inputs, now_ms, seed);
    let answer = Put::new(24);
    put_outcomes(answer, step.outputs);
    answer.option(8, step.state);
    answer.bool(20, step.done);
    answer.bool(21, step.more);
    answer.pointer()
}

fn put_outcomes(at: Put, outcomes: Vec<Outcome>) {
    at.list(0, 80, outcomes, |at, outcome| at.outcome(0, outcome));
}
