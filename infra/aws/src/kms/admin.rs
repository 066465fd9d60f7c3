//! Keys for a new authority: found by their alias, or made. Needs rights that no function has.

use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::types::{KeyMetadata, KeyState, KeyUsageType, Tag};
use stepless_core::key::KeyKind;
use thiserror::Error;
use tracing::warn;

use super::error::KmsError;
use super::{KeyId, spec};

/// A key that shall exist.
#[derive(Clone, Debug)]
pub struct WantedKey {
    /// The alias it is found by: `alias/NAME`, with a name of letters, digits, `/`, `_` and `-`.
    pub alias: KeyId,
    /// What it is.
    pub kind: KeyKind,
    /// What the console shows.
    pub description: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A key that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnsuredKey {
    /// Its ARN.
    pub arn: KeyId,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It had the alias before.
    Found,
    /// It was made by this call.
    Made,
}

/// Why there is no such key.
#[derive(Debug, Error)]
pub enum EnsureKeyError {
    /// The alias is not one that may be made.
    #[error("{0} is not the name of an alias: use alias/NAME, where NAME does not begin with aws/")]
    Alias(KeyId),
    /// KMS makes no keys of that kind.
    #[error("KMS makes no {0} keys")]
    Kind(KeyKind),
    /// The alias leads to another kind of key.
    #[error(
        "{alias} is a key of spec {found} and usage {usage}, not a signing key of spec {wanted}; choose another alias"
    )]
    OtherKind {
        /// The alias.
        alias: KeyId,
        /// The spec of the key behind it.
        found: String,
        /// The usage of the key behind it.
        usage: String,
        /// The spec that was asked for.
        wanted: String,
    },
    /// The alias leads to a key that cannot be used.
    #[error("the key {arn} behind {alias} is {state}, not enabled; enable it, or choose another alias")]
    NotEnabled {
        /// The alias.
        alias: KeyId,
        /// The key.
        arn: KeyId,
        /// Its state.
        state: String,
    },
    /// KMS left out what it promises to say.
    #[error("the answer of {0} is incomplete")]
    Incomplete(&'static str),
    /// A call failed.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// A key was made, and nobody knows whether it got its alias. It stays: it may be in use.
    #[error(
        "the new key {made} may or may not have got its alias, which leads nowhere for the moment; run the same \
         command again in a minute, and if it makes another key, delete this one"
    )]
    Unsettled {
        /// The key.
        made: KeyId,
        /// What naming it said.
        #[source]
        source: KmsError,
    },
    /// A key was made, and neither got its alias nor can be deleted.
    #[error("the new key {orphan} got no alias, and its deletion could not be scheduled; delete it by hand")]
    Orphan {
        /// The key.
        orphan: KeyId,
        /// What deleting it said.
        #[source]
        source: KmsError,
    },
}

/// Finds the signing key of an alias, or makes it. However often and from however many places this runs, one key gets
/// the alias; a key that lost the race for it is deleted after seven days, the shortest that KMS allows. A key that may
/// have the alias is never deleted. A process that dies between making a key and naming it leaves a key without an alias.
///
/// Needs `kms:DescribeKey`, `kms:CreateKey`, `kms:CreateAlias`, `kms:ScheduleKeyDeletion`, and `kms:TagResource` if
/// there are tags.
///
/// # Errors
/// [`EnsureKeyError`]; a key that is there but cannot be used is never replaced.
pub async fn ensure_key(client: &Client, wanted: &WantedKey) -> Result<EnsuredKey, EnsureKeyError> {
    let is_alias = wanted
        .alias
        .as_str()
        .strip_prefix("alias/")
        .is_some_and(|name| !name.is_empty() && !name.starts_with("aws/") && !name.contains(':'));
    if !is_alias {
        return Err(EnsureKeyError::Alias(wanted.alias.clone()));
    }
    if let Some(found) = find(client, wanted).await? {
        return Ok(found);
    }
    let made = make(client, wanted).await?;
    let once = aws_sdk_kms::config::Builder::new().retry_config(RetryConfig::disabled());
    let named = client
        .create_alias()
        .alias_name(wanted.alias.as_str())
        .target_key_id(made.as_str())
        .customize()
        .config_override(once)
        .send()
        .await;
    let error = match named {
        Ok(_) => return Ok(EnsuredKey { arn: made, origin: Origin::Made }),
        Err(error) => error,
    };
    // One attempt, so that such an answer is about this request and no earlier one.
    let refused = error.as_service_error().is_some_and(|refusal| !refusal.is_already_exists_exception())
        && error.raw_response().is_some_and(|answer| answer.status().is_client_error());
    if refused {
        discard(client, &made).await?;
        return Err(KmsError::of_call(client, &wanted.alias, "kms:CreateAlias", error).into());
    }
    // An alias whose answer was lost may lead to this very key, and KMS shows a new alias everywhere only after a while.
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        let key = match describe(client, wanted).await {
            Ok(Some(key)) => key,
            Ok(None) => continue,
            Err(error) => {
                warn!(alias = %wanted.alias, key = %made, %error, "the key of an alias cannot be looked up");
                continue;
            }
        };
        if arn(&key, "kms:DescribeKey")? == made {
            return Ok(EnsuredKey { arn: made, origin: Origin::Made });
        }
        discard(client, &made).await?;
        return check(&key, wanted);
    }
    let source = KmsError::of_call(client, &wanted.alias, "kms:CreateAlias", error);
    Err(EnsureKeyError::Unsettled { made, source })
}

