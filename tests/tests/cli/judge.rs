//! Three judges that did not write the certificate: step, openssl and rustls-webpki.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{authority::Authority, step::Person};

/// All three agree that the first certificate of the file chains to the authority's root and names `name`, now.
#[track_caller]
pub(crate) fn accept(authority: &Authority, person: &Person, certificate: &str, name: &str) {
    accept_chain(person, certificate, &authority.root_file(), name);
}

/// As [`accept`], with any file of roots.
#[track_caller]
pub(crate) fn accept_chain(person: &Person, certificate: &str, roots: &str, name: &str) {
    person.step(&["certificate", "verify", certificate, "--roots", roots, "--host", name]);
    let kind = if name.parse::<IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    let verdict = person.program(
        "openssl",
        &["verify", "-x509_strict", kind, name, "-CAfile", roots, "-untrusted", certificate, certificate],
    );
    assert!(verdict.contains(": OK"), "openssl says {verdict}");
    webpki_accepts(&person.read(certificate), &person.read(roots), name);
}

#[track_caller]
fn webpki_accepts(chain: &str, roots: &str, name: &str) {
    let chain = certificates(chain);
    let (leaf, intermediates) = chain.split_first().expect("the file holds a certificate");
    let roots = certificates(roots);
    let anchors: Vec<_> =
        roots.iter().map(|root| anchor_from_trusted_cert(root).expect("a root is a trust anchor")).collect();
    let leaf = EndEntityCert::try_from(leaf).expect("webpki can read the leaf");
    for usage in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, intermediates, now(), usage, None, None)
            .expect("webpki accepts the chain");
    }
    let name = ServerName::try_from(name).expect("tests ask for real names");
    leaf.verify_is_valid_for_subject_name(&name).expect("webpki finds the name in the leaf");
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("the file is PEM")
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    UnixTime::since_unix_epoch(Duration::from_secs(since.as_secs()))
}
