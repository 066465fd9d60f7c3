//! Just enough DER writing to make requests that no well-behaved library would make.

/// One element: tag, length, contents.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).expect("a long length is not zero");
            out.push(0x80 | (bytes.len() - first) as u8);
            out.extend_from_slice(&bytes[first..]);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// SEQUENCE of the parts.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// SET of the parts, in the given order.
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(0x31, &parts.concat())
}

/// INTEGER of a non-negative big-endian number.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let first = magnitude.iter().position(|byte| *byte != 0).unwrap_or(magnitude.len());
    let mut contents = magnitude[first..].to_vec();
    if contents.first().is_none_or(|byte| *byte >= 0x80) {
        contents.insert(0, 0);
    }
    element(0x02, &contents)
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    element(0x01, &[if value { 0xff } else { 0 }])
}

/// OBJECT IDENTIFIER from its dotted form.
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().expect("a dotted number")).collect();
    let mut contents = Vec::new();
    push_base128(&mut contents, arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        push_base128(&mut contents, *arc);
    }
    element(0x06, &contents)
}

/// NULL.
pub fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// OCTET STRING.
pub fn octets(contents: &[u8]) -> Vec<u8> {
    element(0x04, contents)
}

/// BIT STRING of whole octets.
pub fn bits(contents: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], contents].concat())
}

/// UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

/// PrintableString.
pub fn printable(text: &str) -> Vec<u8> {
    element(0x13, text.as_bytes())
}

/// IA5String.
pub fn ia5(text: &str) -> Vec<u8> {
    element(0x16, text.as_bytes())
}

/// `[number]`, constructed.
pub fn explicit(number: u8, contents: &[u8]) -> Vec<u8> {
    element(0xa0 | number, contents)
}

/// `[number]`, primitive.
pub fn implicit(number: u8, contents: &[u8]) -> Vec<u8> {
    element(0x80 | number, contents)
}

/// A Name with one attribute a relative distinguished name; the value is a whole element.
pub fn name(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> =
        attributes.iter().map(|(kind, value)| set(&[&sequence(&[&oid(kind), value])])).collect();
    element(0x30, &parts.concat())
}

/// An Extension.
pub fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let flag = if critical { boolean(true) } else { Vec::new() };
    sequence(&[&oid(id), &flag, &octets(value)])
}

/// PEM with the given label and 64 columns.
pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The contents of every PEM block.
pub fn unpem(text: &str) -> Vec<Vec<u8>> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut blocks = Vec::new();
    let mut inside: Option<String> = None;
    for line in text.lines() {
        if line.starts_with("-----BEGIN ") {
            inside = Some(String::new());
        } else if line.starts_with("-----END ") {
            let text = inside.take().expect("a PEM block begins before it ends");
            blocks.push(BASE64_STANDARD.decode(text).expect("a PEM block holds base64"));
        } else if let Some(text) = &mut inside {
            text.push_str(line.trim());
        }
    }
    blocks
}

/// commonName.
pub const COMMON_NAME: &str = "2.5.4.3";

fn push_base128(out: &mut Vec<u8>, value: u64) {
    let mut groups = vec![(value & 0x7f) as u8];
    let mut rest = value >> 7;
    while rest > 0 {
        groups.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.extend(groups.iter().rev());
}
