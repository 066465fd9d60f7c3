//! The template as JSON, and what the tests ask of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

/// The functions with routes, their roles, and the modules that the routes are written in.
pub(crate) const FUNCTIONS: [(&str, &str, &str); 4] = [
    ("InfoFunction", "InfoRole", "functions/src/info.rs"),
    ("SignFunction", "SignRole", "functions/src/sign.rs"),
    ("RenewFunction", "RenewRole", "functions/src/renew.rs"),
    ("RevokeFunction", "RevokeRole", "functions/src/revoke.rs"),
];

/// The functions of ACME that have routes. The one that signs has its own; every other path below ACME's prefixes goes to
/// the other one, which knows which of them there are.
pub(crate) const ACME_FUNCTIONS: [(&str, &str); 2] =
    [("AcmeFunction", "AcmeRole"), ("AcmeFinalizeFunction", "AcmeFinalizeRole")];

/// The paths of a function of ACME. Beside what it serves, each path has a place of its own where a path of `finalize`
/// leads through it: a REST gateway does not look for a wider one there.
pub(crate) fn acme_paths(function: &str) -> BTreeSet<String> {
    let prefixes = ["/acme", "/2.0/acme"];
    let below: Vec<String> = match function {
        "AcmeFinalizeFunction" => routes("functions/src/acme_finalize.rs")
            .into_iter()
            .filter(|path| !path.starts_with("/1.0"))
            .collect(),
        _ => ["", "/{provisioner}", "/{provisioner}/{path+}"]
            .into_iter()
            .chain(["/{provisioner}/order", "/{provisioner}/order/{id}", "/{provisioner}/order/{id}/{path+}"])
            .map(str::to_owned)
            .collect(),
    };
    prefixes.iter().flat_map(|prefix| below.iter().map(move |path| format!("{prefix}{path}"))).collect()
}

/// The template, with CloudFormation's short tags written out: `!Ref X` is `{"Ref": "X"}`.
pub(crate) fn template() -> Value {
    let text = read("template.yaml");
    written_out(serde_norway::from_str(&text).expect("template.yaml is YAML"))
}

fn written_out(value: serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = name.trim_start_matches('!');
            let name = match name {
                "Ref" | "Condition" => name.to_owned(),
                _ => format!("Fn::{name}"),
            };
            json!({ name: written_out(tagged.value) })
        }
        Yaml::Mapping(members) => members
            .into_iter()
            .map(|(name, value)| (name.as_str().expect("names are text").to_owned(), written_out(value)))
            .collect(),
        Yaml::Sequence(items) => items.into_iter().map(written_out).collect(),
        plain => serde_json::to_value(plain).expect("plain values are JSON"),
    }
}

pub(crate) fn of_type(template: &Value, kind: &str) -> Vec<String> {
    let resources = template["Resources"].as_object().unwrap();
    resources.iter().filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| name.clone()).collect()
}

/// The paths of a function's events; `None` is every path that no function names.
pub(crate) fn events(template: &Value, function: &str) -> Vec<Option<String>> {
    let events = template["Resources"][function]["Properties"]["Events"].as_object().unwrap();
    events
        .values()
        .map(|event| event["Properties"].get("Path").map(|path| path.as_str().unwrap().to_owned()))
        .collect()
}

/// The routes that a module of `functions` serves, each under `/` and under `/1.0`.
pub(crate) fn routes(source: &str) -> BTreeSet<String> {
    let text = read(source);
    let code = text.split_once("#[cfg(test)]").map_or(text.as_str(), |(code, _)| code);
    let paths = code.split(".route(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
    paths.flat_map(|path| [path.to_owned(), format!("/1.0{path}")]).collect()
}

/// What a role's policies say, both sides of a condition.
pub(crate) fn statements(template: &Value, role: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for policy in template["Resources"][role]["Properties"]["Policies"].as_array().unwrap() {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            match statement["Fn::If"].as_array() {
                Some(sides) => all.extend(sides.iter().skip(1).cloned()),
                None => all.push(statement.clone()),
            }
        }
    }
    all.retain(|statement| *statement != json!({ "Ref": "AWS::NoValue" }));
    all
}

pub(crate) fn actions(statement: &Value) -> BTreeSet<String> {
    match &statement["Action"] {
        Value::String(one) => BTreeSet::from([one.clone()]),
        several => {
            several.as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
        }
    }
}

pub(crate) fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}
