//! The intrinsic functions of CloudFormation, as far as templates of functions, tables and keys use them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{TemplateError, text};
use crate::endpoint::REGION;

/// What names stand for.
pub(super) struct Resolver<'a> {
    pub(super) parameters: &'a BTreeMap<String, Value>,
    pub(super) conditions: Option<&'a Value>,
    pub(super) resources: Option<&'a Value>,
    pub(super) stack: &'a str,
    /// What a reference to a resource gives; its logical name if it is not here.
    pub(super) made: &'a BTreeMap<String, String>,
}

impl Resolver<'_> {
    /// `value` with every intrinsic function replaced by its result.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Object(object) => {
                if let Some((name, argument)) = intrinsic(object) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (name, member) in object {
                    let member = self.resolve(member)?;
                    // A reference to AWS::NoValue removes the member.
                    if !member.is_null() {
                        resolved.insert(name.clone(), member);
                    }
                }
                Ok(Value::Object(resolved))
            }
            Value::Array(items) => {
                let items: Vec<Value> =
                    items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?;
                Ok(items.into_iter().filter(|item| !item.is_null()).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        }
    }

    /// Whether a condition holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        let undecided = || TemplateError::Condition { name: name.to_owned() };
        let condition = self.conditions.and_then(|all| all.get(name)).ok_or_else(undecided)?;
        self.truth(condition)
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, TemplateError> {
        let wrong = || TemplateError::Intrinsic { name: name.to_owned() };
        match name {
            "Ref" => self.reference(argument.as_str().ok_or_else(wrong)?),
            "Fn::GetAtt" => {
                let attribute = match argument {
                    Value::Array(parts) => {
                        parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".")
                    }
                    other => other.as_str().ok_or_else(wrong)?.to_owned(),
                };
                self.attribute(&attribute)
            }
            "Fn::Sub" => match argument {
                Value::Array(parts) => {
                    let template = parts.first().and_then(Value::as_str).ok_or_else(wrong)?;
                    let own = self.resolve(parts.get(1).unwrap_or(&Value::Null))?;
                    self.substitute(template, &own)
                }
                other => self.substitute(other.as_str().ok_or_else(wrong)?, &Value::Null),
            },
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([condition, then, otherwise]) => {
                    let chosen =
                        if self.condition(condition.as_str().ok_or_else(wrong)?)? { then } else { otherwise };
                    self.resolve(chosen)
                }
                _ => Err(wrong()),
            },
            "Fn::Join" => match argument.as_array().map(Vec::as_slice) {
                Some([separator, items]) => {
                    let items = self.resolve(items)?;
                    let items: Vec<String> =
                        items.as_array().ok_or_else(wrong)?.iter().filter_map(text).collect();
                    Ok(items.join(separator.as_str().ok_or_else(wrong)?).into())
                }
                _ => Err(wrong()),
            },
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" | "Condition" => self
                .truth(&Value::Object(Map::from_iter([(name.to_owned(), argument.clone())])))
                .map(Value::Bool),
            // What is left has nothing to say about functions, tables and keys, and is kept as it stands.
            _ => Ok(Value::Object(Map::from_iter([(name.to_owned(), argument.clone())]))),
        }
    }

    fn truth(&self, condition: &Value) -> Result<bool, TemplateError> {
        let undecided = || TemplateError::Condition { name: condition.to_string() };
        let (name, argument) = condition.as_object().and_then(intrinsic).ok_or_else(undecided)?;
        let items = argument.as_array().map(Vec::as_slice);
        match (name, items) {
            ("Condition", _) => self.condition(argument.as_str().ok_or_else(undecided)?),
            // CloudFormation compares texts: a parameter of type Number is one too.
            ("Fn::Equals", Some([left, right])) => {
                Ok(text(&self.resolve(left)?) == text(&self.resolve(right)?))
            }
            ("Fn::Not", Some([inner])) => Ok(!self.truth(inner)?),
            ("Fn::And", Some(all)) => {
                for inner in all {
                    if !self.truth(inner)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            ("Fn::Or", Some(all)) => {
                for inner in all {
                    if self.truth(inner)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Err(undecided()),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, TemplateError> {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(Value::Null),
            "AWS::StackName" => Some(self.stack),
            "AWS::Region" => Some(REGION),
            "AWS::AccountId" => Some(ACCOUNT),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        };
        if let Some(value) = pseudo {
            return Ok(value.into());
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.made.get(name) {
            return Ok(value.as_str().into());
        }
        // Of an API only its logical name is known here; `RestApi.Stage` is SAM's.
        let resource = name.split('.').next().unwrap_or(name);
        if self.resources.and_then(|all| all.get(resource)).is_some() {
            return Ok(name.into());
        }
        Err(TemplateError::UnknownName { name: name.to_owned() })
    }

    /// `Name.Attribute`: the attribute of a resource that was made, or the text itself.
    fn attribute(&self, attribute: &str) -> Result<Value, TemplateError> {
        if let Some(value) = self.made.get(attribute) {
            return Ok(value.as_str().into());
        }
        let name = attribute.split('.').next().unwrap_or(attribute);
        self.reference(name)?;
        Ok(attribute.into())
    }

    fn substitute(&self, template: &str, own: &Value) -> Result<Value, TemplateError> {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(TemplateError::Intrinsic { name: "Fn::Sub".to_owned() });
            };
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
            } else {
                let value = match own.get(name) {
                    Some(value) => value.clone(),
                    None if name.contains('.') => self.attribute(name)?,
                    None => self.reference(name)?,
                };
                result.push_str(&text(&value).unwrap_or_default());
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result.into())
    }
}

/// YAML with its short forms (`!Ref Name`) written out (`{"Ref": "Name"}`).
pub(super) fn plain(value: serde_norway::Value) -> Result<Value, TemplateError> {
    use serde_norway::Value as Yaml;
    let strange = |what: String| TemplateError::NoJson { what };
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(truth),
        Yaml::Number(number) => serde_json::to_value(&number).map_err(|error| strange(error.to_string()))?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?.into(),
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (name, member) in mapping {
                let name = plain(name)?;
                let name = text(&name).ok_or_else(|| strange(format!("the name {name}")))?;
                object.insert(name, plain(member)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let tag = tag.trim_start_matches('!');
            let name = match tag {
                "Ref" | "Condition" => tag.to_owned(),
                other => format!("Fn::{other}"),
            };
            Value::Object(Map::from_iter([(name, plain(tagged.value)?)]))
        }
    })
}

fn intrinsic(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next()?;
    let alone = object.len() == 1;
    // The `Condition` of a resource or of a policy has other members beside it, or is no text.
    let known = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    (alone && known).then_some((name.as_str(), argument))
}

/// The account that everything local is in; ministack has the same one.
pub(crate) const ACCOUNT: &str = "000000000000";
