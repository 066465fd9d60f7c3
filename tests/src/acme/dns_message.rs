//! Just enough of the DNS wire format ([RFC 1035 §4](https://www.rfc-editor.org/rfc/rfc1035#section-4)) to answer a validator.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a query asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: u16,
    /// The name without its last dot, as it was spelt.
    pub name: String,
    /// The record type.
    pub kind: u16,
    /// The question section as it came, to be echoed.
    pub section: Vec<u8>,
    /// The client wants recursion.
    pub recursion: bool,
    /// The query carried EDNS.
    pub edns: bool,
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Strings that belong together.
    Txt(Vec<String>),
    /// Another name.
    Cname(String),
    /// Who may issue: flags, tag, value.
    Caa(u8, String, String),
    /// A server of the zone.
    Ns(String),
    /// The start of a zone.
    Soa(String),
}

impl Record {
    /// The record type.
    pub fn kind(&self) -> u16 {
        match self {
            Self::A(_) => A,
            Self::Aaaa(_) => AAAA,
            Self::Txt(_) => TXT,
            Self::Cname(_) => CNAME,
            Self::Caa(..) => CAA,
            Self::Ns(_) => NS,
            Self::Soa(_) => SOA,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().into(),
            Self::Aaaa(address) => address.octets().into(),
            Self::Txt(strings) => strings.iter().flat_map(|text| character_string(text)).collect(),
            Self::Cname(name) | Self::Ns(name) => name_bytes(name),
            Self::Caa(flags, tag, value) => {
                [&[*flags][..], &character_string(tag), value.as_bytes()].concat()
            }
            Self::Soa(zone) => {
                let numbers: [u32; 5] = [1, 3600, 600, 86_400, 1];
                let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
                [name_bytes(&format!("ns.{zone}")), name_bytes(&format!("hostmaster.{zone}")), numbers]
                    .concat()
            }
        }
    }
}

/// An answer before it is written.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The response code.
    pub code: u8,
    /// Something was left out.
    pub truncated: bool,
    /// Owners and records of the answer.
    pub answers: Vec<(String, Record)>,
    /// Owners and records of the authority section.
    pub authority: Vec<(String, Record)>,
}

impl Question {
    /// Reads a query; `None` if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        if word(4)? != 1 || bytes.get(2)? & 0x80 != 0 {
            return None;
        }
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).into_owned());
            at += length;
        }
        Some(Self {
            id: word(0)?,
            name: labels.join("."),
            kind: word(at)?,
            section: bytes.get(HEADER..at + 4)?.to_vec(),
            recursion: bytes.get(2)? & 1 != 0,
            edns: word(10)? > 0,
        })
    }

    /// The answer in wire form.
    pub fn answer(&self, message: &Message) -> Vec<u8> {
        let mut flags: u16 = 0x8400 | u16::from(message.code);
        if self.recursion {
            flags |= 0x0180;
        }
        if message.truncated {
            flags |= 0x0200;
        }
        let mut out = Vec::new();
        let counts = [1, message.answers.len() as u16, message.authority.len() as u16, u16::from(self.edns)];
        for word in [self.id, flags].iter().chain(&counts) {
            out.extend(word.to_be_bytes());
        }
        out.extend(&self.section);
        for (owner, record) in message.answers.iter().chain(&message.authority) {
            let data = record.data();
            out.extend(name_bytes(owner));
            out.extend(record.kind().to_be_bytes());
            out.extend(INTERNET.to_be_bytes());
            out.extend(0u32.to_be_bytes());
            out.extend((data.len() as u16).to_be_bytes());
            out.extend(data);
        }
        if self.edns {
            out.extend([0, 0, 41]);
            out.extend(1232u16.to_be_bytes());
            out.extend([0; 6]);
        }
        out
    }
}

fn name_bytes(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> = labels.flat_map(character_string).collect();
    out.push(0);
    out
}

fn character_string(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a string of DNS has at most 255 octets");
    [&[length][..], text.as_bytes()].concat()
}

/// The type A.
pub const A: u16 = 1;
/// The type NS.
pub const NS: u16 = 2;
/// The type CNAME.
pub const CNAME: u16 = 5;
/// The type SOA.
pub const SOA: u16 = 6;
/// The type TXT.
pub const TXT: u16 = 16;
/// The type AAAA.
pub const AAAA: u16 = 28;
/// The type CAA.
pub const CAA: u16 = 257;

/// The response code of a server that could not answer.
pub const SERVFAIL: u8 = 2;
/// The response code for a name that does not exist.
pub const NXDOMAIN: u8 = 3;

const INTERNET: u16 = 1;
const HEADER: usize = 12;
