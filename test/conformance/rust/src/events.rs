//! Events: the model service of event sourcing.

use crate::proto::act::Act;
use crate::proto::events::event_sourced::*;
use crate::proto::{Answered, Cleared, Log, Noted, Said, Script, events};
use crate::script::{Entity, Showing, heard, perform, with_all};

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
        let knows = Some(Entity { r#do: events::call::r#do, heard: Some(events::call::heard) });
        let showing = Showing { entity: Some(context.entity()), knows, ..Showing::default() };
        let mut done = perform(script, context, &showing, |act| match act {
            Act::Note(text) => events.push(Event::Noted(Noted { text })),
            Act::Clear(_) => events.push(Event::Cleared(Cleared {})),
            _ => {}
        });
        if let Some(refusal) = done.refusal {
            return Err(refusal);
        }
        let accepted = with_all!(accept(events), done);
        match (done.forward.take(), done.later.take()) {
            (Some(call), _) => accepted.forward(call),
            (_, Some(ticket)) => accepted.later(ticket),
            _ => accepted.reply_with(|after: &Log| done.said(|| state(after))),
        }
    }

    fn heard(_: &Log, answered: Answered, _: &Context) -> Decision<Self, Said> {
        let text = heard(answered);
        accept(Noted { text: text.clone() }).reply(Said { text })
    }
}

fn state(log: &Log) -> String {
    if log.notes.is_empty() { "-".into() } else { log.notes.join(",") }
}
