//! Guards the SDK's test kits on the model services: each kind, each end of a chain, and that a wrong expectation fails.

use conformance::events::Event;
use conformance::proto::act::Act;
use conformance::proto::change::Change;
use conformance::proto::{
    Act as ActMessage, Ask, Assign, Box as Boxed, Change as ChangeMessage, Cleared, Count, Everything, Header, Nest,
    Noted, Refusal, Said, Script, Target, Tree, actions as actions_calls, events as events_calls,
    members as members_calls, replicas as replicas_calls, values as values_calls,
};
use conformance::{actions, events, members, replicas, values};
use innkeeper::testing::value::{accept, remove, update};
use innkeeper::testing::{Parked, Together, action, event_sourced, replicated, together, value};
use innkeeper::{Call, Code, Effect};

fn script(acts: impl IntoIterator<Item = Act>) -> Script {
    let acts = acts.into_iter().map(|act| ActMessage { act: Some(act) }).collect();
    Script { id: "a".into(), acts, ..Script::default() }
}

fn say(text: &str) -> Act {
    Act::Say(text.into())
}

fn note(text: &str) -> Act {
    Act::Note(text.into())
}

fn state() -> Act {
    Act::Ask(Ask::State.into())
}

fn refuse(message: &str) -> Act {
    Act::Refuse(Refusal { code: 9, message: message.into(), detail: "more".into() })
}

fn target(synchronous: bool) -> Target {
    Target { service: "Values".into(), method: "Do".into(), script: Some(script([note("v")])), synchronous }
}

fn value_call() -> Call<Said> {
    values_calls::call::r#do(script([note("v")]))
}

fn said(text: &str) -> Said {
    Said { text: text.into() }
}

fn noted(text: &str) -> Noted {
    Noted { text: text.into() }
}

