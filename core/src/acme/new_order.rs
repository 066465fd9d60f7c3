//! `new-order`: what may be ordered, and what has to be shown for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};

use super::identifier::{IdentifierProblem, Identifiers, RequestedIdentifier};
use super::order::{StoredOrder, kept_until, put_order};
use super::record::{
    AuthorizationRecord, ChallengeRecord, ChallengeState, OrderKind, OrderRecord, ProofRecord,
};
use super::replacement::CertificateId;
use super::request::{AccountRequest, Part, read_payload, refused};
use super::view::OrderView;
use super::{Acme, AcmeError, Answer, Endpoint, Id, Identifier, Problem, ProblemType, Subproblem};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{ChallengeType, TimeDuration};
use crate::random::random_bytes;
use crate::store::{Commit, Condition, Failed, Record, Write, table};

/// What `new-order` is asked ([RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    identifiers: Vec<RequestedIdentifier>,
    #[serde(default, deserialize_with = "instant")]
    not_before: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    not_after: Option<Timestamp>,
    profile: Option<String>,
    replaces: Option<String>,
}

impl Acme {
    /// Makes an order: two table calls. What could be refused at its end is refused here: its names, its dates, its
    /// profile.
    ///
    /// # Errors
    /// [`AcmeError`]; nothing is stored.
    pub async fn new_order(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<Answer<OrderView>, AcmeError> {
        let mut asked = None;
        let request = self
            .account_request(endpoint, body, |account, payload| {
                let read = read_payload::<NewOrder>(payload).and_then(|new| self.permitted(endpoint, new));
                let keys = read.as_ref().map(|new| new.keys(&endpoint.provisioner.id, account));
                let keys = keys.unwrap_or_default();
                asked = Some(read);
                keys
            })
            .await?;
        let asked = asked.ok_or_else(|| AcmeError::malformed("the request has no payload"))??;
        let now = self.authority.now();
        let mut order = self.order_for(endpoint, &request, &asked, now)?;
        if asked.replaces.is_some() {
            let [certificate, _] = asked.replacement(&request);
            order.replaces_until = Some(self.replaceable(endpoint, certificate, &order)?);
        }
        let stored = self.store_order(endpoint, &request, order, &asked).await?;
        Ok(Answer { created: true, ..self.order_answer(endpoint, &stored) })
    }

    /// Steps 5 and 6 of the way of a certificate, as far as they are known ahead of it.
    fn permitted(&self, endpoint: &Endpoint<'_>, new: NewOrder) -> Result<PermittedOrder, AcmeError> {
        let identifiers = self.identifiers(endpoint, &new.identifiers)?;
        let profiles = &endpoint.options.profiles;
        let profile = match &new.profile {
            Some(name) => Some(profiles.get(name).ok_or_else(|| {
                let known =
                    profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
                AcmeError::new(
                    ProblemType::InvalidProfile,
                    format_args!("there is no profile of that name; the directory lists: {known}"),
                )
            })?),
            None => profiles.default_profile(),
        };
        let lifetimes = profile.map_or(&endpoint.provisioner.claims.tls, |profile| &profile.lifetimes);
        self.authority
            .validity(lifetimes, asked_for(new.not_before), asked_for(new.not_after))
            .map_err(|error| AcmeError::malformed(&error).because(error))?;
        let replaces =
            new.replaces.as_deref().map(|id| CertificateId::parse(&self.authority, id)).transpose()?;
        Ok(PermittedOrder {
            identifiers,
            not_before: new.not_before,
            not_after: new.not_after,
            profile: profile.map(|profile| profile.name.clone()),
            replaces,
        })
    }

    /// The identifiers of a request. Each that is refused is named in a subproblem.
    pub(super) fn identifiers(
        &self,
        endpoint: &Endpoint<'_>,
        requested: &[RequestedIdentifier],
    ) -> Result<Identifiers, AcmeError> {
        let most = endpoint.options.max_identifiers;
        if requested.len() > most {
            return Err(AcmeError::malformed(format_args!(
                "{} identifiers were asked for; an order may have at most {most}",
                requested.len()
            )));
        }
        let mut identifiers = Vec::new();
        let mut refusals = Vec::new();
        for each in requested {
            match self.identifier(endpoint, each) {
                Ok(identifier) => identifiers.push(identifier),
                Err((kind, detail)) => refusals.push(Subproblem { kind, detail, identifier: each.clone() }),
            }
        }
        refuse_identifiers(refusals)?;
        Identifiers::new(identifiers).map_err(AcmeError::malformed)
    }

    fn identifier(
        &self,
        endpoint: &Endpoint<'_>,
        requested: &RequestedIdentifier,
    ) -> Result<Identifier, (ProblemType, String)> {
        let identifier = requested.read().map_err(|error| {
            let kind = match error.problem() {
                IdentifierProblem::UnsupportedIdentifier => ProblemType::UnsupportedIdentifier,
                IdentifierProblem::Malformed => ProblemType::Malformed,
                IdentifierProblem::RejectedIdentifier => ProblemType::RejectedIdentifier,
            };
            (kind, error.to_string())
        })?;
        let rejected = |detail: String| (ProblemType::RejectedIdentifier, detail);
        self.authority.permits_name(identifier.to_san()).map_err(|error| rejected(error.to_string()))?;
        if challenges_for(endpoint, &identifier).next().is_none() {
            return Err(rejected(format!("no challenge is offered by which {identifier} could be proven")));
        }
        Ok(identifier)
    }

    /// The record of an order; authorizations that the account has already are taken over.
    fn order_for(
        &self,
        endpoint: &Endpoint<'_>,
        request: &AccountRequest,
        asked: &PermittedOrder,
        now: Timestamp,
    ) -> Result<OrderRecord, AcmeError> {
        let expires = after(now, endpoint.options.order_lifetime.to_signed());
        let mut authorizations = Vec::new();
        for (identifier, proof) in asked.identifiers.iter().zip(asked.proofs(request)) {
            let mut authorization = self.authorization_for(endpoint, identifier, expires)?;
            if let Some(proof) = proof
                && let Some(proof) = self.reusable(endpoint, &authorization, &proof, now)?
            {
                authorization.expires = proof.expires;
                authorization.challenges = vec![ChallengeRecord {
                    kind: proof.challenge,
                    state: ChallengeState::Valid {
                        validated: proof.validated,
                        evidence: format!("taken over from authorization {}", proof.authorization),
                    },
                }];
            }
            authorizations.push(authorization);
        }
        Ok(OrderRecord {
            account: request.account.id.clone(),
            kind: OrderKind::Order,
            created: now,
            expires,
            not_before: asked.not_before,
            not_after: asked.not_after,
            profile: asked.profile.clone(),
            replaces: asked.replaces.as_ref().map(ToString::to_string),
            replaces_until: None,
            authorizations,
            issuance: None,
        })
    }

    pub(super) fn authorization_for(
        &self,
        endpoint: &Endpoint<'_>,
        identifier: &Identifier,
        expires: Timestamp,
    ) -> Result<AuthorizationRecord, AcmeError> {
        let token = random_bytes::<TOKEN_OCTETS>(self.authority.random())?;
        let challenges = challenges_for(endpoint, identifier);
        Ok(AuthorizationRecord {
            identifier: identifier.clone(),
            token: URL_SAFE_NO_PAD.encode(token),
            expires,
            deactivated: false,
            challenges: challenges
                .map(|kind| ChallengeRecord { kind, state: ChallengeState::Pending })
                .collect(),
        })
    }

    /// The proof, if an order may rely on it.
    fn reusable(
        &self,
        endpoint: &Endpoint<'_>,
        authorization: &AuthorizationRecord,
        found: &Record,
        now: Timestamp,
    ) -> Result<Option<ProofRecord>, AcmeError> {
        let proof: ProofRecord = table::decode(found)?;
        let is_offered = authorization.challenges.iter().any(|challenge| challenge.kind == proof.challenge);
        if !is_offered || proof.expires <= after(now, REUSE_MARGIN) {
            return Ok(None);
        }
        let testing = endpoint.options.testing.as_ref().and_then(|testing| testing.reuse_authorizations);
        let is_reused = match testing {
            Some(rate) => self.happens(rate)?,
            None => endpoint.options.reuse_authorizations || proof.pre_authorized,
        };
        Ok(is_reused.then_some(proof))
    }

    /// Stores an order under a new id, with its place in the account's list.
    async fn store_order(
        &self,
        endpoint: &Endpoint<'_>,
        request: &AccountRequest,
        order: OrderRecord,
        asked: &PermittedOrder,
    ) -> Result<StoredOrder, AcmeError> {
        let provisioner = &endpoint.provisioner.id;
        let id = Id::random(self.authority.random())?;
        let mut limit = self.order_count(endpoint, &request.account.id, order.created).await?;
        loop {
            let mut commit = Commit::default();
            commit.push(Part::Nonce, request.nonce.spend());
            if let Some(limit) = &limit {
                commit.push(Part::Limit, limit.count_one()?);
            }
            commit.push(Part::Order, put_order(provisioner, &id, &order, Condition::Absent)?);
            commit.push(
                Part::Place,
                Write::Put {
                    key: table::acme::order_of_account(provisioner, &order.account, order.created, &id),
                    condition: Condition::Absent,
                    value: b"{}".to_vec(),
                    expires: Some(kept_until(order.expires)),
                    indexes: Vec::new(),
                },
            );
            if let Some(replaced) = &asked.replaces {
                let [_, found] = asked.replacement(request);
                let until = order.expires.max(order.replaces_until.unwrap_or(order.expires));
                commit.push(Part::Replacement, self.replace(endpoint, replaced, found, &id, until).await?);
            }
            match self.commit(commit).await {
                Ok(()) => return Ok(StoredOrder { id, record: order, version: 1 }),
                Err(Failed::Conflict { role: Part::Limit, found }) => {
                    limit = limit.map(|limit| limit.seen(endpoint, found)).transpose()?;
                }
                Err(Failed::Conflict { role: Part::Replacement, .. }) => {
                    return Err(super::replacement::already_replaced());
                }
                Err(failed) => return Err(refused(failed)),
            }
        }
    }
}

/// An order that may be made.
struct PermittedOrder {
    identifiers: Identifiers,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    profile: Option<String>,
    replaces: Option<CertificateId>,
}

impl PermittedOrder {
    /// What is read with the account: proofs of the identifiers, in their order; then what is known of the certificate
    /// that is replaced.
    fn keys(&self, provisioner: &str, account: &Id) -> Vec<crate::store::Key> {
        let mut keys: Vec<_> = self
            .identifiers
            .iter()
            .map(|identifier| table::acme::proof(provisioner, account, identifier))
            .collect();
        keys.extend(self.replaces.iter().flat_map(CertificateId::keys));
        keys
    }

