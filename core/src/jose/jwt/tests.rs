use super::*;
use crate::clock::Timestamp;
use crate::jose::CLOCK_LEEWAY;
use crate::jose::testing::{TestKey, testdata};
use crate::jose::{Jwk, SigningAlgorithm, TimeError};

#[test]
fn a_sign_token_of_step_is_read_and_verified() {
    let key = Jwk::parse(testdata!("provisioner.jwk").as_bytes()).unwrap();
    let jwt = Jwt::parse(testdata!("sign.jwt")).unwrap();
    assert_eq!(jwt.header().key_id.as_deref(), key.key_id());
    assert_eq!(jwt.unverified_claims().issuer(), Some("admin"));

    let jwt = jwt.verify(key.public_key()).unwrap();

    let claims = jwt.claims();
    assert_eq!(claims.subject(), Some("foo.example"));
    assert_eq!(claims.audience(), ["https://localhost:39443/1.0/sign"]);
    assert_eq!(claims.sans(), Some(vec!["foo.example", "10.0.0.1"]));
    assert_eq!(claims.id().unwrap().len(), 64);
    assert_eq!(
        claims.root_fingerprint(),
        Some("c49c48b47b7d145a13f08de9d4cd52d4ac223eab953ba198d5358dfe17396b7c")
    );
    // openssl req -outform DER | openssl dgst -sha256
    assert_eq!(
        claims.confirmation().map(hex::encode).as_deref(),
        Some("9132bfb438db10249c43e14eed432590b8d30f08a3ae9acfc8543a51688c54d5")
    );
    assert_eq!(claims.user().unwrap()["team"], "blue");
    let issued_at = claims.issued_at().unwrap();
    assert_eq!(claims.not_before(), Some(issued_at));
    assert_eq!(claims.validate_time(issued_at, CLOCK_LEEWAY), Ok(()));
    assert_eq!(
        claims.validate_time(Timestamp::MAX, CLOCK_LEEWAY),
        Err(TimeError::Expired { expiry: claims.expiry().unwrap() })
    );
}

#[test]
fn an_ssh_token_of_step_is_read() {
    let jwt = Jwt::parse(testdata!("ssh.jwt")).unwrap();

    let ssh = jwt.unverified_claims().ssh().unwrap();

    assert_eq!(ssh.cert_type.as_deref(), Some("user"));
    assert_eq!(ssh.key_id.as_deref(), Some("max"));
    assert_eq!(ssh.principals.as_deref(), Some(["max".to_owned()].as_slice()));
    assert_eq!(ssh.valid_after.as_deref(), Some(""));
}

#[test]
fn the_chain_of_a_step_token_is_read() {
    let (renew, x5c) =
        (Jwt::parse(testdata!("renew.jwt")).unwrap(), Jwt::parse(testdata!("x5c.jwt")).unwrap());

    assert_eq!(renew.header().x5c_insecure.as_ref().map(Vec::len), Some(2));
    assert_eq!(renew.header().x5c, None);
    assert_eq!(x5c.header().x5c, renew.header().x5c_insecure);
}

#[test]
fn a_token_is_verified_with_the_one_key_that_signed_it() {
    let algorithm = SigningAlgorithm::Es256;
    let keys = [(), ()].map(|()| TestKey::for_algorithm(algorithm));
    let jwks = keys.each_ref().map(|key| Jwk::from_public_key(key.public.clone()).unwrap());
    let token = keys[1].token(algorithm, r#"{"sub":"s"}"#);
    let jwt = Jwt::parse(&token).unwrap();

    assert_eq!(jwt.clone().verify_with_any(&jwks).unwrap().claims().subject(), Some("s"));
    assert!(matches!(jwt.clone().verify_with_any(&jwks[..1]).unwrap_err(), JwsError::Signature(_)));
    assert_eq!(jwt.verify_with_any(&[]).unwrap_err(), JwsError::NoKey);
}

#[test]
fn a_key_for_another_algorithm_is_passed_over() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Rs256);
    let jwk = Jwk::from_public_key(key.public.clone()).unwrap();
    let token = key.token(SigningAlgorithm::Ps256, "{}");

    assert_eq!(Jwt::parse(&token).unwrap().verify_with_any([&jwk]).unwrap_err(), JwsError::NoKey);
    assert!(Jwt::parse(&token).unwrap().verify(&key.public).is_ok());
}
