//! `newOrderLimit`: how many orders an account may make in a span of time.

use serde::{Deserialize, Serialize};

use super::{Acme, AcmeError, Endpoint, Id, ProblemType};
use crate::clock::Timestamp;
use crate::store::{Condition, Key, Record, StoreError, Write, table};

/// How many orders an account has made in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OrderCountRecord {
    orders: u32,
}

/// A count that has room for one more.
pub(super) struct OrderCount {
    key: Key,
    counted: OrderCountRecord,
    condition: Condition,
    /// The end of the span.
    until: Timestamp,
    now: Timestamp,
}

impl Acme {
    /// The account's count of this span, if there is a limit: one table call.
    pub(super) async fn order_count(
        &self,
        endpoint: &Endpoint<'_>,
        account: &Id,
        now: Timestamp,
    ) -> Result<Option<OrderCount>, AcmeError> {
        let Some(limit) = endpoint.options.new_order_limit else { return Ok(None) };
        let length = limit.per.to_signed().as_secs().max(1);
        let span = now.as_second().div_euclid(length);
        let until =
            Timestamp::from_second(span.saturating_add(1).saturating_mul(length)).unwrap_or(Timestamp::MAX);
        let key = table::acme::new_orders(&endpoint.provisioner.id, account, span);
        let found = self.store().get(&key).await?;
        let empty = OrderCount {
            key,
            counted: OrderCountRecord::default(),
            condition: Condition::Absent,
            until,
            now,
        };
        empty.seen(endpoint, found).map(Some)
    }
}

impl OrderCount {
    /// The count that was found, if it has room for one more.
    ///
    /// # Errors
    /// `rateLimited` ([RFC 8555 §6.6](https://www.rfc-editor.org/rfc/rfc8555#section-6.6)), with the end of the span.
    pub(super) fn seen(mut self, endpoint: &Endpoint<'_>, found: Option<Record>) -> Result<Self, AcmeError> {
        (self.counted, self.condition) = match found {
            Some(found) => (table::decode(&found)?, Condition::Version(found.version)),
            None => (OrderCountRecord::default(), Condition::Absent),
        };
        let most = endpoint.options.new_order_limit.map_or(u32::MAX, |limit| limit.orders);
        if self.counted.orders < most {
            return Ok(self);
        }
        let wait = self.until.duration_since(self.now).as_secs().max(1).unsigned_abs();
        let mut error = AcmeError::new(
            ProblemType::RateLimited,
            format_args!("the account has made {most} orders; the next one is possible after {}", self.until),
        );
        error.retry_after = Some(wait);
        Err(error)
    }

    /// The write that counts one more.
    pub(super) fn count_one(&self) -> Result<Write, StoreError> {
        let counted = OrderCountRecord { orders: self.counted.orders.saturating_add(1) };
        Ok(Write::Put {
            key: self.key.clone(),
            condition: self.condition,
            value: table::encode(&counted)?,
            expires: Some(table::spent_until(self.until)),
            indexes: Vec::new(),
        })
    }
}
