//! A booking holds a seat, charges a wallet, and answers who booked when that has ended.
//!
//! It fails if the show or the wallet refuses, or when it expires. Then it undoes what it did: `release` and `refund` are final under the
//! booking's id, so an answer that comes after the end changes nothing. While it is not known whether a call happened, it asks again.
//!
//! Leaves to others: seats (shows.rs), money (wallets.rs).

use std::time::Duration;

use innkeeper::{Call, Reason, reason_of};

use crate::proto::examples::booking::v1 as shop;
use crate::proto::google::rpc::Status;
use shop::booking::event_sourced as service;
use shop::booking::event_sourced::*;
use shop::*;

/// All who book under one id wait for this ticket.
const END: &str = "end";
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

pub struct Booking;

innkeeper::events! {
    pub enum Event { Requested, SeatAssigned, Paid, Failed }
}

impl service::Booking for Booking {
    type State = Reservation;
    type Event = Event;

    fn evolve(state: &mut Reservation, event: Event) {
        match event {
            Event::Requested(Requested { show, account, price }) => {
                *state = Reservation { step: Step::Holding.into(), show, account, price, ..Reservation::default() };
            }
            Event::SeatAssigned(SeatAssigned { seat }) => {
                state.seat = seat;
                state.set_step(Step::Paying);
            }
            Event::Paid(Paid {}) => state.set_step(Step::Booked),
            Event::Failed(Failed { why }) => {
                state.why = why;
                state.set_step(Step::Failed);
            }
        }
    }

    fn book(state: &Reservation, request: BookRequest, _: &Context) -> Decision<Self, Seat> {
        let BookRequest { booking, show, account, price } = request;
        if price <= 0 {
            return refuse(Code::InvalidArgument, format!("price must be positive, got {price}"));
        }
        if state.step() == Step::New {
            let hold = shop::show::call::hold(HoldRequest { show: show.clone(), booking: booking.clone() });
            return accept(Requested { show, account, price })
                .ask(hold, shop::booking::call::held, None)
                .after(10 * MINUTE, shop::booking::call::expire(ExpireRequest { booking }).named("expiry"))
                .later(END);
        }
        if show != state.show || account != state.account || price != state.price {
            return refuse(Code::AlreadyExists, format!("{booking} is another booking"));
        }
        match state.step() {
            Step::Booked => accept(()).reply(Seat { seat: state.seat }),
            Step::Failed => refuse(Code::FailedPrecondition, state.why.clone()),
            _ => accept(()).later(END),
        }
    }

    fn look(state: &Reservation, _: LookRequest, _: &Context) -> Decision<Self, Reservation> {
        accept(()).reply(state.clone())
    }

    fn held(state: &Reservation, answer: HoldAnswer, context: &Context) -> Decision<Self, ()> {
        use hold_answer::Outcome;
        let id = context.entity();
        if state.step() != Step::Holding {
            return accept(()).reply(());
        }
        match answer.outcome {
            Some(Outcome::Reply(Seat { seat })) => {
                accept(SeatAssigned { seat }).ask(charge(state, id), shop::booking::call::charged, None).reply(())
            }
            Some(Outcome::Failure(failure)) if !is_unknown(&failure) => failed(failure.message, []),
            _ => {
                let hold = shop::show::call::hold(HoldRequest { show: state.show.clone(), booking: id.into() });
                accept(()).after(SECOND, hold.ask(shop::booking::call::held, None)).reply(())
            }
        }
    }

    fn charged(state: &Reservation, answer: ChargeAnswer, context: &Context) -> Decision<Self, ()> {
        use charge_answer::Outcome;
        let id = context.entity();
        if state.step() != Step::Paying {
            return accept(()).reply(());
        }
        match answer.outcome {
            Some(Outcome::Reply(_)) => accept(Paid {})
                .cancel("expiry")
                .resolve(END, shop::booking::call::book, Ok(Seat { seat: state.seat }))
                .reply(()),
            Some(Outcome::Failure(failure)) if !is_unknown(&failure) => failed(failure.message, [release(state, id)]),
            // Under the same id: a wallet that has charged answers as it did, one that waits for its owner goes on waiting.
            _ => accept(()).after(SECOND, charge(state, id).ask(shop::booking::call::charged, None)).reply(()),
        }
    }

    fn expire(state: &Reservation, ExpireRequest { booking }: ExpireRequest, _: &Context) -> Decision<Self, ()> {
        const WHY: &str = "the booking expired";
        match state.step() {
            Step::Holding => failed(WHY, [release(state, &booking)]),
            Step::Paying => failed(WHY, [release(state, &booking), refund(state, &booking)]),
            _ => accept(()).reply(()),
        }
    }
}

/// The end of a booking that got no seat. The effects arrive once; one that cannot is parked, for an operator.
fn failed<const N: usize>(why: impl Into<String>, undo: [Call<()>; N]) -> Decision<Booking, ()> {
    let why = why.into();
    let refusal = refuse(Code::FailedPrecondition, why.clone());
    let ended = accept(Failed { why }).cancel("expiry").resolve(END, shop::booking::call::book, refusal);
    undo.into_iter().fold(ended, |ended, one| ended.effect(one)).reply(())
}

fn is_unknown(failure: &Status) -> bool {
    reason_of(failure) == Reason::Unknown
}

fn charge(state: &Reservation, id: &str) -> Call<Receipt> {
    let Reservation { account, price, .. } = state.clone();
    shop::wallet::call::charge(ChargeRequest { account, charge: id.into(), amount: price })
}

fn refund(state: &Reservation, id: &str) -> Call<()> {
    shop::wallet::call::refund(RefundRequest { account: state.account.clone(), charge: id.into() })
}

fn release(state: &Reservation, id: &str) -> Call<()> {
    shop::show::call::release(ReleaseRequest { show: state.show.clone(), booking: id.into() })
}
