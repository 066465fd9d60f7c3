//! What may be shown of octets that somebody else chose.

/// The most characters of somebody else's octets that are shown.
pub const EXCERPT: usize = 64;

/// The first [`EXCERPT`] characters of `octets`, fit for an error and a log line: what is not printable ASCII is
/// written as Rust writes it in a literal, and a cut is marked with dots.
pub fn excerpt(octets: &[u8]) -> String {
    let mut shown = String::new();
    for octet in octets {
        let escaped = match octet {
            b' '..=b'~' if *octet != b'\\' => char::from(*octet).to_string(),
            _ => octet.escape_ascii().to_string(),
        };
        if shown.len().saturating_add(escaped.len()) > EXCERPT {
            shown.push_str("...");
            break;
        }
        shown.push_str(&escaped);
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"", "")]
    #[case(b"abc.DEF \"quoted\"", "abc.DEF \"quoted\"")]
    #[case(b"a\nb\r\t\0", r"a\nb\r\t\x00")]
    #[case(b"\x1b[31m", r"\x1b[31m")]
    #[case(b"a\\b", r"a\\b")]
    #[case("\u{202e}x".as_bytes(), r"\xe2\x80\xaex")]
    fn n2_foreign_octets_are_shown_in_printable_ascii(#[case] octets: &[u8], #[case] shown: &str) {
        assert_eq!(excerpt(octets), shown);
    }

    #[test]
    fn n2_a_cut_is_marked() {
        assert_eq!(excerpt(&[b'a'; EXCERPT]), "a".repeat(EXCERPT));
        assert_eq!(excerpt(&[b'a'; EXCERPT + 1]), "a".repeat(EXCERPT) + "...");
        assert_eq!(excerpt(&[0; 4096]), r"\x00".repeat(EXCERPT / 4) + "...");
    }

    proptest! {
        #[test]
        fn n2_an_excerpt_is_one_short_printable_line(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let shown = excerpt(&octets);

            prop_assert!(shown.len() <= EXCERPT + 3);
            prop_assert!(shown.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
        }
    }
}