#[test]
fn a_reply_is_read() {
    let acts = [note("a"), state()];
    let when = event_sourced::given::<events::Service>(()).when(events_calls::call::r#do(script(acts.clone())));
    let reply = when.reply();
    assert_eq!(reply, said("a"));
    when.then(noted("a"), reply);
    let values = value::given::<values::Service>(None).when(values_calls::call::r#do(script(acts)));
    assert_eq!(values.reply(), said("[a]"));
    let members = replicated::given::<members::Service>().when(members_calls::call::r#do(script([say("b")])));
    assert_eq!(members.reply(), said("b"));
    assert_eq!(action::when::<actions::Service, _>(actions_calls::call::r#do(script([say("c")]))).reply(), said("c"));
}

#[test]
#[should_panic(expected = "there is no reply")]
fn a_refusal_is_no_reply() {
    event_sourced::given::<events::Service>(()).when(events_calls::call::r#do(script([refuse("no")]))).reply();
}

#[test]
fn events_and_elements_are_read() {
    let when = event_sourced::given::<events::Service>(()).when(events_calls::call::r#do(script([
        note("a"),
        Act::Clear(true),
        note("b"),
    ])));
    let expected = [Event::Noted(noted("a")), Event::Cleared(Cleared {}), Event::Noted(noted("b"))];
    assert_eq!(when.events(), expected);
    when.then(expected.to_vec(), said(""));
    let mut counting =
        action::stream::<actions::Service, _>(actions_calls::call::count(Script { count: 3, ..script([]) }));
    assert_eq!(counting.read(), said("1"));
    let second = counting.read();
    assert_eq!(second, said("2"));
    counting.emits(said("3")).ends();
    let told = replicated::given::<members::Service>().changed(members_calls::call::open(script([])));
    assert_eq!(told.read(), said("-"));
}

#[test]
#[should_panic(expected = "an element is expected, and there is none")]
fn no_element_is_read_where_a_stream_is_over() {
    action::stream::<actions::Service, _>(actions_calls::call::count(script([]))).read();
}

#[test]
#[should_panic(expected = "there is no reply")]
fn a_refusal_is_no_element() {
    action::open::<actions::Service, _, _>(actions_calls::call::chat).sends(script([refuse("no")])).read();
}

fn asks_entity() -> Act {
    Act::Ask(Ask::Entity.into())
}

#[test]
fn the_entity_is_the_one_that_the_request_names() {
    let of = |id: &str| Script { id: id.into(), ..script([asks_entity()]) };
    event_sourced::given::<events::Service>(())
        .when(events_calls::call::r#do(of("ann")))
        .then((), said("ann"))
        .when(events_calls::call::r#do(of("ann")))
        .then((), said("ann"));
    value::given::<values::Service>(None).when(values_calls::call::r#do(of("bob"))).then(accept(), said("bob"));
    replicated::given::<members::Service>().when(members_calls::call::r#do(of("eve"))).then(|_| (), said("eve"));
    // What the test says goes before.
    value::given::<values::Service>(None)
        .entity("me")
        .when(values_calls::call::r#do(of("bob")))
        .then(accept(), said("me"))
        .when(values_calls::call::r#do(of("")))
        .then(accept(), said("me"));
}

#[test]
#[should_panic(expected = "Events/Do is asked of 'bob', but the test is about 'ann'")]
fn a_request_for_another_entity_is_told() {
    let of = |id: &str| events_calls::call::r#do(Script { id: id.into(), ..script([]) });
    let _ = event_sourced::given::<events::Service>(()).when(of("ann")).then((), said("")).when(of("bob"));
}

#[test]
#[should_panic(expected = "Values/Do: the field id names the entity and is empty; set it in the request")]
fn a_request_without_its_key_is_told() {
    let _ = value::given::<values::Service>(None).when(values_calls::call::r#do(Script::default()));
}

/// A call by its names, as a script has it.
fn to(service: &str, id: &str, acts: impl IntoIterator<Item = Act>) -> Target {
    let script = Script { id: id.into(), ..script(acts) };
    Target { service: service.into(), method: "Do".into(), script: Some(script), synchronous: false }
}

fn all_kinds() -> Together {
    together()
        .event_sourced::<events::Service>()
        .value::<values::Service>()
        .replicated::<members::Service>()
        .action::<actions::Service>()
}

#[test]
fn effects_reach_the_other_services_depth_first_and_before_the_answer() {
    let mut all = all_kinds();
    // What the first effect causes comes before the second effect, and a service sees what it changed itself.
    let first = to("Values", "v", [note("x"), Act::Effect(to("Events", "log", [note("deep")]))]);
    let acts = [
        note("own"),
        Act::Effect(first),
        Act::Effect(to("Events", "log", [note("wide")])),
        Act::Effect(to("Members", "m", [note("set")])),
    ];
    all.call(actions_calls::call::r#do(script(acts))).replies(said(""));
    let look = |id: &str| Script { id: id.into(), ..script([state()]) };
    all.call(events_calls::call::r#do(look("log"))).replies(said("deep,wide"));
    all.call(values_calls::call::r#do(look("v"))).replies(said("[x]"));
    assert_eq!(all.call(members_calls::call::r#do(look("m"))).reply(), said("set"));
    all.call(events_calls::call::r#do(look("another"))).replies(said("-"));
    assert!(all.outside().is_empty() && all.parked().is_empty());
}

#[test]
fn a_forward_is_answered_by_the_other_service_after_the_effects() {
    let mut all = all_kinds();
    let header = Act::Header(Header { name: "x-seen".into(), text: "yes".into(), ..Header::default() });
    let acts = [Act::Effect(to("Values", "v", [note("first")])), Act::Forward(to("Values", "v", [state(), header]))];
    all.call(events_calls::call::r#do(script(acts))).metadata("x-seen", "yes").replies(said("[first]"));
    let acts = [Act::Forward(to("Values", "v", [refuse("not here")]))];
    all.call(events_calls::call::r#do(script(acts))).refuses(Code::FailedPrecondition, "not here");
    let acts = [Act::Forward(to("Values", "", []))];
    all.call(events_calls::call::r#do(script(acts))).refuses(Code::InvalidArgument, "the field id names the entity");
}

#[test]
fn effects_that_reach_nobody_are_listed() {
    let own = |target: Target| Effect::from(values_calls::call::r#do(target.script.unwrap()));
    let refusing = to("Values", "v", [note("lost"), refuse("no")]);
    let nameless = to("Values", "", []);
    let elsewhere = to("Members", "m", [note("out")]);
    let acts = [refusing.clone(), nameless.clone(), elsewhere.clone()].map(Act::Effect);
    let mut all = together().event_sourced::<events::Service>().value::<values::Service>();
    all.call(events_calls::call::r#do(script([note("kept")].into_iter().chain(acts)))).replies(said(""));
    assert_eq!(all.outside(), [members_calls::call::r#do(elsewhere.script.unwrap()).into()]);
    let [refused, keyless] = all.parked() else { panic!("parked: {:?}", all.parked()) };
    assert_eq!(*refused, Parked { effect: own(refusing), code: Code::FailedPrecondition, message: "no".into() });
    assert_eq!((&keyless.effect, keyless.code), (&own(nameless), Code::InvalidArgument));
    all.call(events_calls::call::r#do(script([state()]))).replies(said("kept"));
    all.call(values_calls::call::r#do(Script { id: "v".into(), ..script([state()]) })).replies(said("-"));
}

#[test]
fn a_deleted_entity_stays_deleted_and_time_goes_on_where_the_clock_is_turned() {
    let mut all = all_kinds();
    all.call(members_calls::call::r#do(script([Act::Delete(true)]))).replies(said(""));
    all.call(members_calls::call::r#do(script([]))).refuses(Code::NotFound, "Entity deleted");
    let now = || actions_calls::call::r#do(script([Act::Ask(Ask::Now.into())]));
    all.call(now()).replies(said("1767225600000"));
    all.at(5000).call(now()).replies(said("5000"));
    all.turn(std::time::Duration::from_secs(4));
    all.call(now()).replies(said("1767225604000"));
}

#[test]
#[should_panic(expected = "Events/Do is the last of 17 hops, too many")]
fn a_chain_without_end_is_told() {
    let chain = (0..17).fold(to("Events", "a", []), |next, _| to("Events", "a", [Act::Forward(next)]));
    all_kinds().call(events_calls::call::r#do(chain.script.unwrap()));
}

#[test]
fn a_chain_of_as_many_hops_as_a_host_follows_is_none() {
    let chain = (0..16).fold(to("Events", "a", [say("end")]), |next, _| to("Events", "a", [Act::Effect(next)]));
    let mut all = all_kinds();
    all.call(events_calls::call::r#do(chain.script.unwrap())).replies(said(""));
    assert!(all.parked().is_empty());
}

#[test]
#[should_panic(expected = "Members is not here: give it to together()")]
fn a_forward_out_of_the_kit_is_told() {
    let acts = [Act::Forward(to("Members", "m", []))];
    together().event_sourced::<events::Service>().call(events_calls::call::r#do(script(acts)));
}

#[test]
#[should_panic(expected = "Actions/Count streams: test it by the kit of its kind")]
fn a_stream_among_services_is_told() {
    all_kinds().call(actions_calls::call::count(script([])));
}

#[test]
#[should_panic(expected = "Values is here twice")]
fn a_service_that_is_here_twice_is_told() {
    all_kinds().value::<values::Service>();
}

#[test]
#[should_panic(expected = "Values/Do: the field id names the entity and is empty")]
fn a_callers_request_without_its_key_is_told() {
    all_kinds().call(values_calls::call::r#do(Script::default()));
}

#[test]
fn event_sourced_chains_have_every_end() {
    let call = |acts: Vec<Act>| events_calls::call::r#do(script(acts));
    let header = Act::Header(Header { name: "x-raw-bin".into(), data: vec![0, 255], ..Header::default() });
    let after = event_sourced::given::<events::Service>(noted("old"))
        .when(call(vec![note("a"), state(), header, Act::Effect(target(false)), Act::Effect(target(true))]))
        .effects([value_call().into(), value_call().synchronous().into()])
        .metadata("X-Raw-Bin", vec![0, 255])
        .then(noted("a"), said("old,a"))
        .when(call(vec![note("lost"), Act::Effect(target(false)), refuse("not now")]))
        .effects([])
        .refuses(Code::FailedPrecondition, "not")
        .when(call(vec![Act::Clear(true), Act::Forward(target(false))]))
        .forwards(Cleared {}, value_call());
    assert!(after.state().notes.is_empty());
}

#[test]
fn time_chance_and_key_are_the_tests_own() {
    let ask = |ask: Ask| Act::Ask(ask.into());
    // The bytes 0 to 15: test/conformance has the same numbers for every language.
    event_sourced::given::<events::Service>(())
        .at(1_700_000_000_123)
        .seed([0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c])
        .entity("key")
        .when(events_calls::call::r#do(script([
            ask(Ask::Now),
            ask(Ask::Random),
            ask(Ask::Random),
            ask(Ask::Uuid),
            ask(Ask::Random),
            ask(Ask::Entity),
        ])))
        .then((), said("1700000000123 1485263592 1781317280 524cd911-5883-4d68-ab33-d282aae2b8c2 2736449288 key"));
}

#[test]
fn values_are_updated_removed_and_kept() {
    let call = |acts: Vec<Act>| values_calls::call::r#do(script(acts));
    let after = value::given::<values::Service>(None)
        .when(call(vec![state()]))
        .then(accept(), said("-"))
        .when(call(vec![note("a"), state()]))
        .then(update(Boxed { text: "a".into() }), said("[a]"))
        .when(call(vec![Act::Clear(true), refuse("no")]))
        .refuses(Code::FailedPrecondition, "")
        .when(call(vec![state()]))
        .then(accept(), said("[a]"))
        .when(call(vec![note("b"), Act::Forward(target(false))]))
        .forwards(update(Boxed { text: "b".into() }), value_call())
        .when(call(vec![Act::Clear(true), state()]))
        .then(remove(), said("-"));
    assert_eq!(after.value(), None);
}

#[test]
fn replicated_values_of_every_kind() {
    let call = |changes: Vec<Change>| {
        let act = |change| Act::Change(ChangeMessage { change: Some(change) });
        replicas_calls::call::r#do(script(changes.into_iter().map(act).chain([state()])))
    };
    let (k, a, b, x) = ("k".to_string(), "a".to_string(), "b".to_string(), "x".to_string());
    replicated::given::<replicas::Service>()
        .when(call(vec![]))
        .then(|_| (), said("g=0 p=0 gs= os= r= f=false m= v=0/1/false n="))
        .when(call(vec![Change::Increment(3), Change::Add(-2), Change::Grow(a.clone()), Change::Enable(true)]))
        .then(
            |all| [all.g.add(3), all.p.add(-2), all.gs.add(&a), all.f.enable()],
            said("g=3 p=-2 gs=a os= r= f=true m= v=0/1/false n="),
        )
        .when(call(vec![
            Change::Assign(Assign { value: x.clone(), ..Assign::default() }),
            Change::Vote(true),
            Change::Count(Count { key: b.clone(), by: 2 }),
            Change::Nest(Nest { key: k.clone(), element: b.clone() }),
            Change::Nest(Nest { key: k.clone(), element: a.clone() }),
        ]))
        .then(
            |all| {
                let n = all.n.at(&k);
                vec![all.r.set(&x), all.v.vote(true), all.m.at(&b).add(2), n.add(&b), n.add(&a)]
            },
            said("g=3 p=-2 gs=a os= r=x f=true m=b:2 v=1/1/true n=k:a+b"),
        )
        .when(call(vec![Change::Unnest(k.clone()), Change::ClearCounts(true)]))
        .then(|all| (all.n.remove(&k), all.m.clear()), said("g=3 p=-2 gs=a os= r=x f=true m= v=1/1/true n="));
}

#[test]
fn members_see_what_their_view_holds_and_streams_are_told() {
    let (a, b) = ("a".to_string(), "b".to_string());
    let with = || replicated::given::<members::Service>().with(|set| [set.add(&a), set.add(&b)]);
    let element = |acts: Vec<Act>| Script { element: "b".into(), look: vec!["z".into(), "a".into()], ..script(acts) };
    let asks = |ask: Ask| Act::Ask(ask.into());
    with()
        .when(members_calls::call::one(element(vec![asks(Ask::Size), asks(Ask::Has), state()])))
        .then(|_| (), said("2 true b"))
        .when(members_calls::call::some(element(vec![asks(Ask::Size), state()])))
        .then(|_| (), said("2 a"))
        .when(members_calls::call::blind(element(vec![asks(Ask::Size), asks(Ask::Has), Act::Drop(a.clone())])))
        .then(|set| set.remove(&a), said("2 -"))
        .when(members_calls::call::r#do(script([state()])))
        .then(|_| (), said("b"));
    let open = || members_calls::call::open(script([note("c"), state()]));
    let c = "c".to_string();
    with()
        .when(open())
        .streams(|set| set.add(&c), Some(said("a,b,c")))
        .changed(open())
        .emits(said("a,b,c"))
        .with(|set| set.add(&"end".to_string()))
        .changed(open())
        .ends(Some(said("a,b,c,end")))
        .with(|set| set.add(&"bad".to_string()))
        .changed(open())
        .refuses(Code::FailedPrecondition, "bad")
        .cancelled(open())
        .then(|set| set.add(&"left".to_string()))
        .when(members_calls::call::r#do(script([Act::Delete(true), say("gone")])))
        .deletes(said("gone"));
}

#[test]
fn actions_answer_forward_and_refuse_with_effects() {
    let call = |acts: Vec<Act>| actions_calls::call::r#do(script(acts));
    action::when::<actions::Service, _>(call(vec![say("a"), say("b")])).then(said("a b"));
    action::when::<actions::Service, _>(call(vec![Act::Forward(target(false))])).forwards(value_call());
    action::when::<actions::Service, _>(call(vec![Act::Effect(target(true)), refuse("no")]))
        .effects([value_call().synchronous().into()])
        .refuses(Code::FailedPrecondition, "no");
}

#[test]
fn streams_are_driven_as_a_client_would() {
    let count = Script { count: 5, chunk: 2, ..script([Act::Effect(target(false))]) };
    action::stream::<actions::Service, _>(actions_calls::call::count(count))
        .emits(said("1"))
        .emits(said("2"))
        .effects([value_call().into()])
        .emits(said("3"))
        .emits(said("4"))
        .emits(said("5"))
        .ends();
    action::open::<actions::Service, _, _>(actions_calls::call::join)
        .sends(script([say("a")]))
        .silent()
        .sends(script([say("b"), say("c")]))
        .closes()
        .replies(said("a,b,c"));
    action::open::<actions::Service, _, _>(actions_calls::call::chat)
        .sends(script([say("a")]))
        .emits(said("a"))
        .sends(script([refuse("enough")]))
        .refuses(Code::FailedPrecondition, "enough")
        .ends();
    let left: Effect = events_calls::call::r#do(Script { id: "left".into(), ..script([note("left")]) }).into();
    action::open::<actions::Service, _, _>(actions_calls::call::chat).cancels().effects([left]).ends();
}

#[test]
#[should_panic(expected = "the reply")]
fn a_wrong_reply_fails() {
    event_sourced::given::<events::Service>(()).when(events_calls::call::r#do(script([say("a")]))).then((), said("b"));
}

#[test]
#[should_panic(expected = "the events")]
fn a_wrong_event_fails() {
    event_sourced::given::<events::Service>(()).when(events_calls::call::r#do(script([note("a")]))).then((), said(""));
}

/// The limits of the usual generator for Rust (sdk/rust/README.md, Limits).
mod bytes {
    use super::*;
    use innkeeper::prost::Message;

    #[test]
    fn minus_zero_is_kept_but_as_a_value_of_a_map() {
        let zeros = Everything {
            f_double: -0.0,
            f_float: -0.0,
            o_double: Some(-0.0),
            r_double: vec![-0.0],
            doubles: [(1, -0.0)].into_iter().collect(),
            ..Everything::default()
        };
        assert_eq!(zeros.encode_to_vec().len(), zeros.encoded_len());
        let read = Everything::decode(zeros.encode_to_vec().as_slice()).unwrap();
        assert!(read.f_double.is_sign_negative() && read.f_float.is_sign_negative());
        assert!(read.o_double.unwrap().is_sign_negative() && read.r_double[0].is_sign_negative());
        assert!(read.doubles[&1].is_sign_positive());
        assert!(Everything { f_double: 0.0, ..Everything::default() }.encode_to_vec().is_empty());
    }

    #[test]
    fn nan_keeps_its_bits() {
        let odd = f64::from_bits(0xfff8_0000_0000_0001);
        let bytes = Everything { f_double: odd, ..Everything::default() }.encode_to_vec();
        assert_eq!(bytes[1..], odd.to_bits().to_le_bytes());
        assert_eq!(Everything { f_double: f64::NAN, ..Everything::default() }.encode_to_vec()[8], 0x7f);
    }

    #[test]
    fn map_entries_leave_out_defaults_and_are_in_the_order_of_their_keys() {
        let strings = [("b".to_string(), 1), (String::new(), 0), ("a".to_string(), 2)].into_iter().collect();
        let bytes = Everything { strings, ..Everything::default() }.encode_to_vec();
        assert_eq!(bytes, [0x9a, 3, 0, 0x9a, 3, 5, 10, 1, b'a', 16, 2, 0x9a, 3, 5, 10, 1, b'b', 16, 1]);
    }

    #[test]
    fn a_hundred_nested_messages_are_read_and_no_more() {
        let nested = |depth: usize| {
            let tree = (1..depth).fold(Tree::default(), |child, _| Tree { children: vec![child], ..Tree::default() });
            Everything::decode(Everything { f_tree: Some(tree), ..Everything::default() }.encode_to_vec().as_slice())
        };
        assert!(nested(100).is_ok());
        assert!(nested(101).is_err());
    }

    #[test]
    fn hostile_bytes_are_errors_and_cost_nothing() {
        for bytes in [
            &[0x0a][..],
            &[0x72, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0xaa, 1, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0x72, 2, 0xc3, 0x28],
            &[0x00],
            &[0x0b],
            &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01],
        ] {
            assert!(Everything::decode(bytes).is_err(), "{bytes:02x?}");
        }
        // Every prefix of a whole message, and every byte of it changed: an answer, never a panic.
        let whole = Everything {
            f_string: "grüße".into(),
            f_tree: Some(Tree { name: "t".into(), children: vec![Tree::default(); 3] }),
            r_sint64: vec![1, -1, i64::MIN],
            strings: [("k".to_string(), 1)].into_iter().collect(),
            ..Everything::default()
        }
        .encode_to_vec();
        for at in 0..whole.len() {
            let _ = Everything::decode(&whole[..at]);
            for byte in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = Everything::decode(changed.as_slice());
            }
        }
    }
}

#[test]
#[should_panic(
    expected = "the header authorization never reaches a function; callers send a token in x-token or x-api-key"
)]
fn a_credential_reaches_no_function() {
    let call =
        events_calls::call::r#do(script([note("a")])).metadata("x-token", "fine").metadata("Authorization", "secret");
    let _ = event_sourced::given::<events::Service>(()).when(call);
}

#[test]
#[should_panic(expected = "the header grpc-timeout never reaches a function, since it belongs to the transport")]
fn a_header_of_the_transport_reaches_no_function() {
    let call = events_calls::call::r#do(script([note("a")])).metadata("grpc-timeout", "1S");
    let _ = event_sourced::given::<events::Service>(()).when(call);
}

mod view_kit {
    use conformance::proto::{Box, Cell, Cleared, Noted, board, events, members, notes, replicas, values};
    use conformance::replicas::All;
    use conformance::views::{Board, Crowd, Notes};
    use innkeeper::replicated::OrSet;
    use innkeeper::testing::view::{Changed, deleted, event, given, replica, updated};
    use innkeeper::view::{Sources, View};

    fn noted(entity: &str, text: &str) -> Changed {
        event(events::SERVICE, entity, Noted { text: text.into() })
    }

    fn boxed(entity: &str, text: &str) -> Changed {
        updated(values::SERVICE, entity, Box { text: text.into() })
    }

    fn cell(key: &str, text: &str, count: i64) -> Cell {
        Cell { key: key.into(), text: text.into(), count }
    }

    #[test]
    fn the_row_of_an_entity() {
        given::<Notes>([])
            .when([noted("a", "x"), noted("b", "y"), noted("a", "z")])
            .then([("a", cell("a", "xz", 2)), ("b", cell("b", "y", 1))])
            .when([event(events::SERVICE, "a", Cleared {})])
            .then([("b", cell("b", "y", 1))]);
        let rows = given::<Notes>([("a", cell("a", "old", 7))]).when([noted("a", "!")]).rows();
        assert_eq!(rows["a"], cell("a", "old!", 8));
    }

    #[test]
    fn rows_with_keys_of_their_own() {
        given::<Board>([])
            .when([noted("a", "x"), boxed("v", "one"), noted("b", "x"), boxed("v", "two")])
            .then([("w:x", cell("w:x", "x", 2)), ("v:two:v", cell("v:two:v", "two", 4))])
            .when([deleted(values::SERVICE, "v")])
            .then([("w:x", cell("w:x", "x", 2))]);
    }

    fn crowded(entity: &str, texts: &[&str]) -> Changed {
        let add = |set: &OrSet<String>| texts.iter().map(|text| set.add(&(*text).into())).collect::<Vec<_>>();
        replica(members::SERVICE, entity, add)
    }

    #[test]
    fn rows_of_replicated_values() {
        let one = "g=0 p=0 gs= os= r= f=true m=k:-2 v=0/1/false n=";
        given::<Crowd>([])
            .when([
                crowded("a", &["y", "x"]),
                replica(replicas::SERVICE, "r", |all: &All| (all.f.enable(), all.m.at(&"k".into()).add(-2))),
                crowded("a", &["x"]),
            ])
            .then([("m:x:a", cell("m:x:a", "x", 1)), ("r", cell("r", one, 1))])
            .when([deleted(replicas::SERVICE, "r"), crowded("a", &[])])
            .then([]);
    }

    #[test]
    #[should_panic(expected = "the rows are others")]
    fn other_rows_fail() {
        given::<Notes>([]).when([noted("a", "x")]).then([("a", cell("a", "x", 2))]);
    }

    #[test]
    fn what_is_described_is_the_service_of_the_module() {
        assert_eq!([notes::SERVICE, board::SERVICE].map(|name| name.rsplit('.').next().unwrap()), ["Notes", "Board"]);
    }

    struct Last;
    impl View for Last {
        type Row = Cell;

        fn sources(from: Sources<Cell>) -> Sources<Cell> {
            from.events(events::SERVICE).rows(
                |_: &Noted, _| vec!["one".into()],
                |Noted { text }, rows, _| rows.put("one", Cell { text, ..Cell::default() }),
            )
        }
    }
    impl innkeeper::view::Served for Last {
        const SERVICE: &'static str = "test.Last";
    }

    #[test]
    #[should_panic(expected = "law L7: rows depend on the order of changes of different entities")]
    fn the_order_of_entities_is_no_matter() {
        given::<Last>([]).when([noted("a", "x"), noted("b", "y")]);
    }

    struct Counting;
    impl View for Counting {
        type Row = Cell;

        fn sources(from: Sources<Cell>) -> Sources<Cell> {
            from.values(values::SERVICE).row(|_: Box, row, _| {
                let row = row.unwrap_or_default();
                Some(Cell { count: row.count + 1, ..row })
            })
        }
    }
    impl innkeeper::view::Served for Counting {
        const SERVICE: &'static str = "test.Counting";
    }

    #[test]
    #[should_panic(expected = "law L7: rows depend on values that are not their entity's newest")]
    fn values_in_between_are_no_matter() {
        given::<Counting>([]).when([boxed("a", "x"), boxed("a", "y")]);
    }

    struct Stray;
    impl View for Stray {
        type Row = Cell;

        fn sources(from: Sources<Cell>) -> Sources<Cell> {
            from.events(events::SERVICE)
                .rows(|_: &Noted, _| Vec::new(), |_: Noted, rows, _| rows.put("other", Cell::default()))
        }
    }
    impl innkeeper::view::Served for Stray {
        const SERVICE: &'static str = "test.Stray";
    }

    #[test]
    #[should_panic(expected = "the row \"other\" is none that the change may touch")]
    fn a_key_that_was_not_named_is_a_fault() {
        given::<Stray>([]).when([noted("a", "x")]);
    }
}
