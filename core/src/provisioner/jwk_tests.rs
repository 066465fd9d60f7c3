use rstest::rstest;

use super::*;
use crate::jose::{Jwk, TimeError};

/// What `step ca token` made, and when; see `jose/testdata/README.md`.
const TOKEN: &str = include_str!("../jose/testdata/sign.jwt");
const KEY: &str = include_str!("../jose/testdata/provisioner.jwk");
const ISSUED: i64 = 1_795_453_249;

fn provisioner(name: &str) -> JwkProvisioner {
    let jwk = Jwk::parse(KEY.as_bytes()).unwrap();
    let key_id = jwk.key_id().unwrap().to_owned();
    let id = format!("{name}:{key_id}");
    JwkProvisioner { name: name.to_owned(), id, key_id, key: jwk.public_key().clone() }
}

fn judge(host: &str, operation: Operation, second: i64) -> Result<AuthorizedToken, TokenError> {
    let now = Timestamp::from_second(second).unwrap();
    provisioner("admin").authorize(Jwt::parse(TOKEN.trim()).unwrap(), operation, &Audiences::new([host]), now)
}

#[test]
fn a_token_that_step_made_is_let_in() {
    let token = judge("localhost", Operation::Sign, ISSUED).unwrap();

    assert_eq!(token.subject(), "foo.example");
    assert_eq!(token.claims().sans(), Some(vec!["foo.example", "10.0.0.1"]));
    assert!(token.claims().confirmation().is_some());
    // Five minutes, and one for clocks that differ.
    assert_eq!(token.expires().as_second(), ISSUED + 300 + 60);
}

#[rstest]
#[case::as_early_as_clocks_may_differ(-60, true)]
#[case::earlier(-61, false)]
#[case::last_second(359, true)]
#[case::over(360, false)]
fn t11_a_token_has_its_time(#[case] offset: i64, #[case] good: bool) {
    let answer = judge("localhost", Operation::Sign, ISSUED + offset);

    match answer {
        Ok(token) => assert!(good && Timestamp::from_second(ISSUED + offset).unwrap() < token.expires()),
        Err(TokenError::Time(TimeError::Expired { .. })) => assert!(!good && offset > 0),
        Err(TokenError::Time(TimeError::NotYetValid { .. } | TimeError::IssuedInFuture { .. })) => {
            assert!(!good && offset < 0);
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn t12_a_token_of_step_is_for_one_authority_and_one_operation() {
    assert!(
        judge("localhost", Operation::SshSign, ISSUED).is_ok(),
        "/sign and /ssh/sign stand for each other"
    );
    for operation in
        [Operation::Renew, Operation::Revoke, Operation::SshRenew, Operation::SshRekey, Operation::SshRevoke]
    {
        assert!(
            matches!(judge("localhost", operation, ISSUED), Err(TokenError::Audience(_))),
            "{operation:?}"
        );
    }
    assert!(matches!(judge("elsewhere", Operation::Sign, ISSUED), Err(TokenError::Audience(_))));
}

#[test]
fn t13_a_token_of_another_issuer_is_refused_though_the_key_is_the_same() {
    let now = Timestamp::from_second(ISSUED).unwrap();
    let token = Jwt::parse(TOKEN.trim()).unwrap();

    let refused =
        provisioner("another").authorize(token, Operation::Sign, &Audiences::new(["localhost"]), now);

    assert!(matches!(refused, Err(TokenError::Issuer { found }) if found == "admin"));
}

#[test]
fn the_expiry_of_a_token_is_never_beyond_the_calendar() {
    let leeway = SignedDuration::from_secs(60);

    assert!(matches!(expiry(None, leeway), Err(TokenError::NoExpiry)));
    assert_eq!(expiry(Some(Timestamp::MAX), leeway).unwrap(), Timestamp::MAX);
}
