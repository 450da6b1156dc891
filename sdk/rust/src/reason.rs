//! Reason: why an ask failed, as far as it matters: did it happen?
//!
//! R1. The host puts one google.rpc.ErrorInfo of its domain into the failure's details. Without it nothing is known.

use prost::Message;

#[cfg(not(target_arch = "wasm32"))]
use crate::outcome::{Failure, Reply, Typed};
#[cfg(not(target_arch = "wasm32"))]
use crate::replicated::wire;

const DOMAIN: &str = "innkeeper";
const TYPE: &str = "google.rpc.ErrorInfo";

/// Why an ask has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The target refused: it did not happen.
    Refused,
    /// It never left: it did not happen.
    NotSent,
    /// It may have happened.
    Unknown,
}

/// Of the `failure` of an answer, a google.rpc.Status.
pub fn reason_of(failure: &impl Message) -> Reason {
    let Ok(Status { details, .. }) = Status::decode(failure.encode_to_vec().as_slice()) else { return Reason::Unknown };
    let mut infos = details
        .iter()
        .filter(|any| any.type_url.rsplit('/').next() == Some(TYPE))
        .filter_map(|any| ErrorInfo::decode(any.value.as_slice()).ok());
    match infos.find(|info| info.domain == DOMAIN).map(|info| info.reason).as_deref() {
        Some("REFUSED") => Reason::Refused,
        Some("NOT_SENT") => Reason::NotSent,
        _ => Reason::Unknown,
    }
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// For the kit: a failure as the host makes it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn failure<S: Message + Default>(code: i32, message: &str, reason: Reason) -> S {
    let reason = match reason {
        Reason::Refused => "REFUSED",
        Reason::NotSent => "NOT_SENT",
        Reason::Unknown => "UNKNOWN",
    };
    let info = ErrorInfo { reason: reason.into(), domain: DOMAIN.into() };
    let any = Any { type_url: format!("type.googleapis.com/{TYPE}"), value: info.encode_to_vec() };
    let status = Status { code, message: message.into(), details: vec![any] };
    S::decode(status.encode_to_vec().as_slice()).expect("the failure of an answer is a google.rpc.Status")
}

/// For the kit: the request of the method that hears an answer.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn answer(answer: &Result<Reply, Failure>, note: &[u8], reason: Reason) -> Vec<u8> {
    let mut out = Vec::new();
    match answer {
        Ok(Reply::Message(reply)) => wire::bytes(1, reply, &mut out),
        Ok(_) => {}
        Err(Failure { code, message, details }) => {
            let mut status: Status = failure(*code as i32 + 1, message, reason);
            let typed = |typed: &Typed| Any {
                type_url: format!("type.googleapis.com/{}", typed.type_name),
                value: typed.data.clone(),
            };
            status.details.extend(details.iter().map(typed));
            wire::bytes(2, &status.encode_to_vec(), &mut out);
        }
    }
    if !note.is_empty() {
        wire::bytes(3, note, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_that_of_the_hosts_own_detail() {
        for reason in [Reason::Refused, Reason::NotSent, Reason::Unknown] {
            assert_eq!(reason_of(&failure::<Status>(9, "no", reason)), reason);
        }
        let mut foreign: Status = failure(9, "no", Reason::Refused);
        let info = ErrorInfo { reason: "REFUSED".into(), domain: "elsewhere".into() };
        foreign.details[0].value = info.encode_to_vec();
        assert_eq!(reason_of(&foreign), Reason::Unknown);
        assert_eq!(reason_of(&Status::default()), Reason::Unknown);
    }
}
