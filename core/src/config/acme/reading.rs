//! The way from a provisioner's object to its options: what each value may be, and what it needs beside it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::claims::Lifetimes;
use super::super::duration::GoDuration;
use super::super::error::ConfigError;
use super::super::view::View;
use super::profile::{EXTENDED_KEY_USAGES, KEY_USAGES};
use super::{
    AcmeOptions, AcmeProfile, AcmeProfiles, AcmeTesting, AcmeValidation, ChallengeType, MAX_IDENTIFIERS,
    NewOrderLimit, Percent,
};
use crate::x509::{DnsName, ExtendedKeyUsage, KeyUsage, UriName};

impl AcmeOptions {
    /// Reads the options of the provisioner in `view`, whose certificates live within `lifetimes`.
    pub(in super::super) fn read(view: &View<'_>, lifetimes: &Lifetimes) -> Result<Self, ConfigError> {
        let default = Self::default();
        let caa_identities = caa_identities(&view.at("caaIdentities"))?;
        let challenges = challenges(&view.at("challenges"));
        let check_caa = view.at("checkCAA").flag();
        if caa_identities.is_empty() {
            let name = "a name of this authority in DNS records, which";
            if check_caa {
                return Err(view.at("caaIdentities").missing(&format!("{name} checkCAA needs,")));
            }
            if challenges.contains(&ChallengeType::DnsPersist01) {
                return Err(view.at("caaIdentities").missing(&format!("{name} dns-persist-01 needs,")));
            }
        }
        let max_identifiers = view.at("maxIdentifiers").whole_within(1..=MAX_IDENTIFIERS.into())?;
        Ok(Self {
            force_cn: view.at("forceCN").flag(),
            require_eab: view.at("requireEAB").flag(),
            challenges,
            terms_of_service: url(&view.at("termsOfService"))?,
            website: url(&view.at("website"))?,
            caa_identities,
            order_lifetime: lifetime(&view.at("orderLifetime"))?.unwrap_or(default.order_lifetime),
            authorization_lifetime: lifetime(&view.at("authorizationLifetime"))?
                .unwrap_or(default.authorization_lifetime),
            reuse_authorizations: view.at("reuseAuthorizations").flag(),
            max_identifiers: max_identifiers
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(default.max_identifiers),
            validation: validation(&view.at("validation"))?,
            allowed_targets: view
                .at("allowedTargets")
                .elements()
                .iter()
                .map(target)
                .collect::<Result<_, _>>()?,
            check_caa,
            profiles: profiles(view, lifetimes)?,
            new_order_limit: new_order_limit(&view.at("newOrderLimit"))?,
            testing: testing(&view.at("testing"))?,
        })
    }
}

/// Each type once. What is not validated here refuses the provisioner elsewhere.
fn challenges(view: &View<'_>) -> Vec<ChallengeType> {
    let elements = view.elements();
    if elements.is_empty() {
        return ChallengeType::DEFAULT.into();
    }
    let named: Vec<ChallengeType> =
        elements.iter().filter_map(|element| element.word().parse().ok()).collect();
    ChallengeType::ALL.into_iter().filter(|challenge| named.contains(challenge)).collect()
}

fn url(view: &View<'_>) -> Result<Option<String>, ConfigError> {
    let Some(text) = view.text() else {
        return Ok(None);
    };
    let url = text.parse::<UriName>().ok().filter(|url| {
        url.host().is_some() && ["http://", "https://"].iter().any(|scheme| url.as_str().starts_with(scheme))
    });
    match url {
        Some(_) => Ok(Some(text.to_owned())),
        None => Err(view.wrong("an http or https URL")),
    }
}

fn caa_identities(view: &View<'_>) -> Result<Vec<DnsName>, ConfigError> {
    // No underscore: the issuer's domain name of RFC 8659 §4.2 has letters, digits and hyphens only.
    let allowed = "a domain name without a star or an underscore, such as \"ca.example\"";
    view.elements()
        .iter()
        .map(|element| {
            let text = element.required_text(allowed)?;
            let name = text.to_ascii_lowercase().parse::<DnsName>().ok();
            name.filter(|name| !name.as_str().contains(['*', '_'])).ok_or_else(|| element.wrong(allowed))
        })
        .collect()
}

fn lifetime(view: &View<'_>) -> Result<Option<GoDuration>, ConfigError> {
    view.duration_within(GoDuration::from_seconds(1)..=GoDuration::from_hours(HOURS_OF_A_YEAR))
}

fn validation(view: &View<'_>) -> Result<AcmeValidation, ConfigError> {
    let seconds = GoDuration::from_seconds;
    let first_try_at = view.at("firstTry");
    let first_try =
        first_try_at.duration_within(seconds(1)..=seconds(10))?.unwrap_or(AcmeValidation::DEFAULT.first_try);
    let give_up_after = view
        .at("giveUpAfter")
        .duration_within(seconds(5)..=GoDuration::from_minutes(10))?
        .unwrap_or(AcmeValidation::DEFAULT.give_up_after);
    if first_try > give_up_after {
        return Err(
            first_try_at.wrong(format!("a duration of at most giveUpAfter, which is {give_up_after}"))
        );
    }
    Ok(AcmeValidation { first_try, give_up_after })
}

fn target(view: &View<'_>) -> Result<IpNet, ConfigError> {
    let allowed = "an IP address, or a network without bits behind its prefix, such as \"10.0.0.0/8\" or \
                   \"fd00::/8\"; IPv4 in the form of IPv4";
    let text = view.required_text(allowed)?;
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    // Addresses are compared in their canonical form, so a network of mapped ones would never match.
    let is_mapped = |network: &IpNet| match network {
        IpNet::V4(_) => false,
        IpNet::V6(network) => {
            network.addr().to_ipv4_mapped().is_some() && network.prefix_len() >= MAPPED_PREFIX
        }
    };
    network
        .filter(|network| network.addr() == network.network() && !is_mapped(network))
        .ok_or_else(|| view.wrong(allowed))
}

