//! Lower: answers into the arena. The layouts are those of host/guest/layout.ts.
//!
//!   string, list    8 bytes   pointer 0, length 4          option<list>    12   present (u8) 0, list 4
//!   typed          16         type-name 0, data 8          metadata-entry  20   name 0, case (u8) 8, value 12
//!   call           32         service 0, method 8, payload 16, metadata 24
//!   effect        104         call 0, synchronous (u8) 32, due: case (u8) 40, milliseconds (f64) 48; name (option) 56,
//!                             answer (option) 68: method 72, note 80; within: present (u8) 88, milliseconds (f64) 96
//!   outcome        80         answer 0, effects 40, metadata 48, logs 56, cancels 64, resolves 72
//!                             answer: ok or err (u8) 0, then at 4
//!                             reply: case (u8) 0, list, call or deferred 4; or failure: code (u8) 0, message 4, details 12
//!   deferred       16         ticket 0, within: present (u8) 8, seconds 12
//!   resolution     48         ticket 0, method 8, answer: ok or err (u8) 16, list or failure 20; metadata 40
//!   log-line       12         level (u8) 0, text 4
//!   service        80         name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//!                             state-type 32, state-version 44, headers 56, views 64, events 72
//!   method-view    20         method 0, case (u8) 8, string 12
//!   view-service   24         name 0, row-type 8, sources 16
//!   source         20         service 0, kind (u8) 8, types 12
//!
//! W1. The arena is not clean: every byte that a case reads is written.

use super::arena;
use crate::call::Target;
use crate::deferred::Resolution;
use crate::effect::{Due, Effect};
use crate::metadata::{Entries, MetadataValue};
use crate::options::{About, Scope};
use crate::outcome::{Failure, Outcome, Reply, Typed};

/// Memory of the answer: fields are written at offsets from here.
#[derive(Clone, Copy)]
pub(super) struct Put(usize);

impl Put {
    pub(super) fn new(size: usize) -> Put {
        Put(arena::allocate(size, 8) as usize)
    }

    pub(super) fn pointer(self) -> usize {
        self.0
    }

    fn write<T>(self, offset: usize, value: T) {
        // SAFETY: the record was allocated with its size, and the offset is one of its layout.
        unsafe { ((self.0 + offset) as *mut T).write(value) }
    }

    pub(super) fn byte(self, offset: usize, value: u8) {
        self.write(offset, value);
    }

    pub(super) fn bool(self, offset: usize, value: bool) {
        self.byte(offset, u8::from(value));
    }

