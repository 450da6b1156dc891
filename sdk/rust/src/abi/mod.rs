//! Abi: the exports of a component, laid out as the canonical ABI has it (wit/*.wit; 32-bit memory, UTF-8).
//!
//! B1. What a call takes and gives lies in one arena, which the call's post-return empties: whatever an author's code keeps, it
//!     keeps in memory of its own. Between calls the arena holds at most one piece of 64 KiB.
//! B2. Parameters are borrowed from the arena for the length of the call; the types see to it that nobody keeps them.
//!
//! Leaves to others: what the services do (event_sourced.rs and its siblings), names of the exports (serve.rs).

mod arena;
mod exports;
mod fault;
mod lift;
mod lower;

pub use arena::{realloc, release};
pub use exports::*;
