//! Context: all that a handler may know besides state and request.
//!
//! C1. Same command, same context: time and chance come with the command and are in the journal.

use std::cell::Cell;
use std::ops::Deref;

use crate::metadata::Metadata;
use crate::random::{Random, Seed};

/// Time, chance, and what the caller sent along: what an action knows, and a step of a stream.
pub struct Moment<'a> {
    now_ms: f64,
    seed: Seed,
    random: Cell<Option<Random>>,
    metadata: Metadata<'a>,
}

impl<'a> Moment<'a> {
    pub(crate) fn new(now_ms: f64, seed: Seed, metadata: Metadata<'a>) -> Self {
        Self { now_ms, seed, random: Cell::new(None), metadata }
    }

    /// Whole milliseconds since 1970, never backwards for an entity.
    pub fn now(&self) -> u64 {
        self.now_ms as u64
    }

    /// At least 0, below 1. The sequence starts anew with every command.
    pub fn random(&self) -> f64 {
        self.chance(Random::fraction)
    }

    /// Not for secrets.
    pub fn random_bytes(&self, length: usize) -> Vec<u8> {
        self.chance(|random| std::iter::repeat_with(|| random.byte()).take(length).collect())
    }

    /// A version 4 UUID.
    pub fn uuid(&self) -> String {
        self.chance(Random::uuid)
    }

    /// What the caller sent along. Of a stream only where it starts.
    pub fn metadata(&self) -> &Metadata<'a> {
        &self.metadata
    }

    fn chance<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        let mut random = self.random.get().unwrap_or_else(|| Random::new(self.seed));
        let drawn = draw(&mut random);
        self.random.set(Some(random));
        drawn
    }
}

/// Of a command to an entity.
pub struct Context<'a> {
    entity: &'a str,
    moment: Moment<'a>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(entity: &'a str, command: &Command<'a>) -> Self {
        Self { entity, moment: command.moment() }
    }

    /// The entity's key.
    pub fn entity(&self) -> &'a str {
        self.entity
    }
}

impl<'a> Deref for Context<'a> {
    type Target = Moment<'a>;

    fn deref(&self) -> &Moment<'a> {
        &self.moment
    }
}

/// Of what happens to an entity without a command: a change that a stream is told of, a client that left.
pub struct Occasion<'a> {
    pub(crate) entity: &'a str,
    pub(crate) now_ms: f64,
}

impl<'a> Occasion<'a> {
    /// The entity's key.
    pub fn entity(&self) -> &'a str {
        self.entity
    }

    /// Whole milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.now_ms as u64
    }
}

/// A command as it crosses the boundary (wit/types.wit).
pub(crate) struct Command<'a> {
    pub(crate) method: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) metadata: Metadata<'a>,
    pub(crate) now_ms: f64,
    pub(crate) seed: Seed,
}

impl<'a> Command<'a> {
    pub(crate) fn moment(&self) -> Moment<'a> {
        Moment::new(self.now_ms, self.seed, self.metadata.clone())
    }
}
