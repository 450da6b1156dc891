//! Key: which entity a request names, as the host reads it (docs/reference/behaviour.md, §key).
//!
//! The entity of a test is the one that it names by `entity`, else the one that its first request names. A request for another
//! one, or one that forgets its key, fails the test.

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::call::Target;
use crate::methods::{KeyField, Method};

#[derive(Clone, Default)]
pub(super) struct Naming {
    given: Option<String>,
    asked: Option<String>,
}

impl Naming {
    pub(super) fn given(key: &str) -> Naming {
        Naming { given: Some(key.into()), asked: None }
    }

    /// Of the entity that this is asked of.
    #[track_caller]
    pub(super) fn of(&self, methods: &[Method], target: &Target) -> Naming {
        if self.given.is_some() {
            return self.clone();
        }
        match key_of(methods, target) {
            None => self.clone(),
            Some(Err(forgotten)) => panic!("{forgotten}, or name the entity by .entity(key)"),
            Some(Ok(key)) => {
                if let Some(before) = self.asked.as_ref().filter(|before| **before != key) {
                    let Target { service, method, .. } = target;
                    panic!(
                        "{service}/{method} is asked of '{key}', but the test is about '{before}': begin another one with given"
                    );
                }
                Naming { given: None, asked: Some(key) }
            }
        }
    }

    pub(super) fn entity(&self) -> &str {
        self.given.as_deref().or(self.asked.as_deref()).unwrap_or("entity")
    }
}

/// None: the method names no entity. Err: the request forgets its key, in the host's words.
pub(super) fn key_of(methods: &[Method], target: &Target) -> Option<Result<String, String>> {
    let key = methods.iter().find(|method| method.name == target.method)?.key;
    // What is no request of this method is refused by the service itself.
    let texts = read(key, &target.payload)?;
    let forgotten = key.iter().zip(&texts).find(|(field, text)| text.is_empty() && !field.may_be_empty);
    Some(match forgotten {
        Some((KeyField { name, .. }, _)) => Err(format!(
            "{}/{}: the field {name} names the entity and is empty; set it in the request",
            target.service, target.method
        )),
        None => Ok(texts.join("-")),
    })
}

fn read(key: &[KeyField], mut payload: &[u8]) -> Option<Vec<String>> {
    if key.is_empty() {
        return None;
    }
    let mut texts: Vec<String> = key.iter().map(|field| missing(field.kind).into()).collect();
    while payload.has_remaining() {
        let (number, wire_type) = decode_key(&mut payload).ok()?;
        match key.iter().position(|field| field.number == number && wire_type_of(field.kind) == wire_type) {
            Some(place) => texts[place] = text(key[place].kind, &mut payload)?,
            None => skip_field(wire_type, number, &mut payload, DecodeContext::default()).ok()?,
        }
    }
    Some(texts)
}

const DOUBLE: i32 = 1;
const FLOAT: i32 = 2;
const INT64: i32 = 3;
const INT32: i32 = 5;
const FIXED64: i32 = 6;
const FIXED32: i32 = 7;
const BOOL: i32 = 8;
const STRING: i32 = 9;
const BYTES: i32 = 12;
const UINT32: i32 = 13;
const ENUM: i32 = 14;
const SFIXED32: i32 = 15;
const SFIXED64: i32 = 16;
const SINT32: i32 = 17;
const SINT64: i32 = 18;

fn missing(kind: i32) -> &'static str {
    match kind {
        STRING | BYTES => "",
        BOOL => "false",
        _ => "0",
    }
}

fn wire_type_of(kind: i32) -> WireType {
    match kind {
        STRING | BYTES => WireType::LengthDelimited,
        DOUBLE | FIXED64 | SFIXED64 => WireType::SixtyFourBit,
        FLOAT | FIXED32 | SFIXED32 => WireType::ThirtyTwoBit,
        _ => WireType::Varint,
    }
}

