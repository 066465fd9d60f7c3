//! Writes DER. Every value here is in memory and short, so nothing can fail.

/// Identifier octets, as they stand in DER.
pub(super) mod id {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[n]` around a primitive value.
    pub(crate) const fn context(n: u8) -> u8 {
        0x80 | n
    }

    /// `[n]` around a constructed value.
    pub(crate) const fn context_constructed(n: u8) -> u8 {
        0xa0 | n
    }
}

/// One value: identifier, length in the fewest octets, content.
pub(super) fn value(identifier: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(identifier);
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let octets: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
            out.push(LONG_FORM | octets.len() as u8);
            out.extend_from_slice(&octets);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A SEQUENCE of values that are already written.
pub(super) fn sequence<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    constructed(id::SEQUENCE, parts)
}

/// A constructed value of parts that are already written.
pub(super) fn constructed<T: AsRef<[u8]>>(identifier: u8, parts: &[T]) -> Vec<u8> {
    let content: Vec<u8> = parts.iter().flat_map(|part| part.as_ref().iter().copied()).collect();
    value(identifier, &content)
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(oid: spki::ObjectIdentifier) -> Vec<u8> {
    value(id::OID, oid.as_bytes())
}

/// A BIT STRING of whole octets.
pub(super) fn bit_string(octets: &[u8]) -> Vec<u8> {
    value(id::BIT_STRING, &[&[0], octets].concat())
}

/// An INTEGER that is not negative, from big-endian octets without leading zeros.
pub(super) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    match magnitude.first() {
        None => value(id::INTEGER, &[0]),
        Some(first) if first & SIGN_BIT != 0 => value(id::INTEGER, &[&[0], magnitude].concat()),
        Some(_) => value(id::INTEGER, magnitude),
    }
}

/// A small INTEGER that is not negative.
pub(super) fn small(number: u32) -> Vec<u8> {
    let octets: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    unsigned(&octets)
}

/// The bit of the first length octet that says "as many length octets follow".
const LONG_FORM: u8 = 0x80;
/// The top bit of an INTEGER is its sign.
const SIGN_BIT: u8 = 0x80;
