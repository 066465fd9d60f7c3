//! The table, the keys and the queues of a template, made in the emulators.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::endpoint::{CallError, Endpoint};
use crate::template::{Template, TemplateError};

/// What was made of a template.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// What references give: logical names to physical ones, `Name.Arn` to ARNs.
    pub names: BTreeMap<String, String>,
    /// The first table's name.
    pub table: String,
    /// Logical names of keys to their key ids.
    pub keys: BTreeMap<String, String>,
    /// ARNs of queues to their URLs.
    pub queues: BTreeMap<String, String>,
}

/// The emulators that resources are made in.
#[derive(Clone, Copy, Debug)]
pub struct Emulators {
    /// For keys.
    pub kms: Endpoint,
    /// For the table.
    pub dynamodb: Endpoint,
    /// For queues.
    pub sqs: Endpoint,
}

impl Emulators {
    /// One for all of them.
    pub fn all(endpoint: Endpoint) -> Self {
        Self { kms: endpoint, dynamodb: endpoint, sqs: endpoint }
    }
}

/// Makes the table, with its time to live, the keys, with their aliases, and the queues. Table and queues are called after
/// the stack and their logical names.
///
/// # Errors
/// [`ResourceError`] if the template is not understood or an emulator refuses.
pub fn create(template: &Template, stack: &str, emulators: Emulators) -> Result<Resources, ResourceError> {
    let Emulators { kms, dynamodb, sqs } = emulators;
    let mut resources = Resources::default();
    for (name, properties) in template.tables()? {
        let table = format!("{stack}-{name}");
        create_table(&table, &properties, dynamodb)?;
        if resources.table.is_empty() {
            resources.table.clone_from(&table);
        }
        resources.names.insert(name, table);
    }
    for key in template.keys()? {
        let input = taken(&key.properties, &["KeySpec", "KeyUsage", "Description", "Origin", "MultiRegion"]);
        let made = kms.call("TrentService.CreateKey", &input)?;
        let text = |pointer: &'static str| {
            made.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or(ResourceError::NoKey)
        };
        let id = text("/KeyMetadata/KeyId")?;
        for alias in &key.aliases {
            kms.call("TrentService.CreateAlias", &json!({"AliasName": alias, "TargetKeyId": id}))?;
        }
        resources.names.insert(format!("{}.Arn", key.name), text("/KeyMetadata/Arn")?);
        resources.names.insert(key.name.clone(), id.clone());
        resources.keys.insert(key.name, id);
    }
    for (name, properties) in template.queues()? {
        let (url, arn) = create_queue(&format!("{stack}-{name}"), &properties, sqs)?;
        resources.names.insert(format!("{name}.Arn"), arn.clone());
        resources.names.insert(name, url.clone());
        resources.queues.insert(arn, url);
    }
    Ok(resources)
}

/// The URL and the ARN of a new queue. What is set aside after too many tries is AWS's own matter.
fn create_queue(queue: &str, properties: &Value, sqs: Endpoint) -> Result<(String, String), ResourceError> {
    let attributes = taken(properties, &["VisibilityTimeout", "MessageRetentionPeriod"]);
    let attributes = attributes.as_object().into_iter().flatten();
    let attributes: Map<String, Value> =
        attributes.map(|(name, value)| (name.clone(), value.to_string().into())).collect();
    let made = sqs.call("AmazonSQS.CreateQueue", &json!({"QueueName": queue, "Attributes": attributes}))?;
    let url = made.get("QueueUrl").and_then(Value::as_str).ok_or(ResourceError::NoQueue)?;
    let asked = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let found = sqs.call("AmazonSQS.GetQueueAttributes", &asked)?;
    let arn = found.pointer("/Attributes/QueueArn").and_then(Value::as_str).ok_or(ResourceError::NoQueue)?;
    Ok((url.to_owned(), arn.to_owned()))
}

fn create_table(table: &str, properties: &Value, dynamodb: Endpoint) -> Result<(), ResourceError> {
    // Encryption, backups and protection from deletion are AWS's own matter: nothing is kept here.
    let mut input = taken(
        properties,
        &[
            "AttributeDefinitions",
            "KeySchema",
            "BillingMode",
            "ProvisionedThroughput",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
        ],
    );
    if let Some(input) = input.as_object_mut() {
        input.insert("TableName".to_owned(), table.into());
    }
    dynamodb.call("DynamoDB_20120810.CreateTable", &input)?;
    if let Some(specification) = properties.get("TimeToLiveSpecification") {
        dynamodb.call(
            "DynamoDB_20120810.UpdateTimeToLive",
            &json!({"TableName": table, "TimeToLiveSpecification": specification}),
        )?;
    }
    Ok(())
}

fn taken(properties: &Value, names: &[&str]) -> Value {
    let taken = names.iter().filter_map(|name| Some(((*name).to_owned(), properties.get(*name)?.clone())));
    Value::Object(taken.collect::<Map<_, _>>())
}

/// A resource was not made.
#[derive(Debug, Error)]
pub enum ResourceError {
    /// The template does not say what to make.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// An emulator did not make it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The KMS made a key and did not say which.
    #[error("CreateKey was answered without the key's id and ARN")]
    NoKey,
    /// The emulator made a queue and did not say which.
    #[error("CreateQueue was answered without the queue's URL, or it has no ARN")]
    NoQueue,
}