    fn proofs(&self, request: &AccountRequest) -> impl Iterator<Item = Option<Record>> {
        request.also.iter().take(self.identifiers.len()).cloned()
    }

    /// The certificate that is replaced, and what replaces it already.
    fn replacement<'r>(&self, request: &'r AccountRequest) -> [Option<&'r Record>; 2] {
        let mut found = request.also.iter().skip(self.identifiers.len()).map(Option::as_ref);
        [found.next().flatten(), found.next().flatten()]
    }
}

/// The challenges by which an identifier can be proven here. A wildcard stands for hosts that nobody could ask
/// ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)), an address has no zone
/// ([RFC 8738 §7](https://www.rfc-editor.org/rfc/rfc8738#section-7)).
fn challenges_for<'a>(
    endpoint: &'a Endpoint<'_>,
    identifier: &Identifier,
) -> impl Iterator<Item = ChallengeType> + use<'a> {
    let is_wildcard = identifier.is_wildcard();
    let is_address = matches!(identifier, Identifier::Ip(_));
    endpoint.options.challenges.iter().copied().filter(move |challenge| match challenge {
        ChallengeType::Http01 | ChallengeType::TlsAlpn01 => !is_wildcard,
        ChallengeType::Dns01 | ChallengeType::DnsAccount01 | ChallengeType::DnsPersist01 => !is_address,
    })
}

