//! The rules of the ticket shop, without a host. `inn build` first: it writes src/gen.

use std::time::Duration;

use ::booking::proto::examples::booking::v1::{booking as bookings, show as shows, wallet as wallets, *};
use ::booking::proto::google::rpc::Status;
use ::booking::{Booking, Show, Wallet};
use innkeeper::testing::event_sourced::{Given, given};

use innkeeper::testing::{Came, Together, failure, together, value};
use innkeeper::{Call, Code, Reason, Refusal, refuse};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

fn book(id: &str, price: i64) -> Call<Seat> {
    bookings::call::book(BookRequest { booking: id.into(), show: "hamlet".into(), account: "ann".into(), price })
}

fn held(outcome: hold_answer::Outcome) -> Call<()> {
    bookings::call::held(HoldAnswer { outcome: Some(outcome) })
}

fn charged(outcome: charge_answer::Outcome) -> Call<()> {
    bookings::call::charged(ChargeAnswer { outcome: Some(outcome) })
}

fn refused(message: &str) -> Status {
    failure(Code::FailedPrecondition, message, Reason::Refused)
}

fn unknown() -> Status {
    failure(Code::DeadlineExceeded, "nobody knows", Reason::Unknown)
}

fn requested() -> Requested {
    Requested { show: "hamlet".into(), account: "ann".into(), price: 150 }
}

fn hold(id: &str) -> Call<Seat> {
    shows::call::hold(HoldRequest { show: "hamlet".into(), booking: id.into() })
}

fn release(id: &str) -> Call<()> {
    shows::call::release(ReleaseRequest { show: "hamlet".into(), booking: id.into() })
}

fn charge(id: &str, amount: i64) -> Call<Receipt> {
    wallets::call::charge(ChargeRequest { account: "ann".into(), charge: id.into(), amount })
}

fn refund(id: &str) -> Call<()> {
    wallets::call::refund(RefundRequest { account: "ann".into(), charge: id.into() })
}

fn expire() -> Call<()> {
    bookings::call::expire(ExpireRequest { booking: "b".into() })
}

fn receipt() -> Receipt {
    Receipt { charge: "b".into() }
}

fn failed(why: &str) -> Failed {
    Failed { why: why.into() }
}

fn end(why: &str) -> Result<Seat, Refusal> {
    refuse(Code::FailedPrecondition, why)
}

fn holding() -> Given<Booking> {
    given(requested()).entity("b")
}

fn paying() -> Given<Booking> {
    given((requested(), SeatAssigned { seat: 1 })).entity("b")
}

#[test]
fn a_booking_holds_a_seat_charges_the_wallet_and_answers_with_the_seat() {
    given::<Booking>(())
        .when(book("b", 150))
        .effects([hold("b").ask(bookings::call::held, None), expire().named("expiry").after(10 * MINUTE)])
        .later(requested(), "end")
        .when(held(hold_answer::Outcome::Reply(Seat { seat: 1 })))
        .effects([charge("b", 150).ask(bookings::call::charged, None)])
        .then(SeatAssigned { seat: 1 }, ())
        .when(charged(charge_answer::Outcome::Reply(receipt())))
        .cancels(["expiry"])
        .resolves("end", bookings::call::book, Ok(Seat { seat: 1 }))
        .then(Paid {}, ())
        .when(book("b", 150))
        .then((), Seat { seat: 1 });
}

#[test]
fn who_books_again_under_one_id_waits_along_or_is_another() {
    holding().when(book("b", 150)).effects([]).later((), "end");
    holding().when(book("b", 1)).refuses(Code::AlreadyExists, "b is another booking");
}

#[test]
fn a_show_that_is_sold_out_ends_the_booking() {
    holding()
        .when(held(hold_answer::Outcome::Failure(refused("sold out"))))
        .cancels(["expiry"])
        .resolves("end", bookings::call::book, end("sold out"))
        .effects([])
        .then(failed("sold out"), ())
        .when(book("b", 150))
        .refuses(Code::FailedPrecondition, "sold out");
}

#[test]
fn a_wallet_that_refuses_ends_the_booking_and_the_seat_is_released() {
    paying()
        .when(charged(charge_answer::Outcome::Failure(refused("too poor"))))
        .cancels(["expiry"])
        .resolves("end", bookings::call::book, end("too poor"))
        .effects([release("b").into()])
        .then(failed("too poor"), ());
}

#[test]
fn what_may_have_happened_is_asked_again_under_the_same_id_and_nothing_is_undone() {
    holding()
        .when(held(hold_answer::Outcome::Failure(unknown())))
        .effects([hold("b").ask(bookings::call::held, None).after(SECOND)])
        .then((), ());
    paying()
        .when(charged(charge_answer::Outcome::Failure(unknown())))
        .effects([charge("b", 150).ask(bookings::call::charged, None).after(SECOND)])
        .then((), ());
}

