//! Commits: one put as an `UpdateItem`, everything else as one transaction, each tried until its fate is known.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use stepless_core::clock::{SignedDuration, Timestamp};
use stepless_core::store::{CommitError, Condition, InvalidCommit, StoreError, Write};

use super::attempt::{Attempts, Effect, Next};
use super::error::DynamoDbError;
use super::expression::{Expression, Ground, Put};
use super::item;
use super::judge::{Reason, Verdict, judge};
use super::store::DynamoDbStore;

/// Most octets that one transaction may write.
///
/// [DynamoDB quotas](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
const MAX_TRANSACTION: usize = 4 * 1024 * 1024;

/// What an item has besides keys, value and places: names of attributes, version, expiry, id of the commit.
const ITEM_OVERHEAD: usize = 256;

/// How long DynamoDB remembers the client token of a transaction, less a minute for clocks that differ.
///
/// [TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(9);

impl DynamoDbStore {
    pub(super) async fn commit_writes(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        InvalidCommit::check(&writes)?;
        check_size(&writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        Commit::new(self, writes)?.run().await
    }
}

/// A commit on its way.
struct Commit<'a> {
    store: &'a DynamoDbStore,
    writes: Vec<Write>,
    /// What each put without a condition takes for granted.
    grounds: Vec<Ground>,
    id: String,
    /// Changes whenever the request does.
    token: String,
    /// The transaction, built once a token: the same octets in every attempt. Empty for a single put.
    items: Vec<TransactWriteItem>,
    /// As of when records have expired. The same in every attempt: a client token is good for one request.
    now: Timestamp,
    /// Whether an attempt may have been applied without our knowledge.
    lost: bool,
}

/// What came of an attempt.
enum Attempt {
    Applied,
    Cancelled(Vec<Reason>, DynamoDbError),
    Error(Effect, DynamoDbError),
}

impl<'a> Commit<'a> {
    fn new(store: &'a DynamoDbStore, writes: Vec<Write>) -> Result<Self, StoreError> {
        let grounds = vec![Ground::Fresh; writes.len()];
        let (id, token) = (random_id()?, random_id()?);
        let now = store.clock.now();
        let mut commit = Self { store, writes, grounds, id, token, items: Vec::new(), now, lost: false };
        commit.build()?;
        Ok(commit)
    }

    async fn run(mut self) -> Result<(), CommitError> {
        match self.attempts().await {
            // The last attempt had no effect; the one whose answer was lost may have had it.
            Err(CommitError::Store(StoreError::Failed(source))) if self.lost => {
                Err(StoreError::Unavailable(source).into())
            }
            told => told,
        }
    }

    async fn attempts(&mut self) -> Result<(), CommitError> {
        let mut attempts = Attempts::new(self.store.limits);
        loop {
            let error = match self.attempt().await {
                Attempt::Applied => return Ok(()),
                Attempt::Error(Effect::Failed, error) => return Err(error.failed().into()),
                Attempt::Error(Effect::Unknown, error) => {
                    self.lost = true;
                    error
                }
                Attempt::Error(Effect::Refused, error) => error,
                Attempt::Cancelled(reasons, error) => {
                    let verdict = judge(&self.writes, &self.id, self.now, reasons);
                    match verdict.map_err(DynamoDbError::failed)? {
                        Verdict::Applied => return Ok(()),
                        Verdict::Conflict { write, found, version } => {
                            if self.could_be_behind(write, version) {
                                return Err(self.unsettled().unavailable().into());
                            }
                            return Err(CommitError::Conflict { write, found });
                        }
                        Verdict::OtherGround(positions) => self.change_ground(&positions)?,
                        Verdict::Busy => {}
                        Verdict::Failed { write, code, message } => {
                            let table = self.store.table.to_string();
                            return Err(DynamoDbError::Cancelled { table, write, code, message }
                                .failed()
                                .into());
                        }
                    }
                    error
                }
            };
            if attempts.pause().await == Next::GiveUp {
                return Err(error.unavailable().into());
            }
        }
    }

    /// Whether a failed condition may be the commit's own doing although nothing there bears its id: it was applied in
    /// an attempt whose answer was lost, and then somebody else wrote over it.
    fn could_be_behind(&self, write: usize, version: Option<u64>) -> bool {
        if !self.lost {
            return false;
        }
        if !self.is_single_put() {
            // Within its lifetime the token would have told.
            return self.store.clock.now().duration_since(self.now) > TOKEN_LIFETIME;
        }
        // Two writes never make the same version, so one of this version came instead of ours.
        let ours = match self.writes.get(write).map(Write::condition) {
            Some(Condition::Absent) => Some(1),
            Some(Condition::Version(before)) => before.checked_add(1),
            _ => None,
        };
        version.is_none() || version != ours
    }

    fn unsettled(&self) -> DynamoDbError {
        DynamoDbError::Unsettled { table: self.store.table.to_string() }
    }

