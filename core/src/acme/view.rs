//! Orders, authorizations and challenges as clients see them. No member is ever null.

use serde::Serialize;

use super::identifier::RequestedIdentifier;
use super::record::{AuthorizationRecord, ChallengeRecord, ChallengeState, OrderRecord};
use super::status::{AuthorizationStatus, ChallengeStatus, OrderStatus};
use super::{AuthorizationId, Endpoint, Id, Identifier, Problem, ProblemType};
use crate::clock::Timestamp;
use crate::config::ChallengeType;
use crate::x509::SerialNumber;

/// An order ([RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    pub(super) status: OrderStatus,
    expires: String,
    identifiers: Vec<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    authorizations: Vec<String>,
    finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip)]
    serial: Option<SerialNumber>,
}

impl OrderView {
    /// The serial number of the order's certificate, if that is out; for the log.
    pub fn serial(&self) -> Option<&SerialNumber> {
        self.serial.as_ref()
    }

    pub(super) fn new(endpoint: &Endpoint<'_>, id: &Id, order: &OrderRecord, now: Timestamp) -> Self {
        let links = endpoint.links();
        let status = order.status(now);
        let serial = match (status, &order.issuance) {
            (OrderStatus::Valid, Some(issuance)) => Some(issuance.serial.clone()),
            _ => None,
        };
        let authorization = |place| links.authorization(&AuthorizationId { order: id.clone(), place });
        Self {
            status,
            expires: seconds(order.ends()),
            identifiers: order.authorizations.iter().map(|each| each.identifier.clone()).collect(),
            not_before: order.not_before.map(seconds),
            not_after: order.not_after.map(seconds),
            profile: order.profile.clone(),
            replaces: order.replaces.clone(),
            error: order.problem(now),
            authorizations: order
                .authorizations
                .iter()
                .zip(0..)
                .map(|(_, place)| authorization(place))
                .collect(),
            finalize: links.finalize(id),
            certificate: serial.as_ref().map(|serial| links.certificate(serial, 0)),
            serial,
        }
    }
}

/// An authorization ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthorizationView {
    identifier: RequestedIdentifier,
    pub(super) status: AuthorizationStatus,
    expires: String,
    challenges: Vec<ChallengeView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wildcard: bool,
}

impl AuthorizationView {
    pub(super) fn new(
        endpoint: &Endpoint<'_>,
        persist: &PersistentNames<'_>,
        id: &AuthorizationId,
        authorization: &AuthorizationRecord,
        now: Timestamp,
    ) -> Self {
        let challenges = authorization.shown_challenges();
        Self {
            identifier: authorization.identifier.authorized(),
            status: authorization.status(now),
            expires: seconds(authorization.expires),
            challenges: challenges
                .map(|challenge| ChallengeView::new(endpoint, persist, id, authorization, challenge, now))
                .collect(),
            wildcard: authorization.identifier.is_wildcard(),
        }
    }
}

/// A challenge ([RFC 8555 §7.1.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChallengeView {
    #[serde(rename = "type")]
    kind: ChallengeType,
    url: String,
    pub(super) status: ChallengeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    validated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Of dns-persist-01: what a record may name as the issuer, and the account that it must name.
    #[serde(rename = "issuer-domain-names", skip_serializing_if = "Option::is_none")]
    issuer_domain_names: Option<Vec<String>>,
    #[serde(rename = "accounturi", skip_serializing_if = "Option::is_none")]
    account_uri: Option<String>,
}

/// What a dns-persist-01 challenge tells the client.
pub(super) struct PersistentNames<'a> {
    /// The names that stand for the issuer.
    pub(super) issuers: &'a [String],
    /// The account, as the client names it.
    pub(super) account_url: &'a str,
}

impl ChallengeView {
    pub(super) fn new(
        endpoint: &Endpoint<'_>,
        persist: &PersistentNames<'_>,
        id: &AuthorizationId,
        authorization: &AuthorizationRecord,
        challenge: &ChallengeRecord,
        now: Timestamp,
    ) -> Self {
        // Nobody goes on with a challenge whose authorization is decided without it.
        let is_over = authorization.status(now) != AuthorizationStatus::Pending;
        let (status, validated, error) = match &challenge.state {
            ChallengeState::Pending => (ChallengeStatus::Pending, None, None),
            ChallengeState::Processing(_) if is_over => {
                let problem = Problem::new(
                    ProblemType::Unauthorized,
                    "the authorization was decided without this challenge",
                );
                (ChallengeStatus::Invalid, None, Some(problem))
            }
            ChallengeState::Processing(attempt) => (ChallengeStatus::Processing, None, attempt.error.clone()),
            ChallengeState::Valid { validated, .. } => {
                (ChallengeStatus::Valid, Some(seconds(*validated)), None)
            }
            ChallengeState::Invalid { error } => (ChallengeStatus::Invalid, None, Some(error.clone())),
        };
        let is_persistent = challenge.kind == ChallengeType::DnsPersist01;
        Self {
            kind: challenge.kind,
            url: endpoint.links().challenge(id, challenge.kind),
            status,
            validated,
            error,
            token: (!is_persistent).then(|| authorization.token.clone()),
            issuer_domain_names: is_persistent.then(|| persist.issuers.to_vec()),
            account_uri: is_persistent.then(|| persist.account_url.to_owned()),
        }
    }
}

/// RFC 3339 in UTC, in whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
