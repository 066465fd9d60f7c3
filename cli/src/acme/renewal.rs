//! `stepless acme renewal`: certificates whose holders are asked to renew early.

use serde::Serialize;
use stepless_core::acme::{EarlyRenewal, EarlyRenewals};
use stepless_core::clock::Timestamp;
use stepless_core::config::TimeDuration;
use stepless_core::x509::SerialNumber;

use super::table::{cell, columns, seconds};
use super::{Form, Place, json};
use crate::args::{AskArguments, RenewalCommand};
use crate::error::{CliError, Context};

/// Does what is asked; what to print.
pub(super) async fn run(command: &RenewalCommand) -> Result<String, CliError> {
    match command {
        RenewalCommand::Ask(arguments) => ask(&Place::open(&arguments.store).await?, arguments).await,
        RenewalCommand::List { store } => list(&Place::open(store).await?, Form::of(store.json)).await,
        RenewalCommand::Withdraw { name, store } => {
            withdraw(&Place::open(store).await?, name, Form::of(store.json)).await
        }
    }
}

/// Asks for early renewal.
pub(super) async fn ask(place: &Place, arguments: &AskArguments) -> Result<String, CliError> {
    let now = place.now();
    let provisioner = match &arguments.provisioner {
        Some(name) => Some(place.named(name)?.token_id.clone()),
        None => None,
    };
    let (start, end) = match (arguments.within, arguments.start, arguments.end) {
        (Some(within), _, _) => (now, instant("--within", Some(TimeDuration::After(within)), now)?),
        (None, start, end) => (instant("--start", start, now)?, instant("--end", end, now)?),
    };
    let wish = EarlyRenewal {
        name: arguments.name.clone(),
        provisioner,
        issued_before: instant("--issued-before", arguments.issued_before, now)?,
        serials: arguments.serials.clone(),
        start,
        end,
        explanation_url: arguments.explanation_url.clone(),
    };
    let wishes = EarlyRenewals::new(&*place.store);
    wishes.add(wish.clone(), now).await.context("nothing is asked for")?;
    if arguments.store.json {
        return json(&WishView::new(place, &wish));
    }
    Ok(format!(
        "Clients that know RFC 9773 are told from now on to renew between {} and {}: those with {}. They ask at \
         least every six hours.\n",
        seconds(wish.start),
        seconds(wish.end),
        which(&WishView::new(place, &wish)),
    ))
}

/// What is asked for.
pub(super) async fn list(place: &Place, form: Form) -> Result<String, CliError> {
    let wishes = EarlyRenewals::new(&*place.store).list().await.context("the wishes cannot be listed")?;
    let views = wishes.iter().map(|wish| WishView::new(place, wish)).collect::<Vec<_>>();
    if form == Form::Json {
        return json(&views);
    }
    if views.is_empty() {
        return Ok("No early renewal is asked for.\n".to_owned());
    }
    let rows = views.iter().map(|view| {
        let explanation = view.explanation_url.map_or_else(|| "-".to_owned(), cell);
        [cell(view.name), seconds(view.start), seconds(view.end), which(view), explanation]
    });
    Ok(columns(["NAME", "START", "END", "WHICH", "EXPLANATION"], &rows.collect::<Vec<_>>()))
}

/// Takes a wish back; an error when there is none of that name.
pub(super) async fn withdraw(place: &Place, name: &str, form: Form) -> Result<String, CliError> {
    match EarlyRenewals::new(&*place.store).withdraw(name).await.context("nothing was withdrawn")? {
        true if form == Form::Json => json(&Withdrawn { name }),
        true => Ok(format!("{name:?} is withdrawn: clients are told their usual windows again.\n")),
        false => Err(CliError::new(format!(
            "no early renewal with the name {name:?} is asked for; stepless acme renewal list shows what is"
        ))),
    }
}

/// The instant that is meant; now where none is.
fn instant(flag: &str, said: Option<TimeDuration>, now: Timestamp) -> Result<Timestamp, CliError> {
    Ok(said.unwrap_or_default().resolve(now).context(flag)?.unwrap_or(now))
}

/// The certificates of a wish in words.
fn which(view: &WishView<'_>) -> String {
    let serials = match view.serials {
        [] => "any serial number".to_owned(),
        [one] => format!("the serial number {one}"),
        many => format!("{} serial numbers", many.len()),
    };
    let provisioner = view.provisioner.map(|name| format!(" of {}", cell(name))).unwrap_or_default();
    format!("{serials}{provisioner}, made before {}", seconds(view.issued_before))
}

/// A wish as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WishView<'a> {
    name: &'a str,
    /// The name of the provisioner; its id, if the configuration has it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioner: Option<&'a str>,
    issued_before: Timestamp,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    serials: &'a [SerialNumber],
    start: Timestamp,
    end: Timestamp,
    #[serde(rename = "explanationURL", skip_serializing_if = "Option::is_none")]
    explanation_url: Option<&'a str>,
}

impl<'a> WishView<'a> {
    fn new(place: &'a Place, wish: &'a EarlyRenewal) -> Self {
        let name = |id: &'a str| {
            let found = place.acme_provisioners().find(|provisioner| provisioner.token_id == id);
            found.map_or(id, |provisioner| provisioner.name.as_str())
        };
        Self {
            name: &wish.name,
            provisioner: wish.provisioner.as_deref().map(name),
            issued_before: wish.issued_before,
            serials: &wish.serials,
            start: wish.start,
            end: wish.end,
            explanation_url: wish.explanation_url.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Withdrawn<'a> {
    name: &'a str,
}
