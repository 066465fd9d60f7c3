//! Tokens at `/sign`, `/renew`, `/rekey` and `/revoke`: who signed them, with what, for whom, and how often.

mod times;

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{P256, Token, World, base64url, by_token, key_id, request, revoke, sign, x5c};
use crate::authority::{Authority, AuthorityError};
use crate::fault::Fault;
use crate::jose::Jwk;
use crate::key::PrivateKey;
use crate::x509::{Certificate, SerialNumber};

/// An authority, a certificate to renew or revoke, and the keys of good and bad people.
struct Scene {
    world: World,
    authority: Authority,
    holder: PrivateKey,
    certificate: Certificate,
    stranger: PrivateKey,
    csr: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let [holder, stranger] = [(); 2].map(|()| PrivateKey::generate(P256).unwrap());
        let certificate = world.certificate("host.example", &holder).await;
        let csr = request(&stranger, "", &["host.example"]);
        Self { authority: world.authority().await, world, holder, certificate, stranger, csr }
    }

    fn token(&self) -> Token {
        Token::new(&self.world, "host.example")
    }

    async fn sign(&self, token: &str) -> Result<(), AuthorityError> {
        sign(&self.authority, &self.csr, token).await.map(drop)
    }

    /// What becomes of a token wherever one is taken: at `/sign`, `/renew`, `/rekey` and `/revoke`.
    async fn everywhere(&self, token: &str) -> [Result<(), AuthorityError>; 4] {
        [
            self.sign(token).await,
            self.authority.renew(&by_token(token.to_owned())).await.map(drop),
            self.authority.rekey(&by_token(token.to_owned()), &self.csr).await.map(drop),
            revoke(&self.authority, self.certificate.serial(), token.to_owned()).await,
        ]
    }

    /// The token is refused wherever it is shown, and nothing was read, written or signed.
    async fn assert_refused(&self, context: &str, token: &str) {
        let (answers, calls) = self.world.calls_of(self.everywhere(token)).await;
        for answer in answers {
            assert!(is_unauthorized(&answer), "{context}: {answer:?}");
        }
        assert_eq!(calls, [], "{context}");
    }
}

fn is_unauthorized(answer: &Result<(), AuthorityError>) -> bool {
    use AuthorityError as E;
    matches!(
        answer,
        Err(E::Token(_) | E::TokenFlowNotSupported | E::ProvisionerDisabled { .. } | E::Refused(_))
    )
}

#[tokio::test]
async fn t1_a_fragment_that_names_a_provisioner_without_tokens_lets_nobody_in() {
    let scene = Scene::new().await;

    for fragment in ["acme/acme", "scep/scep", "broken:kid"] {
        for path in ["sign", "renew", "rekey", "revoke", "ssh/sign"] {
            let token = scene
                .token()
                .with("aud", format!("https://ca.example/1.0/{path}#{fragment}"))
                .with("sub", scene.certificate.serial().to_string());
            for (context, text) in [
                ("by a stranger", token.mint(&scene.stranger)),
                ("by another provisioner", token.mint(&scene.world.admin)),
                ("unsigned", token.forge("none", |_| Vec::new())),
                ("not signed", token.forge("ES256", |_| Vec::new())),
            ] {
                scene.assert_refused(&format!("{path}#{fragment} {context}"), &text).await;
            }
        }
    }
}

#[tokio::test]
async fn t3_nobody_burns_the_token_of_another_without_its_key() {
    let scene = Scene::new().await;
    let token = scene.token();

    for _ in 0..10 {
        scene.assert_refused("broken signature", &token.mint(&scene.stranger)).await;
    }

    scene.sign(&token.mint(&scene.world.admin)).await.unwrap();
}

#[tokio::test]
async fn t4_the_same_id_counts_once_for_each_provisioner() {
    let scene = Scene::new().await;
    let ours = scene.token().with("jti", "same");
    let theirs = ours
        .clone()
        .with("iss", "other")
        .header("kid", key_id(&scene.world.other))
        .with("sub", "other.example");
    let [ours, theirs] = [
        ours.mint(&scene.world.admin),
        theirs.with("sans", json!(["host.example"])).mint(&scene.world.other),
    ];

    scene.sign(&ours).await.unwrap();
    scene.sign(&theirs).await.unwrap();

    for again in [ours, theirs] {
        assert!(matches!(scene.sign(&again).await, Err(AuthorityError::TokenUsed)));
    }
}

/// The holder of a certificate chooses the id of a renewal token, so that it must not count for another holder.
#[tokio::test]
async fn t4_the_same_id_counts_once_for_each_certificate() {
    let scene = Scene::new().await;
    let other = scene.world.certificate("other.example", &scene.stranger).await;
    let renew = async |certificate, key| {
        let token = Token::renewing(&scene.world, certificate).with("jti", "same").mint(key);
        scene.authority.renew(&by_token(token)).await
    };

    renew(&scene.certificate, &scene.holder).await.unwrap();
    renew(&other, &scene.stranger).await.unwrap();

    assert!(matches!(renew(&other, &scene.stranger).await, Err(AuthorityError::TokenUsed)));
}

