//! Challenges: a client says that it is ready, and the authority looks.
//!
//! The first try runs inside the request, so that the common case costs no queue and the client's first poll sees the
//! end. A failure that may heal is tried again through the [`Retry`] port, until its time is over. Every try is a lease
//! in the order's record: a function that dies leaves one that ends, and the next look at the authorization schedules
//! another try. Only who began the last try may say what came of it.

use std::time::Duration;

use serde_json::{Map, Value};
use tracing::warn;

use super::authorization::{not_found, of_order};
use super::new_order::after;
use super::order::{Change, POLL_AFTER_SECONDS, StoredOrder};
use super::record::{
    Attempt, AuthorizationRecord, ChallengeRecord, ChallengeState, OrderKind, OrderRecord, ProofRecord,
};
use super::request::{Part, read_payload};
use super::status::{AuthorizationStatus, ChallengeStatus};
use super::validation::{Target, Verdict};
use super::view::{ChallengeView, PersistentNames};
use super::{Acme, AcmeError, Answer, AuthorizationId, Endpoint, Retry, RetryTask, Validator};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{AcmeOptions, ChallengeType};
use crate::provisioner::{Provisioner, Service};
use crate::store::{Condition, StoreError, Write, table};

/// A try that this function has begun.
struct Try {
    number: u32,
    begun: Timestamp,
    target: Target,
}

/// Which challenge of which order.
#[derive(Clone, Copy)]
struct Place<'a> {
    provisioner: &'a Provisioner,
    options: &'a AcmeOptions,
    id: &'a AuthorizationId,
    kind: ChallengeType,
}

impl Acme {
    /// A challenge: with an empty object as the payload the client says that it is ready, and the first try runs; with
    /// an empty payload it is looked at. Three table calls where a try begins.
    ///
    /// # Errors
    /// [`AcmeError`]; a failed validation is none, the challenge tells of it.
    pub async fn challenge(
        &self,
        endpoint: &Endpoint<'_>,
        validator: &Validator,
        body: &[u8],
        id: &AuthorizationId,
        kind: ChallengeType,
    ) -> Result<Answer<ChallengeView>, AcmeError> {
        let (provisioner, options) = (endpoint.provisioner, endpoint.options);
        let place = Place { provisioner, options, id, kind };
        let key = table::acme::order(&provisioner.id, &id.order);
        let mut request = self.account_request(endpoint, body, |_, _| vec![key]).await?;
        let found = request.also.pop().flatten();
        let order = StoredOrder::of_account(&id.order, found, &request.account.id, "challenge")?;
        let is_ready = !request.payload.is_empty();
        if is_ready {
            read_payload::<Map<String, Value>>(&request.payload)?;
        }
        let thumbprint = request.account.thumbprint()?.to_string();
        let account_url = request.account.url.clone();
        let begin = |record: &mut OrderRecord, now| {
            let tasks = self.revive(endpoint, record, id, now);
            let begun = if is_ready { place.begin(record, now, &thumbprint, &account_url)? } else { None };
            Ok(Change::to((begun, tasks)))
        };
        let (mut order, (begun, tasks)) =
            self.change_order(&provisioner.id, order, Some(&request.nonce), begin).await?;
        for task in tasks {
            self.schedule(&*validator.retry, task, Duration::ZERO).await;
        }
        if let Some(begun) = begun {
            order = match options.testing.map(|testing| testing.validation_delay.to_signed()) {
                Some(delay) if delay > SignedDuration::ZERO => {
                    self.schedule(&*validator.retry, place.task(begun.number), delay.unsigned_abs()).await;
                    order
                }
                Some(_) | None => self.try_and_settle(validator, place, order, begun).await?,
            };
        }
        let authorization = of_order(&order, id)?;
        let challenge = place.challenge(authorization)?;
        let issuers = self.issuer_domain_names(options);
        let persist = PersistentNames { issuers: &issuers, account_url: &account_url };
        let now = self.authority.now();
        let view = ChallengeView::new(endpoint, &persist, id, authorization, challenge, now);
        let waits = view.status == ChallengeStatus::Processing;
        let links = endpoint.links();
        Ok(Answer {
            up: Some(links.authorization(id)),
            retry_after: waits.then_some(POLL_AFTER_SECONDS),
            ..Answer::new(view).at(links.challenge(id, kind))
        })
    }

