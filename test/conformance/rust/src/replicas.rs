//! Replicas: the model service of replicated values, all kinds in one map.

use crate::proto::act::Act;
use crate::proto::change::Change;
use crate::proto::replicas::replicated::*;
use crate::proto::{Assign, Count, Nest, Said, Script, replicas};
use crate::script::{Entity, Showing, perform, with_all};

innkeeper::record! {
    pub struct All {
        pub g: GCounter,
        pub p: PnCounter,
        pub gs: GSet<String>,
        pub os: OrSet<String>,
        pub r: LwwRegister<String>,
        pub f: Flag,
        pub m: OrMap<String, PnCounter>,
        pub v: Vote,
        pub n: OrMap<String, OrSet<String>>,
    }
}

pub struct Service;

impl Replicas for Service {
    type Value = All;

    fn r#do(all: &All, script: Script, context: &Context) -> Decision<Self, Said> {
        let mut operations = Vec::new();
        let mut deleted = false;
        let mut consistency = Consistency::Local;
        let knows = Some(Entity { r#do: replicas::call::r#do, heard: None });
        let showing = Showing { entity: Some(context.entity()), knows, ..Showing::default() };
        let mut done = perform(script, context, &showing, |act| match act {
            Act::Clear(_) => deleted = true,
            Act::Consistency(number) => consistency = Consistency::from_number(number).unwrap_or(consistency),
            Act::Change(change) => operations.extend(change.change.map(|change| operation(all, change))),
            _ => {}
        });
        if let Some(refusal) = done.refusal {
            return Err(refusal);
        }
        let accepted = if deleted { remove_with(operations) } else { accept(operations) };
        let accepted = with_all!(accepted.consistency(consistency), done);
        match (done.forward.take(), done.later.take()) {
            (Some(call), _) => accepted.forward(call),
            (_, Some(ticket)) => accepted.later(ticket),
            _ => accepted.reply_with(|after: &All| done.said(|| shown(after))),
        }
    }
}

fn operation(all: &All, change: Change) -> Operation {
    match change {
        Change::Increment(by) => all.g.add(by),
        Change::Add(by) => all.p.add(by),
        Change::Grow(element) => all.gs.add(&element),
        Change::Insert(element) => all.os.add(&element),
        Change::Remove(element) => all.os.remove(&element),
        Change::Clear(_) => all.os.clear(),
        Change::Assign(Assign { value, clock, custom_clock }) => {
            all.r.set_with(&value, Clock::from_number(clock), custom_clock)
        }
        Change::Enable(_) => all.f.enable(),
        Change::Vote(own) => all.v.vote(own),
        Change::Count(Count { key, by }) => all.m.at(&key).add(by),
        Change::Uncount(key) => all.m.remove(&key),
        Change::ClearCounts(_) => all.m.clear(),
        Change::Nest(Nest { key, element }) => all.n.at(&key).add(&element),
        Change::Unnest(key) => all.n.remove(&key),
        Change::CreateCount(key) => all.m.create(&key),
        Change::CreateNest(key) => all.n.create(&key),
    }
}

/// Elements and keys come in the order of their bytes.
pub fn shown(All { g, p, gs, os, r, f, m, v, n }: &All) -> String {
    let joined = |texts: &mut dyn Iterator<Item = String>, by: &str| texts.collect::<Vec<_>>().join(by);
    let counts = joined(&mut m.iter().map(|(key, count)| format!("{key}:{}", count.value())), ",");
    let nested = joined(&mut n.iter().map(|(key, set)| format!("{key}:{}", joined(&mut set.iter(), "+"))), ",");
    format!(
        "g={} p={} gs={} os={} r={} f={} m={counts} v={}/{}/{} n={nested}",
        g.value(),
        p.value(),
        joined(&mut gs.iter(), ","),
        joined(&mut os.iter(), ","),
        r.value(),
        f.enabled(),
        v.votes_for(),
        v.voters(),
        v.own(),
    )
}
