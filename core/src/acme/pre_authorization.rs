//! `new-authz`: an authorization ahead of any order.

use serde::Deserialize;

use super::identifier::RequestedIdentifier;
use super::new_order::after;
use super::order::{StoredOrder, put_order};
use super::record::{OrderKind, OrderRecord};
use super::request::{Part, read_payload, refused};
use super::view::AuthorizationView;
use super::{Acme, AcmeError, Answer, AuthorizationId, Endpoint, Id, Identifier};
use crate::store::{Commit, Condition};

/// What `new-authz` is asked ([RFC 8555 §7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
#[derive(Deserialize)]
struct NewAuthz {
    identifier: RequestedIdentifier,
}

impl Acme {
    /// Makes an authorization ahead of any order. While it is valid, orders of the account rely on it.
    ///
    /// # Errors
    /// [`AcmeError`]; nothing is stored. Wildcards need an order.
    pub async fn new_authz(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<Answer<AuthorizationView>, AcmeError> {
        let request = self.account_request(endpoint, body, |_, _| Vec::new()).await?;
        let asked: NewAuthz = read_payload(&request.payload)?;
        let identifiers = self.identifiers(endpoint, std::slice::from_ref(&asked.identifier))?;
        if identifiers.iter().any(Identifier::is_wildcard) {
            return Err(AcmeError::malformed("a wildcard cannot be authorized ahead of an order"));
        }
        let now = self.authority.now();
        let expires = after(now, endpoint.options.order_lifetime.to_signed());
        let authorizations = identifiers
            .iter()
            .map(|identifier| self.authorization_for(endpoint, identifier, expires))
            .collect::<Result<_, _>>()?;
        let order = OrderRecord {
            account: request.account.id.clone(),
            kind: OrderKind::PreAuthorization,
            created: now,
            expires,
            not_before: None,
            not_after: None,
            profile: None,
            replaces: None,
            replaces_until: None,
            authorizations,
            issuance: None,
        };
        let id = AuthorizationId { order: Id::random(self.authority.random())?, place: 0 };
        let mut commit = Commit::default();
        commit.push(Part::Nonce, request.nonce.spend());
        commit.push(Part::Order, put_order(&endpoint.provisioner.id, &id.order, &order, Condition::Absent)?);
        self.commit(commit).await.map_err(refused)?;
        let stored = StoredOrder { id: id.order.clone(), record: order, version: 1 };
        let view = self.authorization_view(endpoint, &request.account.url, &stored, &id, now)?;
        Ok(Answer { created: true, ..Answer::new(view).at(endpoint.links().authorization(&id)) })
    }
}
