//! What a certificate is made of besides its names: subject, extensions, and how long it lives.

use rstest::rstest;
use serde_json::json;

use super::bench::{Ca, P256, Token, World, key_id, request, sign, validity};
use crate::authority::{AuthorityError, InternalError, Refusal, SignRequest};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{Asn1Dn, GoDuration, Lifetimes, TimeDuration};
use crate::key::PrivateKey;
use crate::x509::{Certificate, Constraint, DistinguishedName, NameConstraints, Profile, ProvisionerKind};

async fn issue(world: &World, not_before: &str, not_after: &str) -> Result<Certificate, AuthorityError> {
    issue_for(world, "host.example", not_before, not_after).await
}

async fn issue_for(
    world: &World,
    subject: &str,
    not_before: &str,
    not_after: &str,
) -> Result<Certificate, AuthorityError> {
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &[]);
    let token = Token::new(world, subject).with("sans", json!(["host.example"])).mint(&world.admin);
    let time = |text: &str| text.parse::<TimeDuration>().unwrap();
    let request =
        SignRequest { csr: &csr, token: &token, not_before: time(not_before), not_after: time(not_after) };
    Ok(world.authority().await.sign(request).await?.certificate().clone())
}

#[tokio::test]
async fn the_template_fills_what_the_subject_lacks() {
    let mut world = World::new();
    world.template = Asn1Dn {
        country: "DE".to_owned(),
        organization: "Acme, Inc.".to_owned(),
        organizational_unit: "Unit".to_owned(),
        locality: "Town".to_owned(),
        province: "State".to_owned(),
        street_address: "Street 1".to_owned(),
        serial_number: "4711".to_owned(),
        common_name: "never".to_owned(),
    };

    let fields = issue(&world, "", "").await.unwrap().subject().fields();

    assert_eq!(fields.common_name, "host.example");
    assert_eq!(fields.country, ["DE"]);
    assert_eq!(fields.organization, ["Acme, Inc."]);
    assert_eq!(fields.organizational_unit, ["Unit"]);
    assert_eq!(fields.locality, ["Town"]);
    assert_eq!(fields.province, ["State"]);
    assert_eq!(fields.street_address, ["Street 1"]);
    assert_eq!(fields.serial_number, "4711");
}

