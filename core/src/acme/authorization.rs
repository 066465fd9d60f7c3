//! Authorizations: looked at, and given up.

use serde::Deserialize;

use super::order::{Change, POLL_AFTER_SECONDS, StoredOrder};
use super::record::AuthorizationRecord;
use super::request::{Part, read_payload};
use super::status::{AuthorizationStatus, ChallengeStatus, OrderStatus};
use super::view::{AuthorizationView, PersistentNames};
use super::{Acme, AcmeError, Answer, AuthorizationId, Endpoint, Retry};
use crate::clock::Timestamp;
use crate::store::{Condition, Write, table};

/// What a client asks of an authorization ([RFC 8555 §7.5.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.2)).
#[derive(Deserialize)]
struct UpdateAuthorization {
    status: Option<String>,
}

impl Acme {
    /// An authorization, or its end. Where nobody is at work on one of its challenges any more, another try is scheduled.
    ///
    /// # Errors
    /// [`AcmeError`]
    pub async fn authorization(
        &self,
        endpoint: &Endpoint<'_>,
        retry: &dyn Retry,
        body: &[u8],
        id: &AuthorizationId,
    ) -> Result<Answer<AuthorizationView>, AcmeError> {
        let provisioner = &endpoint.provisioner.id;
        let key = table::acme::order(provisioner, &id.order);
        let mut request = self.account_request(endpoint, body, |_, _| vec![key]).await?;
        let found = request.also.pop().flatten();
        let order = StoredOrder::of_account(&id.order, found, &request.account.id, "authorization")?;
        of_order(&order, id)?;
        let (order, tasks) = if request.payload.is_empty() {
            self.change_order(provisioner, order, Some(&request.nonce), |record, now| {
                Ok(Change::to(self.revive(endpoint, record, id, now)))
            })
            .await?
        } else {
            let asked: UpdateAuthorization = read_payload(&request.payload)?;
            if asked.status.as_deref() != Some("deactivated") {
                return Err(AcmeError::malformed(
                    "an authorization can only be looked at, or its status set to deactivated",
                ));
            }
            self.change_order(provisioner, order, Some(&request.nonce), |record, now| {
                if record.status(now) == OrderStatus::Processing {
                    return Err(AcmeError::busy());
                }
                let authorization =
                    record.authorizations.get_mut(usize::from(id.place)).ok_or_else(not_found)?;
                match authorization.status(now) {
                    AuthorizationStatus::Pending | AuthorizationStatus::Valid => {}
                    AuthorizationStatus::Invalid
                    | AuthorizationStatus::Deactivated
                    | AuthorizationStatus::Expired => {
                        return Err(AcmeError::malformed("the authorization is over already"));
                    }
                }
                authorization.deactivated = true;
                // What was proven is given up with it: no later order relies on it.
                let proof = table::acme::proof(provisioner, &request.account.id, &authorization.identifier);
                let given_up = Write::Delete { key: proof, condition: Condition::Any };
                Ok(Change { outcome: Vec::new(), also: vec![(Part::Proof, given_up)] })
            })
            .await?
        };
        for task in tasks {
            self.schedule(retry, task, std::time::Duration::ZERO).await;
        }
        let view =
            self.authorization_view(endpoint, &request.account.url, &order, id, self.authority.now())?;
        let authorization = of_order(&order, id)?;
        let is_tried = authorization
            .challenges
            .iter()
            .any(|challenge| challenge.status() == ChallengeStatus::Processing);
        let waits = is_tried && view.status == AuthorizationStatus::Pending;
        Ok(Answer { retry_after: waits.then_some(POLL_AFTER_SECONDS), ..Answer::new(view) })
    }

    /// How a client is shown an authorization.
    pub(super) fn authorization_view(
        &self,
        endpoint: &Endpoint<'_>,
        account_url: &str,
        order: &StoredOrder,
        id: &AuthorizationId,
        now: Timestamp,
    ) -> Result<AuthorizationView, AcmeError> {
        let authorization = of_order(order, id)?;
        let issuers = self.issuer_domain_names(endpoint.options);
        let persist = PersistentNames { issuers: &issuers, account_url };
        Ok(AuthorizationView::new(endpoint, &persist, id, authorization, now))
    }
}

/// The authorization of that id.
pub(super) fn of_order<'o>(
    order: &'o StoredOrder,
    id: &AuthorizationId,
) -> Result<&'o AuthorizationRecord, AcmeError> {
    order.record.authorizations.get(usize::from(id.place)).ok_or_else(not_found)
}

pub(super) fn not_found() -> AcmeError {
    AcmeError::not_found("authorization")
}
