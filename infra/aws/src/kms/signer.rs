//! The [`Signer`] over a key of KMS.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::operation::get_public_key::GetPublicKeyOutput;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, SigningAlgorithmSpec};
use shake::{ExtendableOutput, Shake256, Update};
use stepless_core::key::{
    Digest, PublicKey, PublicKeyError, SignatureAlgorithm, Signer, SignerError, WeakKey,
};
use thiserror::Error;

use super::error::KmsError;
use super::{KeyId, spec};

/// Signs with a key of KMS. Public key, spec and usage are read once, when it is opened.
///
/// A signature is one call of `kms:Sign`; the client tries it again as long as that may help. An attempt whose answer
/// was lost may have signed too: the same bytes, so nothing that was not meant.
pub struct KmsSigner {
    client: Client,
    key: KeyId,
    /// The key that answered when this was opened, where KMS said which. An alias may be moved to another key later.
    arn: Option<String>,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl KmsSigner {
    /// Reads the public half of a key, in one call of `kms:GetPublicKey`.
    ///
    /// An RSA key signs with `preferred` where that is an algorithm of RSA; give the one that the issuer's certificate
    /// is signed with, so that whoever can verify the one can verify the other. All other keys have one algorithm.
    ///
    /// # Errors
    /// [`OpenKeyError`]; it names the key. Nothing is remembered, so that opening may be tried again.
    pub async fn open(
        client: Client,
        key: KeyId,
        preferred: Option<SignatureAlgorithm>,
    ) -> Result<Self, OpenKeyError> {
        let answer = client
            .get_public_key()
            .key_id(key.as_str())
            .send()
            .await
            .map_err(|error| KmsError::of_call(&client, &key, "kms:GetPublicKey", error))?;
        let public_key = public_key(&key, &answer)?;
        let algorithm = match preferred {
            Some(rsa @ (SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_)))
                if rsa.fits(public_key.kind()) =>
            {
                rsa
            }
            _ => SignatureAlgorithm::default_for(public_key.kind()),
        };
        let wanted = spec::signing_algorithm(algorithm);
        if !answer.signing_algorithms().contains(&wanted) {
            let offered = answer.signing_algorithms().iter().map(SigningAlgorithmSpec::as_str);
            return Err(OpenKeyError::Algorithm {
                key,
                algorithm: wanted.as_str().to_owned(),
                offered: offered.collect::<Vec<_>>().join(", "),
            });
        }
        let arn = answer.key_id().map(str::to_owned);
        Ok(Self { client, key, arn, public_key, algorithm })
    }

    /// The key, as the configuration names it.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// What KMS is handed for `message`.
    fn form(&self, message: &[u8]) -> Result<(MessageType, Vec<u8>), SignMessageError> {
        let digest = match self.algorithm {
            SignatureAlgorithm::Ecdsa(digest)
            | SignatureAlgorithm::RsaPkcs1(digest)
            | SignatureAlgorithm::RsaPss(digest) => digest,
            SignatureAlgorithm::Ed25519 if message.len() > self.longest_message() => {
                let (key, octets) = (self.key.clone(), message.len());
                return Err(SignMessageError::TooLong { key, octets });
            }
            SignatureAlgorithm::Ed25519 => return Ok((MessageType::Raw, message.to_vec())),
            // As RAW it would be held to the same limit.
            SignatureAlgorithm::MlDsa(_) => {
                return Ok((MessageType::ExternalMu, mu(&self.public_key, message)));
            }
        };
        Ok((MessageType::Digest, Digest::hash(digest, message)))
    }
}

#[async_trait]
impl Signer for KmsSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn longest_message(&self) -> usize {
        match self.algorithm {
            // Only this one is handed over whole.
            SignatureAlgorithm::Ed25519 => MAX_RAW,
            SignatureAlgorithm::Ecdsa(_)
            | SignatureAlgorithm::RsaPkcs1(_)
            | SignatureAlgorithm::RsaPss(_)
            | SignatureAlgorithm::MlDsa(_) => usize::MAX,
        }
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let unusable = |error: SignMessageError| SignerError::Unusable(Box::new(error));
        let (message_type, message) = self.form(message).map_err(unusable)?;
        let answer = self
            .client
            .sign()
            .key_id(self.key.as_str())
            .signing_algorithm(spec::signing_algorithm(self.algorithm))
            .message_type(message_type)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(|error| KmsError::of_call(&self.client, &self.key, "kms:Sign", error))?;
        if let (Some(opened), Some(signed)) = (self.arn.as_deref(), answer.key_id())
            && opened != signed
        {
            // Its signature would not verify under the issuer's certificate.
            return Err(unusable(SignMessageError::OtherKey {
                key: self.key.clone(),
                opened: opened.to_owned(),
                signed: signed.to_owned(),
            }));
        }
        Ok(answer.signature.map(Blob::into_inner).unwrap_or_default())
    }
}

impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner")
            .field("key", &self.key)
            .field("arn", &self.arn)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why a key of KMS cannot be an issuer's.
#[derive(Debug, Error)]
pub enum OpenKeyError {
    /// KMS did not tell.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// The key is not for signing.
    #[error("the KMS key {key} has usage {usage}: use one of usage SIGN_VERIFY")]
    Usage {
        /// The key.
        key: KeyId,
        /// What it is for.
        usage: String,
    },
    /// The public half cannot be read.
    #[error("the KMS key {key} of spec {spec} cannot be used")]
    PublicKey {
        /// The key.
        key: KeyId,
        /// Its spec.
        spec: String,
        /// Why.
        #[source]
        source: PublicKeyError,
    },
    /// The key is too weak.
    #[error("the KMS key {key} of spec {spec} is too weak")]
    Weak {
        /// The key.
        key: KeyId,
        /// Its spec.
        spec: String,
        /// Why.
        #[source]
        source: WeakKey,
    },
    /// The spec is one thing, the public half another.
    #[error("the KMS key {key} is said to have spec {spec}, but its public half is {found}")]
    OtherSpec {
        /// The key.
        key: KeyId,
        /// What KMS says.
        spec: String,
        /// What the public half is.
        found: String,
    },
    /// The key cannot sign as it should.
    #[error("the KMS key {key} does not sign with {algorithm}; it offers {offered}")]
    Algorithm {
        /// The key.
        key: KeyId,
        /// What was wanted.
        algorithm: String,
        /// What KMS offers.
        offered: String,
    },
}

/// Why a message was not signed, although KMS refused nothing.
#[derive(Debug, Error)]
enum SignMessageError {
    #[error(
        "the KMS key {key} is an Ed25519 key, which signs up to {MAX_RAW} octets, not {octets}: put less into the \
         certificate, or use an issuer with another kind of key"
    )]
    TooLong { key: KeyId, octets: usize },
    #[error(
        "the KMS key {key} is {signed} now, and was {opened} at the start: let the name lead to that key again, or \
         configure the certificate of the new one"
    )]
    OtherKey { key: KeyId, opened: String, signed: String },
}

fn public_key(key: &KeyId, answer: &GetPublicKeyOutput) -> Result<PublicKey, OpenKeyError> {
    let key = || key.clone();
    match answer.key_usage() {
        Some(KeyUsageType::SignVerify) => {}
        other => {
            let usage = other.map_or("unknown", KeyUsageType::as_str).to_owned();
            return Err(OpenKeyError::Usage { key: key(), usage });
        }
    }
    let spec = answer.key_spec().map_or("unknown", |spec| spec.as_str()).to_owned();
    let der = answer.public_key().map(AsRef::as_ref).unwrap_or_default();
    let public_key = PublicKey::from_spki_der(der).map_err(|source| OpenKeyError::PublicKey {
        key: key(),
        spec: spec.clone(),
        source,
    })?;
    public_key.check_strength().map_err(|source| OpenKeyError::Weak {
        key: key(),
        spec: spec.clone(),
        source,
    })?;
    if spec::key_spec(public_key.kind()).as_ref() != answer.key_spec() {
        return Err(OpenKeyError::OtherSpec { key: key(), spec, found: public_key.kind().to_string() });
    }
    Ok(public_key)
}

/// The message representative of ML-DSA with an empty context, which stands for a message of any length.
///
/// [FIPS 204, algorithm 7](https://doi.org/10.6028/NIST.FIPS.204), line 6, of the message that algorithm 2 makes.
fn mu(key: &PublicKey, message: &[u8]) -> Vec<u8> {
    let mut hash_of_key = [0; MU_LENGTH];
    let mut hash = Shake256::default();
    hash.update(key.bits());
    hash.finalize_xof_into(&mut hash_of_key);
    let mut mu = vec![0; MU_LENGTH];
    let mut hash = Shake256::default();
    hash.update(&hash_of_key);
    hash.update(&PURE_WITHOUT_CONTEXT);
    hash.update(message);
    hash.finalize_xof_into(&mut mu);
    mu
}

/// Length of the message representative, and of the hash of the public key within it.
const MU_LENGTH: usize = 64;
/// Pure ML-DSA, and a context of no octets.
const PURE_WITHOUT_CONTEXT: [u8; 2] = [0, 0];
/// The longest message that KMS hashes itself.
///
/// [Sign, `Message`](https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-Message)
const MAX_RAW: usize = 4096;
