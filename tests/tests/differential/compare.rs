//! What two answers must have in common.

use std::fmt;

use serde_json::Value;
use stepless_tests::{Response, asn1::unpem, certificate::Parts};

use crate::{
    objects,
    session::{Answer, CaseRecord, Exchange},
};

/// One aspect of one answer that differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) case: String,
    pub(crate) step: usize,
    pub(crate) aspect: String,
    pub(crate) reference: String,
    pub(crate) tested: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, step, aspect, reference, tested } = self;
        write!(f, "`{case}` step {step}, {aspect}:\n    reference: {reference}\n    tested:    {tested}")
    }
}

/// Every difference between two servers' runs of one case.
pub(crate) fn compare(reference: &CaseRecord, tested: &CaseRecord) -> Vec<Difference> {
    let mut found = Vec::new();
    let is_acme = reference.name.starts_with("acme/");
    let mut note = |step, aspect: &str, reference: String, tested: String| {
        if reference != tested {
            found.push(Difference { case: String::new(), step, aspect: aspect.into(), reference, tested });
        }
    };
    for (step, (left, right)) in reference.exchanges.iter().zip(&tested.exchanges).enumerate() {
        let sides = [Side::of(reference, left), Side::of(tested, right)];
        let [left, right] = &sides;
        note(step, "connection", left.connection.into(), right.connection.into());
        let (Some(left), Some(right)) = (&left.seen, &right.seen) else { continue };
        note(step, "status", left.status.to_string(), right.status.to_string());
        if !is_acme {
            note(step, "headers", left.headers.join("; "), right.headers.join("; "));
        }
        note(step, CACHING, left.caching.clone(), right.caching.clone());
        note(step, WAITING, left.waiting.into(), right.waiting.into());
        if (left.status < 400) != (right.status < 400) {
            // The bodies of a yes and of a no have nothing in common; the status says it all.
            continue;
        }
        if is_acme {
            for (aspect, left, right) in header_differences(left, right) {
                note(step, &aspect, left, right);
            }
        }
        if let (Some(left), Some(right)) = (&left.object, &right.object) {
            for (aspect, left, right) in objects::differences(left, right) {
                note(step, &aspect, left, right);
            }
            continue;
        }
        if !(left.is_json && right.is_json) && left.certificate.is_empty() {
            note(step, "body", format!("{:?}", left.text), format!("{:?}", right.text));
            continue;
        }
        note(step, "keys", left.keys.join(" "), right.keys.join(" "));
        note(step, "message", left.message.clone(), right.message.clone());
        note(step, "values", left.values.clone(), right.values.clone());
        for (left, right) in pad(&left.certificate, &right.certificate) {
            note(step, "certificate", left, right);
        }
        let tolerance = if reference.absolute { MOMENTS_APART } else { 0 };
        for (what, left, right) in times(&left.times, &right.times, tolerance) {
            note(step, "times", format!("{what} {left}"), format!("{what} {right}"));
        }
    }
    note(
        reference.exchanges.len().min(tested.exchanges.len()),
        "steps",
        format!("{} steps", reference.exchanges.len()),
        format!("{} steps{}", tested.exchanges.len(), why(tested)),
    );
    if reference.exchanges.len() == tested.exchanges.len() {
        found.retain(|difference| difference.aspect != "steps");
    }
    for difference in &mut found {
        difference.case.clone_from(&reference.name);
    }
    found
}

/// One answer, with everything taken out that may differ.
struct Side {
    connection: &'static str,
    seen: Option<Seen>,
}

#[derive(Default)]
struct Seen {
    status: u16,
    headers: Vec<String>,
    /// What caches may do with it.
    caching: String,
    /// Whether it says when to come again.
    waiting: &'static str,
    /// What it is, if it belongs to ACME.
    object: Option<objects::Object>,
    is_json: bool,
    /// The whole body.
    text: String,
    keys: Vec<String>,
    message: String,
    values: String,
    certificate: Vec<String>,
    times: Option<Times>,
}

