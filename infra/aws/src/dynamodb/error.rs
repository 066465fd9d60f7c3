//! Why DynamoDB did not do what it was asked for.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use stepless_core::store::StoreError;
use thiserror::Error;

/// A call that failed, and the table it was for.
#[derive(Debug, Error)]
pub enum DynamoDbError {
    /// The call was refused, or its answer was lost.
    #[error("{operation} on the table {table} failed{}", explained(.code.as_deref(), .message.as_deref()))]
    Call {
        /// The name of the table.
        table: String,
        /// The operation, as the API names it.
        operation: &'static str,
        /// DynamoDB's name for the error, where it answered.
        code: Option<String>,
        /// What DynamoDB said of it.
        message: Option<String>,
        /// What the SDK says of it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A transaction was cancelled, and not for a condition.
    #[error("a transaction on the table {table} was cancelled: write {write}: {code}{}", explained(None, .message.as_deref()))]
    Cancelled {
        /// The name of the table.
        table: String,
        /// The first write with a reason.
        write: usize,
        /// The reason, as the API names it.
        code: String,
        /// What DynamoDB said of it.
        message: Option<String>,
    },
    /// A condition failed after the answer to an earlier attempt was lost, and what stands there may have come after
    /// the commit or instead of it.
    #[error("whether a commit to the table {table} was applied cannot be told any more")]
    Unsettled {
        /// The name of the table.
        table: String,
    },
    /// Some records of a batch were not read in time.
    #[error("the table {table} did not answer for {keys} of the keys of a batch in time")]
    Unprocessed {
        /// The name of the table.
        table: String,
        /// How many.
        keys: usize,
    },
    /// More than one transaction takes.
    #[error("the commit has about {octets} octets, a transaction takes at most {limit}")]
    TooLarge {
        /// How many it has.
        octets: usize,
        /// How many are possible.
        limit: usize,
    },
    /// The item lacks an attribute that every record has, or it is of another type.
    #[error("an item of the table is not a record: its attribute {attribute} is missing or of another type")]
    NotARecord {
        /// The attribute.
        attribute: &'static str,
    },
    /// The system gave no random bytes for the id of a commit.
    #[error("the system's source of randomness failed")]
    Random,
    /// A request could not be put together.
    #[error("a request for the table could not be put together")]
    Request(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DynamoDbError {
    pub(crate) fn call<E>(table: &str, operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Call {
            table: table.to_owned(),
            operation,
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            source: Box::new(error),
        }
    }

    pub(crate) fn request(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        Self::Request(Box::new(error)).failed()
    }

    pub(crate) fn failed(self) -> StoreError {
        StoreError::Failed(Box::new(self))
    }

    pub(crate) fn unavailable(self) -> StoreError {
        StoreError::Unavailable(Box::new(self))
    }
}

/// The table is not one that this version can work on.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// It could not be asked.
    #[error(transparent)]
    Call(#[from] DynamoDbError),
    /// There is no table of this name.
    #[error(
        "there is no table {table} in this account and Region; deploy the stack, or name its table in the configuration"
    )]
    Missing {
        /// Its name.
        table: String,
    },
    /// It has other keys or indexes.
    #[error("the table {table} is not one of stepless: it has {found}, and should have {expected}")]
    Different {
        /// Its name.
        table: String,
        /// What it has.
        found: String,
        /// What it should have.
        expected: String,
    },
}

fn explained(code: Option<&str>, message: Option<&str>) -> String {
    [code, message].into_iter().flatten().map(|text| format!(": {text}")).collect()
}
