//! What an ACME provisioner may do: step-ca's keys, and ours beside them.

mod challenge_type;
mod profile;
mod reading;

use ipnet::IpNet;

use super::duration::GoDuration;
use crate::x509::DnsName;

pub use challenge_type::{ChallengeType, UnknownChallengeType};
pub use profile::{AcmeProfile, AcmeProfiles};

/// The options of an ACME provisioner; every one has a value that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeOptions {
    /// `forceCN`: a certificate without a common name gets the first DNS name as such.
    pub force_cn: bool,
    /// `requireEAB`: an account needs an external account binding
    /// ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
    pub require_eab: bool,
    /// `challenges`: the types that are offered, each once, in the order of [`ChallengeType::ALL`]. Never empty, unless
    /// the provisioner refuses.
    pub challenges: Vec<ChallengeType>,
    /// `termsOfService`: the `http` or `https` URL of the terms that an account has to agree to.
    pub terms_of_service: Option<String>,
    /// `website`: an `http` or `https` URL.
    pub website: Option<String>,
    /// `caaIdentities`: the names that stand for this authority in CAA records, in lower case.
    pub caa_identities: Vec<DnsName>,
    /// `orderLifetime`: how long an order, and an authorization that is still pending, can be worked on.
    pub order_lifetime: GoDuration,
    /// `authorizationLifetime`: how long an authorization stays valid, counted from its validation.
    pub authorization_lifetime: GoDuration,
    /// `reuseAuthorizations`: a new order takes over the valid authorizations of its account.
    pub reuse_authorizations: bool,
    /// `maxIdentifiers`: the most identifiers of one order, 1 to 100.
    pub max_identifiers: usize,
    /// `validation`: how long challenges are tried.
    pub validation: AcmeValidation,
    /// `allowedTargets`: networks that validation may contact although it refuses them otherwise. No bit behind a
    /// prefix is set, and none of them is an IPv4 network in the form of IPv6.
    pub allowed_targets: Vec<IpNet>,
    /// `checkCAA`: CAA records are obeyed; `caa_identities` then holds at least one name.
    pub check_caa: bool,
    /// `profiles` and `defaultProfile`.
    pub profiles: AcmeProfiles,
    /// `newOrderLimit`: how many orders an account may make, if there is a limit.
    pub new_order_limit: Option<NewOrderLimit>,
    /// `testing`: what makes the server hostile to clients on purpose, so that they can be tested with it.
    pub testing: Option<AcmeTesting>,
}

/// How long challenges are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcmeValidation {
    /// `firstTry`: how long the first try may take, inside the client's own request. 1s to 10s.
    pub first_try: GoDuration,
    /// `giveUpAfter`: when an answer that is missing or out of reach is final, counted from the client's request.
    /// 5s to 10m, and not below `first_try`.
    pub give_up_after: GoDuration,
}

/// How many orders one account may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrderLimit {
    /// `orders`: so many, at least 1,
    pub orders: u32,
    /// `per`: within this time, 1s to 720h.
    pub per: GoDuration,
}

/// What makes the server hostile to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcmeTesting {
    /// `badNonceRate`: of a hundred requests with a good nonce so many are refused with `badNonce`.
    pub bad_nonce_rate: Percent,
    /// `validationDelay`: how long every validation waits before its first try. 0s to 5m.
    pub validation_delay: GoDuration,
    /// `reuseAuthorizations`: of a hundred authorizations that could be reused so many are, whatever
    /// [`AcmeOptions::reuse_authorizations`] says. `None` leaves it to that.
    pub reuse_authorizations: Option<Percent>,
}

/// A part of a hundred: 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl AcmeOptions {
    /// Whether challenges of this type are offered.
    pub fn offers(&self, challenge: ChallengeType) -> bool {
        self.challenges.contains(&challenge)
    }
}

impl Default for AcmeOptions {
    /// What a provisioner has that sets nothing: step-ca's three challenges, no terms, no profiles, no limit.
    fn default() -> Self {
        Self {
            force_cn: false,
            require_eab: false,
            challenges: ChallengeType::DEFAULT.into(),
            terms_of_service: None,
            website: None,
            caa_identities: Vec::new(),
            order_lifetime: GoDuration::from_hours(24),
            authorization_lifetime: GoDuration::from_hours(24),
            reuse_authorizations: false,
            max_identifiers: MAX_IDENTIFIERS.into(),
            validation: AcmeValidation::DEFAULT,
            allowed_targets: Vec::new(),
            check_caa: false,
            profiles: AcmeProfiles::default(),
            new_order_limit: None,
            testing: None,
        }
    }
}

impl AcmeValidation {
    /// 5s for the first try, 15s for all of them.
    pub const DEFAULT: Self =
        Self { first_try: GoDuration::from_seconds(5), give_up_after: GoDuration::from_seconds(15) };
}

impl Percent {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// So many of a hundred, if that is not more than all of them.
    pub const fn new(of_a_hundred: u8) -> Option<Self> {
        if of_a_hundred <= 100 { Some(Self(of_a_hundred)) } else { None }
    }

    /// How many of a hundred, 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Most identifiers of an order: as many names as public authorities put into a certificate.
const MAX_IDENTIFIERS: u8 = 100;

#[cfg(test)]
mod tests;