/// Times relative to the request.
struct Times {
    not_before: i64,
    seconds: i64,
}

impl Side {
    fn of(record: &CaseRecord, exchange: &Exchange) -> Self {
        match &exchange.answer {
            Answer::Refused(_) => Self { connection: "refused", seen: None },
            Answer::Response(response) => {
                Self { connection: "answered", seen: Some(Seen::of(record, exchange, response)) }
            }
        }
    }
}

impl Seen {
    fn of(record: &CaseRecord, exchange: &Exchange, response: &Response) -> Self {
        let caching = response.header(CACHING).unwrap_or("not said").to_owned();
        let waiting = if response.header(WAITING).is_some() { "said" } else { "not said" };
        let headers = headers(record, response);
        let mut seen = Self { status: response.status, headers, caching, waiting, ..Self::default() };
        let text = String::from_utf8_lossy(&response.body);
        seen.text = hide(record, &text);
        if response.header("content-type") == Some(CHAIN) {
            let chain = unpem(&text);
            seen.take_apart(&chain[0], exchange.sent_at);
            seen.certificate = seen.certificate.iter().map(|part| hide(record, part)).collect();
            let rest = text.find(END).map_or("", |at| &text[at + END.len()..]);
            seen.text = format!("{} certificates, behind the leaf {rest}", chain.len());
            return seen;
        }
        let Some(mut body) = response.json() else { return seen };
        seen.is_json = true;
        seen.object = objects::Object::of(&body, |text| hide(record, text), exchange.sent_at);
        keys(&body, "", &mut seen.keys);
        if let Some(der) = body["crt"].as_str().and_then(|pem| unpem(pem).into_iter().next()) {
            seen.take_apart(&der, exchange.sent_at);
            let same = body["certChain"][0] == body["crt"];
            body["certChain"][0] = if same { "as crt" } else { "not crt" }.into();
            body["crt"] = "compared by its parts".into();
        }
        if let Some(message) = body.get_mut("message") {
            let text = hide(record, message.as_str().unwrap_or_default());
            seen.message = without_moments(&text, exchange.sent_at, record.absolute);
            *message = Value::Null;
        }
        if body["status"] == response.status {
            body["status"] = "as in the first line".into();
        }
        if exchange.request["line"].as_str().is_some_and(|line| line.contains("/federation"))
            && let Some(crts) = body["crts"].as_array_mut()
        {
            // A set: step-ca gives it in any order.
            crts.sort_by_key(ToString::to_string);
        }
        seen.values = hide(record, &body.to_string());
        seen
    }

    fn take_apart(&mut self, der: &[u8], sent_at: i64) {
        let parts = Parts::of(der);
        self.certificate = parts.fixed.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.times = Some(Times {
            not_before: parts.not_before - sent_at,
            seconds: parts.not_after - parts.not_before,
        });
    }
}

/// In the cases of ACME, whose headers say much, each is an aspect of its own.
fn header_differences(left: &Seen, right: &Seen) -> Vec<(String, String, String)> {
    let of = |side: &Seen, name: &str| {
        let prefix = format!("{name}: ");
        let values: Vec<&str> =
            side.headers.iter().filter_map(|header| header.strip_prefix(&prefix)).collect();
        if values.is_empty() { "not there".to_owned() } else { values.join("; ") }
    };
    let names = left.headers.iter().chain(&right.headers).filter_map(|header| header.split_once(": "));
    let names: std::collections::BTreeSet<&str> = names.map(|(name, _)| name).collect();
    names.into_iter().map(|name| (format!("header.{name}"), of(left, name), of(right, name))).collect()
}

