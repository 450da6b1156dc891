//! Members: the model service of what a method sees of a replicated value, and of its streams.

use crate::proto::act::Act;
use crate::proto::members::replicated::*;
use crate::proto::{Answered, Said, Script, members};
use crate::script::{Entity, Performed, Showing, heard, listed, perform, with_all, with_deliveries};

type Set = OrSet<String>;

pub struct Service;

struct Done {
    performed: Performed,
    operations: Vec<Operation>,
    deleted: bool,
}

/// `has`: whether the request's element is known. `streams`: it knows only when effects are due.
fn performed(set: &Set, script: Script, context: &Context, has: bool, streams: bool) -> Result<Done, Refusal> {
    let mut operations = Vec::new();
    let mut deleted = false;
    let element = script.element.clone();
    let size = || set.size().to_string();
    let has_element = || set.has(&element).to_string();
    let entity = Entity { r#do: members::call::r#do, heard: Some(members::call::heard) };
    let showing = Showing {
        entity: Some(context.entity()),
        knows: (!streams).then_some(entity),
        size: Some(&size),
        has: if has { Some(&has_element) } else { None },
    };
    let mut performed = perform(script, context, &showing, |act| match act {
        Act::Note(text) => operations.push(set.add(&text)),
        Act::Drop(text) => operations.push(set.remove(&text)),
        Act::Clear(_) => operations.push(set.clear()),
        Act::Delete(_) => deleted = true,
        _ => {}
    });
    match performed.refusal.take() {
        Some(refusal) => Err(refusal),
        None => Ok(Done { performed, operations, deleted }),
    }
}

fn answer(done: Done, state: impl Fn(&Set) -> String + 'static) -> innkeeper::replicated::Decision<Set, Said> {
    let Done { mut performed, operations, deleted } = done;
    let accepted = with_all!(if deleted { remove_with(operations) } else { accept(operations) }, performed);
    match (performed.forward.take(), performed.later.take()) {
        (Some(call), _) => accepted.forward(call),
        (_, Some(ticket)) => accepted.later(ticket),
        _ => accepted.reply_with(move |after: &Set| performed.said(|| state(after))),
    }
}

/// Of a method that streams.
fn answer_once(done: Done) -> innkeeper::replicated::Decision<Set, Said, Opening> {
    let Done { mut performed, operations, deleted } = done;
    let accepted = with_deliveries!(if deleted { remove_with(operations) } else { accept(operations) }, performed);
    match performed.forward.take() {
        Some(call) => accepted.forward(call),
        None => accepted.reply_with(move |after: &Set| performed.said(|| shown(after))),
    }
}

impl Members for Service {
    type Value = Set;

    fn r#do(set: &Set, script: Script, context: &Context) -> Decision<Self, Said> {
        answer(performed(set, script, context, true, false)?, shown)
    }

    fn blind(set: &Set, script: Script, context: &Context) -> Decision<Self, Said> {
        answer(performed(set, script, context, false, false)?, |_| "-".into())
    }

    fn blind_view() -> View<Self, Script> {
        Look::Nothing
    }

    fn one(set: &Set, script: Script, context: &Context) -> Decision<Self, Said> {
        answer(performed(set, script, context, true, false)?, shown)
    }

    fn one_view() -> View<Self, Script> {
        Look::Element("element")
    }

    fn some(set: &Set, script: Script, context: &Context) -> Decision<Self, Said> {
        answer(performed(set, script, context, false, false)?, shown)
    }

    fn some_view() -> View<Self, Script> {
        Look::Dynamic(|script| script.look.clone())
    }

    fn open(set: &Set, script: Script, context: &Context) -> StreamDecision<Self, Said> {
        let done = performed(set, script, context, true, true)?;
        if done.deleted || done.performed.forward.is_some() {
            return answer_once(done);
        }
        let Done { mut performed, operations, .. } = done;
        with_deliveries!(accept(operations), performed).stream_with(|after: &Set| performed.said(|| shown(after)))
    }

    fn heard(set: &Set, answered: Answered, _: &Context) -> Decision<Self, Said> {
        let text = heard(answered);
        accept(set.add(&text)).reply(Said { text })
    }

    fn open_changed(set: &Set, _: Script, _: &Occasion) -> Steps<Said> {
        if set.has(&"bad".into()) {
            return refuse(Code::FailedPrecondition, "bad");
        }
        let told = emit(Said { text: shown(set) });
        Ok(if set.has(&"end".into()) { told.end() } else { told })
    }

    fn open_cancelled(set: &Set, _: Script, _: &Occasion) -> Accepting<Set> {
        accept(set.add(&"left".into()))
    }
}

/// What the view holds, in the order of their bytes.
fn shown(set: &Set) -> String {
    listed(set.iter())
}