fn profiles(provisioner: &View<'_>, lifetimes: &Lifetimes) -> Result<AcmeProfiles, ConfigError> {
    let list = provisioner
        .at("profiles")
        .members()
        .into_iter()
        .map(|(name, view)| profile(name, &view, lifetimes))
        .collect::<Result<Vec<_>, _>>()?;
    let default_at = provisioner.at("defaultProfile");
    let default = match default_at.text() {
        None => None,
        Some(name) => match list.iter().position(|profile| profile.name == name) {
            Some(place) => Some(place),
            None => return Err(default_at.wrong("the name of one of the profiles")),
        },
    };
    Ok(AcmeProfiles { list, default })
}

fn profile(name: &str, view: &View<'_>, bounds: &Lifetimes) -> Result<AcmeProfile, ConfigError> {
    if !(1..=MAX_PROFILE_NAME).contains(&name.len())
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Err(ConfigError::Value {
            path: view.path().clone(),
            found: "this name".to_owned(),
            allowed: format!("1 to {MAX_PROFILE_NAME} letters, digits, hyphens and underscores"),
        });
    }
    let description_at = view.at("description");
    let description = description_at.required_text("a text that describes the profile, or its URL,")?;
    if description.chars().any(char::is_control) {
        return Err(description_at.wrong("a text without control characters such as line breaks"));
    }
    Ok(AcmeProfile {
        name: name.to_owned(),
        description: description.to_owned(),
        lifetimes: profile_lifetimes(view, bounds)?,
        key_usage: key_usage(&view.at("keyUsages"))?,
        extended_key_usage: extended_key_usage(&view.at("extKeyUsages"))?,
    })
}

fn profile_lifetimes(view: &View<'_>, bounds: &Lifetimes) -> Result<Lifetimes, ConfigError> {
    let within = |name: &str, range| view.at(name).duration_within(range);
    let min = within("minTLSCertDuration", bounds.min..=bounds.max)?.unwrap_or(bounds.min);
    let max = within("maxTLSCertDuration", min..=bounds.max)?.unwrap_or(bounds.max);
    // Whoever sets only a bound means it to be kept, so the inherited usual lifetime gives way to it.
    let default = within("defaultTLSCertDuration", min..=max)?.unwrap_or(bounds.default.clamp(min, max));
    Ok(Lifetimes { min, default, max })
}

fn key_usage(view: &View<'_>) -> Result<Option<KeyUsage>, ConfigError> {
    let usages = named(view, &KEY_USAGES)?;
    let usage = usages.into_iter().fold(KeyUsage::NONE, KeyUsage::union);
    match usage.is_empty() {
        true => Ok(None),
        false if usage.contains(KeyUsage::DIGITAL_SIGNATURE) => Ok(Some(usage)),
        false => Err(view.wrong("an array with digitalSignature in it, for most keys have no other use")),
    }
}

fn extended_key_usage(view: &View<'_>) -> Result<Option<ExtendedKeyUsage>, ConfigError> {
    let purposes = named(view, &EXTENDED_KEY_USAGES)?;
    Ok((!purposes.is_empty()).then_some(ExtendedKeyUsage(purposes)))
}

/// What the elements of an array name, in any case, each thing once.
fn named<T: Copy + PartialEq>(view: &View<'_>, known: &[(&str, T)]) -> Result<Vec<T>, ConfigError> {
    let mut found = Vec::new();
    for element in view.elements() {
        let word = element.word();
        let Some((_, thing)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word)) else {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            return Err(element.wrong(format!("one of {}", names.join(", "))));
        };
        if !found.contains(thing) {
            found.push(*thing);
        }
    }
    Ok(found)
}

fn new_order_limit(view: &View<'_>) -> Result<Option<NewOrderLimit>, ConfigError> {
    if !view.is_present() {
        return Ok(None);
    }
    let (orders_at, per_at) = (view.at("orders"), view.at("per"));
    let orders =
        orders_at.whole_within(1..=u32::MAX)?.ok_or_else(|| orders_at.missing("a number of orders"))?;
    let per = per_at
        .duration_within(GoDuration::from_seconds(1)..=GoDuration::from_hours(720))?
        .ok_or_else(|| per_at.missing("the time that the orders are counted in"))?;
    Ok(Some(NewOrderLimit { orders, per }))
}

fn testing(view: &View<'_>) -> Result<Option<AcmeTesting>, ConfigError> {
    if !view.is_present() {
        return Ok(None);
    }
    let delay = view.at("validationDelay").duration_within(GoDuration::ZERO..=GoDuration::from_minutes(5))?;
    Ok(Some(AcmeTesting {
        bad_nonce_rate: percent(&view.at("badNonceRate"))?.unwrap_or(Percent::NONE),
        validation_delay: delay.unwrap_or(GoDuration::ZERO),
        reuse_authorizations: percent(&view.at("reuseAuthorizations"))?,
    }))
}

fn percent(view: &View<'_>) -> Result<Option<Percent>, ConfigError> {
    let number = view.whole_within(0..=100)?;
    Ok(number.and_then(|number| u8::try_from(number).ok()).and_then(Percent::new))
}

/// Longest lifetime of an order or an authorization: a proof that is older proves nothing.
const HOURS_OF_A_YEAR: u16 = 365 * 24;
/// Longest name of a profile.
const MAX_PROFILE_NAME: usize = 64;
/// Where the IPv4 address begins in an IPv6 address that holds one
/// ([RFC 4291 §2.5.5.2](https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.2)).
const MAPPED_PREFIX: u8 = 96;
