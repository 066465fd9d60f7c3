//! The keys of a new authority on AWS: in KMS, found or made, and the root's in a file if it shall stay offline.

use std::path::Path;
use std::sync::Arc;

use stepless_aws::kms::admin::{EnsureKeyError, WantedKey, ensure_key};
use stepless_aws::kms::{self, KmsSettings, KmsSigner};
use stepless_core::config::{KmsConfig, KmsUri};
use stepless_core::key::{KeyKind, LocalSigner, PrivateKey, Signer};
use stepless_core::secret::SecretBytes;

use super::folder::encrypted;
use crate::authority::private_key;
use crate::error::{CliError, Context};
use crate::files::{self, Readers};
use crate::password;

/// Where keys are made, and how.
pub(super) struct Account<'a> {
    pub(super) kms: &'a KmsConfig,
    /// The name of the authority, for people who look at the keys.
    pub(super) authority: &'a str,
    /// What a key is to be; `None`: whatever is found, and P-256 where it is made.
    pub(super) kind: Option<KeyKind>,
}

impl Account<'_> {
    /// The key of a URI. One that is named by an alias is made if there is none.
    pub(super) async fn key(&self, uri: &KmsUri, role: &str) -> Result<Arc<dyn Signer>, CliError> {
        let settings = KmsSettings::new(uri, self.kms).context("the URI leads to no key")?;
        let client = kms::client(&settings.account.load().await);
        let is_made = settings.key.as_str().starts_with("alias/");
        if is_made {
            let wanted = WantedKey {
                alias: settings.key.clone(),
                kind: self.kind.unwrap_or(DEFAULT_KIND),
                description: format!("{}: {role} of the certificate authority", self.authority),
                tags: Vec::new(),
            };
            match ensure_key(&client, &wanted).await {
                Ok(_) => {}
                // Nobody asked for a kind: a key that the template made may be any that signs, which opening it tells.
                Err(EnsureKeyError::OtherKind { .. }) if self.kind.is_none() => {}
                Err(error) => return Err(error).context("the key can neither be found nor made"),
            }
        }
        let advice = if is_made { "the key cannot be used" } else { NOT_MADE };
        let signer = KmsSigner::open(client, settings.key, None).await.context(advice)?;
        let found = signer.public_key().kind();
        match self.kind {
            Some(kind) if kind != found => Err(CliError::new(format!(
                "the key {} is {found}, not {kind}; choose another key, or leave --key-spec out",
                signer.key()
            ))),
            _ => Ok(Arc::new(signer)),
        }
    }

    /// The key of a URI, whatever its kind; it is never made.
    pub(super) async fn existing(&self, uri: &KmsUri) -> Result<Arc<dyn Signer>, CliError> {
        let settings = KmsSettings::new(uri, self.kms).context("the URI leads to no key")?;
        let client = kms::client(&settings.account.load().await);
        let signer = KmsSigner::open(client, settings.key, None)
            .await
            .context("the key of an existing root has to be there")?;
        Ok(Arc::new(signer))
    }
}

/// The key of an existing root in a file.
pub(super) fn existing_key_file(path: &Path, password_file: Option<&Path>) -> Result<LocalSigner, CliError> {
    let password = password_file.map(password::from_file).transpose()?;
    private_key(path, password.as_ref()).map(LocalSigner::new)
}

/// The key of a file, which is made if it is absent.
pub(super) fn key_file(
    path: &Path,
    kind: Option<KeyKind>,
    password: &SecretBytes,
) -> Result<LocalSigner, CliError> {
    if path.symlink_metadata().is_err() {
        let key = PrivateKey::generate(kind.unwrap_or(DEFAULT_KIND)).context("a key cannot be made")?;
        let pem = encrypted(&key, password)?;
        match files::create(path, pem.as_bytes(), Readers::Owner) {
            // Whoever made it in the same moment has the key that is used.
            Err(_) if path.symlink_metadata().is_ok() => {}
            made => made?,
        }
    }
    let pem = SecretBytes::new(files::read(path)?);
    let key = PrivateKey::from_pem(pem.expose(), Some(password))
        .context(format_args!("--root-key: the key {} cannot be used", path.display()))?;
    let found = key.public_key().kind();
    match kind {
        Some(kind) if kind != found => Err(CliError::new(format!(
            "--root-key: the key {} is {found}, not {kind}; choose another file, or leave --key-spec out",
            path.display()
        ))),
        _ => Ok(LocalSigner::new(key)),
    }
}

const NOT_MADE: &str =
    "the key cannot be used, and only a key that is named alias/NAME, without an ARN, is made";

const DEFAULT_KIND: KeyKind = KeyKind::P256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_key_file_is_made_once_and_encrypted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let password = SecretBytes::new(b"secret".to_vec());

        let first = key_file(&path, None, &password).unwrap();
        let second = key_file(&path, None, &password).unwrap();

        assert_eq!(first.public_key(), second.public_key());
        assert!(std::fs::read_to_string(&path).unwrap().contains("ENCRYPTED"));
    }

    #[test]
    fn a_root_key_file_of_another_kind_or_password_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let password = SecretBytes::new(b"secret".to_vec());
        key_file(&path, Some(KeyKind::P384), &password).unwrap();

        let other_kind = key_file(&path, Some(KeyKind::P256), &password);
        let other_password = key_file(&path, None, &SecretBytes::new(b"wrong".to_vec()));

        assert!(other_kind.is_err_and(|error| error.to_string().contains("--key-spec")));
        assert!(other_password.is_err_and(|error| error.to_string().contains("root.key")));
    }
}
