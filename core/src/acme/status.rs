//! How far orders, authorizations and challenges have come: computed from their records, so that nothing has to be
//! written when a time is over.

use serde::Serialize;

use super::record::{AuthorizationRecord, ChallengeRecord, ChallengeState, IssuanceRecord, OrderRecord};
use super::{Problem, ProblemType, Subproblem};
use crate::clock::Timestamp;

/// The status of an order ([RFC 8555 §7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// An authorization is missing.
    Pending,
    /// It can be finalized.
    Ready,
    /// A function is at work on its certificate.
    Processing,
    /// Its certificate is out.
    Valid,
    /// It is over.
    Invalid,
}

/// The status of an authorization ([RFC 8555 §7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationStatus {
    /// A challenge has to be met.
    Pending,
    /// One is.
    Valid,
    /// One was not, or its time is over before one was.
    Invalid,
    /// The client has given it up.
    Deactivated,
    /// It was valid, and its time is over.
    Expired,
}

/// The status of a challenge ([RFC 8555 §7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeStatus {
    /// The client has not said that it is ready.
    Pending,
    /// It is being tried.
    Processing,
    /// It is met.
    Valid,
    /// It is not.
    Invalid,
}

impl OrderRecord {
    /// Its status at `now`.
    ///
    /// An order whose function died is ready again when the lease is over: the same certificate request gets the bytes
    /// that were about to be signed, another one a new certificate.
    pub fn status(&self, now: Timestamp) -> OrderStatus {
        match &self.issuance {
            Some(IssuanceRecord { lease_until: None, .. }) => return OrderStatus::Valid,
            Some(IssuanceRecord { lease_until: Some(until), .. }) if now < *until => {
                return OrderStatus::Processing;
            }
            Some(_) | None => {}
        }
        if self.expires <= now {
            return OrderStatus::Invalid;
        }
        let mut status = OrderStatus::Ready;
        for authorization in &self.authorizations {
            match authorization.status(now) {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending => status = OrderStatus::Pending,
                AuthorizationStatus::Invalid
                | AuthorizationStatus::Deactivated
                | AuthorizationStatus::Expired => return OrderStatus::Invalid,
            }
        }
        status
    }

    /// When it is over if nobody finalizes it: at its own end, or when the first proof that it relies on ends.
    pub fn ends(&self) -> Timestamp {
        let proofs = self.authorizations.iter().filter(|authorization| authorization.is_proven());
        proofs.map(|authorization| authorization.expires).fold(self.expires, Timestamp::min)
    }

    /// Why it is invalid, if it is: what became of its authorizations.
    pub fn problem(&self, now: Timestamp) -> Option<Problem> {
        if self.status(now) != OrderStatus::Invalid {
            return None;
        }
        let mut failed = self.authorizations.iter().filter_map(|authorization| {
            let problem = authorization.problem(now)?;
            let (kind, detail) = (problem.kind, problem.detail);
            Some(Subproblem { kind, detail, identifier: authorization.identifier.authorized() })
        });
        let Some(first) = failed.next() else {
            return Some(Problem::new(ProblemType::Malformed, "the order was not finalized in its time"));
        };
        let rest: Vec<_> = failed.collect();
        let (kind, detail) = match rest.as_slice() {
            [] => (first.kind, first.detail.clone()),
            rest if rest.iter().all(|problem| problem.kind == first.kind) => {
                (first.kind, "several identifiers were not authorized".to_owned())
            }
            _ => (ProblemType::Compound, "several identifiers were not authorized".to_owned()),
        };
        let mut problem = Problem::new(kind, detail);
        problem.subproblems = std::iter::once(first).chain(rest).collect();
        Some(problem)
    }
}

impl AuthorizationRecord {
    /// Its status at `now`.
    pub fn status(&self, now: Timestamp) -> AuthorizationStatus {
        if self.deactivated {
            return AuthorizationStatus::Deactivated;
        }
        let has_expired = self.expires <= now;
        let any = |status| self.challenges.iter().any(|challenge| challenge.status() == status);
        if self.is_proven() {
            return if has_expired { AuthorizationStatus::Expired } else { AuthorizationStatus::Valid };
        }
        if any(ChallengeStatus::Invalid) || has_expired {
            return AuthorizationStatus::Invalid;
        }
        AuthorizationStatus::Pending
    }

    fn is_proven(&self) -> bool {
        self.challenges.iter().any(|challenge| challenge.status() == ChallengeStatus::Valid)
    }

    /// The challenges that a client is shown: all while it can choose, then the one that decided
    /// ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
    pub fn shown_challenges(&self) -> impl Iterator<Item = &ChallengeRecord> {
        let with = |status| self.challenges.iter().any(|challenge| challenge.status() == status);
        let decisive =
            [ChallengeStatus::Valid, ChallengeStatus::Invalid].into_iter().find(|status| with(*status));
        self.challenges
            .iter()
            .filter(move |challenge| decisive.is_none_or(|status| challenge.status() == status))
    }

    fn problem(&self, now: Timestamp) -> Option<Problem> {
        let problem = |detail| Some(Problem::new(ProblemType::Unauthorized, detail));
        match self.status(now) {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => None,
            AuthorizationStatus::Deactivated => problem("the authorization was deactivated"),
            AuthorizationStatus::Expired => problem("the authorization has expired"),
            AuthorizationStatus::Invalid => self
                .challenges
                .iter()
                .find_map(|challenge| match &challenge.state {
                    ChallengeState::Invalid { error } => Some(error.clone()),
                    ChallengeState::Pending
                    | ChallengeState::Processing(_)
                    | ChallengeState::Valid { .. } => None,
                })
                .or_else(|| problem("no challenge was met in time")),
        }
    }
}

impl ChallengeRecord {
    /// Its status.
    pub fn status(&self) -> ChallengeStatus {
        match &self.state {
            ChallengeState::Pending => ChallengeStatus::Pending,
            ChallengeState::Processing(_) => ChallengeStatus::Processing,
            ChallengeState::Valid { .. } => ChallengeStatus::Valid,
            ChallengeState::Invalid { .. } => ChallengeStatus::Invalid,
        }
    }
}