    pub(super) fn word(self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    fn pair(self, offset: usize, pointer: usize, length: usize) {
        self.write(offset, pointer);
        self.write(offset + 4, length);
    }

    pub(super) fn bytes(self, offset: usize, bytes: Vec<u8>) {
        let (pointer, length) = arena::keep(bytes);
        self.pair(offset, pointer as usize, length);
    }

    pub(super) fn text(self, offset: usize, text: &str) {
        self.pair(offset, arena::copy(text.as_bytes()) as usize, text.len());
    }

    /// What lies in the component's own data.
    pub(super) fn constant(self, offset: usize, bytes: &'static [u8]) {
        self.pair(offset, bytes.as_ptr() as usize, bytes.len());
    }

    pub(super) fn option(self, offset: usize, bytes: Option<Vec<u8>>) {
        self.bool(offset, bytes.is_some());
        if let Some(bytes) = bytes {
            self.bytes(offset + 4, bytes);
        }
    }

    fn option_text(self, offset: usize, text: Option<&str>) {
        self.bool(offset, text.is_some());
        if let Some(text) = text {
            self.text(offset + 4, text);
        }
    }

    pub(super) fn list<T>(self, offset: usize, size: usize, items: Vec<T>, mut put: impl FnMut(Put, T)) {
        let count = items.len();
        let base = arena::allocate(count * size, 8) as usize;
        for (index, item) in items.into_iter().enumerate() {
            put(Put(base + index * size), item);
        }
        self.pair(offset, base, count);
    }

    pub(super) fn typed(self, offset: usize, list: Vec<Typed>) {
        self.list(offset, 16, list, |at, typed| {
            at.text(0, &typed.type_name);
            at.bytes(8, typed.data);
        });
    }

    fn metadata(self, offset: usize, entries: Entries) {
        self.list(offset, 20, entries, |at, (name, value)| {
            at.text(0, &name);
            match value {
                MetadataValue::Text(text) => {
                    at.byte(8, 0);
                    at.text(12, &text);
                }
                MetadataValue::Bytes(bytes) => {
                    at.byte(8, 1);
                    at.bytes(12, bytes);
                }
            }
        });
    }

    fn call(self, offset: usize, call: Target) {
        self.text(offset, &call.service);
        self.text(offset + 8, &call.method);
        self.bytes(offset + 16, call.payload);
        self.metadata(offset + 24, call.metadata);
    }

    pub(super) fn outcome(self, offset: usize, outcome: Outcome) {
        let answer = offset + 4;
        self.bool(offset, outcome.answer.is_err());
        match outcome.answer {
            Ok(Reply::Message(bytes)) => {
                self.byte(answer, 0);
                self.bytes(answer + 4, bytes);
            }
            Ok(Reply::Forward(call)) => {
                self.byte(answer, 1);
                self.call(answer + 4, call);
            }
            Ok(Reply::None) => self.byte(answer, 2),
            Ok(Reply::Later(ticket)) => {
                self.byte(answer, 3);
                self.text(answer + 4, &ticket.name);
                self.bool(answer + 12, ticket.within_s.is_some());
                self.word(answer + 16, ticket.within_s.unwrap_or(0));
            }
            Err(failure) => self.failure(answer, failure),
        }
        self.list(offset + 40, 104, outcome.effects, Put::effect);
        self.metadata(offset + 48, outcome.metadata);
        self.list(offset + 56, 12, outcome.logs, |at, line| {
            at.byte(0, line.level as u8);
            at.bytes(4, line.text.into_bytes());
        });
        self.list(offset + 64, 8, outcome.cancels, |at, name| at.text(0, &name));
        self.list(offset + 72, 48, outcome.resolves, Put::resolution);
    }

    fn failure(self, offset: usize, Failure { code, message, details }: Failure) {
        self.byte(offset, code as u8);
        self.text(offset + 4, &message);
        self.typed(offset + 12, details);
    }

    fn effect(self, effect: Effect) {
        let Effect { call, synchronous, due, name, answer, within_ms } = effect;
        self.call(0, call);
        self.bool(32, synchronous);
        let (case, ms) = match due {
            Due::AtOnce => (0, 0.0),
            Due::After(ms) => (1, ms),
            Due::At(ms) => (2, ms),
        };
        self.byte(40, case);
        self.write(48, ms);
        self.option_text(56, name.as_deref());
        self.bool(68, answer.is_some());
        if let Some(answer) = answer {
            self.text(72, &answer.method);
            self.bytes(80, answer.note);
        }
        self.bool(88, within_ms.is_some());
        self.write(96, within_ms.unwrap_or(0.0));
    }

    fn resolution(self, Resolution { ticket, method, answer, metadata, .. }: Resolution) {
        self.text(0, &ticket);
        self.text(8, &method);
        self.bool(16, answer.is_err());
        match answer {
            Ok(bytes) => self.bytes(20, bytes),
            Err(failure) => self.failure(20, failure),
        }
        self.metadata(40, metadata);
    }

    pub(super) fn view_service(self, about: crate::view::About) {
        self.text(0, about.name);
        self.text(8, &about.row_type);
        self.list(16, 20, about.sources, |at, (service, kind, types)| {
            at.text(0, service);
            at.byte(8, kind);
            at.list(12, 8, types, |at, name| at.text(0, &name));
        });
    }

    pub(super) fn row(self, put: crate::view::Put) {
        self.text(0, &put.key);
        self.option(8, put.row);
    }

    pub(super) fn service(self, about: About) {
        let options = about.options;
        self.text(0, about.name);
        self.byte(8, about.kind as u8);
        self.option_text(12, options.persistence_id);
        self.write(24, options.snapshot_every);
        self.word(28, options.passivate_after_ms);
        self.option_text(32, about.state_type.as_deref());
        self.option_text(44, options.state_version);
        self.list(56, 8, options.headers.to_vec(), |at, header| at.text(0, header));
        self.list(64, 20, about.views, |at, (method, scope)| {
            at.text(0, method);
            match scope {
                Scope::All => at.byte(8, 0),
                Scope::Nothing => at.byte(8, 1),
                Scope::Element(field) => {
                    at.byte(8, 2);
                    at.text(12, field);
                }
                Scope::Dynamic => at.byte(8, 3),
            }
        });
        self.list(72, 8, about.events, |at, event| at.text(0, &event));
    }
}
