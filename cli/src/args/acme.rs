//! What can be said to `stepless acme`.

use clap::{Args, Subcommand};
use stepless_aws::configuration::ConfigurationPlace;
use stepless_core::config::{GoDuration, TimeDuration};
use stepless_core::x509::SerialNumber;

/// What is to be managed.
#[derive(Debug, Subcommand)]
pub(crate) enum AcmeCommand {
    /// Keys for external account binding: who has one may make an account
    ///
    /// They are needed where a provisioner has requireEAB. A key binds one account, and is of no use afterwards.
    Eab {
        #[command(subcommand)]
        command: EabCommand,
    },
    /// Early renewal: ask clients to renew certificates before they would, as after an incident
    ///
    /// Clients that know RFC 9773 ask when to renew, at least every six hours, and are told the window of the first
    /// wish that speaks of their certificate.
    Renewal {
        #[command(subcommand)]
        command: RenewalCommand,
    },
}

/// Which store is changed.
#[derive(Debug, Args)]
pub(crate) struct AcmeStoreArguments {
    /// The configuration that names the store: a file, dynamodb:TABLE, s3://BUCKET/KEY or ssm:NAME;
    /// $STEPPATH/config/ca.json or ~/.step/config/ca.json when left out. An embedded store can be changed only while
    /// its server is stopped
    #[arg(long, value_name = "CA.JSON")]
    pub(crate) config: Option<ConfigurationPlace>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to be done with keys for external account binding.
#[derive(Debug, Subcommand)]
pub(crate) enum EabCommand {
    /// Make a key, and print it: the only time that its secret is shown
    Add {
        /// Name of the ACME provisioner; the only one when left out
        #[arg(long, value_name = "NAME")]
        provisioner: Option<String>,
        /// Whom the key is for, at most 256 characters
        #[arg(long, value_name = "TEXT", default_value = "", value_parser = reference, hide_default_value = true)]
        reference: String,
        #[command(flatten)]
        store: AcmeStoreArguments,
    },
    /// List the keys, without their secrets, and the accounts that were bound by them
    List {
        /// Name of the ACME provisioner; the only one when left out
        #[arg(long, value_name = "NAME")]
        provisioner: Option<String>,
        #[command(flatten)]
        store: AcmeStoreArguments,
    },
    /// Remove a key; an account that was bound by it stays
    Remove {
        /// Id of the key
        #[arg(value_name = "ID", allow_hyphen_values = true)]
        id: String,
        /// Name of the ACME provisioner; the only one when left out
        #[arg(long, value_name = "NAME")]
        provisioner: Option<String>,
        #[command(flatten)]
        store: AcmeStoreArguments,
    },
}

/// What is to be done with early renewal.
#[derive(Debug, Subcommand)]
pub(crate) enum RenewalCommand {
    /// Ask for early renewal of certificates: all that are named have to fit
    Ask(Box<AskArguments>),
    /// List what is asked for
    List {
        #[command(flatten)]
        store: AcmeStoreArguments,
    },
    /// Take back what was asked for
    Withdraw {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        store: AcmeStoreArguments,
    },
}

/// Arguments of `stepless acme renewal ask`.
#[derive(Debug, Args)]
pub(crate) struct AskArguments {
    /// What to call it
    #[arg(long)]
    pub(crate) name: String,
    /// Serial number of a certificate, decimal or with 0x; repeat it. Any certificate when left out
    #[arg(long = "serial", value_name = "SERIAL")]
    pub(crate) serials: Vec<SerialNumber>,
    /// Only certificates that were made before this instant, such as 2030-01-31T12:00:00Z, or -24h; now when left out
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) issued_before: Option<TimeDuration>,
    /// Only certificates of the ACME provisioner with this name
    #[arg(long, value_name = "NAME")]
    pub(crate) provisioner: Option<String>,
    /// How long clients have, from now on, such as 12h
    #[arg(long, value_name = "DURATION", required_unless_present_all = ["start", "end"])]
    pub(crate) within: Option<GoDuration>,
    /// When they may begin to renew: an instant, or a duration from now
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "within",
        requires = "end",
        allow_hyphen_values = true
    )]
    pub(crate) start: Option<TimeDuration>,
    /// When they should have renewed: an instant, or a duration from now
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "within",
        requires = "start",
        allow_hyphen_values = true
    )]
    pub(crate) end: Option<TimeDuration>,
    /// An http or https URL where people can read why
    #[arg(long, value_name = "URL")]
    pub(crate) explanation_url: Option<String>,
    #[command(flatten)]
    pub(crate) store: AcmeStoreArguments,
}

/// A text that a list shows on one line.
fn reference(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_REFERENCE || text.chars().any(char::is_control) {
        return Err(format!("at most {LONGEST_REFERENCE} characters, none of them a control character"));
    }
    Ok(text.to_owned())
}

/// Longest reference, in characters: a name and an address, not a document.
const LONGEST_REFERENCE: usize = 256;
