//! The `tls` section, read.

use crate::config::error::{ConfigError, ConfigWarning};
use crate::config::tls::{CipherSuite, TlsOptions, TlsVersion, offered_names};
use crate::config::view::View;

pub(super) fn read(view: &View<'_>, warnings: &mut Vec<ConfigWarning>) -> Result<TlsOptions, ConfigError> {
    let default = TlsOptions::default();
    let version = |name: &str, default: TlsVersion| match view.at(name).number() {
        None | Some(0.0) => Ok(default),
        Some(number) => TlsVersion::from_number(number)
            .ok_or_else(|| view.at(name).wrong("1.2 or 1.3 (or 1.0, 1.1 for minVersion)")),
    };
    let min_version = version("minVersion", default.min_version)?;
    let max_version = version("maxVersion", default.max_version)?;
    if max_version < TlsVersion::V1_2 {
        return Err(view.at("maxVersion").wrong("1.2 or 1.3"));
    }
    if min_version > max_version {
        return Err(view.at("minVersion").wrong("a version that is not above maxVersion"));
    }
    if min_version < TlsVersion::V1_2 {
        warnings.push(ConfigWarning::NoEffect {
            path: view.at("minVersion").path().clone(),
            reason: "the server offers TLS 1.2 and above; clients are told the value".to_owned(),
        });
    }

    let mut cipher_suites = Vec::new();
    for element in view.at("cipherSuites").elements() {
        let allowed = || format!("one of {}", offered_names());
        let name = element.required_text(&allowed())?;
        let suite = CipherSuite::from_name(name).ok_or_else(|| element.wrong(allowed()))?;
        if !suite.is_offered() {
            warnings.push(ConfigWarning::NoEffect {
                path: element.path().clone(),
                reason: "the server does not offer this suite; clients are told of it".to_owned(),
            });
        }
        cipher_suites.push(suite);
    }
    if cipher_suites.is_empty() {
        cipher_suites = default.cipher_suites;
    }
    let has_1_2 = cipher_suites.iter().any(|suite| suite.is_offered() && suite.is_for_tls_1_2());
    if max_version == TlsVersion::V1_2 && !has_1_2 {
        return Err(view
            .at("cipherSuites")
            .wrong(format!("for TLS 1.2 at least one of {}", offered_names())));
    }
    Ok(TlsOptions { cipher_suites, min_version, max_version, renegotiation: view.at("renegotiation").flag() })
}
