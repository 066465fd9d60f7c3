//! Orders: their records in the store, how they change, and the list of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::record::{OrderKind, OrderRecord};
use super::request::{Part, UnspentNonce, check_post_as_get, refused};
use super::status::OrderStatus;
use super::view::OrderView;
use super::{Acme, AcmeError, Answer, Endpoint, Id};
use crate::clock::Timestamp;
use crate::store::{
    Commit, Condition, Cursor, Failed, Order, Query, Record, Source, StoreError, Write, table,
};

/// An order, or a pre-authorization, and its place in the store.
#[derive(Clone)]
pub(super) struct StoredOrder {
    pub(super) id: Id,
    pub(super) record: OrderRecord,
    pub(super) version: u64,
}

impl StoredOrder {
    /// The order of a record that was read for `account`; nobody else learns of it.
    pub(super) fn of_account(
        id: &Id,
        found: Option<Record>,
        account: &Id,
        what: &'static str,
    ) -> Result<Self, AcmeError> {
        let order = found.map(|found| Self::decode(id, &found)).transpose()?;
        order.filter(|order| order.record.account == *account).ok_or_else(|| AcmeError::not_found(what))
    }

    pub(super) fn decode(id: &Id, found: &Record) -> Result<Self, StoreError> {
        Ok(Self { id: id.clone(), record: table::decode(found)?, version: found.version })
    }
}

/// What a change of an order asks for.
pub(super) struct Change<T> {
    /// What came of it.
    pub(super) outcome: T,
    /// What is written with it.
    pub(super) also: Vec<(Part, Write)>,
}

impl<T> Change<T> {
    pub(super) fn to(outcome: T) -> Self {
        Self { outcome, also: Vec::new() }
    }
}

/// The orders of an account ([RFC 8555 §7.1.2.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2.1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrdersView {
    orders: Vec<String>,
}

impl Acme {
    /// An order, to whom it belongs.
    ///
    /// # Errors
    /// [`AcmeError`]
    pub async fn order(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        id: &Id,
    ) -> Result<Answer<OrderView>, AcmeError> {
        let key = table::acme::order(&endpoint.provisioner.id, id);
        let mut request = self.account_request(endpoint, body, |_, _| vec![key]).await?;
        check_post_as_get(&request.payload)?;
        let found = request.also.pop().flatten();
        let order = StoredOrder::of_account(id, found, &request.account.id, "order")?;
        if order.record.kind == OrderKind::PreAuthorization {
            return Err(AcmeError::not_found("order"));
        }
        self.spend(request.nonce).await?;
        Ok(self.order_answer(endpoint, &order))
    }

    /// The orders of an account that are not over, oldest first, in pages; `cursor` is what the page before ended with.
    ///
    /// # Errors
    /// [`AcmeError`]
    pub async fn orders(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        id: &Id,
        cursor: Option<&str>,
    ) -> Result<Answer<OrdersView>, AcmeError> {
        let provisioner = &endpoint.provisioner.id;
        let request = self.account_request(endpoint, body, |_, _| Vec::new()).await?;
        check_post_as_get(&request.payload)?;
        if request.account.id != *id {
            return Err(AcmeError::unauthorized("the account has no access to the orders of another one"));
        }
        let query = Query {
            source: Source::Partition(table::acme::orders_of_account(provisioner, id)),
            prefix: String::new(),
            order: Order::Ascending,
            limit: ORDERS_PAGE,
            cursor: cursor.map(read_cursor).transpose()?,
        };
        let page = match self.store().query(&query).await {
            // The cursor came from outside; nothing else of the query did.
            Err(StoreError::Failed(_)) if cursor.is_some() => return Err(foreign_cursor()),
            page => page?,
        };
        let ids: Vec<_> =
            page.records.iter().filter_map(|place| table::acme::listed_order(&place.key)).collect();
        let keys: Vec<_> = ids.iter().map(|id| table::acme::order(provisioner, id)).collect();
        let found = if keys.is_empty() { Vec::new() } else { self.store().get_many(&keys).await? };
        let now = self.authority.now();
        let mut orders = Vec::new();
        for (id, found) in ids.iter().zip(found) {
            let Some(found) = found else { continue };
            let order = StoredOrder::decode(id, &found)?;
            if order.record.status(now) != OrderStatus::Invalid {
                orders.push(endpoint.links().order(id));
            }
        }
        self.spend(request.nonce).await?;
        let next = page.next.map(|Cursor(next)| endpoint.links().orders(id, Some(&next)));
        Ok(Answer { next, ..Answer::new(OrdersView { orders }) })
    }

