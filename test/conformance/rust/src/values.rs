//! Values: the model service of values.

use crate::proto::act::Act;
use crate::proto::values::value::*;
use crate::proto::{Answered, Box, Said, Script, values};
use crate::script::{Entity, Showing, heard, perform, with_all};

pub struct Service;

enum Next {
    Same,
    Update(Box),
    Remove,
}

impl Values for Service {
    type Value = Box;

    fn r#do(_: Option<&Box>, script: Script, context: &Context) -> Decision<Self, Said> {
        let mut next = Next::Same;
        let knows = Some(Entity { r#do: values::call::r#do, heard: Some(values::call::heard) });
        let showing = Showing { entity: Some(context.entity()), knows, ..Showing::default() };
        let mut done = perform(script, context, &showing, |act| match act {
            Act::Note(text) => next = Next::Update(Box { text }),
            Act::Clear(_) => next = Next::Remove,
            _ => {}
        });
        if let Some(refusal) = done.refusal {
            return Err(refusal);
        }
        let accepting = match next {
            Next::Same => accept(),
            Next::Update(value) => update(value),
            Next::Remove => remove(),
        };
        let accepted = with_all!(accepting, done);
        match (done.forward.take(), done.later.take()) {
            (Some(call), _) => accepted.forward(call),
            (_, Some(ticket)) => accepted.later(ticket),
            _ => accepted.reply_with(|after: Option<&Box>| done.said(|| state(after))),
        }
    }

    fn heard(_: Option<&Box>, answered: Answered, _: &Context) -> Decision<Self, Said> {
        let text = heard(answered);
        update(Box { text: text.clone() }).reply(Said { text })
    }
}

fn state(value: Option<&Box>) -> String {
    value.map_or("-".into(), |Box { text }| format!("[{text}]"))
}
