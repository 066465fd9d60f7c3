//! What ACME's functions need to look into the network: the prober, and the queue of what is tried again.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stepless_aws::sdk::Account;
use stepless_aws::sqs::SqsRetry;
use stepless_core::acme::{AllowedTargets, Validator};
use stepless_net::{NetProber, NetProberError, ProberSettings};
use thiserror::Error;
use url::{Host, Url};

/// What the environment says of validations.
#[derive(Debug)]
pub(crate) struct ValidationEnvironment {
    queue_url: String,
    prober: ProberSettings,
}

impl ValidationEnvironment {
    /// Reads it. What is fit for tests only is refused unless every service of AWS that is used lies on loopback.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ValidationError> {
        let queue_url = variable(QUEUE_URL).ok_or(ValidationError::NoQueue)?;
        let mut prober = ProberSettings::standard();
        for name in FOR_TESTS {
            let Some(text) = variable(name) else { continue };
            if let Some(service) = SERVICES.into_iter().find(|service| !is_on_loopback(&variable, service)) {
                return Err(ValidationError::ForTests { name, service });
            }
            let wrong = || ValidationError::Value { name, found: text.clone() };
            match name {
                HTTP_PORT => prober.http_port = text.parse().map_err(|_| wrong())?,
                TLS_PORT => prober.tls_alpn_port = text.parse().map_err(|_| wrong())?,
                RESOLVER => {
                    let resolver: SocketAddr = text.parse().map_err(|_| wrong())?;
                    prober.resolvers = vec![resolver];
                }
                _ => match text.as_str() {
                    "true" => prober.allowed = AllowedTargets::loopback(),
                    _ => return Err(wrong()),
                },
            }
        }
        Ok(Self { queue_url, prober })
    }

    /// What validations work with. Nothing is contacted yet.
    pub(crate) async fn open(self) -> Result<Validator, NetProberError> {
        let prober = Arc::new(NetProber::new(self.prober)?);
        let retry = Arc::new(SqsRetry::new(&Account::default().load().await, self.queue_url));
        Ok(Validator { prober, retry })
    }
}

fn is_on_loopback(variable: &impl Fn(&str) -> Option<String>, service: &str) -> bool {
    let url = variable(&format!("{ENDPOINT}_{service}")).or_else(|| variable(ENDPOINT));
    let url = url.and_then(|url| Url::parse(&url).ok());
    match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Why validations cannot be made.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum ValidationError {
    /// Nothing says where the queue is.
    #[error("{QUEUE_URL} is not set: it is the URL of the queue of validations that are tried again")]
    NoQueue,
    /// Something for tests, and not in one.
    #[error(
        "{name} is for tests: it is refused unless AWS_ENDPOINT_URL_{service} or AWS_ENDPOINT_URL is on loopback"
    )]
    ForTests {
        /// The variable.
        name: &'static str,
        /// A service that is not on loopback.
        service: &'static str,
    },
    /// A value that makes no sense.
    #[error("{name} is {found:?}, but must be a port, HOST:PORT of a resolver as an address, or true")]
    Value {
        /// The variable.
        name: &'static str,
        /// What it is.
        found: String,
    },
}

const QUEUE_URL: &str = "STEPLESS_QUEUE_URL";
const HTTP_PORT: &str = "STEPLESS_ACME_HTTP_PORT";
const TLS_PORT: &str = "STEPLESS_ACME_TLS_PORT";
const RESOLVER: &str = "STEPLESS_ACME_RESOLVER";
const ALLOW_LOOPBACK: &str = "STEPLESS_ACME_ALLOW_LOOPBACK";
/// Whoever could set these for a real authority would have it look for challenges at another place.
const FOR_TESTS: [&str; 4] = [HTTP_PORT, TLS_PORT, RESOLVER, ALLOW_LOOPBACK];
/// What the functions use of AWS, as the SDK names it in its variables.
const SERVICES: [&str; 3] = ["DYNAMODB", "KMS", "SQS"];
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ValidationEnvironment, ValidationError> {
        ValidationEnvironment::read(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const QUEUE: (&str, &str) = ("STEPLESS_QUEUE_URL", "https://sqs.example/1/queue");
    const LOOPBACK: (&str, &str) = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");

    #[test]
    fn only_the_queue_must_be_named() {
        let found = read(&[QUEUE]).unwrap();

        assert_eq!((found.prober.http_port, found.prober.tls_alpn_port), (80, 443));
        assert!(found.prober.resolvers.is_empty());
        assert_eq!(read(&[]).unwrap_err(), ValidationError::NoQueue);
    }

    #[test]
    fn n15_with_emulators_on_loopback_validations_may_be_led_there_too() {
        let variables = [
            QUEUE,
            LOOPBACK,
            ("AWS_ENDPOINT_URL_KMS", "http://localhost:1"),
            ("STEPLESS_ACME_HTTP_PORT", "5002"),
            ("STEPLESS_ACME_TLS_PORT", "5001"),
            ("STEPLESS_ACME_RESOLVER", "127.0.0.1:8053"),
            ("STEPLESS_ACME_ALLOW_LOOPBACK", "true"),
        ];

        let found = read(&variables).unwrap().prober;

        assert_eq!((found.http_port, found.tls_alpn_port), (5002, 5001));
        assert_eq!(found.resolvers, ["127.0.0.1:8053".parse().unwrap()]);
        assert!(found.allowed.check("127.0.0.1".parse().unwrap()).is_ok());
    }

    #[rstest]
    #[case::on_aws(&[])]
    #[case::elsewhere(&[("AWS_ENDPOINT_URL", "http://192.0.2.1:4566")])]
    #[case::one_elsewhere(&[LOOPBACK, ("AWS_ENDPOINT_URL_SQS", "https://sqs.us-east-1.amazonaws.com")])]
    #[case::a_name_that_looks_like_it(&[("AWS_ENDPOINT_URL", "http://localhost.example:4566")])]
    fn n15_what_is_for_tests_is_refused_where_aws_is_not_on_loopback(#[case] endpoints: &[(&str, &str)]) {
        for name in FOR_TESTS {
            let mut variables = vec![QUEUE, (name, "5002")];
            variables.extend(endpoints);

            let refused = read(&variables).unwrap_err();

            assert!(matches!(refused, ValidationError::ForTests { name: found, .. } if found == name));
        }
    }

    #[rstest]
    #[case("STEPLESS_ACME_HTTP_PORT", "http")]
    #[case("STEPLESS_ACME_TLS_PORT", "70000")]
    #[case("STEPLESS_ACME_RESOLVER", "localhost")]
    #[case("STEPLESS_ACME_ALLOW_LOOPBACK", "yes")]
    fn a_value_that_makes_no_sense_is_refused(#[case] name: &'static str, #[case] value: &str) {
        let refused = read(&[QUEUE, LOOPBACK, (name, value)]).unwrap_err();

        assert_eq!(refused, ValidationError::Value { name, found: value.to_owned() });
    }
}
