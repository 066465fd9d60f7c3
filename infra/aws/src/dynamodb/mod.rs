//! The store in one table of DynamoDB.
//!
//! A record is an item; [`layout`] says which attribute holds what. A commit of one put is an `UpdateItem` with a
//! condition, any other commit a `TransactWriteItems`; a read by key is strongly consistent, and so are the bodies
//! that an index query answers with, while the index itself may lag.
//!
//! **A lost answer.** When a write times out, or its connection breaks, nobody knows whether it was applied, and the
//! next attempt may meet its own effect. So each commit has a random id, which every item that it puts carries: an
//! item with that id says "it was you". A transaction is repeated with one client token besides, which DynamoDB
//! remembers for ten minutes, so that one that only deletes or checks is known again, too.
//!
//! **Time limits.** A call of the port ends within [`TimeLimits::operation`], its attempts and pauses included.
//! Nothing is retried by the SDK: it could not tell an attempt that was refused from one whose answer was lost.

mod attempt;
mod commit;
mod cursor;
mod error;
mod expression;
mod item;
mod judge;
pub mod layout;
mod read;
mod store;

pub use attempt::TimeLimits;
pub use error::{DynamoDbError, LayoutError};
pub use store::DynamoDbStore;
