//! Which resolver is asked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use resolv_conf::{Config, ScopedIp};

use super::DnsFailure;

/// Where the resolvers' addresses come from.
#[derive(Clone, Debug)]
pub(in crate::prober) enum ResolverSource {
    /// A file in the format of `/etc/resolv.conf`, read at each look-up as the network may change. Of what it says
    /// only `nameserver` counts: names are absolute here.
    File { path: PathBuf, port: u16 },
    /// These addresses.
    Given(Vec<SocketAddr>),
}

impl ResolverSource {
    /// The resolvers in the order in which they are asked.
    ///
    /// # Errors
    /// [`DnsFailure`] when the file is there and cannot be read.
    pub(in crate::prober) fn servers(&self) -> Result<Vec<SocketAddr>, DnsFailure> {
        let (path, port) = match self {
            Self::Given(servers) => return Ok(servers.clone()),
            Self::File { path, port } => (path, *port),
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            // As the C library does: then the resolver is on this machine.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(DnsFailure::new(format_args!("the list of resolvers: {}", error.kind())));
            }
        };
        let (config, _skipped) = Config::parse_with_errors(&text);
        Ok(config
            .get_nameservers_or_local()
            .iter()
            .take(MAX_RESOLVERS)
            .map(|server| address(server, port))
            .collect())
    }

    /// The port on which name servers are found.
    pub(super) fn name_server_port(&self) -> u16 {
        match self {
            Self::File { port, .. } => *port,
            Self::Given(servers) => servers.first().map_or(DNS_PORT, SocketAddr::port),
        }
    }
}

fn address(server: &ScopedIp, port: u16) -> SocketAddr {
    let mut address = SocketAddr::new(IpAddr::from(server), port);
    if let (SocketAddr::V6(address), ScopedIp::V6(_, Some(scope))) = (&mut address, server) {
        address.set_scope_id(scope.parse().unwrap_or_default());
    }
    address
}

/// The port of DNS ([RFC 1035 §4.2](https://www.rfc-editor.org/rfc/rfc1035#section-4.2)).
pub(in crate::prober) const DNS_PORT: u16 = 53;
/// As many as the C library asks (`MAXNS`).
const MAX_RESOLVERS: usize = 3;
