//! The values of CAA records and of lasting DNS records: an issuer's name, and parameters.

/// `issuer-domain-name; tag=value; ...`
///
/// [RFC 8659 §4.2](https://www.rfc-editor.org/rfc/rfc8659#section-4.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IssueValue {
    /// In lower case; empty where nobody is named.
    pub(super) issuer: String,
    parameters: Vec<(String, String)>,
}

impl IssueValue {
    /// Reads a value; `None` when it is none. A tag that stands there twice makes it none.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii())?;
        let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
        let issuer = parts.next()?;
        let is_name =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
        if !issuer.chars().all(is_name) {
            return None;
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let (tag, value) = part.split_once('=')?;
            let (tag, value) = (tag.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
            let is_tag = !tag.is_empty()
                && tag.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
            let is_value = value.chars().all(|character| character.is_ascii_graphic());
            let tag = tag.to_ascii_lowercase();
            if !is_tag || !is_value || parameters.iter().any(|(known, _)| *known == tag) {
                return None;
            }
            parameters.push((tag, value.to_owned()));
        }
        Some(Self { issuer: issuer.to_ascii_lowercase(), parameters })
    }

    /// The value of the parameter with this tag, which is in lower case.
    pub(super) fn parameter(&self, tag: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == tag).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::issuer("ca.example", "ca.example", &[])]
    #[case::nobody(";", "", &[])]
    #[case::nobody_at_all("", "", &[])]
    #[case::parameters(
        "CA.example; accounturi=https://ca.example/acme/acme/account/1; ValidationMethods=dns-01,http-01",
        "ca.example",
        &[("accounturi", "https://ca.example/acme/acme/account/1"), ("validationmethods", "dns-01,http-01")]
    )]
    #[case::spaces(" ca.example ;  policy = wildcard ; ", "ca.example", &[("policy", "wildcard")])]
    fn a_value_is_read(#[case] value: &str, #[case] issuer: &str, #[case] parameters: &[(&str, &str)]) {
        let read = IssueValue::parse(value.as_bytes()).unwrap();

        assert_eq!(read.issuer, issuer);
        for (tag, value) in parameters {
            assert_eq!(read.parameter(tag), Some(*value));
        }
    }

    #[rstest]
    #[case::no_name("ca example")]
    #[case::no_value("ca.example; accounturi")]
    #[case::twice("ca.example; accounturi=a; ACCOUNTURI=b")]
    #[case::space_inside("ca.example; accounturi=a b")]
    #[case::not_ascii("cä.example")]
    #[case::a_percent("%%%%%")]
    fn a_value_that_could_mean_two_things_is_none(#[case] value: &str) {
        assert_eq!(IssueValue::parse(value.as_bytes()), None);
    }
}