fn headers(record: &CaseRecord, response: &Response) -> Vec<String> {
    let mut headers: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| !FRAMING.contains(&name.as_str()) && name != CACHING && name != WAITING)
        .map(|(name, value)| {
            let value = hide(record, value);
            let is_uuid = value.len() == 36 && value.bytes().filter(|byte| *byte == b'-').count() == 4;
            if is_uuid { format!("{name}: <uuid>") } else { format!("{name}: {value}") }
        })
        .collect();
    headers.sort();
    headers
}

/// Every path of a JSON value with the type found there; the elements of a list count as one path each kind.
fn keys(value: &Value, path: &str, out: &mut Vec<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let entry = format!("{path}:{kind}");
    if !out.contains(&entry) {
        out.push(entry);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{path}[]"), out)),
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| keys(member, &format!("{path}.{name}"), out));
        }
        _ => {}
    }
}

/// The longest first, for one hidden text may be a part of another.
fn hide(record: &CaseRecord, text: &str) -> String {
    let mut hidden: Vec<&(String, String)> = record.hidden.iter().collect();
    hidden.sort_by_key(|(hidden, _)| std::cmp::Reverse(hidden.len()));
    hidden.into_iter().fold(text.to_owned(), |text, (hidden, placeholder)| text.replace(hidden, placeholder))
}

/// A message without what depends on the second in which it was written: moments of these days, and, when the case asked
/// for moments, the duration that came out.
fn without_moments(text: &str, now: i64, absolute: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(GO_ZONE) {
        let start = at.saturating_sub(GO_MOMENT);
        let moment = rest.get(start..at).unwrap_or_default().replace(' ', "T") + "Z";
        let near = moment
            .parse::<jiff::Timestamp>()
            .is_ok_and(|moment| (moment.as_second() - now).abs() < THESE_DAYS);
        let end = at + GO_ZONE.len();
        match near {
            true => out.push_str(&format!("{}<moment>", &rest[..start])),
            false => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    match (absolute, out.split_once(DURATION)) {
        (true, Some((before, after))) => {
            let after = after.split_once(' ').map_or("", |(_, after)| after);
            format!("{before}{DURATION}<duration> {after}")
        }
        _ => out,
    }
}

fn pad(left: &[String], right: &[String]) -> Vec<(String, String)> {
    let at = |side: &[String], index: usize| side.get(index).cloned().unwrap_or_else(|| "nothing".into());
    (0..left.len().max(right.len())).map(|index| (at(left, index), at(right, index))).collect()
}

fn times(left: &Option<Times>, right: &Option<Times>, tolerance: i64) -> Vec<(&'static str, i64, i64)> {
    let (Some(left), Some(right)) = (left, right) else { return Vec::new() };
    let mut found = Vec::new();
    if (left.not_before - right.not_before).abs() > MOMENTS_APART {
        found.push(("seconds from the request to notBefore:", left.not_before, right.not_before));
    }
    if (left.seconds - right.seconds).abs() > tolerance {
        found.push(("seconds from notBefore to notAfter:", left.seconds, right.seconds));
    }
    found
}

fn why(record: &CaseRecord) -> String {
    record.stopped.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
}

/// A header that every answer of one side has: an aspect of its own, so that it hides nothing in the others.
const CACHING: &str = "cache-control";

/// The same of when to come again.
const WAITING: &str = "retry-after";

/// The type of a certificate chain of ACME, and where its leaf ends.
const CHAIN: &str = "application/pem-certificate-chain";
const END: &str = "-----END CERTIFICATE-----\n";

/// Headers that frame the body or name the moment.
const FRAMING: [&str; 5] = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

/// Two servers get a request within that many seconds of the clock reading it was made with.
const MOMENTS_APART: i64 = 3;

/// How step-ca ends a moment in a message, and how long what stands before is.
const GO_ZONE: &str = " +0000 UTC";
const GO_MOMENT: usize = "2026-01-01 00:00:00".len();

/// Moments further away are constants of a case.
const THESE_DAYS: i64 = 30 * 86_400;

/// What stands before a duration that depends on the moment of the request.
const DURATION: &str = "requested duration of ";
