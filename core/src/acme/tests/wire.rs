//! Requests to any path, as HTTP would bring them.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::bench::{Client, HOST, Reply, Server, challenge_of, json_of, path_of};
use crate::acme::{Answer, Arrival, NewExternalAccountKey, ProbeHost, ProblemType};
use crate::x509::{Certificate, DnsName, SerialNumber};

impl Server {
    /// What stands at this path answers.
    pub(super) async fn handle(&self, path: &str, body: &[u8]) -> Reply {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<_> = bare.trim_start_matches('/').split('/').collect();
        let acme = &self.acme;
        let at = acme.endpoint(Arrival { host: HOST, base_path: "", path }, parts[1])?;
        match parts[2..] {
            ["new-account"] => json_of(acme.new_account(&at, body).await),
            ["new-order"] => json_of(acme.new_order(&at, body).await),
            ["new-authz"] => json_of(acme.new_authz(&at, body).await),
            ["key-change"] => json_of(acme.key_change(&at, body).await),
            ["revoke-cert"] => json_of(acme.revoke_cert(&at, body).await),
            ["directory"] => json_of(acme.post_as_get(&at, body).await.map(Answer::new)),
            ["account", id] => json_of(acme.account(&at, body, &id.parse().unwrap()).await),
            ["account", id, "orders"] => {
                let cursor = query.strip_prefix("cursor=");
                json_of(acme.orders(&at, body, &id.parse().unwrap(), cursor).await)
            }
            ["order", id] => json_of(acme.order(&at, body, &id.parse().unwrap()).await),
            ["order", id, "finalize"] => json_of(acme.finalize(&at, body, &id.parse().unwrap()).await),
            ["authz", id] => {
                let retry = &*self.validator.retry;
                json_of(acme.authorization(&at, retry, body, &id.parse().unwrap()).await)
            }
            ["challenge", id, kind] => {
                let (id, kind) = (id.parse().unwrap(), kind.parse().unwrap());
                json_of(acme.challenge(&at, &self.validator, body, &id, kind).await)
            }
            ["certificate", serial] => json_of(acme.certificate(&at, body, &hex(serial), 0).await),
            ["certificate", serial, chain] => {
                json_of(acme.certificate(&at, body, &hex(serial), chain.parse().unwrap()).await)
            }
            _ => panic!("nothing stands at {path}"),
        }
    }
}

fn hex(serial: &str) -> SerialNumber {
    format!("0x{serial}").parse().unwrap()
}

impl Client {
    /// A request of the account; without a payload a POST-as-GET.
    pub(super) async fn post(&self, server: &Server, url: &str, payload: Option<&Value>) -> Reply {
        let path = path_of(url);
        let body = self.jws(server, path, payload, false);
        server.handle(path, &body).await
    }

    /// A request with its own key.
    pub(super) async fn post_by_key(&self, server: &Server, url: &str, payload: &Value) -> Reply {
        let path = path_of(url);
        let body = self.jws(server, path, Some(payload), true);
        server.handle(path, &body).await
    }

    /// The inner JWS of a change to `new`'s key.
    pub(super) fn rollover(&self, new: &Self) -> Value {
        let header =
            json!({ "alg": "ES256", "jwk": new.jwk(), "url": format!("https://{HOST}{KEY_CHANGE}") });
        let payload = json!({ "account": self.account, "oldKey": self.jwk() });
        serde_json::from_slice(&new.sign(&header, payload.to_string().as_bytes())).unwrap()
    }

    /// The same key and account, for another task.
    pub(super) fn twin(&self) -> Self {
        let key = crate::key::PrivateKey::from_pkcs8_der(self.key.to_pkcs8_der().unwrap().expose()).unwrap();
        Self { key, account: self.account.clone() }
    }
}

/// The type of the problem, the status, and the text.
pub(super) fn problem(reply: &Reply) -> (ProblemType, u16, &str) {
    let problem = &reply.as_ref().expect_err("it was granted").problem;
    (problem.kind, problem.status, &problem.detail)
}

/// The type of the problem alone.
pub(super) fn kind(reply: &Reply) -> ProblemType {
    problem(reply).0
}

pub(super) const NEW_ACCOUNT: &str = "/acme/acme/new-account";
pub(super) const NEW_ORDER: &str = "/acme/acme/new-order";
pub(super) const NEW_AUTHZ: &str = "/acme/acme/new-authz";
pub(super) const KEY_CHANGE: &str = "/acme/acme/key-change";
pub(super) const REVOKE_CERT: &str = "/acme/acme/revoke-cert";

impl Client {
    /// A binding of this client's key with this external key.
    pub(super) fn binding(&self, key: &NewExternalAccountKey) -> Value {
        self.binding_with(
            key,
            &json!({ "alg": "HS256", "kid": key.key_id, "url": format!("https://{HOST}{NEW_ACCOUNT}") }),
        )
    }

    /// As [`Client::binding`], with another header.
    pub(super) fn binding_with(&self, key: &NewExternalAccountKey, header: &Value) -> Value {
        let protected = base64url(header.to_string().as_bytes());
        let payload = base64url(self.jwk().to_string().as_bytes());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.hmac_key.expose());
        let mac = hmac::sign(&secret, format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": base64url(mac.as_ref()) })
    }
}

/// The id of a certificate in renewal information ([RFC 9773 §4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1)).
pub(super) fn renewal_id(certificate: &Certificate) -> String {
    let key_id = certificate.authority_key_id().expect("an authority key identifier");
    let magnitude = certificate.serial().as_bytes();
    // As in DER, where a first bit would mean a negative number.
    let sign: &[u8] = if magnitude[0] < 0x80 { &[] } else { &[0] };
    format!("{}.{}", base64url(key_id), base64url([sign, magnitude].concat()))
}

pub(super) fn base64url(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

impl Client {
    /// Puts the answer to a challenge of this authorization where it is looked for.
    pub(super) fn show(&self, server: &Server, authorization: &Value, kind: &str) {
        let challenge = challenge_of(authorization, kind);
        let value = authorization["identifier"]["value"].as_str().unwrap();
        let token = challenge["token"].as_str().unwrap();
        let shown = self.key_authorization(token);
        let host = || match value.parse() {
            Ok(address) => ProbeHost::Ip(address),
            Err(_) => ProbeHost::Dns(value.parse().unwrap()),
        };
        match kind {
            "http-01" => {
                server.prober.put_file(&host(), &format!("/.well-known/acme-challenge/{token}"), shown);
            }
            "dns-01" => {
                let name: DnsName = format!("_acme-challenge.{value}").parse().unwrap();
                let digest = base64url(digest::digest(&digest::SHA256, shown.as_bytes()));
                server.prober.put_txt(&name, &["another one's", &digest]);
            }
            other => panic!("{other}"),
        }
    }
}
