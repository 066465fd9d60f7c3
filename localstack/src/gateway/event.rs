//! An HTTP request as the event that a function gets, in each of the shapes AWS has for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Version, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use thiserror::Error;
use url::form_urlencoded;

use super::client::ClientCertificate;
use super::route::Taken;
use crate::template::DEFAULT_ROUTE;

/// What stands between the client and the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An HTTP API, payload format 2.0.
    HttpApi,
    /// A REST API, proxy integration.
    RestApi,
    /// An application load balancer that verifies client certificates, without multi-value header fields.
    LoadBalancer,
    /// A function URL. It knows no client certificates.
    FunctionUrl,
}

impl Shape {
    /// The words that choose one; those of `STEPLESS_EVENTS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpApi => "http-api",
            Self::RestApi => "rest-api",
            Self::LoadBalancer => "alb",
            Self::FunctionUrl => "function-url",
        }
    }
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::HttpApi, Self::RestApi, Self::LoadBalancer, Self::FunctionUrl]
            .into_iter()
            .find(|shape| shape.name() == name)
            .ok_or_else(|| UnknownShape { name: name.to_owned() })
    }
}

/// There is no such shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is no shape of events; there are http-api, rest-api, alb and function-url")]
pub struct UnknownShape {
    /// What was asked for.
    pub name: String,
}

/// A request as the gateway got it.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    /// The name that the client called, and the port if it named one.
    pub(super) authority: String,
    pub(super) body: Bytes,
    pub(super) peer: SocketAddr,
    pub(super) client: Option<ClientCertificate>,
    pub(super) id: String,
    pub(super) time: Timestamp,
}

impl Incoming {
    pub(super) fn event(&self, shape: Shape, taken: &Taken) -> Value {
        let told = Self { headers: self.with_own_headers(), ..self.clone() };
        match shape {
            Shape::HttpApi => Self { path: decoded(&told.path), ..told }.format_2(taken, "$default"),
            Shape::FunctionUrl => {
                // A function URL has one route and ends TLS without asking for a certificate.
                let only = Taken {
                    function: taken.function,
                    key: DEFAULT_ROUTE.to_owned(),
                    resource: DEFAULT_ROUTE.to_owned(),
                    parameters: BTreeMap::new(),
                };
                let mut event = Self { client: None, ..told }.format_2(&only, "$default");
                // [AWS, request payload](https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)
                put(&mut event, "pathParameters", Value::Null);
                put(&mut event, "stageVariables", Value::Null);
                if let Some(context) = event.get_mut("requestContext") {
                    put(context, "authentication", Value::Null);
                }
                event
            }
            Shape::RestApi => told.rest(taken),
            Shape::LoadBalancer => told.load_balancer(),
        }
    }

