//! The environment variables of a function.

use std::str::FromStr;

use stepless_aws::configuration::{ConfigurationPlace, ParsePlaceError};
use thiserror::Error;

/// What the operator chose. It changes with a deployment only, so that a wrong value ends the process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) configuration: ConfigurationPlace,
    pub(crate) gateway: Gateway,
}

/// What stands before the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// The shape of its events. It is not guessed from an event, for whoever can send another shape chooses what is
    /// believed of it.
    pub(crate) events: Events,
    /// The hosts that requests may come for; empty for any.
    pub(crate) hosts: Vec<String>,
    /// What a custom domain's mapping puts before every path, without a slash at its end; mostly empty.
    pub(crate) base_path: String,
}

/// A shape of events, and where a client certificate stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// HTTP API, payload format 2.0; the certificate is in the request context.
    HttpApi,
    /// REST API, or an HTTP API with payload format 1.0; the certificate is in the request context.
    RestApi,
    /// Function URL, which has no client certificates.
    FunctionUrl,
    /// Load balancer.
    Alb(AlbCertificates),
}

/// What a load balancer does with client certificates. A balancer that does nothing lets clients write the headers
/// themselves, so they are read in the mode that is configured and in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlbCertificates {
    /// It asks for none.
    None,
    /// It hands the chain on without a look at it.
    Passthrough,
    /// It verifies, and hands the leaf on.
    Verify,
}

impl Environment {
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let variable = |name| said(variable(name));
        let configuration = variable(CONFIG).ok_or(EnvironmentError::NoConfiguration)?.parse()?;
        let events = variable(EVENTS).map_or(Ok(Events::HttpApi), |text| text.parse())?;
        let hosts = variable(HOSTS).unwrap_or_default();
        let hosts = hosts.split(',').map(|host| host.trim().to_ascii_lowercase());
        let base_path = variable(BASE_PATH).unwrap_or_default();
        Ok(Self {
            configuration,
            gateway: Gateway {
                events,
                hosts: hosts.filter(|host| !host.is_empty()).collect(),
                base_path: match base_path.trim_matches('/') {
                    "" => String::new(),
                    path => format!("/{path}"),
                },
            },
        })
    }
}

/// A variable of the environment, if it says anything: a template that leaves something out sets it to nothing.
pub(crate) fn variable(name: &str) -> Option<String> {
    said(std::env::var(name).ok())
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl FromStr for Events {
    type Err = EnvironmentError;

    fn from_str(text: &str) -> Result<Self, EnvironmentError> {
        Ok(match text {
            "http-api" => Self::HttpApi,
            "rest-api" => Self::RestApi,
            "function-url" => Self::FunctionUrl,
            "alb" => Self::Alb(AlbCertificates::None),
            "alb-mtls-passthrough" => Self::Alb(AlbCertificates::Passthrough),
            "alb-mtls-verify" => Self::Alb(AlbCertificates::Verify),
            _ => return Err(EnvironmentError::Events { found: text.to_owned() }),
        })
    }
}

/// Why a function cannot run.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum EnvironmentError {
    /// Nothing says where the configuration lies.
    #[error("{CONFIG} is not set: it names the place of the configuration")]
    NoConfiguration,
    /// No place of a configuration.
    #[error("{CONFIG} cannot be used")]
    Configuration(#[from] ParsePlaceError),
    /// No shape of events.
    #[error(
        "{EVENTS} is {found:?}, but may be http-api, rest-api, function-url, alb, alb-mtls-passthrough or \
         alb-mtls-verify"
    )]
    Events {
        /// What it is.
        found: String,
    },
    /// There is no runtime API to ask for events.
    #[error("this program is a Lambda function and runs in Lambda only; `stepless serve` runs elsewhere")]
    NotInLambda,
}

const CONFIG: &str = "STEPLESS_CONFIG";
const EVENTS: &str = "STEPLESS_EVENTS";
const HOSTS: &str = "STEPLESS_HOSTS";
const BASE_PATH: &str = "STEPLESS_BASE_PATH";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_the_place_of_the_configuration_has_no_default() {
        let found = environment(&[("STEPLESS_CONFIG", "ssm:ca"), ("STEPLESS_HOSTS", " ")]).unwrap();

        assert_eq!(found.configuration, ConfigurationPlace::Ssm { name: "ca".into() });
        let gateway = Gateway { events: Events::HttpApi, hosts: Vec::new(), base_path: String::new() };
        assert_eq!(found.gateway, gateway);
        assert_eq!(environment(&[]), Err(EnvironmentError::NoConfiguration));
    }

    #[rstest]
    #[case("http-api", Events::HttpApi)]
    #[case("rest-api", Events::RestApi)]
    #[case("function-url", Events::FunctionUrl)]
    #[case("alb", Events::Alb(AlbCertificates::None))]
    #[case("alb-mtls-passthrough", Events::Alb(AlbCertificates::Passthrough))]
    #[case("alb-mtls-verify", Events::Alb(AlbCertificates::Verify))]
    fn l2_the_shape_of_events_is_configured(#[case] text: &str, #[case] events: Events) {
        let found = environment(&[("STEPLESS_CONFIG", "ca.json"), ("STEPLESS_EVENTS", text)]);

        assert_eq!(found.unwrap().gateway.events, events);
    }

    #[test]
    fn l2_a_shape_that_nobody_knows_is_refused() {
        let found = environment(&[("STEPLESS_CONFIG", "ca.json"), ("STEPLESS_EVENTS", "HTTP-API")]);

        assert_eq!(found, Err(EnvironmentError::Events { found: "HTTP-API".into() }));
    }

    #[test]
    fn hosts_and_the_base_path_are_read_as_people_write_them() {
        let variables = [
            ("STEPLESS_CONFIG", "ca.json"),
            ("STEPLESS_HOSTS", "CA.example.com, ,renew.example.com"),
            ("STEPLESS_BASE_PATH", "ca/"),
        ];

        let gateway = environment(&variables).unwrap().gateway;

        assert_eq!(gateway.hosts, ["ca.example.com", "renew.example.com"]);
        assert_eq!(gateway.base_path, "/ca");
    }
}
