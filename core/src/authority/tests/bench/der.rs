//! DER by hand, for what the writers of the authority would never write.

/// A value with this identifier.
pub(crate) fn value(identifier: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![identifier];
    match length {
        0..0x80 => der.push(length as u8),
        0x80..0x100 => der.extend([0x81, length as u8]),
        0x100..0x1_0000 => der.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => der.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    der.extend_from_slice(content);
    der
}

/// A SEQUENCE of these values.
pub(crate) fn sequence(values: &[&[u8]]) -> Vec<u8> {
    value(0x30, &values.concat())
}

/// An OCTET STRING.
pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    value(0x04, content)
}
