//! The table and the keys of a template, made in the emulators.

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
}

/// Makes the table, with its time to live, and the keys, with their aliases. The table is called after the stack and its logical name.
///
/// # Errors
/// [`ResourceError`] if the template is not understood or an emulator refuses.
pub fn create(
    template: &Template,
    stack: &str,
    kms: Endpoint,
    dynamodb: Endpoint,
) -> Result<Resources, ResourceError> {
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
    Ok(resources)
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
}