/// The key of the alias, if it has one and that is what is wanted.
async fn find(client: &Client, wanted: &WantedKey) -> Result<Option<EnsuredKey>, EnsureKeyError> {
    describe(client, wanted).await?.map(|key| check(&key, wanted)).transpose()
}

/// What the alias leads to, if there is one.
async fn describe(client: &Client, wanted: &WantedKey) -> Result<Option<KeyMetadata>, EnsureKeyError> {
    let described = match client.describe_key().key_id(wanted.alias.as_str()).send().await {
        Ok(described) => described,
        Err(error) if error.as_service_error().is_some_and(|refusal| refusal.is_not_found_exception()) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(KmsError::of_call(client, &wanted.alias, "kms:DescribeKey", error).into());
        }
    };
    described.key_metadata.map(Some).ok_or(EnsureKeyError::Incomplete("kms:DescribeKey"))
}

/// Whether a key that the alias leads to is what is wanted.
fn check(key: &KeyMetadata, wanted: &WantedKey) -> Result<EnsuredKey, EnsureKeyError> {
    let arn = arn(key, "kms:DescribeKey")?;
    let spec = spec::key_spec(wanted.kind).ok_or(EnsureKeyError::Kind(wanted.kind))?;
    if key.key_spec() != Some(&spec) || key.key_usage() != Some(&KeyUsageType::SignVerify) {
        let text = |name: Option<&str>| name.unwrap_or("unknown").to_owned();
        return Err(EnsureKeyError::OtherKind {
            alias: wanted.alias.clone(),
            found: text(key.key_spec().map(|spec| spec.as_str())),
            usage: text(key.key_usage().map(|usage| usage.as_str())),
            wanted: spec.as_str().to_owned(),
        });
    }
    match key.key_state() {
        Some(KeyState::Enabled) => Ok(EnsuredKey { arn, origin: Origin::Found }),
        state => Err(EnsureKeyError::NotEnabled {
            alias: wanted.alias.clone(),
            arn,
            state: state.map_or("in an unknown state", |state| state.as_str()).to_owned(),
        }),
    }
}

async fn make(client: &Client, wanted: &WantedKey) -> Result<KeyId, EnsureKeyError> {
    let spec = spec::key_spec(wanted.kind).ok_or(EnsureKeyError::Kind(wanted.kind))?;
    let mut request = client
        .create_key()
        .key_usage(KeyUsageType::SignVerify)
        .key_spec(spec)
        .description(&wanted.description);
    for (name, value) in &wanted.tags {
        let tag = Tag::builder().tag_key(name).tag_value(value).build();
        request = request.tags(tag.map_err(|_| EnsureKeyError::Incomplete("a tag"))?);
    }
    let made = request
        .send()
        .await
        .map_err(|error| KmsError::of_call(client, &wanted.alias, "kms:CreateKey", error))?;
    let key = made.key_metadata().ok_or(EnsureKeyError::Incomplete("kms:CreateKey"))?;
    arn(key, "kms:CreateKey")
}

/// Has a key deleted that nobody has used.
async fn discard(client: &Client, orphan: &KeyId) -> Result<(), EnsureKeyError> {
    let scheduled = client
        .schedule_key_deletion()
        .key_id(orphan.as_str())
        .pending_window_in_days(SHORTEST_DELETION_DAYS)
        .send()
        .await;
    match scheduled {
        Ok(_) => Ok(()),
        Err(error) => Err(EnsureKeyError::Orphan {
            orphan: orphan.clone(),
            source: KmsError::of_call(client, orphan, "kms:ScheduleKeyDeletion", error),
        }),
    }
}

fn arn(key: &KeyMetadata, operation: &'static str) -> Result<KeyId, EnsureKeyError> {
    let text = key.arn().unwrap_or_else(|| key.key_id());
    text.parse().map_err(|_| EnsureKeyError::Incomplete(operation))
}

/// [`PendingWindowInDays`](https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html#KMS-ScheduleKeyDeletion-request-PendingWindowInDays).
const SHORTEST_DELETION_DAYS: i32 = 7;

/// Before each look at an alias that may have been made.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