    /// How a client is shown an order.
    pub(super) fn order_answer(&self, endpoint: &Endpoint<'_>, order: &StoredOrder) -> Answer<OrderView> {
        let view = OrderView::new(endpoint, &order.id, &order.record, self.authority.now());
        let retry_after = (view.status == OrderStatus::Processing).then_some(POLL_AFTER_SECONDS);
        Answer { retry_after, ..Answer::new(view).at(endpoint.links().order(&order.id)) }
    }

    /// Changes an order, and spends a nonce with it. Whoever loses a race changes the record that won; so `change` may
    /// be asked more than once, and sees each time what it has to decide about. A change that changes nothing, and
    /// spends nothing, costs no call.
    pub(super) async fn change_order<T>(
        &self,
        provisioner: &str,
        mut order: StoredOrder,
        nonce: Option<&UnspentNonce>,
        mut change: impl FnMut(&mut OrderRecord, Timestamp) -> Result<Change<T>, AcmeError> + Send,
    ) -> Result<(StoredOrder, T), AcmeError> {
        for _ in 0..MOST_RACES {
            let mut record = order.record.clone();
            let Change { outcome, also } = change(&mut record, self.authority.now())?;
            let is_changed = record != order.record;
            let mut commit = Commit::default();
            if let Some(nonce) = nonce {
                commit.push(Part::Nonce, nonce.spend());
            }
            if is_changed {
                let version = Condition::Version(order.version);
                commit.push(Part::Order, put_order(provisioner, &order.id, &record, version)?);
            }
            for (part, write) in also {
                commit.push(part, write);
            }
            if commit.is_empty() {
                return Ok((order, outcome));
            }
            let witness = if nonce.is_some() { Part::Nonce } else { Part::Order };
            match commit.apply_or_confirm(self.store(), witness).await {
                Ok(()) => {
                    let version = order.version + u64::from(is_changed);
                    return Ok((StoredOrder { id: order.id, record, version }, outcome));
                }
                Err(Failed::Conflict { role: Part::Order, found: Some(found) }) => {
                    order = StoredOrder::decode(&order.id, &found)?;
                }
                Err(failed) => return Err(refused(failed)),
            }
        }
        Err(AcmeError::busy())
    }
}

/// The write of an order.
pub(super) fn put_order(
    provisioner: &str,
    id: &Id,
    record: &OrderRecord,
    condition: Condition,
) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: table::acme::order(provisioner, id),
        condition,
        value: table::encode(record)?,
        expires: Some(kept_until(record.expires.max(record.replaces_until.unwrap_or(Timestamp::MIN)))),
        indexes: Vec::new(),
    })
}

/// What [`Links::orders`](super::Links::orders) has put into a URL.
fn read_cursor(cursor: &str) -> Result<Cursor, AcmeError> {
    let octets = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign_cursor())?;
    String::from_utf8(octets).map(Cursor).map_err(|_| foreign_cursor())
}

fn foreign_cursor() -> AcmeError {
    AcmeError::malformed("the cursor is none of this list")
}

/// Until when what ends at `expires` can be looked at.
pub(super) fn kept_until(expires: Timestamp) -> Timestamp {
    expires.saturating_add(table::acme::ORDER_RETENTION).unwrap_or(Timestamp::MAX)
}

/// A client that waits asks again after so many seconds.
pub(super) const POLL_AFTER_SECONDS: u64 = 1;
/// Orders in a page of the list.
const ORDERS_PAGE: usize = 50;
/// So many others may change an order while one change is under way: a hundred authorizations may be tried at once, and
/// each try begins and ends with a change.
const MOST_RACES: u32 = 256;
