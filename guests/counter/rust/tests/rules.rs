//! The counter's rules, without a host. `inn build` first: it writes src/gen.

use counter::proto::examples::counter::v1::{AddRequest, Added, GetRequest, Value, counter::call};
use counter::{Event, Service};
use innkeeper::testing::event_sourced::given;
use innkeeper::{Call, Code};

fn add(amount: i64) -> Call<Value> {
    call::add(AddRequest { id: "a".into(), amount })
}

fn get() -> Call<Value> {
    call::get(GetRequest { id: "a".into() })
}

#[test]
fn adds_up_and_replies_the_value_after_the_event() {
    given::<Service>(())
        .when(add(2))
        .then(Added { amount: 2 }, Value { value: 2 })
        .when(add(3))
        .then(Added { amount: 3 }, Value { value: 5 });
}

#[test]
fn reads_without_an_event_from_0() {
    given::<Service>(()).when(get()).then((), Value { value: 0 });
    given::<Service>([Added { amount: 2 }, Added { amount: 40 }]).when(get()).then((), Value { value: 42 });
}

#[test]
fn refuses_amounts_that_are_not_positive() {
    for amount in [0, -1, i64::MIN] {
        given::<Service>(())
            .when(add(amount))
            .refuses(Code::InvalidArgument, &format!("amount must be positive, got {amount}"));
    }
}

#[test]
fn reaches_the_maximum_and_refuses_to_exceed_it() {
    given::<Service>(Event::Added(Added { amount: 999_999_999_999 }))
        .when(add(1))
        .then(Added { amount: 1 }, Value { value: 1_000_000_000_000 })
        .when(add(1))
        .refuses(Code::FailedPrecondition, "exceed")
        .when(get())
        .then((), Value { value: 1_000_000_000_000 });
}
