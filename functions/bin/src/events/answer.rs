//! Answers, in the JSON that each gateway takes.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::http::{HeaderMap, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use stepless_functions::PlatformRefusal;

use crate::environment::Events;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    /// One value a header, and cookies on their own.
    Joined,
    /// A list of values for every header.
    Listed,
    /// For a balancer that wants one value a header.
    AlbJoined,
    /// For a balancer that wants lists.
    AlbListed,
}

/// An answer that a gateway takes.
#[derive(Debug)]
pub(crate) struct Answered(pub(crate) Box<RawValue>);

/// Of the event of a balancer: whether it has lists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lists {
    multi_value_headers: Option<IgnoredAny>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl AnswerForm {
    /// The form that goes with an event. Whether a balancer wants lists shows only in what it sends.
    pub(crate) fn of(events: Events, event: &str) -> Self {
        match events {
            Events::HttpApi | Events::FunctionUrl => Self::Joined,
            Events::RestApi => Self::Listed,
            Events::Alb(_) => match serde_json::from_str(event) {
                Ok(Lists { multi_value_headers: Some(_) }) => Self::AlbListed,
                Ok(Lists { multi_value_headers: None }) | Err(_) => Self::AlbJoined,
            },
        }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// [`PlatformRefusal::TooLong`] when the gateway would not carry it.
    pub(crate) async fn write(
        self,
        response: Response<axum::body::Body>,
    ) -> Result<Answered, PlatformRefusal> {
        let limit = self.limit();
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, limit).await else {
            return Err(PlatformRefusal::TooLong { octets: limit.saturating_add(1), limit });
        };
        let (body, is_base64_encoded) = match String::from_utf8(bytes.into()) {
            Ok(text) => (text, false),
            Err(error) => (STANDARD.encode(error.as_bytes()), true),
        };
        let mut headers = parts.headers;
        // The gateway counts for itself.
        headers.remove(header::CONTENT_LENGTH);
        let cookies = match self {
            Self::Joined => values(&headers, header::SET_COOKIE.as_str()),
            Self::Listed | Self::AlbJoined | Self::AlbListed => Vec::new(),
        };
        if self == Self::Joined {
            headers.remove(header::SET_COOKIE);
        }
        let answer = Answer {
            status_code: parts.status.as_u16(),
            status_description: self.is_for_alb().then(|| description(parts.status)),
            headers: self.joins().then(|| joined(&headers)),
            multi_value_headers: (!self.joins()).then(|| listed(&headers)),
            cookies,
            body,
            is_base64_encoded,
        };
        let written = to_raw_value(&answer).map_err(|_| PlatformRefusal::Panicked)?;
        match written.get().len() {
            octets if octets > limit => Err(PlatformRefusal::TooLong { octets, limit }),
            _ => Ok(Answered(written)),
        }
    }

    /// Longest answer, in octets of JSON.
    fn limit(self) -> usize {
        if self.is_for_alb() { ALB_LIMIT } else { LAMBDA_LIMIT }
    }

    fn is_for_alb(self) -> bool {
        match self {
            Self::AlbJoined | Self::AlbListed => true,
            Self::Joined | Self::Listed => false,
        }
    }

    fn joins(self) -> bool {
        match self {
            Self::Joined | Self::AlbJoined => true,
            Self::Listed | Self::AlbListed => false,
        }
    }
}

fn description(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

/// Several values of a header mean what they mean with commas between them.
///
/// [RFC 9110 §5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3)
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    listed(headers).into_iter().map(|(name, values)| (name, values.join(", "))).collect()
}

fn listed(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    headers.keys().map(|name| (name.to_string(), values(headers, name.as_str()))).collect()
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// [AWS Lambda quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html): 6 MB, as they count it.
const LAMBDA_LIMIT: usize = 6 * 1024 * 1024;

/// [AWS, Lambda as a target](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html)
const ALB_LIMIT: usize = 1024 * 1024;
