//! An authority from its configuration on AWS: the certificates it names, its table, its key.

use std::sync::Arc;

use stepless_core::clock::Clock;
use stepless_core::config::DynamoDbTable;
use stepless_core::store::Store;
use thiserror::Error;

/// The table could not be opened.
#[derive(Debug, Error)]
#[error("the table {table} cannot be opened")]
pub struct OpenTableError {
    /// Its name.
    pub table: String,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Opens the store of a table.
///
/// # Errors
/// [`OpenTableError`].
pub async fn open_table(
    table: &DynamoDbTable,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, OpenTableError> {
    let _ = clock;
    Err(OpenTableError { table: table.name.clone(), source: "DynamoDB is not plugged in yet".into() })
}
