//! All provisioners of an authority: found by token, by name, by key, and listed in pages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::value::RawValue;
use thiserror::Error;

use super::audience::{Audiences, Operation, fragment};
use super::jwk::JwkProvisioner;
use super::token::{AuthorizedToken, TokenError};
use crate::clock::Timestamp;
use crate::config::{AcmeOptions, Claims};
use crate::jose::Jwt;
use crate::store::table::ProvisionerReference;
use crate::x509::{ProvisionerExtension, ProvisionerKind};

/// A provisioner of the configuration, ready to judge, or not.
#[derive(Debug)]
pub struct Provisioner {
    /// Its id, by which its tokens name it: unique, and the same in every process that reads the configuration.
    pub id: String,
    /// Its name: unique too, and part of every certificate it allows.
    pub name: String,
    /// Its kind.
    pub kind: ProvisionerKind,
    /// Its bounds, with what it inherits from the authority.
    pub claims: Claims,
    /// Key id and JWE of its private key, where clients may fetch it.
    pub encrypted_key: Option<(String, String)>,
    /// What clients see of it in the list.
    pub listing: Box<RawValue>,
    /// What it can do.
    pub service: Service,
}

impl Provisioner {
    /// It as records name it.
    pub fn reference(&self) -> ProvisionerReference {
        ProvisionerReference { id: self.id.clone(), name: self.name.clone() }
    }

    /// It as certificates name it.
    pub fn extension(&self) -> ProvisionerExtension {
        let credential_id = match &self.service {
            Service::Jwk(jwk) => jwk.key_id().to_owned(),
            Service::Acme(_) | Service::WithoutTokens | Service::Disabled(_) => String::new(),
        };
        ProvisionerExtension {
            kind: self.kind,
            name: self.name.clone(),
            credential_id,
            key_value_pairs: Vec::new(),
        }
    }
}

/// What a provisioner can do.
#[derive(Debug)]
pub enum Service {
    /// Judges tokens signed by its key.
    Jwk(JwkProvisioner),
    /// Speaks ACME, with these options, and does not use tokens.
    Acme(Arc<AcmeOptions>),
    /// Does not use tokens.
    WithoutTokens,
    /// Nothing: it could not be initialised, for this reason.
    Disabled(String),
}

/// The provisioners of an authority.
#[derive(Debug)]
pub struct Provisioners {
    list: Vec<Provisioner>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
    audiences: Audiences,
}

impl Provisioners {
    /// The collection, in the order of the configuration.
    ///
    /// # Errors
    /// [`DuplicateProvisioner`] when two share an id or a name.
    pub fn new(list: Vec<Provisioner>, audiences: Audiences) -> Result<Self, DuplicateProvisioner> {
        let mut by_name = HashMap::new();
        let mut by_id = HashMap::new();
        for (position, provisioner) in list.iter().enumerate() {
            claim(&mut by_id, "id", &provisioner.id, position)?;
            claim(&mut by_name, "name", &provisioner.name, position)?;
        }
        Ok(Self { list, by_name, by_id, audiences })
    }

    /// The audiences of the authority.
    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Provisioner> {
        self.list.iter()
    }

    /// The provisioner of that name.
    pub fn by_name(&self, name: &str) -> Option<&Provisioner> {
        self.list.get(*self.by_name.get(name)?)
    }

    /// The provisioner of that id.
    pub fn by_id(&self, id: &str) -> Option<&Provisioner> {
        self.list.get(*self.by_id.get(id)?)
    }

    /// The JWE of the private key with that id.
    pub fn encrypted_key(&self, key_id: &str) -> Option<&str> {
        let keys = self.list.iter().filter_map(|provisioner| provisioner.encrypted_key.as_ref());
        keys.rev().find(|(found, _)| found == key_id).map(|(_, key)| key.as_str())
    }

