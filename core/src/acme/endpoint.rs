//! Where a request arrived: which provisioner's server, under which name; and the directory that stands there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::nonce::{Nonce, NonceKey};
use super::{Acme, AcmeError, Links};
use crate::config::AcmeOptions;
use crate::provisioner::{Provisioner, Service};

/// The ACME server of one provisioner, as one request reached it.
#[derive(Debug)]
pub struct Endpoint<'a> {
    pub(super) provisioner: &'a Provisioner,
    pub(super) options: &'a AcmeOptions,
    pub(super) nonce_key: NonceKey,
    links: Links,
    url: String,
}

impl Endpoint<'_> {
    /// The URLs of the server.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The URL that the request was sent to: what its JWS must name.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// How a request reached the authority.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The host that it named, with its port where it named one.
    pub host: &'a str,
    /// What a platform puts before every path; empty where there is nothing.
    pub base_path: &'a str,
    /// The path behind that and the query, as they were sent.
    pub path: &'a str,
}

impl Acme {
    /// The server of a provisioner.
    ///
    /// # Errors
    /// [`AcmeError`] when the host is not one of the authority's names, or no ACME provisioner has that name.
    pub fn endpoint<'a>(
        &'a self,
        arrival: Arrival<'_>,
        provisioner: &str,
    ) -> Result<Endpoint<'a>, AcmeError> {
        let Arrival { host, base_path, path } = arrival;
        if !host_name(host).is_some_and(|name| self.authority.is_named(name)) {
            return Err(AcmeError::malformed(
                "the Host of the request is not a name of this authority; its dnsNames list them",
            ));
        }
        let found = self.authority.provisioners().by_name(provisioner);
        let (provisioner, options) = match found.map(|found| (found, &found.service)) {
            Some((found, Service::Acme(options))) => (found, options),
            Some((_, Service::Disabled(_))) => {
                return Err(AcmeError::malformed("the provisioner is disabled").with_status(404));
            }
            Some((_, Service::Jwk(_) | Service::WithoutTokens)) | None => {
                return Err(
                    AcmeError::malformed("there is no ACME provisioner of that name").with_status(404)
                );
            }
        };
        self.check_persistence()?;
        let host = host.to_ascii_lowercase();
        Ok(Endpoint {
            provisioner,
            options,
            nonce_key: self.nonce_key.of_provisioner(&provisioner.id),
            links: Links::new(&host, base_path, &provisioner.name),
            url: format!("https://{host}{base_path}{path}"),
        })
    }

    /// A new nonce; nothing is written.
    ///
    /// # Errors
    /// [`AcmeError`] if there was no randomness.
    pub fn new_nonce(&self, endpoint: &Endpoint<'_>) -> Result<Nonce, AcmeError> {
        Ok(endpoint.nonce_key.issue(self.authority.now(), self.authority.random())?)
    }

    /// The directory of the server.
    pub fn directory(&self, endpoint: &Endpoint<'_>) -> Directory {
        let (links, options) = (&endpoint.links, endpoint.options);
        let profiles = options.profiles.iter();
        Directory {
            new_nonce: links.new_nonce(),
            new_account: links.new_account(),
            new_order: links.new_order(),
            new_authz: links.new_authz(),
            revoke_cert: links.revoke_cert(),
            key_change: links.key_change(),
            renewal_info: links.renewal_info(),
            meta: Meta {
                terms_of_service: options.terms_of_service.clone(),
                website: options.website.clone(),
                caa_identities: options.caa_identities.iter().map(ToString::to_string).collect(),
                external_account_required: options.require_eab,
                profiles: profiles
                    .map(|profile| (profile.name.clone(), profile.description.clone()))
                    .collect(),
            },
        }
    }
}

/// A directory ([RFC 8555 §7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
    new_authz: String,
    revoke_cert: String,
    key_change: String,
    /// [RFC 9773 §4](https://www.rfc-editor.org/rfc/rfc9773#section-4)
    renewal_info: String,
    #[serde(skip_serializing_if = "Meta::is_empty")]
    meta: Meta,
}

/// What a directory says of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caa_identities: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    external_account_required: bool,
    /// Name and description of each profile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    profiles: BTreeMap<String, String>,
}

impl Meta {
    fn is_empty(&self) -> bool {
        self.terms_of_service.is_none()
            && self.website.is_none()
            && self.caa_identities.is_empty()
            && !self.external_account_required
            && self.profiles.is_empty()
    }
}

/// The host without its port; an IPv6 address without its brackets. `None` where anything else stands besides: every
/// link begins with the host.
fn host_name(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port =
        |port: &str| port.bytes().all(|octet| octet.is_ascii_digit()) && port.parse::<u16>().is_ok();
    match rest.strip_prefix(':') {
        Some(port) => is_port(port).then_some(name),
        None => rest.is_empty().then_some(name),
    }
}