/// [RFC 8555 §6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1)
fn refuse_identifiers(refusals: Vec<Subproblem>) -> Result<(), AcmeError> {
    let Some(first) = refusals.first() else { return Ok(()) };
    let is_one_kind = refusals.iter().all(|refusal| refusal.kind == first.kind);
    let kind = if is_one_kind { first.kind } else { ProblemType::Compound };
    let detail = match refusals.as_slice() {
        [only] => format!("{}: {}", super::excerpt(only.identifier.value.as_bytes()), only.detail),
        several => format!("{} identifiers are refused; the subproblems say why", several.len()),
    };
    let mut problem = Problem::new(kind, detail);
    problem.subproblems = refusals;
    Err(problem.into())
}

/// An instant, if one was meant: the `step` command writes the first one of its calendar where its user named none.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<Timestamp>::deserialize(deserializer)?.filter(|instant| *instant != NOT_MEANT))
}

fn asked_for(time: Option<Timestamp>) -> TimeDuration {
    time.map_or(TimeDuration::Unset, TimeDuration::At)
}

pub(super) fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// 256 bits; [RFC 8555 §8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1) asks for 128 at least.
const TOKEN_OCTETS: usize = 32;
/// A proof that ends sooner helps no order.
const REUSE_MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// 0001-01-01T00:00:00Z
const NOT_MEANT: Timestamp = Timestamp::constant(-62_135_596_800, 0);