/// Subjects with characters that mean something elsewhere are certified as they are, or refused before step 7 (X5, X23).
#[rstest]
#[case::separators(r#"a, b + c = d \ e " f # g ; h < i > j"#, true)]
#[case::leading_space(" host", true)]
#[case::emoji("host 🦀", true)]
#[case::template(r#"x","basicConstraints":{"isCA":true},"y":""#, true)]
#[case::action("{{ .Token }}", true)]
#[case::of_65_characters(&"a".repeat(65), true)]
#[case::nul("a\0b", false)]
#[case::new_line("a\nb", false)]
#[case::escape("a\u{1b}[31m", false)]
#[tokio::test]
async fn x5_x23_a_subject_is_one_escaped_name_or_refused(#[case] subject: &str, #[case] good: bool) {
    let world = World::new();

    match issue_for(&world, subject, "", "").await {
        Ok(certificate) => {
            assert!(good);
            assert_eq!(certificate.subject().common_name(), Some(subject));
            assert_eq!(certificate.subject().attributes().count(), 1);
            assert!(!certificate.is_ca());
        }
        Err(AuthorityError::Refused(Refusal::Subject(_))) => {
            assert!(!good, "{subject:?}");
            assert!(world.records().await.is_empty());
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_extension_names_the_provisioner_unless_that_is_switched_off() {
    let mut world = World::new();

    let named = issue(&world, "", "").await.unwrap().provisioner_extension().unwrap().unwrap();
    world.claims.disable_smallstep_extensions = true;
    let silent = issue(&world, "", "").await.unwrap().provisioner_extension();

    assert_eq!((named.kind, named.name.as_str()), (ProvisionerKind::Jwk, "admin"));
    assert_eq!(named.credential_id, key_id(&world.admin));
    assert_eq!(silent, Ok(None));
}

/// Times as requests have them, and when the certificate begins and ends, in seconds from now.
#[rstest]
#[case::nothing("", "", -60, 86_400)]
#[case::zero("0s", "0s", -60, 86_400)]
#[case::go_zero_time("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", -60, 86_400)]
#[case::duration("", "1h", -60, 3_600)]
#[case::fraction("", "1h0.9s", -60, 3_600)]
#[case::both_durations("10m", "1h", 600, 4_200)]
#[case::begins_later("1h", "", 3_600, 90_000)]
#[case::began_before("-10m", "1h", -600, 3_000)]
#[case::instants("2026-06-01T12:30:00Z", "2026-06-01T13:00:00Z", 1_800, 3_600)]
#[case::another_zone("2026-06-01T14:30:00+02:00", "2026-06-01T15:00:00+02:00", 1_800, 3_600)]
#[case::fraction_of_an_instant("2026-06-01T12:30:00.999Z", "2026-06-01T13:00:00.999Z", 1_800, 3_600)]
#[case::shortest("", "4m", -60, 240)]
#[case::longest("", "24h", -60, 86_400)]
#[case::longest_from_a_beginning_of_its_own("0h10m", "24h1m", 600, 87_060)]
#[tokio::test]
async fn x20_a_certificate_lives_from_when_to_when_it_was_asked_to(
    #[case] not_before: &str,
    #[case] not_after: &str,
    #[case] begins: i64,
    #[case] ends: i64,
) {
    let world = World::new();

    let certificate = issue(&world, not_before, not_after).await.unwrap();

    let from_now = |time: Timestamp| time.as_second() - world.now().as_second();
    assert_eq!((from_now(certificate.not_before()), from_now(certificate.not_after())), (begins, ends));
}

#[rstest]
#[case::in_the_past("", "-1s", "notAfter cannot be in the past; na=2026-06-01 11:59:59 +0000 UTC")]
#[case::reversed(
    "2h",
    "2026-06-01T13:00:00Z",
    "notAfter cannot be before notBefore; na=2026-06-01 13:00:00 +0000 UTC, nb=2026-06-01 14:00:00 +0000 UTC"
)]
#[case::beyond_the_calendar("9999-12-31T00:00:00Z", "200000h", "the time lies beyond the year 9999")]
#[case::too_short(
    "",
    "3m59s",
    "requested duration of 4m59s is less than the authorized minimum certificate duration of 5m0s"
)]
#[case::too_long(
    "",
    "24h0m1s",
    "requested duration of 24h1m1s is more than the authorized maximum certificate duration of 24h1m0s"
)]
#[tokio::test]
async fn x20_what_lies_outside_the_bounds_is_told_so(
    #[case] not_before: &str,
    #[case] not_after: &str,
    #[case] expected: &str,
) {
    let world = World::new();

    let refused = issue(&world, not_before, not_after).await.unwrap_err();

    assert_eq!(refused.to_string(), expected);
    assert!(matches!(refused, AuthorityError::Invalid(_) | AuthorityError::Refused(_)));
    assert!(world.records().await.is_empty());
}

#[tokio::test]
async fn the_bounds_are_those_of_the_provisioner() {
    let mut world = World::new();
    let minutes = GoDuration::from_minutes;
    world.claims.tls = Lifetimes { min: minutes(1), default: minutes(2), max: minutes(10) };

    let usual = issue(&world, "", "").await.unwrap();
    let too_long = issue(&world, "", "11m").await;

    assert_eq!(usual.validity().duration(), SignedDuration::from_mins(3));
    assert!(matches!(too_long, Err(AuthorityError::Refused(Refusal::TooLong { .. }))));
}

fn world_whose_issuer_ends(end: &str) -> World {
    let root = Ca::root("Test Root");
    let issuer = root.intermediate_until("Test Issuer", end);
    World::of(root, issuer)
}