    /// Verifies a token for `operation`, by the one provisioner that it names. Nothing is written.
    ///
    /// # Errors
    /// [`Denied`] tells a token that does not hold from a provisioner that cannot judge it.
    pub fn authorize(
        &self,
        token: &str,
        operation: Operation,
        now: Timestamp,
    ) -> Result<(&Provisioner, AuthorizedToken), Denied> {
        let token = Jwt::parse(token).map_err(TokenError::Malformed)?;
        let provisioner = self.by_token(&token)?;
        match &provisioner.service {
            Service::Jwk(jwk) => Ok((provisioner, jwk.authorize(token, operation, &self.audiences, now)?)),
            Service::Acme(_) | Service::WithoutTokens => Err(Denied::TokenFlowNotSupported),
            Service::Disabled(_) => Err(Denied::Disabled { name: provisioner.name.clone() }),
        }
    }

    /// The provisioners from `cursor` on, at most `limit` (0 or less: 20, never more than 100), and the next cursor,
    /// which is empty at the end.
    pub fn page(&self, cursor: &str, limit: i64) -> (Vec<&RawValue>, String) {
        let limit = match limit {
            ..=0 => DEFAULT_PAGE,
            limit => usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE),
        };
        let cursor = format!("{cursor:0>40}");
        let mut rest = self.list.iter().zip(0_u32..).skip_while(|(p, position)| uid(p, *position) < cursor);
        let page = rest.by_ref().take(limit).map(|(provisioner, _)| &*provisioner.listing).collect();
        let next = rest.next().map(|(provisioner, position)| uid(provisioner, position));
        (page, next.map(|uid| uid.trim_start_matches('0').to_owned()).unwrap_or_default())
    }

    /// Who judges a token, from what it says of itself: the fragment of its audience, or its issuer and key id.
    fn by_token(&self, token: &Jwt<'_>) -> Result<&Provisioner, TokenError> {
        let claims = token.unverified_claims();
        let audience = claims.audience();
        let fragment = fragment(&audience);
        let issuer = claims.issuer().unwrap_or_default();
        let key_id = token.header().key_id.as_deref().unwrap_or_default();
        let id = match fragment {
            "" => format!("{issuer}:{key_id}"),
            fragment => fragment.to_owned(),
        };
        let found = self.audiences.allow_any(&audience, fragment).then(|| self.by_id(&id)).flatten();
        found.ok_or_else(|| TokenError::UnknownProvisioner {
            issuer: clip(issuer),
            key_id: clip(key_id),
            audience: audience.iter().map(|audience| clip(audience)).collect(),
        })
    }
}

/// Why a token does not authorise.
#[derive(Debug, Error)]
pub enum Denied {
    /// It does not hold.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its provisioner does not use tokens.
    #[error("token flow is not supported")]
    TokenFlowNotSupported,
    /// Its provisioner could not be initialised.
    #[error("the provisioner is disabled")]
    Disabled {
        /// Its name.
        name: String,
    },
}

/// Two provisioners that could not be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("two provisioners have the {what} {value:?}")]
pub struct DuplicateProvisioner {
    what: &'static str,
    value: String,
}

/// Page size when the client asks for none.
const DEFAULT_PAGE: usize = 20;
/// Longest page.
const MAX_PAGE: usize = 100;
/// Longer values of a token are cut off in the log.
const MAX_LOGGED_CHARS: usize = 128;

fn claim(
    taken: &mut HashMap<String, usize>,
    what: &'static str,
    value: &str,
    position: usize,
) -> Result<(), DuplicateProvisioner> {
    match taken.entry(value.to_owned()) {
        Entry::Vacant(free) => {
            free.insert(position);
            Ok(())
        }
        Entry::Occupied(_) => Err(DuplicateProvisioner { what, value: value.to_owned() }),
    }
}

/// What a provisioner is paged by: its position in four octets, then sixteen of the hash of its id, in hex.
fn uid(provisioner: &Provisioner, position: u32) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, provisioner.id.as_bytes());
    format!("{position:08x}{}", hex::encode(hash.as_ref().get(4..20).unwrap_or_default()))
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_LOGGED_CHARS).collect()
}

#[cfg(test)]
#[path = "collection_tests.rs"]
mod tests;
