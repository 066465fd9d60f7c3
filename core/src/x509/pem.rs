//! PEM, read in one pass and as leniently as the programs that write it need: text before and between the blocks, any
//! line length, either line end ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)). Headers inside a block are
//! refused: only encrypted private keys have them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Why a text is not the PEM that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// No block begins anywhere.
    #[error("there is no PEM block")]
    Missing,
    /// More than one block where one is expected.
    #[error("there is more than one PEM block")]
    MoreThanOne,
    /// A block without an end, with another one's end, or with something other than Base64 inside.
    #[error("a PEM block is malformed")]
    Malformed,
    /// A block of another kind.
    #[error("the PEM block is a {found}, not a {expected}")]
    OtherLabel {
        /// What it should be.
        expected: &'static str,
        /// What it says it is.
        found: String,
    },
    /// Longer than anything that is accepted.
    #[error("the PEM text is longer than {MAX_TEXT} bytes")]
    TooLong,
}

/// The content of every block; each must have one of these labels.
pub(super) fn read_all(text: &str, labels: &[&'static str]) -> Result<Vec<Vec<u8>>, PemError> {
    if text.len() > MAX_TEXT {
        return Err(PemError::TooLong);
    }
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, BEGIN) else { continue };
        let expected = labels.first().copied().unwrap_or_default();
        if !labels.contains(&label) {
            let found = label.chars().take(MAX_LABEL).collect();
            return Err(PemError::OtherLabel { expected, found });
        }
        let mut base64 = String::new();
        loop {
            let line = lines.next().ok_or(PemError::Malformed)?;
            match boundary(line, END) {
                Some(end) if end == label => break,
                Some(_) => return Err(PemError::Malformed),
                None => base64.extend(line.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r'))),
            }
            // Also stops at the next BEGIN, so that a text of nothing else is read once and not once per line.
            if line.contains('-') {
                return Err(PemError::Malformed);
            }
        }
        blocks.push(STANDARD.decode(base64).map_err(|_| PemError::Malformed)?);
    }
    if blocks.is_empty() { Err(PemError::Missing) } else { Ok(blocks) }
}

/// The content of the only block.
pub(super) fn read_one(text: &str, labels: &[&'static str]) -> Result<Vec<u8>, PemError> {
    match <[Vec<u8>; 1]>::try_from(read_all(text, labels)?) {
        Ok([block]) => Ok(block),
        Err(_) => Err(PemError::MoreThanOne),
    }
}

/// A block with lines of 64 characters and a line feed at the end.
pub(super) fn write(label: &str, content: &[u8]) -> String {
    let base64 = STANDARD.encode(content);
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    for (index, character) in base64.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    if !base64.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("{END}{label}{DASHES}\n"));
    text
}

/// The label of a line that begins or ends a block.
fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.trim_end().strip_prefix(start)?.strip_suffix(DASHES)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Line length that [RFC 7468 §2](https://www.rfc-editor.org/rfc/rfc7468#section-2) asks for.
const LINE: usize = 64;
/// Longest text looked at: a bundle of a hundred ordinary roots, or one request with as many names as are accepted.
const MAX_TEXT: usize = 512 * 1024;
/// How much of a foreign label an error repeats.
const MAX_LABEL: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("-----BEGIN A-----\nAQID\n-----END A-----\n")]
    #[case::no_newline_at_end("-----BEGIN A-----\nAQID\n-----END A-----")]
    #[case::text_before("subject=x\n-----BEGIN A-----\nAQID\n-----END A-----\nafter")]
    #[case::carriage_returns("-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\n")]
    #[case::odd_lines("-----BEGIN A-----\nA\nQI\n\nD \n-----END A-----\n")]
    fn a_block_is_read(#[case] text: &str) {
        assert_eq!(read_one(text, &["A"]), Ok(vec![1, 2, 3]));
    }

    #[rstest]
    #[case::empty("", PemError::Missing)]
    #[case::prose("hello", PemError::Missing)]
    #[case::no_end("-----BEGIN A-----\nAQID\n", PemError::Malformed)]
    #[case::other_end("-----BEGIN A-----\nAQID\n-----END B-----\n", PemError::Malformed)]
    #[case::not_base64("-----BEGIN A-----\n%%%%\n-----END A-----\n", PemError::Malformed)]
    #[case::header("-----BEGIN A-----\nX: y\n\nAQID\n-----END A-----\n", PemError::Malformed)]
    #[case::two(
        "-----BEGIN A-----\nAQID\n-----END A-----\n-----BEGIN A-----\nAQID\n-----END A-----\n",
        PemError::MoreThanOne
    )]
    #[case::other_label(
        "-----BEGIN B-----\nAQID\n-----END B-----\n",
        PemError::OtherLabel { expected: "A", found: "B".to_owned() }
    )]
    fn x2_bad_pem_is_refused_with_its_reason(#[case] text: &str, #[case] expected: PemError) {
        assert_eq!(read_one(text, &["A"]), Err(expected));
    }

    #[rstest]
    #[case("-----BEGIN")]
    #[case("-----BEGIN A-----\n")]
    #[case("-----BEGIN A-----\n-----BEGIN ")]
    #[case("-----END A-----\n")]
    fn x27_a_megabyte_of_boundaries_is_refused_quickly(#[case] unit: &str) {
        for size in [MAX_TEXT, 1024 * 1024] {
            let text = unit.repeat(size / unit.len());
            let start = std::time::Instant::now();

            assert!(read_all(&text, &["A"]).is_err());
            assert!(start.elapsed() < std::time::Duration::from_millis(500));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = write("A", &content);
            prop_assert!(text.lines().all(|line| line.len() <= LINE));
            prop_assert_eq!(read_one(&text, &["A"]), Ok(content));
        }

        #[test]
        fn no_text_panics(text in "(-----(BEGIN|END) A-----|[A-Za-z0-9+/=-]|\n|\r| ){0,40}") {
            let _ = read_all(&text, &["A"]);
        }
    }
}
