//! Events: the model service of event sourcing.

use crate::proto::act::Act;
use crate::proto::events::event_sourced::*;
use crate::proto::{Cleared, Log, Noted, Said, Script};
use crate::script::{Showing, perform, with_all};

pub struct Service;

innkeeper::events! {
    pub enum Event { Noted, Cleared }
}

impl Events for Service {
    type State = Log;
    type Event = Event;

    fn evolve(log: &mut Log, event: Event) {
        match event {
            Event::Noted(Noted { text }) => log.notes.push(text),
            Event::Cleared(Cleared {}) => log.notes.clear(),
        }
    }

    fn r#do(_: &Log, script: Script, context: &Context) -> Decision<Self, Said> {
        let mut events = Vec::new();
        let showing = Showing { entity: Some(context.entity()), ..Showing::default() };
        let mut done = perform(script, context, &showing, |act| match act {
            Act::Note(text) => events.push(Event::Noted(Noted { text })),
            Act::Clear(_) => events.push(Event::Cleared(Cleared {})),
            _ => {}
        });
        if let Some(refusal) = done.refusal {
            return Err(refusal);
        }
        let accepted = with_all!(accept(events), done);
        match done.forward.take() {
            Some(call) => accepted.forward(call),
            None => accepted.reply_with(|after: &Log| done.said(|| state(after))),
        }
    }
}

fn state(log: &Log) -> String {
    if log.notes.is_empty() { "-".into() } else { log.notes.join(",") }
}
