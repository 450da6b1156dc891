//! The seats of a show. A booking may repeat each call: it gets the same seat, and what it released stays released.

use crate::proto::examples::booking::v1 as shop;
use shop::show::event_sourced as service;
use shop::show::event_sourced::*;
use shop::*;

pub struct Show;

innkeeper::events! {
    pub enum Event { Opened, SeatHeld, SeatReleased }
}

impl service::Show for Show {
    type State = Hall;
    type Event = Event;

    fn evolve(hall: &mut Hall, event: Event) {
        match event {
            Event::Opened(Opened { seats }) => hall.seats = seats,
            Event::SeatHeld(SeatHeld { booking, seat }) => hall.holds.push(Hold { booking, seat, released: false }),
            Event::SeatReleased(SeatReleased { booking }) => {
                match hall.holds.iter_mut().find(|hold| hold.booking == booking) {
                    Some(hold) => hold.released = true,
                    None => hall.holds.push(Hold { booking, seat: 0, released: true }),
                }
            }
        }
    }

    fn open(_: &Hall, OpenRequest { seats, .. }: OpenRequest, _: &Context) -> Decision<Self, Hall> {
        accept(Opened { seats }).reply_with(Hall::clone)
    }

    fn look_at(hall: &Hall, _: LookAtRequest, _: &Context) -> Decision<Self, Hall> {
        accept(()).reply(hall.clone())
    }

    fn hold(hall: &Hall, HoldRequest { booking, .. }: HoldRequest, _: &Context) -> Decision<Self, Seat> {
        match hall.holds.iter().find(|hold| hold.booking == booking) {
            Some(hold) if hold.released => refuse(Code::FailedPrecondition, format!("{booking} has released its seat")),
            Some(hold) => accept(()).reply(Seat { seat: hold.seat }),
            None => {
                let is_taken = |seat: i32| hall.holds.iter().any(|hold| hold.seat == seat && !hold.released);
                match (1..=hall.seats).find(|seat| !is_taken(*seat)) {
                    Some(seat) => accept(SeatHeld { booking, seat }).reply(Seat { seat }),
                    None => refuse(Code::FailedPrecondition, "sold out"),
                }
            }
        }
    }

    fn release(hall: &Hall, ReleaseRequest { booking, .. }: ReleaseRequest, _: &Context) -> Decision<Self, ()> {
        if hall.holds.iter().any(|hold| hold.booking == booking && hold.released) {
            return accept(()).reply(());
        }
        accept(SeatReleased { booking }).reply(())
    }
}
