//! Write stateful services for Innkeeper in Rust. A service is a pure function: it decides on commands. The host keeps state
//! and journal; the service reaches nothing else. README.md shows each kind.
//!
//! One module a kind, whose words are re-exported by the generated module of a service: `event_sourced`, `value`,
//! `replicated`, `action`. `view` is a table of rows that follow from their changes. `log` has the words for the host's log.

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod abi;
pub mod action;
mod call;
mod code;
mod context;
mod cut;
mod deferred;
mod effect;
pub mod event_sourced;
#[doc(hidden)]
pub mod exact;
pub mod log;
mod metadata;
mod methods;
mod options;
mod outcome;
mod random;
mod reason;
pub mod replicated;
mod running;
mod serve;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod value;
pub mod view;
mod words;

pub use call::Call;
pub use code::Code;
pub use context::{Context, Moment, Occasion};
pub use deferred::Ticket;
pub use effect::{Delivery, Effect, Hears};
pub use metadata::{Metadata, MetadataValue, Value as MetadataRef};
#[doc(hidden)]
pub use methods::{KeyField, Method};
pub use options::Options;
pub use outcome::{Refusal, refuse};
#[doc(hidden)]
pub use outcome::{request, unknown_method};
pub use prost;
pub use reason::{Reason, reason_of};
