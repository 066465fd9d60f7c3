//! The store in DynamoDB, on two independent engines, in fair and in bad weather.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests"
)]

mod flows;
mod limits;
mod lost_answers;
mod reads;
mod records;
mod refusals;
mod table;

mod ministack {
    stepless_core::store_contract!(crate::table::subject(crate::table::ministack()));
}

mod dynamodb_local {
    stepless_core::store_contract!(crate::table::subject(crate::table::dynamodb_local()));
}