/// None: there are not as many bytes.
fn text(kind: i32, payload: &mut &[u8]) -> Option<String> {
    match wire_type_of(kind) {
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(payload).ok()?).ok()?;
            let (value, rest) = payload.split_at_checked(length)?;
            *payload = rest;
            if kind == BYTES { Some(base64(value)) } else { String::from_utf8(value.to_vec()).ok() }
        }
        WireType::SixtyFourBit => {
            let (value, rest) = payload.split_first_chunk::<8>()?;
            *payload = rest;
            Some(match kind {
                DOUBLE => f64::from_le_bytes(*value).to_string(),
                SFIXED64 => i64::from_le_bytes(*value).to_string(),
                _ => u64::from_le_bytes(*value).to_string(),
            })
        }
        WireType::ThirtyTwoBit => {
            let (value, rest) = payload.split_first_chunk::<4>()?;
            *payload = rest;
            Some(match kind {
                FLOAT => f32::from_le_bytes(*value).to_string(),
                SFIXED32 => i32::from_le_bytes(*value).to_string(),
                _ => u32::from_le_bytes(*value).to_string(),
            })
        }
        _ => Some(number(kind, decode_varint(payload).ok()?)),
    }
}

fn number(kind: i32, value: u64) -> String {
    match kind {
        BOOL => (value != 0).to_string(),
        INT64 => (value as i64).to_string(),
        INT32 | ENUM => (value as i32).to_string(),
        UINT32 => (value as u32).to_string(),
        SINT32 => ((value as u32 >> 1) as i32 ^ -(value as i32 & 1)).to_string(),
        SINT64 => ((value >> 1) as i64 ^ -(value as i64 & 1)).to_string(),
        _ => value.to_string(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// Guards how each type of field names an entity; the host's reader has the same cases (host/schema/entity-key.ts).
#[cfg(test)]
mod tests {
    use super::*;

    fn key(kinds: &[i32], payload: &[u8]) -> Option<String> {
        let fields: Vec<KeyField> = (1..)
            .zip(kinds)
            .map(|(number, kind)| KeyField { name: "part", number, kind: *kind, may_be_empty: true })
            .collect();
        Some(read(&fields, payload)?.join("-"))
    }

    #[test]
    fn a_missing_field_is_its_types_default() {
        assert_eq!(key(&[STRING, BYTES, BOOL, ENUM, SINT64, FIXED32], &[]).unwrap(), "--false-0-0-0");
        assert_eq!(key(&[], &[]), None);
    }

    #[test]
    fn each_type_is_read_as_the_host_reads_it() {
        let minus_one = [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        for (kind, text) in [(INT32, "-1"), (INT64, "-1"), (ENUM, "-1"), (UINT32, "4294967295"), (BOOL, "true")] {
            assert_eq!(key(&[kind], &minus_one).unwrap(), text);
        }
        assert_eq!(key(&[4], &minus_one).unwrap(), "18446744073709551615");
        assert_eq!(key(&[SINT32, SINT64], &[8, 3, 16, 4]).unwrap(), "-2-2");
        assert_eq!(key(&[SFIXED32, FIXED32], &[13, 255, 255, 255, 255, 21, 1, 0, 0, 0]).unwrap(), "-1-1");
        assert_eq!(key(&[SFIXED64], &[9, 254, 255, 255, 255, 255, 255, 255, 255]).unwrap(), "-2");
        assert_eq!(key(&[FIXED64], &[9, 2, 0, 0, 0, 0, 0, 0, 0]).unwrap(), "2");
        assert_eq!(key(&[DOUBLE], &[9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]).unwrap(), "1.5");
        assert_eq!(key(&[FLOAT], &[13, 0, 0, 0x20, 0x40]).unwrap(), "2.5");
        assert_eq!(key(&[BYTES], &[10, 1, 255]).unwrap(), "/w==");
        assert_eq!(key(&[BYTES], &[10, 2, 255, 0]).unwrap(), "/wA=");
        assert_eq!(key(&[BYTES], &[10, 4, 1, 2, 3, 4]).unwrap(), "AQIDBA==");
    }

    #[test]
    fn the_last_occurrence_counts_and_other_fields_do_not() {
        assert_eq!(key(&[STRING], &[10, 1, b'a', 18, 1, b'x', 10, 1, b'b']).unwrap(), "b");
        assert_eq!(key(&[STRING], &[10, 9, b'a']), None);
        assert_eq!(key(&[STRING], &[8, 1]).unwrap(), "");
    }
}