    fn change_ground(&mut self, positions: &[usize]) -> Result<(), StoreError> {
        for position in positions {
            if let Some(ground) = self.grounds.get_mut(*position) {
                *ground = ground.other();
            }
        }
        self.token = random_id()?;
        self.build()
    }

    fn build(&mut self) -> Result<(), StoreError> {
        if self.is_single_put() {
            return Ok(());
        }
        let items = self.writes.iter().zip(&self.grounds);
        let items = items.map(|(write, ground)| self.transact_item(write, *ground));
        self.items = items.collect::<Result<_, _>>().map_err(DynamoDbError::request)?;
        Ok(())
    }

    fn is_single_put(&self) -> bool {
        matches!(self.writes.as_slice(), [Write::Put { .. }])
    }

    async fn attempt(&self) -> Attempt {
        match self.writes.as_slice() {
            [write @ Write::Put { .. }] => self.update(write).await,
            _ => self.transact().await,
        }
    }

    fn expression(&self, write: &Write, ground: Ground) -> Expression {
        match write {
            Write::Put { value, expires, indexes, condition, .. } => {
                let put = Put { value, expires: *expires, indexes, commit: &self.id };
                Expression::of_put(&put, *condition, ground, self.now)
            }
            Write::Delete { condition, .. } => Expression::of_condition(*condition, self.now),
            Write::Check { condition, .. } => Expression::of_check(*condition, self.now),
        }
    }

    async fn update(&self, write: &Write) -> Attempt {
        let expression = self.expression(write, self.ground(0));
        let (names, values) = (expression.names(), expression.values());
        let answer = self.store.client.update_item();
        let answer = answer
            .table_name(self.store.table.as_ref())
            .set_key(Some(item::key(write.key())))
            .set_update_expression(expression.update)
            .set_condition_expression(expression.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Attempt::Applied };
        let effect = Effect::of(&error);
        let reason = match &error {
            SdkError::ServiceError(service) => match service.err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => Some(Reason {
                    code: Some("ConditionalCheckFailed".to_owned()),
                    message: None,
                    item: failed.item().cloned(),
                }),
                _ => None,
            },
            _ => None,
        };
        let error = DynamoDbError::call(&self.store.table, "UpdateItem", error);
        match reason {
            Some(reason) => Attempt::Cancelled(vec![reason], error),
            None => Attempt::Error(effect, error),
        }
    }

    async fn transact(&self) -> Attempt {
        let answer = self
            .store
            .client
            .transact_write_items()
            .set_transact_items(Some(self.items.clone()))
            .client_request_token(&self.token)
            .send()
            .await;
        let Err(error) = answer else { return Attempt::Applied };
        let effect = Effect::of(&error);
        let reasons = match &error {
            SdkError::ServiceError(service) => match service.err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    Some(cancelled.cancellation_reasons().iter().map(reason).collect())
                }
                _ => None,
            },
            _ => None,
        };
        let error = DynamoDbError::call(&self.store.table, "TransactWriteItems", error);
        match reasons {
            Some(reasons) => Attempt::Cancelled(reasons, error),
            None => Attempt::Error(effect, error),
        }
    }

    fn transact_item(
        &self,
        write: &Write,
        ground: Ground,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let expression = self.expression(write, ground);
        let (names, values) = (expression.names(), expression.values());
        let (table, key) = (self.store.table.as_ref(), Some(item::key(write.key())));
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let transact = TransactWriteItem::builder();
        Ok(match write {
            Write::Put { .. } => transact.update(
                Update::builder()
                    .table_name(table)
                    .set_key(key)
                    .set_update_expression(expression.update)
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Write::Delete { .. } => transact.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(key)
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Write::Check { .. } => transact.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(key)
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
        }
        .build())
    }

    fn ground(&self, position: usize) -> Ground {
        self.grounds.get(position).copied().unwrap_or(Ground::Fresh)
    }
}

fn reason(reason: &CancellationReason) -> Reason {
    Reason {
        code: reason.code().map(str::to_owned),
        message: reason.message().map(str::to_owned),
        item: reason.item().cloned(),
    }
}

fn check_size(writes: &[Write]) -> Result<(), StoreError> {
    let octets = writes.iter().map(size).sum();
    if octets > MAX_TRANSACTION {
        return Err(DynamoDbError::TooLarge { octets, limit: MAX_TRANSACTION }.failed());
    }
    Ok(())
}

fn size(write: &Write) -> usize {
    let key = |key: &stepless_core::store::Key| key.partition.len() + key.sort.len();
    let put = match write {
        Write::Put { value, indexes, .. } => {
            value.len() + indexes.iter().map(|entry| key(&entry.key)).sum::<usize>()
        }
        Write::Delete { .. } | Write::Check { .. } => 0,
    };
    ITEM_OVERHEAD + key(write.key()) + put
}

/// 128 random bits; as hex, no longer than the 36 characters of a client token.
fn random_id() -> Result<String, StoreError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_unspecified| DynamoDbError::Random.failed())?;
    Ok(hex::encode(octets))
}
