//! Kept headers: what a host passes on to no function, whatever a service lists. A kit that did would test what cannot be.
//!
//! A copy of `host/header-names.ts`, since the SDK is a crate of its own; `test/sdk/kept-headers.test.ts` compares them.

use crate::metadata::Entries;

const CREDENTIALS: &[&str] = &["authorization", "cookie", "set-cookie"];
const CREDENTIALS_PREFIX: &str = "proxy-";
#[rustfmt::skip]
const OF_TRANSPORT: &[&str] = &[
    "connection", "content-length", "content-encoding", "content-type", "date", "expect", "host", "http2-settings",
    "idempotency-key", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "x-innkeeper-commit", "x-request-id",
];
const OF_TRANSPORT_PREFIXES: &[&str] = &["grpc-", ":"];

const INSTEAD_OF_CREDENTIAL: &str = "; callers send a token in x-token or x-api-key, which are not journaled (setting never-stored-headers); \
    to check who calls is the host's job, once it has access control";
const INSTEAD_OF_TRANSPORT: &str = ", since it belongs to the transport; \
    callers send what a function needs under another name, which begins with x-";

/// Panics for a header that reaches no function.
#[track_caller]
pub(super) fn check_reaches(entries: &Entries) {
    for (name, _) in entries {
        let name = name.as_str();
        let why = if CREDENTIALS.contains(&name) || name.starts_with(CREDENTIALS_PREFIX) {
            INSTEAD_OF_CREDENTIAL
        } else if OF_TRANSPORT.contains(&name) || OF_TRANSPORT_PREFIXES.iter().any(|start| name.starts_with(start)) {
            INSTEAD_OF_TRANSPORT
        } else {
            continue;
        };
        panic!("the header {name} never reaches a function{why}");
    }
}
