//! The objects of ACME, compared member by member, so that a wanted difference in one member hides none in another.

use std::collections::BTreeMap;

use serde_json::Value;

/// An object, with everything taken out that may differ.
pub(crate) struct Object {
    kind: &'static str,
    members: BTreeMap<String, String>,
}

impl Object {
    /// The object of ACME that a body is, if it is one.
    pub(crate) fn of(body: &Value, hide: impl Fn(&str) -> String, now: i64) -> Option<Self> {
        let kind = kind_of(body)?;
        let mut body = body.clone();
        relative(&mut body, now);
        sort_challenges(&mut body);
        let members =
            body.as_object()?.iter().map(|(name, value)| (name.clone(), hide(&value.to_string()))).collect();
        Some(Self { kind, members })
    }
}

/// Members that differ: aspect, and both sides.
pub(crate) fn differences(left: &Object, right: &Object) -> Vec<(String, String, String)> {
    if left.kind != right.kind {
        return vec![("object".into(), left.kind.into(), right.kind.into())];
    }
    let names = left.members.keys().chain(right.members.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let member =
        |side: &Object, name: &String| side.members.get(name).cloned().unwrap_or_else(|| "not there".into());
    names
        .into_iter()
        .map(|name| (format!("{}.{name}", left.kind), member(left, name), member(right, name)))
        .filter(|(_, left, right)| left != right)
        .collect()
}

fn kind_of(body: &Value) -> Option<&'static str> {
    let has = |member: &str| body.get(member).is_some();
    let kind = body["type"].as_str().unwrap_or_default();
    match () {
        () if has("newNonce") => Some("directory"),
        () if kind.starts_with("urn:ietf:params:acme:error:") => Some("problem"),
        () if has("finalize") => Some("order"),
        () if has("challenges") => Some("authorization"),
        () if has("token") && has("url") => Some("challenge"),
        () if body["orders"].is_string() => Some("account"),
        () => None,
    }
}

/// Moments of these days, as minutes from the request.
fn relative(value: &mut Value, now: i64) {
    match value {
        Value::String(text) => {
            let Ok(moment) = text.parse::<jiff::Timestamp>() else { return };
            let seconds = moment.as_second() - now;
            if seconds.abs() < THESE_DAYS {
                let minutes = (seconds + 30 * seconds.signum()) / 60;
                *text = format!("<{minutes} minutes from the request>");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|one| relative(one, now)),
        Value::Object(members) => members.values_mut().for_each(|member| relative(member, now)),
        _ => {}
    }
}

/// Their order means nothing.
fn sort_challenges(body: &mut Value) {
    if let Some(list) = body.get_mut("challenges").and_then(Value::as_array_mut) {
        list.sort_by_key(|challenge| challenge["type"].to_string());
    }
}

/// Moments further away are constants of a case.
const THESE_DAYS: i64 = 30 * 86_400;
