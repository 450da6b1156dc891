//! Options: what a service says of itself besides its handlers (wit/about.wit).

/// All have a default: `Options { snapshot_every: 10, ..Options::default() }`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The name that stored data hangs on; default: the service's full name.
    pub persistence_id: Option<&'static str>,
    /// Event-sourced: events between two snapshots; 0 is the host's default, a negative number never.
    pub snapshot_every: i32,
    /// Idle time after which an entity leaves memory; 0 is the host's default.
    pub passivate_after_ms: u32,
    /// Event-sourced: version of the state's encoding; default: the component's hash, so that an upgrade folds again.
    pub state_version: Option<&'static str>,
    /// Request headers, in lower case, that reach the service besides `ce-*`, `x-*` and `traceparent`.
    pub headers: &'static [&'static str],
}

#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    EventSourced,
    Value,
    Replicated,
    Action,
}

/// What a method of a replicated entity sees, as the host is told.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
pub(crate) enum Scope {
    All,
    Nothing,
    Element(&'static str),
    Dynamic,
}

#[doc(hidden)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
pub struct About {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) options: Options,
    pub(crate) state_type: Option<String>,
    pub(crate) views: Vec<(&'static str, Scope)>,
    /// Full names of what `evolve` takes, sorted.
    pub(crate) events: Vec<String>,
}