    /// Tries a challenge again, as it was scheduled. A task that is late, or was delivered before, does nothing.
    ///
    /// # Errors
    /// [`AcmeError`] when the store failed; the task may be delivered again.
    pub async fn retry(&self, validator: &Validator, task: &RetryTask) -> Result<(), AcmeError> {
        let Some(provisioner) = self.authority.provisioners().by_id(&task.provisioner) else { return Ok(()) };
        let Service::Acme(options) = &provisioner.service else { return Ok(()) };
        let place = Place { provisioner, options, id: &task.authorization, kind: task.challenge };
        let order = &task.authorization.order;
        let Some(found) = self.store().get(&table::acme::order(&provisioner.id, order)).await? else {
            return Ok(());
        };
        let order = StoredOrder::decode(order, &found)?;
        let (order, begun) = self
            .change_order(&provisioner.id, order, None, |record, now| {
                Ok(Change::to(place.begin_again(record, now, task.tries)))
            })
            .await?;
        if let Some(begun) = begun {
            self.try_and_settle(validator, place, order, begun).await?;
        }
        Ok(())
    }

    /// Schedules another try of the challenges that nobody is at work on any more.
    pub(super) fn revive(
        &self,
        endpoint: &Endpoint<'_>,
        record: &mut OrderRecord,
        id: &AuthorizationId,
        now: Timestamp,
    ) -> Vec<RetryTask> {
        let Some(authorization) = record.authorizations.get_mut(usize::from(id.place)) else {
            return Vec::new();
        };
        if authorization.status(now) != AuthorizationStatus::Pending {
            return Vec::new();
        }
        let mut tasks = Vec::new();
        for challenge in &mut authorization.challenges {
            if let ChallengeState::Processing(attempt) = &mut challenge.state
                && attempt.lease_until <= now
            {
                let (provisioner, options) = (endpoint.provisioner, endpoint.options);
                let place = Place { provisioner, options, id, kind: challenge.kind };
                attempt.lease_until = place.lease_until(now);
                tasks.push(place.task(attempt.tries));
            }
        }
        tasks
    }

    /// Schedules a task. If it is not taken, the next look at the authorization schedules another.
    pub(super) async fn schedule(&self, retry: &dyn Retry, task: RetryTask, wait: Duration) {
        let authorization = task.authorization.clone();
        if let Err(error) = retry.schedule(task, wait).await {
            let error = &error as &dyn std::error::Error;
            warn!(%authorization, error, "a validation could not be scheduled");
        }
    }

    /// One try, and what comes of it.
    async fn try_and_settle(
        &self,
        validator: &Validator,
        place: Place<'_>,
        order: StoredOrder,
        begun: Try,
    ) -> Result<StoredOrder, AcmeError> {
        let account = order.record.account.clone();
        let verdict = self.validate(&*validator.prober, place.options, &begun.target).await;
        let (order, next) = self
            .change_order(&place.provisioner.id, order, None, |record, now| {
                let kind = record.kind;
                let Some(authorization) = place.tried(record, begun.number, now) else {
                    return Ok(Change::to(None));
                };
                match place.settle(authorization, &begun, &verdict, now)? {
                    Settled::Proven(proof) => {
                        let proof =
                            ProofRecord { pre_authorized: kind == OrderKind::PreAuthorization, ..proof };
                        let key =
                            table::acme::proof(&place.provisioner.id, &account, &authorization.identifier);
                        let write = put_proof(key, &proof)?;
                        Ok(Change { outcome: None, also: vec![(Part::Proof, write)] })
                    }
                    Settled::Refuted => Ok(Change::to(None)),
                    Settled::Again(wait) => Ok(Change::to(Some(wait))),
                }
            })
            .await?;
        if let Some(wait) = next {
            self.schedule(&*validator.retry, place.task(begun.number), wait).await;
        }
        Ok(order)
    }
}

/// What became of a challenge after a try.
enum Settled {
    Proven(ProofRecord),
    Refuted,
    Again(Duration),
}

