//! Words of a command line that somebody copies into a shell.

use std::borrow::Cow;
use std::path::Path;

/// A path as one word.
pub(crate) fn path(path: &Path) -> String {
    word(&path.to_string_lossy()).into_owned()
}

/// A text as one word, quoted only where a shell would read it as something else.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_plain_word_stays_as_it_is() {
        assert_eq!(word("/home/a-b/certs_1/root.crt"), "/home/a-b/certs_1/root.crt");
        assert_eq!(word("https://ca.example:9000"), "https://ca.example:9000");
    }

    #[test]
    fn a_shell_reads_every_word_back() {
        for text in ["", "my ca", "it's", "$(id)", "a;b", "https://[::1]:9000", "~", "a\nb", "é", "\"\\"] {
            let output =
                Command::new("sh").args(["-c", &format!("printf %s {}", word(text))]).output().unwrap();

            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
