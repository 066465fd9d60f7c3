//! `template.yaml` as CloudFormation reads it: parameters, conditions, intrinsic functions, and of the resources those
//! that exist locally too: functions with their routes, the table, the keys.

mod intrinsic;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

pub(crate) use self::intrinsic::ACCOUNT;
use self::intrinsic::{Resolver, plain};

/// A template with its parameters filled in.
#[derive(Debug)]
pub struct Template {
    root: Value,
    parameters: BTreeMap<String, Value>,
    stack: String,
}

impl Template {
    /// Reads a template as the stack `stack` with these `parameters`; others have their defaults.
    ///
    /// # Errors
    /// [`TemplateError`] if it is no YAML, or a parameter is not the template's or has no value.
    pub fn read(text: &str, stack: &str, parameters: &[(&str, &str)]) -> Result<Self, TemplateError> {
        let root: serde_norway::Value = serde_norway::from_str(text).map_err(TemplateError::Yaml)?;
        let root = plain(root)?;
        let mut values = BTreeMap::new();
        for (name, declared) in members(&root, "Parameters") {
            let given =
                parameters.iter().find(|(given, _)| given == name).map(|(_, value)| Value::from(*value));
            let value = given
                .or_else(|| declared.get("Default").cloned())
                .ok_or_else(|| TemplateError::NoValue { parameter: name.clone() })?;
            values.insert(name.clone(), value);
        }
        if let Some((unknown, _)) = parameters.iter().find(|(name, _)| !values.contains_key(*name)) {
            return Err(TemplateError::UnknownParameter { parameter: (*unknown).to_owned() });
        }
        Ok(Self { root, parameters: values, stack: stack.to_owned() })
    }

    /// The functions, each with what it is called by. `made` maps logical names to what a `!Ref` to them gives (the name of the table).
    ///
    /// # Errors
    /// [`TemplateError`] naming the place that cannot be understood.
    pub fn functions(&self, made: &BTreeMap<String, String>) -> Result<Vec<Function>, TemplateError> {
        let resolver = self.resolver(made);
        let globals = resolver.resolve(self.root.pointer("/Globals/Function").unwrap_or(&Value::Null))?;
        let mut functions = Vec::new();
        for (name, resource) in self.resources(&resolver, "AWS::Serverless::Function")? {
            functions.push(Function::read(name, resource, &globals, &resolver)?);
        }
        Ok(functions)
    }

    /// The tables: logical name and properties.
    ///
    /// # Errors
    /// As [`Template::functions`].
    pub fn tables(&self) -> Result<Vec<(String, Value)>, TemplateError> {
        self.properties("AWS::DynamoDB::Table")
    }

    /// The keys with their aliases (`alias/...`), in the order of the template.
    ///
    /// # Errors
    /// As [`Template::functions`].
    pub fn keys(&self) -> Result<Vec<Key>, TemplateError> {
        let aliases = self.properties("AWS::KMS::Alias")?;
        let keys = self.properties("AWS::KMS::Key")?;
        Ok(keys
            .into_iter()
            .map(|(name, properties)| Key {
                aliases: aliases
                    .iter()
                    // A reference to a resource that does not exist yet gives its logical name.
                    .filter(|(_, alias)| alias.get("TargetKeyId").and_then(Value::as_str) == Some(&name))
                    .filter_map(|(_, alias)| Some(alias.get("AliasName")?.as_str()?.to_owned()))
                    .collect(),
                name,
                properties,
            })
            .collect())
    }

    /// The queues: logical name and properties.
    ///
    /// # Errors
    /// As [`Template::functions`].
    pub fn queues(&self) -> Result<Vec<(String, Value)>, TemplateError> {
        self.properties("AWS::SQS::Queue")
    }

    /// The roles: logical name and properties. The ARN of another resource is its logical name with `.Arn`.
    ///
    /// # Errors
    /// As [`Template::functions`].
    pub fn roles(&self) -> Result<Vec<(String, Value)>, TemplateError> {
        self.properties("AWS::IAM::Role")
    }

    fn properties(&self, kind: &str) -> Result<Vec<(String, Value)>, TemplateError> {
        let made = BTreeMap::new();
        let resolver = self.resolver(&made);
        self.resources(&resolver, kind)?
            .into_iter()
            .map(|(name, resource)| {
                let properties = resolver.resolve(resource.get("Properties").unwrap_or(&Value::Null))?;
                Ok((name.clone(), properties))
            })
            .collect()
    }

    fn resources<'a>(
        &'a self,
        resolver: &Resolver<'_>,
        kind: &str,
    ) -> Result<Vec<(&'a String, &'a Value)>, TemplateError> {
        let mut found = Vec::new();
        for (name, resource) in members(&self.root, "Resources") {
            let is_kind = resource.get("Type").and_then(Value::as_str) == Some(kind);
            if is_kind
                && match resource.get("Condition").and_then(Value::as_str) {
                    Some(condition) => resolver.condition(condition)?,
                    None => true,
                }
            {
                found.push((name, resource));
            }
        }
        Ok(found)
    }

    fn resolver<'a>(&'a self, made: &'a BTreeMap<String, String>) -> Resolver<'a> {
        Resolver {
            parameters: &self.parameters,
            conditions: self.root.get("Conditions"),
            resources: self.root.get("Resources"),
            stack: &self.stack,
            made,
        }
    }
}

