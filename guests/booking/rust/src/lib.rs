//! A ticket shop: bookings, and the shows and wallets that they ask.

mod bookings;
mod shows;
mod wallets;

pub mod proto {
    ::innkeeper::include_proto!();
}

pub use bookings::Booking;
pub use shows::Show;
pub use wallets::Wallet;

use proto::examples::booking::v1::{booking, show, wallet};

innkeeper::serve! {
    event_sourced: booking => Booking,
    event_sourced: show => Show,
    value: wallet => Wallet,
}