#[tokio::test]
async fn t4_a_token_that_cannot_be_spent_makes_no_certificate() {
    let scene = Scene::new().await;
    let token = scene.token().mint(&scene.world.admin);
    let before = scene.world.signer.signed().len();

    scene.world.fail(1, Fault::FailBefore);
    let answer = scene.sign(&token).await;

    assert!(matches!(answer, Err(AuthorityError::Unfinished(_))));
    assert_eq!(scene.world.signer.signed().len(), before);
}

/// A token without an id is known by what is signed, so that its twin with another signature is the same token.
#[tokio::test]
async fn t4_a_token_signed_twice_is_one_token() {
    let scene = Scene::new().await;
    let token = scene.token().without("jti");
    let [one, twin] = [token.mint(&scene.world.admin), token.mint(&scene.world.admin)];
    assert_ne!(one, twin);

    scene.sign(&one).await.unwrap();

    assert!(matches!(scene.sign(&twin).await, Err(AuthorityError::TokenUsed)));
}

#[tokio::test]
async fn t6_a_token_without_a_real_signature_is_refused() {
    let scene = Scene::new().await;
    let token = scene.token();
    let key = scene.world.admin.public_key();

    for none in ["none", "None", "NONE", "nOnE"] {
        scene.assert_refused(none, &token.forge(none, |_| Vec::new())).await;
    }
    let jwk = serde_json::to_vec(&Jwk::from_public_key(key.clone()).unwrap()).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64url(key.spki_der()));
    for secret in [key.spki_der(), key.bits(), jwk.as_slice(), pem.as_bytes(), b""] {
        let mac = |message: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, message).as_ref().to_vec()
        };
        scene.assert_refused("HS256", &token.forge("HS256", mac)).await;
    }
    for (context, signature) in [
        ("empty", Vec::new()),
        ("t9: zero", vec![0; 64]),
        ("t9: short", vec![1; 63]),
        ("t9: DER of two zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ] {
        scene.assert_refused(context, &token.forge("ES256", |_| signature)).await;
    }
    scene.assert_refused("RS256", &token.forge("RS256", |_| vec![1; 256])).await;
}

#[tokio::test]
async fn t7_a_token_that_brings_its_own_key_is_refused() {
    let scene = Scene::new().await;
    let jwk =
        serde_json::to_value(Jwk::from_public_key(scene.stranger.public_key().clone()).unwrap()).unwrap();
    let chain = json!(x5c(&[&scene.certificate]));

    for (member, value) in [
        ("jwk", jwk),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", chain),
    ] {
        for header in [
            scene.token().header(member, value.clone()),
            scene.token().header(member, value).without_header("kid"),
        ] {
            for key in [&scene.stranger, &scene.holder, &*scene.world.admin] {
                scene.assert_refused(member, &header.mint(key)).await;
            }
        }
    }
    for member in ["jwk", "jku", "x5u"] {
        let token = Token::renewing(&scene.world, &scene.certificate).header(member, json!({}));
        scene.assert_refused(member, &token.mint(&scene.holder)).await;
    }
}

#[tokio::test]
async fn t8_a_key_id_is_a_name_and_nothing_else() {
    let scene = Scene::new().await;
    let other = key_id(&scene.world.other);
    let long = "k".repeat(48 * 1024);

    for kid in [other.as_str(), "", "../../x", "'; --", "kid\0", "admin:kid", &long] {
        for key in [&scene.stranger, &*scene.world.admin] {
            let token = scene.token().header("kid", kid).mint(key);
            scene.assert_refused(kid.get(..8).unwrap_or(kid), &token).await;
        }
    }
}

#[rstest]
#[case::expiry("exp")]
#[case::not_before("nbf")]
#[case::issued_at("iat")]
#[case::audience("aud")]
#[case::subject("sub")]
#[case::id("jti")]
#[case::issuer("iss")]
#[tokio::test]
async fn t10_a_claim_of_the_wrong_type_is_not_an_absent_claim(#[case] claim: &str) {
    let scene = Scene::new().await;

    for value in [Value::Null, json!({}), json!(-1), json!(true), json!([1]), json!(1.0e300), json!([[]])] {
        let context = format!("{claim}: {value}");
        scene.assert_refused(&context, &scene.token().with(claim, value).mint(&scene.world.admin)).await;
    }
}

#[tokio::test]
async fn t11_a_token_without_expiry_is_refused() {
    let scene = Scene::new().await;

    let token = scene.token().without("exp").mint(&scene.world.admin);
    scene.assert_refused("sign", &token).await;
    let token = Token::revoking(&scene.world, scene.certificate.serial()).without("exp");
    scene.assert_refused("revoke", &token.mint(&scene.world.admin)).await;
    let token = Token::renewing(&scene.world, &scene.certificate).without("exp");
    scene.assert_refused("renew", &token.mint(&scene.holder)).await;
}

