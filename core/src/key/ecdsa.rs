//! The two forms of an ECDSA signature: DER in certificates, two numbers at fixed width in JOSE.

use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};

/// `ECDSA-Sig-Value` ([RFC 5480, appendix A](https://www.rfc-editor.org/rfc/rfc5480#appendix-A)).
#[derive(Sequence)]
struct Signature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// The fixed form ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)) in DER; `None` if it has the
/// wrong length for the field.
pub(super) fn der_from_fixed(field_len: usize, fixed: &[u8]) -> Option<Vec<u8>> {
    if fixed.len() != 2 * field_len {
        return None;
    }
    let (r, s) = fixed.split_at_checked(field_len)?;
    Signature { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

/// The DER form at fixed width; `None` if it is malformed or a number is too long for the field.
pub(super) fn fixed_from_der(field_len: usize, der: &[u8]) -> Option<Vec<u8>> {
    let signature = Signature::from_der(der).ok()?;
    let mut fixed = Vec::with_capacity(2 * field_len);
    for number in [signature.r.as_bytes(), signature.s.as_bytes()] {
        let padding = field_len.checked_sub(number.len())?;
        fixed.resize(fixed.len() + padding, 0);
        fixed.extend_from_slice(number);
    }
    Some(fixed)
}
