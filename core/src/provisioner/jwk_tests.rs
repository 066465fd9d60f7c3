use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rstest::rstest;

use super::*;
use crate::jose::{JwsError, SigningAlgorithm, TimeError};
use crate::key::{KeyKind, PrivateKey};

/// What `step ca token` made, and when; see `jose/testdata/README.md`.
const TOKEN: &str = include_str!("../jose/testdata/sign.jwt");
const KEY: &str = include_str!("../jose/testdata/provisioner.jwk");
const ISSUED: i64 = 1_795_453_249;

fn provisioner(name: &str) -> JwkProvisioner {
    let key = Jwk::parse(KEY.as_bytes()).unwrap();
    let id = format!("{name}:{}", key.key_id().unwrap());
    JwkProvisioner { name: name.to_owned(), id, key }
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

/// A key that says which algorithm it is for verifies no other, though it could.
#[test]
fn t6_the_algorithm_of_a_key_is_the_only_one_of_its_tokens() {
    let key = PrivateKey::generate(KeyKind::Rsa { bits: 2048 }).unwrap();
    let pinned = Jwk::from_public_key(key.public_key().clone()).unwrap();
    let mut free = serde_json::to_value(&pinned).unwrap();
    free.as_object_mut().unwrap().remove("alg");
    let free = Jwk::parse(free.to_string().as_bytes()).unwrap();
    let claims =
        format!(r#"{{"iss":"p","sub":"s","aud":"https://localhost/1.0/sign","exp":{}}}"#, ISSUED + 300);
    let now = Timestamp::from_second(ISSUED).unwrap();
    let judge = |key_of_provisioner: &Jwk, algorithm: SigningAlgorithm| {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(&claims));
        let signature = key.sign_jose(algorithm.into(), signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", BASE64.encode(signature));
        let provisioner =
            JwkProvisioner { name: "p".to_owned(), id: "p:".to_owned(), key: key_of_provisioner.clone() };
        let token = Jwt::parse(&token).unwrap();
        provisioner.authorize(token, Operation::Sign, &Audiences::new(["localhost"]), now)
    };

    judge(&pinned, SigningAlgorithm::Rs256).unwrap();
    for other in [SigningAlgorithm::Rs384, SigningAlgorithm::Ps256] {
        judge(&free, other).unwrap();
        let refused = judge(&pinned, other);
        assert!(matches!(refused, Err(TokenError::Signature(JwsError::NoKey))), "{refused:?}");
    }
}
