//! Provisioners as configured: what they are, what they may do, and how `/provisioners` shows them.

mod listing;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::acme::AcmeOptions;
use super::claims::{Claims, Lifetimes};
use super::error::{ConfigError, ConfigWarning};
use super::node::Node;
use super::path::{Excerpt, JsonPath};
use super::schema::{JWK, provisioner_fields};
use super::unbuilt;
use super::view::View;
use crate::x509::ProvisionerKind;

pub use listing::Listing;

/// One provisioner of the configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Provisioner {
    /// Unique in the authority, never empty.
    pub name: String,
    /// What kind of credential it takes.
    pub kind: ProvisionerKind,
    /// What only its kind has.
    pub details: ProvisionerDetails,
    /// Its claims, with the authority's underneath.
    pub claims: Claims,
    /// What names it in a token, and its id; unique in the authority.
    pub token_id: String,
    /// Where it stands in the file.
    pub path: JsonPath,
    /// Why it must refuse every request, if it must.
    pub refusal: Option<Refusal>,
    /// Its object in `/provisioners`.
    pub listing: Listing,
}

/// What only one kind of provisioner has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProvisionerDetails {
    /// A key pair whose private half signs tokens.
    Jwk {
        /// The public half.
        key: RawJwk,
        /// The private half under a password, for `step` to fetch.
        encrypted_key: Option<String>,
    },
    /// RFC 8555.
    Acme(Arc<AcmeOptions>),
    /// A kind that this version cannot serve; such a provisioner always has a [`Refusal`].
    Unbuilt,
}

/// Why a provisioner is listed but serves nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What in its configuration is the reason.
    pub path: JsonPath,
    /// The reason, fit for clients: it is the `stateReason` of `/provisioners`.
    pub reason: String,
}

/// A public key as a JWK object, not yet parsed as a key. It holds public members only, all of them texts but `x5c`.
#[derive(Clone, Debug, PartialEq)]
pub struct RawJwk(serde_json::Value);

impl RawJwk {
    /// The key as an object: `kty` is there, private members are not.
    pub fn as_value(&self) -> &serde_json::Value {
        &self.0
    }

    /// Its `kid`, or the empty text, as step-ca reads it.
    pub fn kid(&self) -> &str {
        self.0.get("kid").and_then(|kid| kid.as_str()).unwrap_or_default()
    }

    /// The public members of `jwk`; whatever else it holds is left behind, a private key included.
    pub fn public_part_of(jwk: &serde_json::Value) -> Self {
        let members =
            JWK.iter().filter_map(|field| Some((field.name.to_owned(), jwk.get(field.name)?.clone())));
        Self(members.collect())
    }
}

impl Serialize for RawJwk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(JWK.iter().filter_map(|field| Some((field.name, self.0.get(field.name)?))))
    }
}

