//! What stepless plugs into AWS: the store in DynamoDB, the signing keys in KMS, the place of the configuration, a queue
//! in SQS.

pub mod acm;
pub mod authority;
pub mod configuration;
pub mod dynamodb;
pub mod kms;
pub mod sdk;
pub mod sqs;
