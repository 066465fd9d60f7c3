//! Where a web server may send a validation.

use stepless_core::acme::{ProbeHost, excerpt};
use stepless_core::x509::DnsName;
use thiserror::Error;
use url::{Host, Url};

/// The ports on which web servers are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WebPorts {
    pub(super) http: u16,
    pub(super) https: u16,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebTarget {
    url: Url,
    host: ProbeHost,
    scheme: Scheme,
}

/// How a web server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear.
    Http,
    /// In TLS.
    Https,
}

/// A redirect that is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum RedirectError {
    #[error("a redirect without exactly one Location")]
    Location,
    #[error("a redirect to an address of more than {MAX_LOCATION} octets")]
    TooLong,
    #[error("a redirect to \"{0}\", which is no address")]
    Unreadable(String),
    #[error("a redirect to the scheme {0}; only http and https are followed")]
    Scheme(String),
    #[error("a redirect to an address with a user name or a password")]
    UserInfo,
    #[error("a redirect to port {port}; {scheme} is followed on port {expected} only")]
    Port { port: u16, scheme: &'static str, expected: u16 },
    #[error("a redirect to {0}, which is no DNS name")]
    Host(String),
    #[error("a redirect to the IP address {0}")]
    IpAddress(String),
}

impl WebTarget {
    /// `http://host/path`.
    ///
    /// # Errors
    /// [`RedirectError::Unreadable`] when these make no address.
    pub(super) fn first(host: &ProbeHost, path: &str, ports: WebPorts) -> Result<Self, RedirectError> {
        let authority = match host {
            ProbeHost::Ip(address) => match address.to_canonical() {
                std::net::IpAddr::V6(address) => format!("[{address}]"),
                std::net::IpAddr::V4(address) => address.to_string(),
            },
            ProbeHost::Dns(name) => name.to_string(),
        };
        let text = format!("http://{authority}:{}{path}", ports.http);
        let url = Url::parse(&text).map_err(|_error| RedirectError::Unreadable(excerpt(text.as_bytes())))?;
        Ok(Self { url, host: host.clone(), scheme: Scheme::Http })
    }

    /// Where `location`, the value of a Location field, leads from here.
    ///
    /// A redirect leads to a name, unless an address is what is validated: nobody who controls a name needs one, and
    /// one is how redirects are led to places that have no name.
    ///
    /// # Errors
    /// [`RedirectError`] when it leads where a validation does not go.
    pub(super) fn redirected(&self, location: &[u8], ports: WebPorts) -> Result<Self, RedirectError> {
        if location.len() > MAX_LOCATION {
            return Err(RedirectError::TooLong);
        }
        let unreadable = || RedirectError::Unreadable(excerpt(location));
        let text = std::str::from_utf8(location).map_err(|_error| unreadable())?;
        let mut url = self.url.join(text).map_err(|_error| unreadable())?;
        url.set_fragment(None);
        let (scheme, word, expected) = match url.scheme() {
            "http" => (Scheme::Http, "http", ports.http),
            "https" => (Scheme::Https, "https", ports.https),
            other => return Err(RedirectError::Scheme(excerpt(other.as_bytes()))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectError::UserInfo);
        }
        let port = url.port_or_known_default().unwrap_or(expected);
        if port != expected {
            return Err(RedirectError::Port { port, scheme: word, expected });
        }
        if url.as_str().len() > MAX_LOCATION {
            return Err(RedirectError::TooLong);
        }
        let host = self.redirected_host(&url)?;
        Ok(Self { url, host, scheme })
    }

    fn redirected_host(&self, url: &Url) -> Result<ProbeHost, RedirectError> {
        let address = match url.host() {
            Some(Host::Domain(name)) => {
                let parsed: Result<DnsName, _> = name.parse();
                return parsed
                    .map(ProbeHost::Dns)
                    .map_err(|_error| RedirectError::Host(excerpt(name.as_bytes())));
            }
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            None => return Err(RedirectError::Host(String::new())),
        };
        match self.host {
            ProbeHost::Ip(_) => Ok(ProbeHost::Ip(address)),
            ProbeHost::Dns(_) => Err(RedirectError::IpAddress(address.to_string())),
        }
    }

    /// Whom the request goes to.
    pub(super) fn host(&self) -> &ProbeHost {
        &self.host
    }

    /// How.
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port that [`Self::scheme`] has.
    pub(super) fn port(&self, ports: WebPorts) -> u16 {
        match self.scheme {
            Scheme::Http => ports.http,
            Scheme::Https => ports.https,
        }
    }

    /// The whole address.
    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Path and query.
    pub(super) fn origin_form(&self) -> &str {
        self.url.as_str().get(self.url[..url::Position::BeforePath].len()..).unwrap_or("/")
    }

    /// What the Host field says: the port only where it is not the scheme's.
    pub(super) fn host_field(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

/// The longest address that is followed, in octets.
const MAX_LOCATION: usize = 2048;

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