/// A function as the template describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its logical name.
    pub name: String,
    /// The program, a bin of the package stepless-lambda.
    pub binary: String,
    /// What it finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// In megabytes.
    pub memory: u64,
    /// Most processes at one time, where the template reserves some.
    pub concurrency: Option<usize>,
    /// The routes that lead to it.
    pub routes: Vec<Route>,
    /// The queues that call it.
    pub queues: Vec<QueueSource>,
}

/// A queue that calls a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSource {
    /// Its ARN.
    pub arn: String,
    /// Most messages of one event.
    pub batch: u64,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method; `ANY` is every one.
    pub method: String,
    /// The path with its `{parameters}`; `$default` is every path without a route of its own.
    pub path: String,
}

/// A key as the template describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its logical name.
    pub name: String,
    /// Its properties, as CreateKey takes them.
    pub properties: Value,
    /// The aliases that point to it.
    pub aliases: Vec<String>,
}

impl Function {
    fn read(
        name: &str,
        resource: &Value,
        globals: &Value,
        resolver: &Resolver<'_>,
    ) -> Result<Self, TemplateError> {
        let wrong = |what: &'static str| TemplateError::Function { name: name.to_owned(), what };
        let properties = resolver.resolve(resource.get("Properties").unwrap_or(&Value::Null))?;
        let setting = |key: &str| properties.get(key).or_else(|| globals.get(key));
        let number = |key: &str, default: u64| match setting(key) {
            None => Some(default),
            Some(value) => value.as_u64().or_else(|| value.as_str()?.parse().ok()),
        };
        let mut environment = BTreeMap::new();
        for source in [globals, &properties] {
            for (name, value) in
                source.pointer("/Environment/Variables").and_then(Value::as_object).into_iter().flatten()
            {
                environment.insert(
                    name.clone(),
                    text(value).ok_or_else(|| wrong("an environment variable is no text"))?,
                );
            }
        }
        let (mut routes, mut queues) = (Vec::new(), Vec::new());
        for (_, event) in members(&properties, "Events") {
            if event.get("Type").and_then(Value::as_str) == Some("SQS") {
                let arn = event.pointer("/Properties/Queue").and_then(Value::as_str);
                queues.push(QueueSource {
                    arn: arn.ok_or_else(|| wrong("an event of a queue does not say of which"))?.to_owned(),
                    batch: event
                        .pointer("/Properties/BatchSize")
                        .and_then(Value::as_u64)
                        .unwrap_or(DEFAULT_BATCH),
                });
            }
            if event.get("Type").and_then(Value::as_str) == Some("HttpApi") {
                let of = |key: &str| {
                    event.pointer("/Properties").and_then(|properties| properties.get(key)?.as_str())
                };
                routes.push(Route {
                    method: of("Method").unwrap_or("ANY").to_ascii_uppercase().replace('*', "ANY"),
                    path: of("Path").unwrap_or(DEFAULT_ROUTE).to_owned(),
                });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            binary: resource
                .pointer("/Metadata/BuildProperties/Binary")
                .and_then(Value::as_str)
                .ok_or_else(|| wrong("Metadata.BuildProperties.Binary does not say which program it is"))?
                .to_owned(),
            environment,
            timeout: Duration::from_secs(number("Timeout", 3).ok_or_else(|| wrong("Timeout is no number"))?),
            memory: number("MemorySize", 128).ok_or_else(|| wrong("MemorySize is no number"))?,
            concurrency: properties
                .get("ReservedConcurrentExecutions")
                .and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
                .and_then(|number| usize::try_from(number).ok()),
            routes,
            queues,
        })
    }
}

/// The template cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("the template is not YAML")]
    Yaml(#[source] serde_norway::Error),
    /// It holds something that JSON has no word for.
    #[error("the template has something that is no JSON: {what}")]
    NoJson {
        /// What.
        what: String,
    },
    /// A value was given for a parameter that does not exist.
    #[error("the template has no parameter {parameter}")]
    UnknownParameter {
        /// Its name.
        parameter: String,
    },
    /// A parameter has no default and was not given.
    #[error("the parameter {parameter} has no default; give it a value")]
    NoValue {
        /// Its name.
        parameter: String,
    },
    /// A reference leads nowhere.
    #[error("{name} is neither a parameter nor a resource of the template")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A condition does not exist or is not understood.
    #[error("the condition {name} cannot be decided")]
    Condition {
        /// Its name, or what it says.
        name: String,
    },
    /// An intrinsic function that is not known here.
    #[error("{name} is an intrinsic function that is not understood here, or its argument is not")]
    Intrinsic {
        /// Its name.
        name: String,
    },
    /// A function is not described as it must be.
    #[error("the function {name}: {what}")]
    Function {
        /// Its logical name.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
}

fn members<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    of.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// A scalar as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// [Lambda with SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)
const DEFAULT_BATCH: u64 = 10;

/// The route of whatever has none.
pub const DEFAULT_ROUTE: &str = "$default";

#[cfg(test)]
mod tests;