#[test]
fn a_booking_that_expires_undoes_what_may_have_been_done_and_an_answer_after_that_changes_nothing() {
    const WHY: &str = "the booking expired";
    holding()
        .when(expire())
        .resolves("end", bookings::call::book, end(WHY))
        .effects([release("b").into()])
        .then(failed(WHY), ())
        .when(held(hold_answer::Outcome::Reply(Seat { seat: 1 })))
        .effects([])
        .then((), ());
    paying()
        .when(expire())
        .resolves("end", bookings::call::book, end(WHY))
        .effects([release("b").into(), refund("b").into()])
        .then(failed(WHY), ())
        .when(charged(charge_answer::Outcome::Reply(receipt())))
        .effects([])
        .then((), ());
}

#[test]
fn a_show_holds_one_seat_for_a_booking_and_none_for_one_that_has_released_it() {
    let seat_held = |id: &str| SeatHeld { booking: id.into(), seat: 1 };
    given::<Show>(Opened { seats: 1 })
        .when(hold("b"))
        .then(seat_held("b"), Seat { seat: 1 })
        .when(hold("b"))
        .then((), Seat { seat: 1 })
        .when(hold("c"))
        .refuses(Code::FailedPrecondition, "sold out")
        .when(release("b"))
        .then(SeatReleased { booking: "b".into() }, ())
        .when(release("b"))
        .then((), ())
        .when(hold("b"))
        .refuses(Code::FailedPrecondition, "b has released its seat")
        .when(hold("c"))
        .then(seat_held("c"), Seat { seat: 1 });
}

fn purse(balance: i64, stage: Stage) -> Purse {
    Purse { balance, charges: vec![Charge { id: "b".into(), amount: 100, stage: stage.into() }] }
}

#[test]
fn a_wallet_charges_once_under_an_id_and_never_what_was_refunded() {
    value::given::<Wallet>(Some(Purse { balance: 120, charges: vec![] }))
        .when(charge("b", 100))
        .then(value::update(purse(20, Stage::Charged)), receipt())
        .when(charge("b", 100))
        .then(value::accept(), receipt())
        .when(charge("c", 100))
        .refuses(Code::FailedPrecondition, "there are only 20 in the wallet")
        .when(refund("b"))
        .resolves("b", wallets::call::charge, refuse(Code::FailedPrecondition, "b was refunded"))
        .then(value::update(purse(120, Stage::Refunded)), ())
        .when(charge("b", 100))
        .refuses(Code::FailedPrecondition, "b was refunded");
}

#[test]
fn a_refund_that_overtakes_its_charge_keeps_it_from_being_made() {
    let refunded = value::given::<Wallet>(Some(Purse { balance: 120, charges: vec![] })).when(refund("b"));
    let refusal = refuse(Code::FailedPrecondition, "b was refunded");
    let charges = vec![Charge { id: "b".into(), amount: 0, stage: Stage::Refunded.into() }];
    refunded
        .resolves("b", wallets::call::charge, refusal)
        .then(value::update(Purse { balance: 120, charges }), ())
        .when(charge("b", 100))
        .refuses(Code::FailedPrecondition, "b was refunded");
}

/// The three services, with one seat and 500 in the wallet; a booking of 150 waits for its owner.
fn shop() -> Together {
    let mut all = together().event_sourced::<Booking>().event_sourced::<Show>().value::<Wallet>();
    all.call(shows::call::open(OpenRequest { show: "hamlet".into(), seats: 1 })).reply();
    all.call(wallets::call::deposit(DepositRequest { account: "ann".into(), amount: 500 })).reply();
    all
}

fn approve(all: &mut Together) -> Came<Purse> {
    all.call(wallets::call::approve(ApproveRequest { account: "ann".into(), charge: "b".into() }))
}

fn balance(all: &mut Together) -> i64 {
    all.call(wallets::call::balance(BalanceRequest { account: "ann".into() })).reply().balance
}

fn nothing_is_left(all: &Together) {
    assert!(all.pending().is_empty() && all.parked().is_empty(), "{:?} {:?}", all.pending(), all.parked());
}

#[test]
fn together_the_owner_approves_and_all_who_wait_get_the_seat() {
    let mut all = shop();
    let callers = [0, 1].map(|_| all.call(book("b", 150)));
    callers.iter().for_each(Came::waits);
    all.turn(2 * MINUTE);
    callers.iter().for_each(Came::waits);
    approve(&mut all).reply();
    callers.into_iter().for_each(|caller| caller.replies(Seat { seat: 1 }));
    all.call(book("c", 50)).refuses(Code::FailedPrecondition, "sold out");
    assert_eq!(balance(&mut all), 350);
    nothing_is_left(&all);
}

#[test]
fn together_nobody_approves_in_time_so_the_next_one_gets_the_seat() {
    let mut all = shop();
    let late = all.call(book("b", 150));
    all.turn(10 * MINUTE);
    late.refuses(Code::FailedPrecondition, "the booking expired");
    approve(&mut all).refuses(Code::NotFound, "no charge b waits for approval");
    assert_eq!(balance(&mut all), 500);
    all.call(book("c", 50)).replies(Seat { seat: 1 });
    assert_eq!(balance(&mut all), 450);
    nothing_is_left(&all);
}

#[test]
fn together_a_wallet_that_is_too_empty_costs_no_seat() {
    let mut all = shop();
    all.call(book("b", 501)).refuses(Code::FailedPrecondition, "there are only 500 in the wallet");
    all.call(book("c", 50)).replies(Seat { seat: 1 });
    nothing_is_left(&all);
}