#[tokio::test]
async fn o4_an_issuer_that_ends_soon_shortens_what_nobody_asked_for() {
    let world = world_whose_issuer_ends("2026-06-01T13:00:00Z");
    let end = world.issuer.certificate.not_after();

    assert_eq!(issue(&world, "", "").await.unwrap().not_after(), end);
    assert_eq!(issue(&world, "", "1h").await.unwrap().not_after(), end);
    let too_long = issue(&world, "", "1h0m1s").await;
    assert!(
        matches!(too_long, Err(AuthorityError::Refused(Refusal::OutlivesIssuer { issuer_not_after, .. })) if issuer_not_after == end)
    );
}

/// Whoever asked for nothing is not told that he asked for too little.
#[tokio::test]
async fn o4_an_issuer_that_ends_in_minutes_is_the_reason_that_is_given() {
    let world = world_whose_issuer_ends("2026-06-01T12:03:00Z");

    let refused = issue(&world, "", "").await;

    assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::OutlivesIssuer { .. }))), "{refused:?}");
}

#[tokio::test]
async fn o4_an_issuer_that_is_over_signs_nothing() {
    let world = world_whose_issuer_ends("2026-06-01T12:00:00Z");
    let key = PrivateKey::generate(P256).unwrap();
    world.clock.advance(1);

    let refused = issue(&world, "", "").await;
    let server = world
        .authority()
        .await
        .issue_server_certificate(key.public_key(), SignedDuration::from_hours(24))
        .await;

    assert!(matches!(refused, Err(AuthorityError::Internal(InternalError::IssuerExpired(_)))), "{refused:?}");
    assert!(matches!(server, Err(AuthorityError::Internal(InternalError::IssuerExpired(_)))), "{server:?}");
    assert!(world.signer.signed().is_empty());
}

#[tokio::test]
async fn o4_the_server_certificate_ends_with_its_issuer_at_the_latest() {
    let world = world_whose_issuer_ends("2026-06-01T13:00:00Z");
    let key = PrivateKey::generate(P256).unwrap();

    let issued = world
        .authority()
        .await
        .issue_server_certificate(key.public_key(), SignedDuration::from_hours(24))
        .await
        .unwrap();

    assert_eq!(issued.certificate().not_after(), world.issuer.certificate.not_after());
    assert_eq!(issued.certificate().subject().common_name(), Some("Test CA"));
    assert_eq!(issued.certificate().sans().unwrap().dns_names().count(), 1);
}

/// The issuer's constraints bind at `/sign`, in renewals and for the authority's own names, before anything is signed.
#[tokio::test]
async fn x19_what_the_issuer_may_not_certify_is_refused_before_signing() {
    let root = Ca::root("Test Root");
    let permitted = vec![Constraint::Dns("inside.example".to_owned())];
    let constraints = NameConstraints { critical: true, permitted, excluded: Vec::new() };
    let issuer = root.intermediate_with(
        DistinguishedName::from_common_name("Test Issuer").unwrap(),
        validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        Profile { name_constraints: Some(constraints), ..Profile::intermediate() },
    );
    let world = World::of(root, issuer);
    let key = PrivateKey::generate(P256).unwrap();
    let authority = world.authority().await;
    let csr = request(&key, "", &[]);
    let token = |name: &str| Token::new(&world, name).mint(&world.admin);

    let inside = sign(&authority, &csr, &token("a.inside.example")).await;
    let outside = sign(&authority, &csr, &token("outside.example")).await;
    let wildcard = sign(&authority, &csr, &token("*.example")).await;
    let server = authority.issue_server_certificate(key.public_key(), SignedDuration::from_hours(24)).await;

    inside.unwrap();
    for refused in [outside, wildcard, server] {
        assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::NameConstraint(_)))), "{refused:?}");
    }
    assert_eq!(world.records().await.len(), 1);
}

#[tokio::test]
async fn a_certificate_that_would_begin_after_its_issuer_ended_is_refused() {
    let world = world_whose_issuer_ends("2026-06-01T13:00:00Z");

    let refused = issue(&world, "2h", "").await;

    assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::OutlivesIssuer { .. }))), "{refused:?}");
}
