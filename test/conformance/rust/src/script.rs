//! What the model services share: acts that mean the same in all of them.

use std::time::Duration;

use innkeeper::log;
use innkeeper::{Call, Code, Delivery, Effect, MetadataRef, MetadataValue, Moment, Reason, Refusal, Ticket, reason_of};

use crate::proto::act::Act;
use crate::proto::answered::Outcome;
use crate::proto::timed::Due;
use crate::proto::{Answered, Ask, Fault, Noted, Resolved, Said, Script, Target, Timed, Waiting};
use crate::proto::{Refusal as RefusalAct, actions, events, members, replicas, values};

/// What a script comes to, once a service knows its state after the command.
#[derive(Default)]
pub struct Performed {
    pub refusal: Option<Refusal>,
    pub forward: Option<Call<Said>>,
    /// Instead of the reply.
    pub later: Option<Ticket>,
    pub effects: Vec<Effect>,
    /// Where only these are known.
    pub deliveries: Vec<Delivery>,
    pub cancels: Vec<String>,
    pub resolves: Vec<Resolving>,
    pub headers: Vec<(String, MetadataValue)>,
    names: Vec<String>,
    /// None: the state, which is not known yet.
    pieces: Vec<Option<String>>,
}

impl Performed {
    /// `state`: what `STATE` says.
    pub fn said(self, state: impl Fn() -> String) -> Said {
        let pieces: Vec<String> = self.pieces.into_iter().map(|piece| piece.unwrap_or_else(&state)).collect();
        Said { text: pieces.join(" ") }
    }
}

/// A ticket, and what those who wait for it are answered.
pub struct Resolving {
    pub ticket: String,
    pub method: Own,
    pub answer: Result<Said, Refusal>,
}

/// A method of the service itself.
#[derive(Clone, Copy)]
pub enum Own {
    Do(fn(Script) -> Call<Said>),
    Heard(fn(Answered) -> Call<Said>),
}

/// Of an entity that knows all words of a later time. Without `heard` it asks nothing.
pub struct Entity {
    pub r#do: fn(Script) -> Call<Said>,
    pub heard: Option<fn(Answered) -> Call<Said>>,
}

/// What a service says of itself besides its state.
#[derive(Default)]
pub struct Showing<'a> {
    pub entity: Option<&'a str>,
    /// None: the method knows only when effects are due.
    pub knows: Option<Entity>,
    pub size: Option<&'a dyn Fn() -> String>,
    pub has: Option<&'a dyn Fn() -> String>,
}

/// Accepting of an entity, with all words and the metadata of the script.
macro_rules! with_all {
    ($accepting:expr, $done:expr) => {{
        let mut accepting = $crate::script::with_deliveries!($accepting, $done);
        for effect in ::std::mem::take(&mut $done.effects) {
            accepting = accepting.effect(effect);
        }
        for name in ::std::mem::take(&mut $done.cancels) {
            accepting = accepting.cancel(name);
        }
        for $crate::script::Resolving { ticket, method, answer } in ::std::mem::take(&mut $done.resolves) {
            accepting = match method {
                $crate::script::Own::Do(method) => accepting.resolve(ticket, method, answer),
                $crate::script::Own::Heard(method) => accepting.resolve(ticket, method, answer),
            };
        }
        accepting
    }};
}
pub(crate) use with_all;

/// Accepting of every kind, with the effects that all may have and the metadata of the script.
macro_rules! with_deliveries {
    ($accepting:expr, $done:expr) => {{
        let mut accepting = $accepting;
        for effect in ::std::mem::take(&mut $done.deliveries) {
            accepting = accepting.effect(effect);
        }
        for (name, value) in ::std::mem::take(&mut $done.headers) {
            accepting = accepting.metadata(&name, value);
        }
        accepting
    }};
}
pub(crate) use with_deliveries;

/// Does the acts of a script, in order. `change` does those that change state.
pub fn perform(script: Script, moment: &Moment, showing: &Showing, mut change: impl FnMut(Act)) -> Performed {
    let mut done = Performed::default();
    let armed = script.element == "armed";
    for act in script.acts.into_iter().filter_map(|act| act.act) {
        match act {
            Act::Say(text) => done.pieces.push(Some(text)),
            Act::Refuse(act) => done.refusal = Some(refusal_of(act)),
            Act::Forward(target) => {
                if let Some(call) = call_of(target) {
                    (done.forward, done.later) = (Some(call), None);
                }
            }
            Act::Effect(target) => {
                timed(Timed { target: Some(target), ..Timed::default() }, moment, showing, &mut done)
            }
            Act::Timed(act) => timed(act, moment, showing, &mut done),
            Act::Cancel(name) => {
                if showing.knows.is_some() && !name.is_empty() {
                    done.cancels.push(name);
                }
            }
            Act::Later(Waiting { ticket, within }) => {
                if showing.knows.is_some() && !ticket.is_empty() {
                    let ticket = Ticket::new(ticket);
                    done.later = Some(if within == 0 { ticket } else { ticket.within(microseconds(within)) });
                    done.forward = None;
                }
            }
            Act::Resolve(act) => done.resolves.extend(showing.knows.as_ref().and_then(|own| resolving(act, own))),
            // The host leaves out names that no transport carries.
            Act::Header(header) if !header.name.starts_with("x-") => {}
            Act::Header(header) if header.name.ends_with("-bin") => {
                done.headers.push((header.name, header.data.into()));
            }
            Act::Header(header) => done.headers.push((header.name, header.text.into())),
            Act::Fault(fault) => {
                if armed {
                    fail(Fault::try_from(fault).unwrap_or_default());
                }
            }
            Act::Ask(ask) => done.pieces.push(match Ask::try_from(ask) {
                Ok(Ask::State) => None,
                ask => Some(asked(ask.unwrap_or_default(), moment, showing)),
            }),
            Act::Log(text) => log::info!("{text}"),
            other => change(other),
        }
    }
    done
}

