//! JSON from outside: one value, no member twice, nothing after it.
//!
//! Two readers of one text must see the same thing; a duplicate member is how they do not. Numbers that no `f64`
//! holds, such as `1e400`, and nesting beyond 128 levels are refused by the parser.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Reads one JSON object; no object in it, at any depth, has a member twice.
///
/// The caller bounds the size.
///
/// # Errors
/// [`JsonError`] says where it fails.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(text)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads one JSON value as [`parse_object`] does.
///
/// # Errors
/// [`JsonError`] says where it fails.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let duplicate = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict { duplicate: &duplicate }.deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(match duplicate.into_inner() {
            Some(name) => JsonError::DuplicateMember { name },
            None => JsonError::Malformed { line: error.line(), column: error.column() },
        }),
    }
}

/// Why a text is not acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not JSON, cut off, followed by something, nested too deeply, or with a number out of range.
    #[error("malformed JSON at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("a JSON object is needed")]
    NotAnObject,
    /// An object has a member twice.
    #[error("the JSON member {name:?} stands there twice")]
    DuplicateMember {
        /// The beginning of its name.
        name: String,
    },
}

/// Builds a [`Value`]; leaves the name in `duplicate` when it stops at a member that is there already, because an
/// error that passes through serde keeps its text only.
#[derive(Clone, Copy)]
struct Strict<'c> {
    duplicate: &'c RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                *self.duplicate.borrow_mut() = Some(super::clip(&name));
                return Err(A::Error::custom("duplicate member"));
            }
            members.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::jose::testing::fastest;

    #[rstest]
    #[case::at_the_top(r#"{"a":1,"a":1}"#)]
    #[case::by_escape(r#"{"a":1,"\u0061":2}"#)]
    #[case::in_an_object(r#"{"b":{"a":1,"c":2,"a":3}}"#)]
    #[case::in_an_array(r#"{"b":[1,{"a":1,"a":2}]}"#)]
    fn a_duplicate_member_is_refused_at_any_depth(#[case] text: &str) {
        assert_eq!(parse_object(text.as_bytes()), Err(JsonError::DuplicateMember { name: "a".into() }));
    }

    #[rstest]
    #[case::empty("")]
    #[case::cut_off(r#"{"a":1"#)]
    #[case::second_value("{}{}")]
    #[case::comma_at_the_end(r#"{"a":1,}"#)]
    #[case::number_out_of_range(r#"{"a":1e400}"#)]
    #[case::not_a_number(r#"{"a":NaN}"#)]
    #[case::byte_order_mark("\u{feff}{}")]
    #[case::lone_surrogate(r#"{"a":"\ud800"}"#)]
    fn what_is_not_json_is_refused(#[case] text: &str) {
        assert!(matches!(parse_object(text.as_bytes()), Err(JsonError::Malformed { .. })));
    }

    #[rstest]
    #[case("[]")]
    #[case("null")]
    #[case("\"a\"")]
    #[case("1")]
    fn what_is_not_an_object_is_refused(#[case] text: &str) {
        assert_eq!(parse_object(text.as_bytes()), Err(JsonError::NotAnObject));
    }

    #[rstest]
    #[case::arrays("[".repeat(100_000))]
    #[case::objects(r#"{"a":"#.repeat(100_000))]
    fn l17_deep_nesting_is_refused_quickly(#[case] text: String) {
        let taken = fastest(|| assert!(matches!(parse(text.as_bytes()), Err(JsonError::Malformed { .. }))));

        assert!(taken < Duration::from_millis(100), "{taken:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_read_is_what_serde_json_reads(text in r#"[\[\]{}",:a-b0-2. -]{0,24}"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(Some(value), serde_json::from_str::<Value>(&text).ok());
            }
        }
    }
}
