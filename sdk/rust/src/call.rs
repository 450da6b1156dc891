//! Calls: commands for other services, to forward to or as effects (effect.rs). Made by generated functions: `counter::call::add(...)`.

use std::marker::PhantomData;

use prost::Message;

use crate::metadata::{self, Entries, MetadataValue};

/// A command for a method whose reply is an `R`.
#[derive(Debug)]
#[must_use = "a call does nothing unless it is forwarded to or made an effect"]
pub struct Call<R> {
    pub(crate) target: Target,
    reply: PhantomData<fn() -> R>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) metadata: Entries,
}

impl<R> Call<R> {
    /// By names: for what no generated function is there.
    pub fn new(service: &str, method: &str, request: &impl Message) -> Self {
        let payload = request.encode_to_vec();
        let target = Target { service: service.into(), method: method.into(), payload, metadata: Entries::new() };
        Self { target, reply: PhantomData }
    }

    /// For the kit of several services.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of(target: Target) -> Self {
        Self { target, reply: PhantomData }
    }

    /// Sent along. Names that end in `-bin` take bytes, all others text.
    #[track_caller]
    pub fn metadata(mut self, name: &str, value: impl Into<MetadataValue>) -> Self {
        metadata::push(&mut self.target.metadata, name, value.into());
        self
    }
}

impl<R> Clone for Call<R> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), reply: PhantomData }
    }
}
