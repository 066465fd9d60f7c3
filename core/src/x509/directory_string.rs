//! The string types of distinguished names.

use std::fmt;

use super::read::{NotDer, Value};
use super::write::{self, id};

/// Reads a string of any type that names are written in.
pub(super) fn read(value: Value<'_>) -> Result<String, NotDer> {
    let bytes = value.content;
    match value.id {
        id::PRINTABLE_STRING if bytes.iter().all(|byte| is_tolerated(*byte)) => ascii(bytes),
        id::NUMERIC_STRING if bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => ascii(bytes),
        id::IA5_STRING if bytes.is_ascii() => ascii(bytes),
        id::UTF8_STRING => ascii(bytes),
        // T.61 in name, Latin-1 in every certificate that was seen.
        id::TELETEX_STRING => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        id::BMP_STRING => read_bmp(bytes),
        _ => Err(NotDer),
    }
}

/// A PrintableString when every character allows, else a UTF8String.
pub(super) fn printable_or_utf8(text: &str) -> Vec<u8> {
    let identifier = if text.bytes().all(is_printable) { id::PRINTABLE_STRING } else { id::UTF8_STRING };
    write::value(identifier, text.as_bytes())
}

/// Writes a value with the escapes of [RFC 4514 §2.4](https://www.rfc-editor.org/rfc/rfc4514#section-2.4), and control
/// characters as escapes too, so that it stays on one line.
pub(super) fn write_escaped(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let is_edge = index == 0 || index == last;
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => write!(f, "\\{character}")?,
            ' ' if is_edge => f.write_str("\\ ")?,
            '#' if index == 0 => f.write_str("\\#")?,
            control if control.is_control() => write!(f, "{}", control.escape_default())?,
            plain => write!(f, "{plain}")?,
        }
    }
    Ok(())
}

fn ascii(bytes: &[u8]) -> Result<String, NotDer> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NotDer)
}

fn read_bmp(bytes: &[u8]) -> Result<String, NotDer> {
    let bytes = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes);
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotDer);
    }
    pairs
        .iter()
        .map(|pair| match u16::from_be_bytes(*pair) {
            // Never characters; surrogates are refused by `char` itself.
            0xfdd0..=0xfdef | 0xfffe | 0xffff => Err(NotDer),
            point => char::from_u32(point.into()).ok_or(NotDer),
        })
        .collect()
}

/// The repertoire of PrintableString (X.680 §41.4).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// What is read as PrintableString: also the star and the ampersand, which well-known certificates have in it.
fn is_tolerated(byte: u8) -> bool {
    is_printable(byte) || byte == b'*' || byte == b'&'
}