fn microseconds(count: u32) -> Duration {
    Duration::from_micros(count.into())
}

fn timed(act: Timed, moment: &Moment, showing: &Showing, done: &mut Performed) {
    let Timed { target, name, within, asks, note, due } = act;
    let Some(target) = target else { return };
    let synchronous = target.synchronous && due.is_none();
    let is_events = target.service == "Events" && target.method == "Do";
    let Some(call) = call_of(target) else { return };
    let limit = (within != 0).then(|| microseconds(within));
    let after = |count: i32| microseconds(count.max(0) as u32);
    // Rounded up: the SDK takes whole milliseconds.
    let at = |count: i32| moment.now().saturating_add_signed((i64::from(count) + 999).div_euclid(1000));
    let Some(own) = &showing.knows else {
        let mut delivery = if synchronous { call.synchronous() } else { call.into() };
        delivery = match due {
            Some(Due::After(count)) => delivery.after(after(count)),
            Some(Due::At(count)) => delivery.at(at(count)),
            None => delivery,
        };
        done.deliveries.push(limit.into_iter().fold(delivery, Delivery::within));
        return;
    };
    let note = (!note.is_empty()).then_some(Noted { text: note });
    let mut effect: Effect = match own.heard {
        Some(heard) if asks && is_events => call.ask(heard, note),
        _ if synchronous => call.synchronous().into(),
        _ => call.into(),
    };
    effect = match due {
        Some(Due::After(count)) => effect.after(after(count)),
        Some(Due::At(count)) => effect.at(at(count)),
        None => effect,
    };
    effect = limit.into_iter().fold(effect, Effect::within);
    if !name.is_empty() && !done.names.contains(&name) {
        effect = effect.named(&name);
        done.names.push(name);
    }
    done.effects.push(effect);
}

fn resolving(Resolved { ticket, method, text, refuse }: Resolved, own: &Entity) -> Option<Resolving> {
    let method = match (method.as_str(), own.heard) {
        ("Do", _) => Own::Do(own.r#do),
        ("Heard", Some(heard)) => Own::Heard(heard),
        _ => return None,
    };
    let answer = refuse.map_or(Ok(Said { text }), |refusal| Err(refusal_of(refusal)));
    (!ticket.is_empty()).then_some(Resolving { ticket, method, answer })
}

/// What Heard makes of an answer.
pub fn heard(Answered { outcome, note }: Answered) -> String {
    let note = note.unwrap_or_default().text;
    match outcome {
        Some(Outcome::Reply(said)) => format!("{note}={}", said.text),
        Some(Outcome::Failure(failure)) => match reason_of(&failure) {
            Reason::Refused => format!("{note}!REFUSED"),
            Reason::NotSent => format!("{note}!NOT_SENT"),
            Reason::Unknown => format!("{note}!UNKNOWN"),
        },
        None => format!("{note}!UNKNOWN"),
    }
}

pub fn refusal_of(RefusalAct { code, message, detail }: RefusalAct) -> Refusal {
    let refusal = Refusal::new(Code::from_number(code).unwrap_or(Code::Unknown), message);
    if detail.is_empty() { refusal } else { refusal.detail(&Noted { text: detail }) }
}

fn asked(ask: Ask, moment: &Moment, showing: &Showing) -> String {
    let or_none = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".into());
    match ask {
        Ask::Now => moment.now().to_string(),
        Ask::Random => ((moment.random() * 4_294_967_296.0) as u64).to_string(),
        Ask::Uuid => moment.uuid(),
        Ask::Entity => showing.entity.unwrap_or("-").into(),
        Ask::Metadata => {
            let entry = |(name, value): (&str, MetadataRef)| match value {
                MetadataRef::Text(text) => format!("{name}={text}"),
                MetadataRef::Bytes(bytes) => format!("{name}={}", hex(bytes)),
            };
            or_none(Some(moment.metadata().iter().map(entry).collect::<Vec<_>>().join(",")))
        }
        Ask::Size => or_none(showing.size.map(|size| size())),
        Ask::Has => or_none(showing.has.map(|has| has())),
        _ => "-".into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fail(fault: Fault) {
    match fault {
        Fault::NoFault => {}
        Fault::Trap => panic!("armed to fail"),
        #[allow(clippy::empty_loop)]
        Fault::Loop => loop {},
        Fault::Grow => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(vec![kept.len() as u8; 1024 * 1024]);
            }
        }
    }
}

/// A method of the model services, by the names that a script uses.
fn call_of(Target { service, method, script, .. }: Target) -> Option<Call<Said>> {
    let script = script.unwrap_or_default();
    match (service.as_str(), method.as_str()) {
        ("Events", "Do") => Some(events::call::r#do(script)),
        ("Values", "Do") => Some(values::call::r#do(script)),
        ("Replicas", "Do") => Some(replicas::call::r#do(script)),
        ("Members", "Do") => Some(members::call::r#do(script)),
        ("Members", "Open") => Some(members::call::open(script)),
        ("Actions", "Do") => Some(actions::call::r#do(script)),
        ("Actions", "Count") => Some(actions::call::count(script)),
        _ => None,
    }
}

/// Joined by a comma; "-" for none.
pub fn listed(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().collect();
    if texts.is_empty() { "-".into() } else { texts.join(",") }
}