    /// What the client called, without a port, as the domain of an API.
    fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
            _ => &self.authority,
        }
    }

    /// The headers of the client, and those that each of them adds. The address stands behind what the client wrote
    /// there, which anybody may write.
    fn with_own_headers(&self) -> HeaderMap {
        let claimed = self.field(FORWARDED_FOR).map(|claimed| format!("{claimed}, ")).unwrap_or_default();
        let own = [
            ("x-amzn-trace-id", format!("Root=1-{:0>8.8}-{:0>24.24}", self.id, self.id.replace('-', ""))),
            (FORWARDED_FOR, format!("{claimed}{}", self.peer.ip())),
            ("x-forwarded-port", "443".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
        ];
        let mut headers = self.headers.clone();
        // HTTP/2 has no such header; an event always has.
        if !headers.contains_key(header::HOST)
            && let Ok(value) = HeaderValue::from_str(&self.authority)
        {
            headers.insert(header::HOST, value);
        }
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// [Payload format 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)
    fn format_2(&self, taken: &Taken, stage: &str) -> Value {
        let mut context = json!({
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": self.host(),
            "domainPrefix": self.host().split('.').next().unwrap_or_default(),
            "http": {
                "method": self.method.as_str(),
                "path": self.path,
                "protocol": self.protocol(),
                "sourceIp": self.peer.ip().to_string(),
                "userAgent": self.field(header::USER_AGENT.as_str()).unwrap_or_default(),
            },
            "requestId": self.id,
            "routeKey": taken.key,
            "stage": stage,
            "time": self.request_time(),
            "timeEpoch": self.time.as_millisecond(),
        });
        if let Some(client) = &self.client {
            put(&mut context, "authentication", json!({"clientCert": client.context()}));
        }
        let mut headers = self.joined_headers();
        headers.remove(header::COOKIE.as_str());
        let (body, encoded) = self.body_text();
        let mut event = json!({
            "version": "2.0",
            "routeKey": taken.key,
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": context,
            "isBase64Encoded": encoded,
        });
        let cookies: Vec<&str> = self
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';').map(str::trim))
            .collect();
        if !cookies.is_empty() {
            put(&mut event, "cookies", cookies.into());
        }
        if !self.query.is_empty() {
            let joined: BTreeMap<String, String> =
                self.query_values().into_iter().map(|(name, values)| (name, values.join(","))).collect();
            put(&mut event, "queryStringParameters", json!(joined));
        }
        if !taken.parameters.is_empty() {
            put(&mut event, "pathParameters", json!(taken.parameters));
        }
        if let Some(body) = body {
            put(&mut event, "body", body.into());
        }
        event
    }

    /// [Proxy integration](https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html)
    fn rest(&self, taken: &Taken) -> Value {
        // A REST API has no default route; a proxy resource takes its place.
        let (resource, parameters) = match taken.resource.as_str() {
            DEFAULT_ROUTE => {
                let rest = self.path.trim_start_matches('/').to_owned();
                ("/{proxy+}".to_owned(), BTreeMap::from([("proxy".to_owned(), rest)]))
            }
            path => (path.to_owned(), taken.parameters.clone()),
        };
        let mut identity = json!({
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": self.peer.ip().to_string(),
            "user": null,
            "userAgent": self.field(header::USER_AGENT.as_str()),
            "userArn": null,
        });
        if let Some(client) = &self.client {
            put(&mut identity, "clientCert", client.context());
        }
        let values = self.query_values();
        let last: BTreeMap<&String, &String> =
            values.iter().filter_map(|(name, values)| Some((name, values.last()?))).collect();
        let headers: BTreeMap<&str, &str> =
            self.fields().filter_map(|(name, values)| Some((name, *values.last()?))).collect();
        let all_headers: BTreeMap<&str, Vec<&str>> = self.fields().collect();
        let or_null = |value: Value, empty: bool| if empty { Value::Null } else { value };
        json!({
            "resource": resource,
            "path": self.path,
            "httpMethod": self.method.as_str(),
            "headers": headers,
            "multiValueHeaders": all_headers,
            "queryStringParameters": or_null(json!(last), values.is_empty()),
            "multiValueQueryStringParameters": or_null(json!(values), values.is_empty()),
            "pathParameters": or_null(json!(parameters), parameters.is_empty()),
            "stageVariables": null,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": API_ID,
                "domainName": self.host(),
                "domainPrefix": self.host().split('.').next(),
                "extendedRequestId": self.id,
                "httpMethod": self.method.as_str(),
                "identity": identity,
                "path": self.path,
                "protocol": self.protocol(),
                "requestId": self.id,
                "requestTime": self.request_time(),
                "requestTimeEpoch": self.time.as_millisecond(),
                "resourceId": "local",
                "resourcePath": resource,
                "stage": "live",
            },
            // Without binary media types a REST API hands every body over as text.
            "body": if self.body.is_empty() { Value::Null } else { String::from_utf8_lossy(&self.body).into() },
            "isBase64Encoded": false,
        })
    }

    /// [Lambda functions as targets](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html)
    fn load_balancer(&self) -> Value {
        let mut headers: BTreeMap<String, String> = self
            .fields()
            // It overwrites what a client claims about its certificate.
            .filter(|(name, _)| !name.starts_with("x-amzn-mtls-"))
            .filter_map(|(name, values)| Some((name.to_owned(), (*values.last()?).to_owned())))
            .collect();
        for (name, value) in self.client.iter().flat_map(ClientCertificate::load_balancer_fields) {
            headers.insert(name.to_owned(), value);
        }
        // "If the query parameters are URL-encoded, the load balancer does not decode them."
        let query: BTreeMap<&str, &str> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let (body, encoded) = self.body_text();
        json!({
            "requestContext": {
                "elb": {"targetGroupArn": format!("arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/local/0")},
            },
            "httpMethod": self.method.as_str(),
            "path": self.path,
            "queryStringParameters": query,
            "headers": headers,
            "body": body.unwrap_or_default(),
            "isBase64Encoded": encoded,
        })
    }

    fn protocol(&self) -> &'static str {
        if self.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" }
    }

    /// The common log format, as both APIs write it.
    fn request_time(&self) -> String {
        self.time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn fields(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.headers.keys().map(|name| {
            let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            (name.as_str(), values.collect())
        })
    }

    fn joined_headers(&self) -> BTreeMap<String, String> {
        self.fields().map(|(name, values)| (name.to_owned(), values.join(","))).collect()
    }

    fn query_values(&self) -> BTreeMap<String, Vec<String>> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        values
    }

    /// The body, and whether it is in base64: text is what is declared as such.
    fn body_text(&self) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        let media_type = self.field(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_text = media_type.starts_with("text/")
            || ["application/json", "application/javascript", "application/xml"]
                .contains(&media_type.as_str());
        match std::str::from_utf8(&self.body) {
            Ok(text) if is_text && self.field(header::CONTENT_ENCODING.as_str()).is_none() => {
                (Some(text.to_owned()), false)
            }
            _ => (Some(STANDARD.encode(&self.body)), true),
        }
    }
}

/// An HTTP API hands paths over decoded, and cut off where that makes a question mark; the query string stays as it
/// came. REST APIs, load balancers and function URLs leave paths as they came.
///
/// AWS does not document it. Events that others recorded:
/// [`/a%2Fb` becomes `/a/b`](https://github.com/fastify/aws-lambda-fastify/issues/169),
/// [every gateway](https://github.com/middleapi/standard-server/pull/93),
/// [a REST API](https://github.com/localstack/localstack/pull/7728).
fn decoded(path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.split('?').next().unwrap_or_default().to_owned()
}

fn put(object: &mut Value, name: &str, value: Value) {
    object.as_object_mut().unwrap_or(&mut Map::new()).insert(name.to_owned(), value);
}

const API_ID: &str = "local";

const FORWARDED_FOR: &str = "x-forwarded-for";

const ACCOUNT: &str = crate::template::ACCOUNT;

#[cfg(test)]
mod tests;