#[tokio::test]
async fn t12_a_token_is_good_for_its_operation_at_this_authority_only() {
    let scene = Scene::new().await;
    let serial: SerialNumber = "12345".parse().unwrap();
    // Path, and whether it lets a token in at /sign and /revoke, /renew and /rekey.
    let audiences = [
        ("https://ca.example/1.0/sign", [true, false, false]),
        ("https://ca.example/sign", [true, false, false]),
        ("https://ca.example:9000/ssh/sign", [true, false, false]),
        ("step-certificate-authority", [true, true, false]),
        ("https://ca.example/1.0/revoke", [false, true, false]),
        ("https://ca.example/revoke", [false, true, false]),
        ("https://ca.example/1.0/renew", [false, false, true]),
        ("https://ca.example/rekey", [false; 3]),
        ("https://ca.example/ssh/renew", [false; 3]),
        ("https://ca.example/ssh/revoke", [false; 3]),
        ("https://ca.example/2.0/sign", [false; 3]),
        ("https://ca.example/sign/", [false; 3]),
        ("https://ca.example/sign?x", [false; 3]),
        ("http://ca.example/sign", [false; 3]),
        ("https://ca.example.evil.org/sign", [false; 3]),
        ("https://evil-ca.example/sign", [false; 3]),
        ("https://sub.ca.example/sign", [false; 3]),
        ("https://ca.example@evil.org/sign", [false; 3]),
        ("https://ca.example/sign#admin", [false; 3]),
        ("", [false; 3]),
    ];

    for (number, (audience, expected)) in audiences.into_iter().enumerate() {
        for aud in [json!(audience), json!(["https://elsewhere.example/sign", audience])] {
            let world = &scene.world;
            let jti = format!("{number} {aud}");
            let common = |token: Token| token.with("aud", aud.clone()).with("jti", jti.clone());
            let signing = common(scene.token()).mint(&world.admin);
            let revoking = common(Token::revoking(world, &serial)).mint(&world.admin);
            let renewing = common(Token::renewing(world, &scene.certificate)).mint(&scene.holder);

            let signed = scene.sign(&signing).await;
            let revoked = revoke(&scene.authority, &serial, revoking.clone()).await;
            let renewed = scene.authority.renew(&by_token(renewing)).await.map(drop);

            // The serial number is revoked once only; that the token was let in is seen from what the others say.
            let let_in = |answer: Result<(), AuthorityError>| match answer {
                Ok(()) | Err(AuthorityError::AlreadyRevoked { .. } | AuthorityError::TokenUsed) => true,
                Err(AuthorityError::Token(_)) => false,
                Err(other) => panic!("{audience}: {other:?}"),
            };
            assert_eq!([signed, revoked, renewed].map(let_in), expected, "{aud}");
        }
    }
}

#[tokio::test]
async fn t13_one_provisioner_judges_whatever_the_token_says_of_others() {
    let scene = Scene::new().await;
    let (admin, other) = (key_id(&scene.world.admin), key_id(&scene.world.other));
    let token = scene.token();
    let audience = |fragment: &str| format!("https://ca.example/1.0/sign#{fragment}");

    for (context, token) in [
        ("its issuer is another's", token.clone().with("iss", "other")),
        ("its key id is another's", token.clone().header("kid", other.clone())),
        ("both are", token.clone().with("iss", "other").header("kid", other.clone())),
        ("the fragment is another's", token.clone().with("aud", audience(&format!("other:{other}")))),
        ("the fragment is its own", token.clone().with("aud", audience(&format!("admin:{admin}")))),
        ("azp leads elsewhere", token.clone().with("aud", "client").with("azp", format!("admin:{admin}"))),
        ("tid leads elsewhere", token.clone().with("aud", "client").with("tid", format!("admin:{admin}"))),
        ("the colon moved", token.clone().with("iss", format!("admin:{admin}")).header("kid", "")),
    ] {
        scene.assert_refused(context, &token.mint(&scene.world.admin)).await;
    }
    // What nobody asks for does not matter.
    let token = token.with("azp", format!("other:{other}")).with("tid", "x").with("email", "a@b.c");
    scene.sign(&token.mint(&scene.world.admin)).await.unwrap();
}

#[tokio::test]
async fn t15_a_token_of_dots_costs_nothing() {
    let scene = Scene::new().await;
    let dots = ".".repeat(5 * 1024 * 1024);

    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        scene.assert_refused("dots", &dots).await;
        fastest = fastest.min(start.elapsed());
    }

    assert!(fastest < Duration::from_millis(200), "four requests took {fastest:?}");
}

#[tokio::test]
async fn o1_a_provisioner_that_is_disabled_refuses_alone() {
    let scene = Scene::new().await;
    let broken = scene.token().with("iss", "broken").header("kid", "kid");

    let answer = scene.sign(&broken.mint(&scene.world.admin)).await;

    assert!(matches!(answer, Err(AuthorityError::ProvisionerDisabled { name }) if name == "broken"));
    scene.sign(&scene.token().mint(&scene.world.admin)).await.unwrap();
}
