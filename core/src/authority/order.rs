//! What ACME asks of the authority: whether an order could be issued, and then the certificate.

use super::credential::OneTimeCredential;
use super::issuance::Application;
use super::names::recorded;
use super::validity::ValidityRules;
use super::{Authority, AuthorityError, InternalError, Refusal};
use crate::clock::Timestamp;
use crate::config::{AcmeProfile, Lifetimes, TimeDuration};
use crate::provisioner::Provisioner;
use crate::store::table::AcmeReference;
use crate::x509::{
    CertificateBody, CertificateRequest, DistinguishedName, DnsName, NameConstraintError, Profile,
    SubjectAltName, SubjectAltNames, Validity,
};

/// A finalized order: its identifiers are proven, and the request asks for exactly those.
pub(crate) struct OrderApplication<'a> {
    pub(crate) begun: Timestamp,
    pub(crate) csr: &'a CertificateRequest,
    pub(crate) sans: SubjectAltNames,
    pub(crate) provisioner: &'a Provisioner,
    pub(crate) profile: Option<&'a AcmeProfile>,
    /// Whether a subject without a common name gets the first DNS name that can be one.
    pub(crate) force_cn: bool,
    pub(crate) not_before: TimeDuration,
    pub(crate) not_after: TimeDuration,
    pub(crate) acme: AcmeReference,
}

impl Authority {
    /// The validity of a certificate that is asked for now.
    pub(crate) fn validity(
        &self,
        lifetimes: &Lifetimes,
        not_before: TimeDuration,
        not_after: TimeDuration,
    ) -> Result<Validity, AuthorityError> {
        ValidityRules {
            now: self.clock.now(),
            backdate: self.backdate,
            lifetimes,
            issuer: self.issuers.issuer(),
        }
        .decide(not_before, not_after)
    }

    /// Whether the issuers' constraints allow a name.
    pub(crate) fn permits_name(&self, name: SubjectAltName) -> Result<(), NameConstraintError> {
        self.issuers.permits(&DistinguishedName::empty(), &vec![name].into())
    }

    /// Steps 2, 5 and 6 for an order. Nothing is written.
    pub(crate) fn apply_for_order(
        &self,
        order: OrderApplication<'_>,
        credential: Box<dyn OneTimeCredential>,
    ) -> Result<Application, AuthorityError> {
        // 2. verify the request.
        self.verify_request(order.csr)?;

        // 5. defaults, extension, validity.
        let lifetimes = order.profile.map_or(&order.provisioner.claims.tls, |profile| &profile.lifetimes);
        let validity = self.validity(lifetimes, order.not_before, order.not_after)?;
        let fits = |name: &&str| name.len() <= MAX_COMMON_NAME;
        let first_name = || order.sans.dns_names().map(DnsName::as_str).find(fits).map(ToOwned::to_owned);
        let common_name = match order.csr.common_name() {
            // The names are those of the identifiers, which are in lower case.
            Some(common_name) => common_name.to_ascii_lowercase(),
            None if order.force_cn => first_name().ok_or(Refusal::NoCommonName)?,
            None => String::new(),
        };
        let subject = self.subject_template.name_for(&common_name).map_err(Refusal::Subject)?;
        let key = order.csr.public_key();
        let mut leaf = match order.profile {
            Some(profile) => profile.leaf(key, order.sans.clone()),
            None => Profile::leaf(key, order.sans.clone()),
        };
        if !order.provisioner.claims.disable_smallstep_extensions {
            leaf.extra.push(order.provisioner.extension().to_extension());
        }

        // 6. check.
        self.issuers.permits(&subject, &order.sans).map_err(Refusal::NameConstraint)?;

        let names = recorded(&subject, &order.sans);
        let body = CertificateBody::new(self.issuance(validity)?, subject, key.clone(), leaf)
            .map_err(InternalError::Body)?;
        Ok(Application {
            begun: order.begun,
            body,
            names,
            provisioner: Some(order.provisioner.reference()),
            credential: Some(credential),
            acme: Some(order.acme),
            renews: None,
        })
    }
}

/// `ub-common-name`, in characters ([RFC 5280 appendix A.1](https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1)).
const MAX_COMMON_NAME: usize = 64;
