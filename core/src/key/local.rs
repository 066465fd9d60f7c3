//! A signer whose key is in this process.

use async_trait::async_trait;

use super::{PrivateKey, PublicKey, SignatureAlgorithm, Signer, SignerError, SigningError};

/// Signs with a [`PrivateKey`] in memory, as the key files of a laptop or a single server need.
#[derive(Debug)]
pub struct LocalSigner {
    key: PrivateKey,
    algorithm: SignatureAlgorithm,
}

impl LocalSigner {
    /// A signer with the default algorithm of the key.
    pub fn new(key: PrivateKey) -> Self {
        let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
        Self { key, algorithm }
    }

    /// A signer with an algorithm that the operator chose.
    ///
    /// # Errors
    /// [`SigningError::Unfit`] when the algorithm is not one of this kind of key.
    pub fn with_algorithm(key: PrivateKey, algorithm: SignatureAlgorithm) -> Result<Self, SigningError> {
        let kind = key.public_key().kind();
        if algorithm.fits(kind) {
            Ok(Self { key, algorithm })
        } else {
            Err(SigningError::Unfit { kind, algorithm })
        }
    }
}

#[async_trait]
impl Signer for LocalSigner {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.key.sign(self.algorithm, message).map_err(|error| SignerError::Unusable(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::key::{Digest, KeyKind, ParameterSet};

    #[rstest]
    #[case::p256(KeyKind::P256)]
    #[case::p384(KeyKind::P384)]
    #[case::p521(KeyKind::P521)]
    #[case::ed25519(KeyKind::Ed25519)]
    #[case::rsa(KeyKind::Rsa { bits: 2048 })]
    #[case::ml_dsa_44(KeyKind::MlDsa(ParameterSet::MlDsa44))]
    #[case::ml_dsa_65(KeyKind::MlDsa(ParameterSet::MlDsa65))]
    #[case::ml_dsa_87(KeyKind::MlDsa(ParameterSet::MlDsa87))]
    #[tokio::test]
    async fn what_it_signs_verifies_with_its_public_key(#[case] kind: KeyKind) {
        let signer = LocalSigner::new(PrivateKey::generate(kind).unwrap());

        let signature = signer.sign(b"to be signed").await.unwrap();

        signer.public_key().verify(signer.algorithm(), b"to be signed", &signature).unwrap();
    }

    #[test]
    fn an_algorithm_of_another_kind_is_refused() {
        let algorithm = SignatureAlgorithm::RsaPss(Digest::Sha256);

        let refused = LocalSigner::with_algorithm(PrivateKey::generate(KeyKind::P256).unwrap(), algorithm);

        assert_eq!(refused.unwrap_err(), SigningError::Unfit { kind: KeyKind::P256, algorithm });
    }
}
