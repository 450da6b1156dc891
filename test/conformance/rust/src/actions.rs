//! Actions: the model service of what has no state.

use innkeeper::prost::Message;

use crate::proto::act::Act;
use crate::proto::actions::action::*;
use crate::proto::{Act as ActMessage, Everything, Said, Script, events};
use crate::script::{Performed, Showing, perform, refusal_of, with_deliveries};

const COUNT_MAX: u32 = 1000;

pub struct Service;

impl Actions for Service {
    type Count = Counting;
    type Join = Joining;
    type Chat = Chatting;

    fn r#do(script: Script, moment: &Moment) -> Decision<Said> {
        let mut done = performed(script, moment);
        if let Some(refusal) = done.refusal {
            // An action's refusal keeps its effects.
            return Err(done.deliveries.into_iter().fold(Refused::from(refusal), Refused::effect));
        }
        let accepted = with_deliveries!(accept(), done);
        match done.forward.take() {
            Some(call) => accepted.forward(call),
            None => accepted.reply(done.said(|| "-".into())),
        }
    }

    fn echo(request: Everything, _: &Moment) -> Decision<Everything> {
        accept().reply(request)
    }

    fn table(_: Script, _: &Moment) -> Decision<Everything> {
        let strings = (0..20).map(|index| (format!("k{index:02}"), index + 1)).collect();
        accept().reply(Everything { f_double: f64::NAN, f_float: f32::NAN, strings, ..Everything::default() })
    }
}

fn performed(script: Script, moment: &Moment) -> Performed {
    perform(script, moment, &Showing::default(), |_| {})
}

/// A server stream, which has said so many numbers.
#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "::innkeeper::prost")]
pub struct Counting {
    #[prost(message, required, tag = "1")]
    script: Script,
    #[prost(uint32, tag = "2")]
    said: u32,
}

impl ServerStream for Counting {
    type Request = Script;
    type Reply = Said;

    fn start(script: Script, _: &Moment) -> Result<Self, Refused> {
        Ok(Counting { script, said: 0 })
    }

    fn next(&mut self, moment: &Moment) -> Steps<Said> {
        let count = self.script.count.min(COUNT_MAX);
        let up_to = count.min(self.said.saturating_add(self.script.chunk.max(1)));
        let mut step = silent();
        if self.said == 0 {
            for effect in performed(self.script.clone(), moment).deliveries {
                step = step.effect(effect);
            }
        }
        for number in self.said + 1..=up_to {
            step = step.emit(Said { text: number.to_string() });
        }
        self.said = up_to;
        Ok(if up_to < count { step } else { step.end() })
    }
}

/// A client stream, with what it was told.
#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "::innkeeper::prost")]
pub struct Joining {
    #[prost(string, repeated, tag = "1")]
    texts: Vec<String>,
}

impl ClientStream for Joining {
    type Request = Script;
    type Reply = Said;

    fn item(&mut self, script: Script, _: &Moment) -> Result<Kept<Said>, Refused> {
        let Items { texts, .. } = items(script.acts)?;
        self.texts.extend(texts);
        Ok(keep())
    }

    fn end(&mut self, _: &Moment) -> Decision<Said> {
        accept().reply(Said { text: self.texts.join(",") })
    }
}

/// A stream both ways, which remembers nothing.
#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "::innkeeper::prost")]
pub struct Chatting {}

impl Bidi for Chatting {
    type Request = Script;
    type Reply = Said;

    fn item(&mut self, script: Script, _: &Moment) -> Steps<Said> {
        let Items { texts, clears } = items(script.acts)?;
        let step = if texts.is_empty() { silent() } else { emit(Said { text: texts.join(",") }) };
        Ok(if clears { step.end() } else { step })
    }

    fn end(&mut self, _: &Moment) -> Steps<Said> {
        Ok(emit(Said { text: "bye".into() }).end())
    }

    fn cancelled(&mut self, _: &Moment) -> Accepting {
        let note = ActMessage { act: Some(Act::Note("left".into())) };
        accept().effect(events::call::r#do(Script { id: "left".into(), acts: vec![note], ..Script::default() }))
    }
}

struct Items {
    texts: Vec<String>,
    clears: bool,
}

/// What an item of a stream says; or the last refusal, without anything else that was asked.
fn items(acts: Vec<ActMessage>) -> Result<Items, Refused> {
    let mut items = Items { texts: Vec::new(), clears: false };
    let mut refusal = None;
    for act in acts.into_iter().filter_map(|act| act.act) {
        match act {
            Act::Say(text) => items.texts.push(text),
            Act::Clear(_) => items.clears = true,
            Act::Refuse(act) => refusal = Some(refusal_of(act)),
            _ => {}
        }
    }
    refusal.map_or(Ok(items), |refusal| Err(refusal.into()))
}
