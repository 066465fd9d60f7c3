//! A KMS with keys of every spec that AWS signs with, its limits, and the states a key may be in: what the emulators
//! lack. Where they suffice, they are the better judges. For bad weather put a [`Proxy`](crate::proxy::Proxy) before it.

mod key;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use stepless_core::key::KeyKind;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use key::MakeKeyError;

use key::Key;

/// A KMS in this process, on a loopback port of its own, ended when dropped.
///
/// It looks at no credentials. Keys are named by their id, their ARN or `alias/NAME`.
#[derive(Debug)]
pub struct KmsDouble {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the metadata of a key says.
#[derive(Clone, Debug)]
pub struct Description {
    /// `KeySpec`.
    pub spec: String,
    /// `KeyUsage`.
    pub usage: String,
    /// `KeyState`.
    pub state: String,
    /// `SigningAlgorithms`.
    pub algorithms: Vec<String>,
    /// `PublicKey`, in DER.
    pub public_key: Vec<u8>,
}

impl KmsDouble {
    /// Starts one in the runtime of the caller.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the double of KMS ended");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes an enabled signing key of this kind, and returns its ARN.
    ///
    /// # Errors
    /// [`MakeKeyError`] for a size of RSA key that AWS does not make.
    pub fn make_key(&self, kind: KeyKind) -> Result<String, MakeKeyError> {
        let key = Key::generate(kind)?;
        Ok(self.shared.keys().add(key))
    }

    /// Lets `alias/NAME` lead to a key, whatever it led to before.
    pub fn point_alias(&self, alias: &str, arn: &str) {
        self.shared.keys().aliases.insert(alias.to_owned(), arn.to_owned());
    }

    /// Changes what is said of a key. A key that is not there is left alone.
    pub fn describe(&self, name: &str, change: impl FnOnce(&mut Description)) {
        let mut keys = self.shared.keys();
        if let Some((_, key)) = keys.find(name) {
            change(&mut key.description);
        }
    }

    /// What every call of an operation, such as `Sign`, asked for, in the words of the API.
    pub fn requests(&self, operation: &str) -> Vec<Value> {
        self.shared.keys().calls.get(operation).cloned().unwrap_or_default()
    }

    /// The ARNs of all keys, and their states.
    pub fn states(&self) -> Vec<(String, String)> {
        let keys = self.shared.keys();
        keys.keys.iter().map(|(arn, key)| (arn.clone(), key.description.state.clone())).collect()
    }
}

impl Drop for KmsDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Default)]
struct Shared(Mutex<Keys>);

impl Shared {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        // A test that panics while it describes a key has failed anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(..)")
    }
}

#[derive(Default)]
struct Keys {
    keys: HashMap<String, Key>,
    aliases: HashMap<String, String>,
    calls: HashMap<String, Vec<Value>>,
}

impl Keys {
    fn add(&mut self, key: Key) -> String {
        let arn = format!("{ARN_PREFIX}key/{}", uuid::Uuid::new_v4());
        self.keys.insert(arn.clone(), key);
        arn
    }

    fn find(&mut self, name: &str) -> Option<(String, &mut Key)> {
        let name = name.strip_prefix(ARN_PREFIX).unwrap_or(name);
        let arn = match self.aliases.get(name) {
            Some(arn) => arn.clone(),
            None => format!("{ARN_PREFIX}key/{}", name.strip_prefix("key/").unwrap_or(name)),
        };
        self.keys.get_mut(&arn).map(|key| (arn, key))
    }

    fn carry_out(&mut self, operation: &str, request: &Value) -> Result<Value, Refused> {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        match operation {
            "CreateKey" => {
                let key = key::from_spec(text("KeySpec"))
                    .and_then(|kind| Key::generate(kind).ok())
                    .filter(|key| key.description.usage == text("KeyUsage"))
                    .ok_or_else(|| refused("ValidationException", "no signing key of this spec"))?;
                let arn = self.add(key);
                self.metadata(&arn)
            }
            "CreateAlias" => {
                let (alias, target) = (text("AliasName"), text("TargetKeyId"));
                if self.aliases.contains_key(alias) {
                    return Err(refused("AlreadyExistsException", "the alias exists"));
                }
                let (arn, _) = self.find(target).ok_or_else(|| not_found(target))?;
                self.aliases.insert(alias.to_owned(), arn);
                Ok(json!({}))
            }
            "DescribeKey" => self.metadata(text("KeyId")),
            "ScheduleKeyDeletion" => {
                let (arn, key) = self.find(text("KeyId")).ok_or_else(|| not_found(text("KeyId")))?;
                "PendingDeletion".clone_into(&mut key.description.state);
                Ok(json!({ "KeyId": arn, "KeyState": "PendingDeletion" }))
            }
            "GetPublicKey" => {
                let (arn, key) = self.usable(text("KeyId"))?;
                Ok(json!({
                    "KeyId": arn,
                    "PublicKey": BASE64_STANDARD.encode(&key.description.public_key),
                    "KeySpec": key.description.spec,
                    "KeyUsage": key.description.usage,
                    "SigningAlgorithms": key.description.algorithms,
                }))
            }
            "Sign" => {
                let message = message(request);
                let (arn, key) = self.usable(text("KeyId"))?;
                let algorithm = text("SigningAlgorithm");
                if key.description.usage != key::SIGN_VERIFY
                    || !key.description.algorithms.iter().any(|offered| offered == algorithm)
                {
                    return Err(refused("InvalidKeyUsageException", "not an algorithm of this key"));
                }
                let signature = key.sign(algorithm, text("MessageType"), &message)?;
                Ok(json!({
                    "KeyId": arn,
                    "Signature": BASE64_STANDARD.encode(signature),
                    "SigningAlgorithm": algorithm,
                }))
            }
            _ => Err(refused("UnknownOperationException", operation)),
        }
    }

    fn usable(&mut self, name: &str) -> Result<(String, &mut Key), Refused> {
        let (arn, key) = self.find(name).ok_or_else(|| not_found(name))?;
        match key.description.state.as_str() {
            "Enabled" => Ok((arn, key)),
            "Disabled" => Err(refused("DisabledException", &format!("{arn} is disabled."))),
            _ => Err(refused("KMSInvalidStateException", &format!("{arn} is pending deletion."))),
        }
    }

    fn metadata(&mut self, name: &str) -> Result<Value, Refused> {
        let (arn, key) = self.find(name).ok_or_else(|| not_found(name))?;
        let id = arn.rsplit('/').next().unwrap_or_default();
        Ok(json!({ "KeyMetadata": {
            "Arn": arn,
            "KeyId": id,
            "KeySpec": key.description.spec,
            "KeyUsage": key.description.usage,
            "KeyState": key.description.state,
        }}))
    }
}

/// A refusal as the API words it.
struct Refused {
    code: &'static str,
    message: String,
}

fn refused(code: &'static str, message: &str) -> Refused {
    Refused { code, message: message.to_owned() }
}

fn not_found(name: &str) -> Refused {
    refused("NotFoundException", &format!("Key '{name}' does not exist"))
}

fn message(request: &Value) -> Vec<u8> {
    let text = request.get("Message").and_then(Value::as_str).unwrap_or_default();
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("TrentService.").unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut keys = shared.keys();
    keys.calls.entry(operation.to_owned()).or_default().push(request.clone());
    match keys.carry_out(operation, &request) {
        Ok(answer) => answer.to_string().into_response(),
        Err(Refused { code, message }) => {
            let error = json!({ "__type": code, "message": message });
            (StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
    }
}

const ARN_PREFIX: &str = "arn:aws:kms:us-east-1:111122223333:";