impl Place<'_> {
    /// Begins the first try, or another one of whom nobody is at work on.
    fn begin(
        &self,
        record: &mut OrderRecord,
        now: Timestamp,
        thumbprint: &str,
        account_url: &str,
    ) -> Result<Option<Try>, AcmeError> {
        let delay =
            self.options.testing.map_or(SignedDuration::ZERO, |testing| testing.validation_delay.to_signed());
        let lease_until = after(self.lease_until(now), delay);
        let authorization =
            record.authorizations.get_mut(usize::from(self.id.place)).ok_or_else(not_found)?;
        let is_pending = authorization.status(now) == AuthorizationStatus::Pending;
        let (identifier, token) = (authorization.identifier.clone(), authorization.token.clone());
        let challenge = authorization.challenges.iter_mut().find(|challenge| challenge.kind == self.kind);
        let challenge = challenge.ok_or_else(|| AcmeError::not_found("challenge"))?;
        if !is_pending || challenge.state != ChallengeState::Pending {
            return Ok(None);
        }
        // The time of a validation that waits on purpose begins with its first try.
        let begun = after(now, delay);
        let attempt = Attempt {
            begun,
            lease_until,
            tries: 1,
            thumbprint: thumbprint.to_owned(),
            account_url: account_url.to_owned(),
            error: None,
        };
        let target = Target::new(self.kind, identifier, &token, &attempt);
        challenge.state = ChallengeState::Processing(attempt);
        Ok(Some(Try { number: 1, begun, target }))
    }

    /// Begins another try, if so many were begun before.
    fn begin_again(&self, record: &mut OrderRecord, now: Timestamp, tries: u32) -> Option<Try> {
        let lease_until = self.lease_until(now);
        let authorization = self.tried(record, tries, now)?;
        let (identifier, token) = (authorization.identifier.clone(), authorization.token.clone());
        let challenge = authorization.challenges.iter_mut().find(|challenge| challenge.kind == self.kind)?;
        let ChallengeState::Processing(attempt) = &mut challenge.state else { return None };
        attempt.tries = attempt.tries.saturating_add(1);
        attempt.lease_until = lease_until;
        let target = Target::new(self.kind, identifier, &token, attempt);
        Some(Try { number: attempt.tries, begun: attempt.begun, target })
    }

    /// The authorization, if it still waits for the try of that number.
    fn tried<'r>(
        &self,
        record: &'r mut OrderRecord,
        number: u32,
        now: Timestamp,
    ) -> Option<&'r mut AuthorizationRecord> {
        let authorization = record.authorizations.get_mut(usize::from(self.id.place))?;
        let challenge = authorization.challenges.iter().find(|challenge| challenge.kind == self.kind)?;
        let waits =
            matches!(&challenge.state, ChallengeState::Processing(attempt) if attempt.tries == number);
        (waits && authorization.status(now) == AuthorizationStatus::Pending).then_some(authorization)
    }

    /// Writes down what a try has found.
    fn settle(
        &self,
        authorization: &mut AuthorizationRecord,
        begun: &Try,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<Settled, AcmeError> {
        let validation = &self.options.validation;
        let until = after(begun.begun, validation.give_up_after.to_signed());
        let expires = after(now, self.proven_for());
        let challenge = authorization.challenges.iter_mut().find(|challenge| challenge.kind == self.kind);
        let challenge = challenge.ok_or_else(|| AcmeError::not_found("challenge"))?;
        match verdict {
            Verdict::Proven { evidence } => {
                challenge.state = ChallengeState::Valid { validated: now, evidence: evidence.clone() };
                authorization.expires = expires;
                Ok(Settled::Proven(ProofRecord {
                    authorization: self.id.clone(),
                    challenge: self.kind,
                    validated: now,
                    expires,
                    pre_authorized: false,
                }))
            }
            Verdict::Unclear(problem) if after(now, SHORTEST_WAIT) < until => {
                let left = until.duration_since(now);
                let wait = SHORTEST_WAIT.saturating_mul(1 << begun.number.saturating_sub(1).min(9)).min(left);
                if let ChallengeState::Processing(attempt) = &mut challenge.state {
                    attempt.error = Some(problem.clone());
                    attempt.lease_until = after(self.lease_until(now), wait);
                }
                Ok(Settled::Again(wait.unsigned_abs()))
            }
            Verdict::Refuted(problem) | Verdict::Unclear(problem) => {
                challenge.state = ChallengeState::Invalid { error: problem.clone() };
                Ok(Settled::Refuted)
            }
        }
    }

    /// How long a validation counts. Where CAA records are obeyed they were looked up with it, and that look counts for
    /// eight hours.
    fn proven_for(&self) -> SignedDuration {
        let lifetime = self.options.authorization_lifetime.to_signed();
        if self.options.check_caa { lifetime.min(CAA_LIFETIME) } else { lifetime }
    }

    /// A try that begins now is over by then, whatever became of its function.
    fn lease_until(&self, now: Timestamp) -> Timestamp {
        after(after(now, self.options.validation.first_try.to_signed()), LEASE_MARGIN)
    }

    fn challenge<'r>(
        &self,
        authorization: &'r AuthorizationRecord,
    ) -> Result<&'r ChallengeRecord, AcmeError> {
        let found = authorization.challenges.iter().find(|challenge| challenge.kind == self.kind);
        found.ok_or_else(|| AcmeError::not_found("challenge"))
    }

    fn task(&self, tries: u32) -> RetryTask {
        RetryTask {
            provisioner: self.provisioner.id.clone(),
            authorization: self.id.clone(),
            challenge: self.kind,
            tries,
        }
    }
}

fn put_proof(key: crate::store::Key, proof: &ProofRecord) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key,
        condition: Condition::Any,
        value: table::encode(proof)?,
        expires: Some(proof.expires),
        indexes: Vec::new(),
    })
}

/// The wait after the first try that failed; each further one is twice as long.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// What the commits around a try may take, each with all its attempts.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// The CA/Browser Forum's Baseline Requirements §3.2.2.8: so long a look at CAA records counts at most.
const CAA_LIFETIME: SignedDuration = SignedDuration::from_hours(8);
