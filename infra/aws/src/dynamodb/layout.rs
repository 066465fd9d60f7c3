//! The table as DynamoDB has it: attributes, key schema, indexes, time to live. Templates that create it say the same.
//!
//! | attribute | type | what it holds |
//! | --- | --- | --- |
//! | `pk`, `sk` | S | partition and sort key of [`Key`](stepless_core::store::Key), as they are |
//! | `value` | B | [`Record::value`](stepless_core::store::Record::value) |
//! | `version` | N | [`Record::version`](stepless_core::store::Record::version) |
//! | `expires` | N | the time to live: seconds since 1970, rounded up; only on records that expire |
//! | `expires_exact` | N | the same instant in nanoseconds, by which conditions and reads go |
//! | `commit` | S | id of the commit that wrote the item last |
//! | `history_pk`, `history_sk` | S | the place in [`Index::History`]; only on records that have one |
//! | `name_pk`, `name_sk` | S | the place in [`Index::Name`] |
//! | `provisioner_pk`, `provisioner_sk` | S | the place in [`Index::Provisioner`] |
//!
//! The indexes are global, sparse, and hold keys alone: an index write is small whatever the record, and an answer is
//! read from the table, so that it is never older than the table. DynamoDB removes expired items when it likes; what
//! counts is `expires_exact`.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use stepless_core::store::Index;

use super::error::{DynamoDbError, LayoutError};

/// Partition key of the table.
pub const PARTITION: &str = "pk";
/// Sort key of the table.
pub const SORT: &str = "sk";
/// What the record says.
pub const VALUE: &str = "value";
/// The record's version.
pub const VERSION: &str = "version";
/// The time to live.
pub const EXPIRES: &str = "expires";
/// The exact instant of expiry.
pub const EXPIRES_EXACT: &str = "expires_exact";
/// The id of the commit that wrote the item last.
pub const COMMIT: &str = "commit";

/// What the indexes hold besides their own keys and the table's: nothing.
pub const PROJECTION: ProjectionType = ProjectionType::KeysOnly;

/// A global secondary index. Its keys are strings, its projection is [`PROJECTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLayout {
    /// What it is for.
    pub index: Index,
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition: &'static str,
    /// Its sort key.
    pub sort: &'static str,
}

/// All indexes.
pub const INDEXES: [IndexLayout; 3] = [HISTORY, NAME, PROVISIONER];

const HISTORY: IndexLayout =
    IndexLayout { index: Index::History, name: "history", partition: "history_pk", sort: "history_sk" };
const NAME: IndexLayout =
    IndexLayout { index: Index::Name, name: "name", partition: "name_pk", sort: "name_sk" };
const PROVISIONER: IndexLayout = IndexLayout {
    index: Index::Provisioner,
    name: "provisioner",
    partition: "provisioner_pk",
    sort: "provisioner_sk",
};

/// How an index lies in the table.
pub const fn of(index: Index) -> IndexLayout {
    match index {
        Index::History => HISTORY,
        Index::Name => NAME,
        Index::Provisioner => PROVISIONER,
    }
}

/// Creates the table, paid by request, with its indexes and its time to live: for tests and trials. Returns when
/// DynamoDB has taken the orders; AWS needs some seconds more before the table answers.
///
/// # Errors
/// [`DynamoDbError`] when there is a table of this name already, or the caller may not create one.
pub async fn create_table(client: &Client, table: &str) -> Result<(), DynamoDbError> {
    let request = |error: BuildError| DynamoDbError::Request(Box::new(error));
    let mut create = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(PARTITION, SORT).map_err(request)?));
    for attribute in key_attributes() {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(request)?;
        create = create.attribute_definitions(definition);
    }
    for index in INDEXES {
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .set_key_schema(Some(key_schema(index.partition, index.sort).map_err(request)?))
            .projection(Projection::builder().projection_type(PROJECTION).build())
            .build()
            .map_err(request)?;
        create = create.global_secondary_indexes(index);
    }
    create.send().await.map_err(|error| DynamoDbError::call(table, "CreateTable", error))?;
    let time_to_live =
        TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build().map_err(request)?;
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(time_to_live)
        .send()
        .await
        .map_err(|error| DynamoDbError::call(table, "UpdateTimeToLive", error))?;
    Ok(())
}

/// Looks whether the table is there and has the keys and indexes that it should have. Not for the way of a request:
/// it costs a call, and needs the right to `dynamodb:DescribeTable`.
///
/// # Errors
/// [`LayoutError`] says what is missing or different.
pub async fn check_table(client: &Client, table: &str) -> Result<(), LayoutError> {
    let described = client.describe_table().table_name(table).send().await.map_err(|error| {
        if error.code() == Some("ResourceNotFoundException") {
            LayoutError::Missing { table: table.to_owned() }
        } else {
            DynamoDbError::call(table, "DescribeTable", error).into()
        }
    })?;
    let description = described.table();
    let keys = description.map(|table| table.key_schema()).unwrap_or_default();
    let mut found = BTreeSet::from([shape("table", keys)]);
    for index in description.map(|table| table.global_secondary_indexes()).unwrap_or_default() {
        found.insert(shape(index.index_name().unwrap_or_default(), index.key_schema()));
    }
    let mut expected = BTreeSet::from([expected_shape("table", PARTITION, SORT)]);
    expected.extend(INDEXES.map(|index| expected_shape(index.name, index.partition, index.sort)));
    if expected.is_subset(&found) {
        return Ok(());
    }
    let listed = |shapes: BTreeSet<String>| shapes.into_iter().collect::<Vec<_>>().join(", ");
    Err(LayoutError::Different { table: table.to_owned(), found: listed(found), expected: listed(expected) })
}

fn key_attributes() -> impl Iterator<Item = &'static str> {
    [PARTITION, SORT].into_iter().chain(INDEXES.into_iter().flat_map(|index| [index.partition, index.sort]))
}

fn key_schema(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element =
        |name: &str, key: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(key).build();
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}

fn shape(name: &str, keys: &[KeySchemaElement]) -> String {
    let keys: Vec<&str> = keys.iter().map(KeySchemaElement::attribute_name).collect();
    format!("{name} ({})", keys.join(", "))
}

fn expected_shape(name: &str, partition: &str, sort: &str) -> String {
    format!("{name} ({partition}, {sort})")
}
