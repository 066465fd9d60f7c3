//! Reads DER, one value after the other, without recursion: depth in the input costs nothing until someone asks for it.

use der::{Decode, Header, Reader, SliceReader};
use spki::ObjectIdentifier;

use super::write::id;

/// A row of DER values.
pub(super) struct Values<'a>(SliceReader<'a>);

/// One DER value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    /// Its identifier octet; values with tag numbers from 31 on have one that nobody looks for.
    pub(super) id: u8,
    /// Its content.
    pub(super) content: &'a [u8],
    /// All of it.
    pub(super) der: &'a [u8],
}

/// The bytes are not the DER that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotDer;

type Result<T> = std::result::Result<T, NotDer>;

impl<'a> Values<'a> {
    pub(super) fn of(der: &'a [u8]) -> Result<Self> {
        Ok(Self(SliceReader::new(der)?))
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Result<Value<'a>> {
        let der = self.0.tlv_bytes()?;
        let mut inner = SliceReader::new(der)?;
        Header::decode(&mut inner)?;
        let content = inner.read_slice(inner.remaining_len())?;
        let id = *der.first().ok_or(NotDer)?;
        Ok(Value { id, content, der })
    }

    /// The next value, which must have this identifier.
    pub(super) fn expect(&mut self, identifier: u8) -> Result<Value<'a>> {
        let value = self.any()?;
        if value.id == identifier { Ok(value) } else { Err(NotDer) }
    }

    /// The next value if it has this identifier.
    pub(super) fn optional(&mut self, identifier: u8) -> Result<Option<Value<'a>>> {
        if self.0.peek_byte() == Some(identifier) { self.any().map(Some) } else { Ok(None) }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_finished()
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Result<()> {
        if self.0.is_finished() { Ok(()) } else { Err(NotDer) }
    }
}

impl<'a> Value<'a> {
    /// Exactly one value with this identifier.
    pub(super) fn only(der: &'a [u8], identifier: u8) -> Result<Self> {
        let mut values = Values::of(der)?;
        let value = values.expect(identifier)?;
        values.end()?;
        Ok(value)
    }

    /// The values inside.
    pub(super) fn values(&self) -> Result<Values<'a>> {
        Values::of(self.content)
    }

    pub(super) fn oid(&self) -> Result<ObjectIdentifier> {
        self.is(id::OID)?;
        ObjectIdentifier::from_bytes(self.content).map_err(|_| NotDer)
    }

    /// The octets of a BIT STRING that has no unused bits.
    pub(super) fn bit_string_octets(&self) -> Result<&'a [u8]> {
        self.is(id::BIT_STRING)?;
        match self.content.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(NotDer),
        }
    }

    /// The octets of an OCTET STRING.
    pub(super) fn octets(&self) -> Result<&'a [u8]> {
        self.is(id::OCTET_STRING)?;
        Ok(self.content)
    }

    /// A BOOLEAN. An explicit FALSE where FALSE is the default is let pass, as deployed verifiers do.
    pub(super) fn boolean(&self) -> Result<bool> {
        self.is(id::BOOLEAN)?;
        match self.content {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(NotDer),
        }
    }

    /// An INTEGER between 0 and `u32::MAX`.
    pub(super) fn small(&self) -> Result<u32> {
        self.is(id::INTEGER)?;
        u32::from_der(self.der).map_err(|_| NotDer)
    }

    fn is(&self, identifier: u8) -> Result<()> {
        if self.id == identifier { Ok(()) } else { Err(NotDer) }
    }
}

impl From<der::Error> for NotDer {
    fn from(_: der::Error) -> Self {
        Self
    }
}