/// Reads the list of provisioners. One that cannot serve is in it, with its refusal, and costs the others nothing.
pub(super) fn read_all(
    list: &View<'_>,
    authority: &Claims,
    refusals: Vec<unbuilt::RefusedProvisioner>,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Vec<Provisioner>, ConfigError> {
    let mut refusals: HashMap<usize, Refusal> =
        refusals.into_iter().rev().map(|refused| (refused.index, refused.refusal)).collect();
    let mut provisioners = Vec::new();
    for (index, view) in list.elements().into_iter().enumerate() {
        // An unknown type, of which the operator has been told.
        if let Some(node) = view.node().filter(|node| !matches!(node, Node::Null)) {
            let provisioner = Provisioner::read(&view, node, authority, refusals.remove(&index))?;
            if let Some(refusal) = &provisioner.refusal {
                warnings.push(ConfigWarning::ProvisionerRefused {
                    name: Excerpt(&provisioner.name).to_string(),
                    path: refusal.path.clone(),
                    reason: refusal.reason.clone(),
                });
            }
            if let ProvisionerDetails::Acme(options) = &provisioner.details
                && options.testing.is_some()
            {
                warnings.push(ConfigWarning::HostileToClients {
                    name: Excerpt(&provisioner.name).to_string(),
                    path: provisioner.path.member("testing"),
                });
            }
            provisioners.push(provisioner);
        }
    }
    refuse_twins(&provisioners)?;
    Ok(provisioners)
}

impl Provisioner {
    fn read(
        view: &View<'_>,
        node: &Node,
        authority: &Claims,
        refusal: Option<Refusal>,
    ) -> Result<Self, ConfigError> {
        let written_type = view.at("type");
        let kind = written_type
            .text()
            .and_then(ProvisionerKind::from_name)
            .ok_or_else(|| written_type.missing(&all_kinds()))?;
        let name = view.at("name").required_text("a name for the provisioner")?.to_owned();
        let claims = view.at("claims");
        let (claims, lifetimes, refusal) = match authority.inherit(&claims.claims()) {
            Ok(effective) => {
                let lifetimes = effective.tls;
                (effective, lifetimes, refusal)
            }
            // step-ca starts without such a provisioner, and so do we: it alone refuses.
            Err(error) => {
                let invalid = Refusal { path: claims.path().clone(), reason: error.to_string() };
                (authority.clone(), Lifetimes::UNBOUNDED, Some(refusal.unwrap_or(invalid)))
            }
        };
        let details = match kind {
            ProvisionerKind::Jwk => {
                let key = view.at("key");
                let node = key.node().ok_or_else(|| key.missing("the public key as a JWK"))?;
                ProvisionerDetails::Jwk {
                    key: RawJwk(node.to_value()),
                    encrypted_key: view.at("encryptedKey").text().map(str::to_owned),
                }
            }
            ProvisionerKind::Acme => ProvisionerDetails::Acme(Arc::new(AcmeOptions::read(view, &lifetimes)?)),
            _ => ProvisionerDetails::Unbuilt,
        };

        let listing = Listing::new(node, provisioner_fields(kind), refusal.as_ref());
        let token_id = token_id(kind, &name, &details, view);
        Ok(Self { name, kind, details, claims, token_id, path: view.path().clone(), refusal, listing })
    }
}

fn token_id(kind: ProvisionerKind, name: &str, details: &ProvisionerDetails, view: &View<'_>) -> String {
    match kind {
        ProvisionerKind::Jwk => match details {
            ProvisionerDetails::Jwk { key, .. } => format!("{name}:{}", key.kid()),
            ProvisionerDetails::Acme(_) | ProvisionerDetails::Unbuilt => format!("{name}:"),
        },
        ProvisionerKind::Oidc => view.at("clientID").owned_text(),
        ProvisionerKind::Azure => view.at("tenantID").owned_text(),
        ProvisionerKind::Gcp => format!("gcp/{name}"),
        ProvisionerKind::Aws => format!("aws/{name}"),
        ProvisionerKind::Acme => format!("acme/{name}"),
        ProvisionerKind::X5c => format!("x5c/{name}"),
        // Its tokens name no provisioner, so there can be only one.
        ProvisionerKind::K8sSa => "k8ssa/k8sSA-default".to_owned(),
        ProvisionerKind::SshPop => format!("sshpop/{name}"),
        ProvisionerKind::Scep => format!("scep/{name}"),
        ProvisionerKind::Nebula => format!("nebula/{name}"),
    }
}

/// A token must lead to one provisioner, and a certificate's extension back to one.
fn refuse_twins(provisioners: &[Provisioner]) -> Result<(), ConfigError> {
    let mut names = HashMap::new();
    let mut ids = HashMap::new();
    for provisioner in provisioners {
        for (what, seen, value) in [
            ("name", &mut names, provisioner.name.as_str()),
            ("id in their tokens", &mut ids, provisioner.token_id.as_str()),
        ] {
            if let Some(first) = seen.insert(value, &provisioner.path) {
                return Err(ConfigError::NotUnique {
                    path: provisioner.path.clone(),
                    first: first.clone(),
                    what,
                });
            }
        }
    }
    Ok(())
}

/// What a message lists as allowed.
pub(super) fn all_kinds() -> String {
    format!("one of {}", ProvisionerKind::ALL.map(ProvisionerKind::name).join(", "))
}
