//! The table, read and written behind the functions' backs.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use stepless_localstack::Endpoint;

use crate::certificate::serial_of;

/// A table of an emulator, in the layout of the table map.
#[derive(Clone, Debug)]
pub struct Table {
    endpoint: Endpoint,
    name: String,
}

impl Table {
    /// The table `name` of an emulator.
    pub fn new(endpoint: Endpoint, name: &str) -> Self {
        Self { endpoint, name: name.to_owned() }
    }

    /// The configuration that lies in it.
    pub fn configuration(&self) -> Value {
        let input = json!({
            "TableName": self.name,
            "Key": {"pk": {"S": "meta"}, "sk": {"S": "config"}},
            "ConsistentRead": true,
        });
        let answer = self.call("GetItem", &input);
        serde_json::from_slice(&value_of(&answer["Item"])).expect("the configuration is JSON")
    }

    /// Puts a configuration into it.
    pub fn put_configuration(&self, configuration: &Value) {
        let text = serde_json::to_string_pretty(configuration).expect("a JSON value has a text");
        let item = json!({
            "pk": {"S": "meta"},
            "sk": {"S": "config"},
            "version": {"N": "1"},
            "value": {"B": BASE64_STANDARD.encode(text)},
        });
        self.call("PutItem", &json!({"TableName": self.name, "Item": item}));
    }

    /// Every certificate that was ever intended, in no order.
    pub fn certificates(&self) -> Vec<CertificateRecord> {
        self.items()
            .iter()
            .filter(|item| text(&item["pk"]).starts_with("cert#") && text(&item["sk"]) == "x509")
            .map(|item| CertificateRecord(json_of(item)))
            .collect()
    }

    /// The certificates for `name` that may have left, in DER.
    pub fn issued(&self, name: &str) -> Vec<Vec<u8>> {
        self.certificates()
            .iter()
            .filter(|record| record.names(name))
            .filter_map(|record| record.issued())
            .collect()
    }

    /// How many one-time credentials are marked as spent.
    pub fn spent(&self) -> usize {
        self.items().iter().filter(|item| text(&item["pk"]).starts_with("once#")).count()
    }

    /// The serial numbers that are revoked, in decimal.
    pub fn revoked(&self) -> Vec<String> {
        self.items()
            .iter()
            .filter(|item| text(&item["pk"]).starts_with("revoked#"))
            .map(|item| json_of(item)["serial"].as_str().expect("a revocation has a serial").to_owned())
            .collect()
    }

    /// Everything that lies in it, as DynamoDB writes it.
    pub fn items(&self) -> Vec<Value> {
        let mut items = Vec::new();
        let mut input = json!({"TableName": self.name, "ConsistentRead": true});
        loop {
            let answer = self.call("Scan", &input);
            items.extend(answer["Items"].as_array().into_iter().flatten().cloned());
            match answer.get("LastEvaluatedKey") {
                Some(key) if !key.is_null() => input["ExclusiveStartKey"] = key.clone(),
                _ => return items,
            }
        }
    }

    fn call(&self, operation: &str, input: &Value) -> Value {
        self.endpoint
            .call(&format!("DynamoDB_20120810.{operation}"), input)
            .unwrap_or_else(|error| panic!("the table {} does not answer: {error}", self.name))
    }
}

/// What is kept of a certificate.
#[derive(Clone, Debug)]
pub struct CertificateRecord(pub Value);

impl CertificateRecord {
    /// `intent`, `abandoned` or `issued`.
    pub fn state(&self) -> &str {
        text(&self.0["state"])
    }

    /// Whether it is for `name`.
    pub fn names(&self, name: &str) -> bool {
        self.0["names"].as_array().into_iter().flatten().any(|found| found == name)
    }

    /// The certificate in DER, if it may have left.
    pub fn issued(&self) -> Option<Vec<u8>> {
        let certificate = self.0["certificate"].as_str()?;
        Some(BASE64_STANDARD.decode(certificate).expect("a certificate lies in the table as base64"))
    }

    /// The serial number of the certificate, in decimal, if it may have left.
    pub fn serial(&self) -> Option<String> {
        self.issued().map(|der| serial_of(&der))
    }
}

fn json_of(item: &Value) -> Value {
    serde_json::from_slice(&value_of(item)).expect("a record is JSON")
}

fn value_of(item: &Value) -> Vec<u8> {
    let value = item["value"]["B"].as_str().unwrap_or_else(|| panic!("a record has a value: {item}"));
    BASE64_STANDARD.decode(value).expect("DynamoDB writes bytes as base64")
}

/// The text of a JSON string or of a string attribute.
fn text(value: &Value) -> &str {
    value.as_str().or_else(|| value["S"].as_str()).unwrap_or_default()
}
