//! Base64 as JOSE writes it: the URL alphabet without padding
//! ([RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2)).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The bytes of `text`, or `None` if it has padding, white space, another alphabet, or bits left over. Each sequence
/// of bytes therefore has exactly one text.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The text of secret bytes, wiped after use. The encoder writes into one allocation of the final size.
pub(super) fn encode_secret(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// Standard base64 with padding, which JOSE uses for certificates only
/// ([RFC 7515 §4.1.6](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.6)).
pub(super) fn decode_standard(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::padding("QQ==")]
    #[case::bits_left_over("QR")]
    #[case::one_character("Q")]
    #[case::standard_alphabet("+/+/")]
    #[case::line_break("QUFB\n")]
    #[case::space(" QUFB")]
    fn a_second_text_for_the_same_bytes_is_refused(#[case] text: &str) {
        assert_eq!(decode(text), None);
    }

    proptest! {
        #[test]
        fn bytes_are_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[A-Za-z0-9_-]{0,40}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
