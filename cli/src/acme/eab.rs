//! `stepless acme eab`: keys for external account binding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stepless_core::acme::{ExternalAccountKeys, ListedExternalAccountKey};
use stepless_core::clock::Timestamp;
use stepless_core::config::ProvisionerDetails;
use stepless_net::SystemRandom;

use super::table::{cell, columns, seconds};
use super::{Form, Place, json};
use crate::args::EabCommand;
use crate::error::{CliError, Context};

/// Does what is asked; what to print.
pub(super) async fn run(command: &EabCommand) -> Result<String, CliError> {
    match command {
        EabCommand::Add { provisioner, reference, store } => {
            add(&Place::open(store).await?, provisioner.as_deref(), reference, Form::of(store.json)).await
        }
        EabCommand::List { provisioner, store } => {
            list(&Place::open(store).await?, provisioner.as_deref(), Form::of(store.json)).await
        }
        EabCommand::Remove { id, provisioner, store } => {
            remove(&Place::open(store).await?, provisioner.as_deref(), id, Form::of(store.json)).await
        }
    }
}

/// Makes a key. Its secret is in the answer and nowhere else where it could be read again.
pub(super) async fn add(
    place: &Place,
    provisioner: Option<&str>,
    reference: &str,
    form: Form,
) -> Result<String, CliError> {
    let provisioner = place.named_or_only(provisioner)?;
    let (now, keys) = (place.now(), ExternalAccountKeys::new(&*place.store, &provisioner.token_id));
    let made = keys.add(reference, now, &SystemRandom).await.context("no key was made")?;
    let (id, hmac_key) = (made.key_id.as_str(), URL_SAFE_NO_PAD.encode(made.hmac_key.expose()));
    if form == Form::Json {
        return json(&KeyView {
            hmac_key: Some(&hmac_key),
            ..KeyView::new(&provisioner.name, id, reference, now)
        });
    }
    let is_required =
        matches!(&provisioner.details, ProvisionerDetails::Acme(options) if options.require_eab);
    let unneeded = match is_required {
        true => "",
        false => "The provisioner has no requireEAB: accounts can be made without a key too.\n",
    };
    Ok(format!(
        "Key id:   {id}\nHMAC key: {hmac_key}\n\nIt binds one account of the provisioner {:?}, and its secret is \
         not shown again.\n{unneeded}\n  certbot --eab-kid {id} --eab-hmac-key {hmac_key}\n  \
         lego --eab --kid {id} --hmac {hmac_key}\n",
        provisioner.name,
    ))
}

/// All keys, without their secrets.
pub(super) async fn list(place: &Place, provisioner: Option<&str>, form: Form) -> Result<String, CliError> {
    let provisioner = place.named_or_only(provisioner)?;
    let keys = ExternalAccountKeys::new(&*place.store, &provisioner.token_id);
    let found = keys.list().await.context("the keys cannot be listed")?;
    if form == Form::Json {
        let views = found.iter().map(|key| KeyView {
            account: key.bound.as_ref().map(|bound| bound.account.as_str()),
            bound_at: key.bound.as_ref().map(|bound| bound.at),
            ..KeyView::new(&provisioner.name, &key.key_id, &key.reference, key.created)
        });
        return json(&views.collect::<Vec<_>>());
    }
    if found.is_empty() {
        return Ok(format!("The provisioner {:?} has no keys.\n", provisioner.name));
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    Ok(columns(["ID", "CREATED", "BOUND", "ACCOUNT", "REFERENCE"], &rows))
}

fn row(key: &ListedExternalAccountKey) -> [String; 5] {
    let (bound, account) = match &key.bound {
        Some(bound) => (seconds(bound.at), bound.account.to_string()),
        None => ("-".to_owned(), "-".to_owned()),
    };
    [cell(&key.key_id), seconds(key.created), bound, account, cell(&key.reference)]
}

/// Removes a key; an error when there is none of that id.
pub(super) async fn remove(
    place: &Place,
    provisioner: Option<&str>,
    id: &str,
    form: Form,
) -> Result<String, CliError> {
    let provisioner = place.named_or_only(provisioner)?;
    let keys = ExternalAccountKeys::new(&*place.store, &provisioner.token_id);
    match keys.remove(id).await.context("the key was not removed")? {
        true if form == Form::Json => json(&Removed { provisioner: &provisioner.name, id }),
        true => Ok(format!("The key {id} is removed.\n")),
        false => Err(CliError::new(format!(
            "the provisioner {:?} has no key {id:?}; stepless acme eab list shows which it has",
            provisioner.name
        ))),
    }
}

/// A key as programs read it, with the names that step-ca's admin API has for its members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView<'a> {
    id: &'a str,
    provisioner: &'a str,
    reference: &'a str,
    /// Base64url without padding, as clients take it; only of a new key.
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_key: Option<&'a str>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_at: Option<Timestamp>,
}

impl<'a> KeyView<'a> {
    fn new(provisioner: &'a str, id: &'a str, reference: &'a str, created_at: Timestamp) -> Self {
        Self { id, provisioner, reference, hmac_key: None, created_at, account: None, bound_at: None }
    }
}

#[derive(Serialize)]
struct Removed<'a> {
    id: &'a str,
    provisioner: &'a str,
}
