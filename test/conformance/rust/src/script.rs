//! What the model services share: acts that mean the same in all of them.

use innkeeper::log;
use innkeeper::{Call, Code, Delivery, MetadataRef, MetadataValue, Moment, Refusal};

use crate::proto::act::Act;
use crate::proto::{Ask, Fault, Noted, Said, Script, Target};
use crate::proto::{Refusal as RefusalAct, actions, events, members, replicas, values};

/// What a script comes to, once a service knows its state after the command.
#[derive(Default)]
pub struct Performed {
    pub refusal: Option<Refusal>,
    pub forward: Option<Call<Said>>,
    pub effects: Vec<Delivery>,
    pub headers: Vec<(String, MetadataValue)>,
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

/// What a service says of itself besides its state.
#[derive(Default)]
pub struct Showing<'a> {
    pub entity: Option<&'a str>,
    pub size: Option<&'a dyn Fn() -> String>,
    pub has: Option<&'a dyn Fn() -> String>,
}

/// Accepting of every kind, with the effects and the metadata of the script.
macro_rules! with_all {
    ($accepting:expr, $done:expr) => {{
        let mut accepting = $accepting;
        for effect in ::std::mem::take(&mut $done.effects) {
            accepting = accepting.effect(effect);
        }
        for (name, value) in ::std::mem::take(&mut $done.headers) {
            accepting = accepting.metadata(&name, value);
        }
        accepting
    }};
}
pub(crate) use with_all;

/// Does the acts of a script, in order. `change` does those that change state.
pub fn perform(script: Script, moment: &Moment, showing: &Showing, mut change: impl FnMut(Act)) -> Performed {
    let mut done = Performed::default();
    let armed = script.element == "armed";
    for act in script.acts.into_iter().filter_map(|act| act.act) {
        match act {
            Act::Say(text) => done.pieces.push(Some(text)),
            Act::Refuse(act) => done.refusal = Some(refusal_of(act)),
            Act::Forward(target) => done.forward = call_of(target).or(done.forward),
            Act::Effect(target) => {
                let synchronous = target.synchronous;
                done.effects
                    .extend(call_of(target).map(|call| if synchronous { call.synchronous() } else { call.into() }));
            }
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
