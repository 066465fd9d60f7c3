//! What can be said on the command line.

mod acme;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use stepless_aws::configuration::ConfigurationPlace;
use stepless_core::key::{KeyKind, ParameterSet};

pub(crate) use acme::{AcmeCommand, AcmeStoreArguments, AskArguments, EabCommand, RenewalCommand};

/// A certificate authority without a server.
///
/// stepless speaks step-ca's protocol: the `step` command and a `ca.json` work with it as they are.
#[derive(Debug, Parser)]
#[command(name = "stepless", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new certificate authority: root, intermediate, provisioner and ca.json
    ///
    /// In a folder, with the layout of `step ca init`, or with --kms and --store on AWS. Nothing that is there already
    /// is overwritten; on AWS a second run finds what the first one made, and prints the same fingerprint.
    Init(Box<InitArguments>),
    /// Serve the certificate authority of a ca.json
    Serve(ServeArguments),
    /// Make a certificate authority if there is none, serve it, and get a first certificate from it
    Quickstart(QuickstartArguments),
    /// Read, check and change a configuration where it lies: a file, dynamodb:TABLE, s3://BUCKET/KEY or ssm:NAME
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manage what only an operator may for ACME: keys for external account binding, and early renewal
    Acme {
        #[command(subcommand)]
        command: AcmeCommand,
    },
    /// Print a script that completes stepless commands in a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// Arguments of `stepless init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Folder of the new authority; it may exist, its files may not
    #[arg(long, value_name = "FOLDER", default_value = ".", conflicts_with = "kms")]
    pub(crate) dir: PathBuf,
    /// Name of the authority, part of its certificates' names
    #[arg(long)]
    pub(crate) name: String,
    /// DNS name or IP address that clients reach the authority by; repeat it, or give a list with commas. With --from
    /// it takes the place of the names there
    #[arg(long, value_name = "NAME", value_delimiter = ',', required_unless_present = "from")]
    pub(crate) dns: Vec<String>,
    /// Where the authority will listen, such as 127.0.0.1:9000 or :443; the latter when left out with --kms
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "kms")]
    pub(crate) address: Option<String>,
    /// Name of the first provisioner, whose password mints tokens
    #[arg(long, value_name = "NAME", required_unless_present = "from", conflicts_with = "from")]
    pub(crate) provisioner: Option<String>,
    /// Add an ACME provisioner with the name acme, for certbot, lego and other ACME clients
    #[arg(long, conflicts_with = "from")]
    pub(crate) acme: bool,
    /// File with the password of the keys and of the provisioner; asked for when left out
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

/// Arguments of `stepless init` for an authority on AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "On AWS")]
pub(crate) struct AwsArguments {
    /// Keep the keys in AWS KMS, reached so: awskms:region=REGION;profile=PROFILE, or awskms: as the environment says
    #[arg(long, value_name = "URI", requires = "store")]
    pub(crate) kms: Option<String>,
    /// The table: dynamodb:TABLE or dynamodb:table=TABLE;region=REGION
    #[arg(long, value_name = "TABLE", requires = "kms")]
    pub(crate) store: Option<String>,
    /// Where the configuration goes: dynamodb:TABLE, s3://BUCKET/KEY, ssm:NAME or a file; the table when left out
    #[arg(long, value_name = "LOCATION", requires = "kms")]
    pub(crate) config: Option<String>,
    /// Key of the root: awskms:key-id=alias/NAME, made if there is none, or a file, made encrypted if it is absent
    #[arg(long, value_name = "KEY", default_value = "awskms:key-id=alias/stepless-root", requires = "kms")]
    pub(crate) root_key: String,
    /// Key of the issuer: awskms:key-id=alias/NAME, made if there is none
    #[arg(long, value_name = "KEY", default_value = "awskms:key-id=alias/stepless-issuer", requires = "kms")]
    pub(crate) issuer_key: String,
    /// What keys are made as; P-256 when left out
    #[arg(long, value_name = "SPEC", requires = "kms")]
    pub(crate) key_spec: Option<KeySpec>,
    /// File that the root certificate is written to as well
    #[arg(long, value_name = "FILE", requires = "kms")]
    pub(crate) root_out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) moving: MovingArguments,
}

/// Arguments of `stepless init` for an authority that is there already, and moves to AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "Moving to AWS")]
pub(crate) struct MovingArguments {
    /// File of an existing root certificate, which stays the root; its key is that of --root-key
    #[arg(long, value_name = "FILE", requires_all = ["kms", "root_key"])]
    pub(crate) root: Option<PathBuf>,
    /// File with the password of the existing root's key; that of --password-file when left out
    #[arg(long, value_name = "FILE", requires = "root")]
    pub(crate) root_password_file: Option<PathBuf>,
    /// A ca.json whose provisioners, claims, names and templates the new configuration takes over
    #[arg(long, value_name = "CA.JSON", requires = "root")]
    pub(crate) from: Option<PathBuf>,
}

/// What a new key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
pub(crate) enum KeySpec {
    #[value(name = "P-256")]
    P256,
    #[value(name = "P-384")]
    P384,
    #[value(name = "P-521")]
    P521,
    #[value(name = "RSA-2048")]
    Rsa2048,
    #[value(name = "RSA-3072")]
    Rsa3072,
    #[value(name = "RSA-4096")]
    Rsa4096,
    #[value(name = "Ed25519")]
    Ed25519,
    #[value(name = "ML-DSA-44")]
    MlDsa44,
    #[value(name = "ML-DSA-65")]
    MlDsa65,
    #[value(name = "ML-DSA-87")]
    MlDsa87,
}

impl From<KeySpec> for KeyKind {
    fn from(spec: KeySpec) -> Self {
        match spec {
            KeySpec::P256 => Self::P256,
            KeySpec::P384 => Self::P384,
            KeySpec::P521 => Self::P521,
            KeySpec::Rsa2048 => Self::Rsa { bits: 2048 },
            KeySpec::Rsa3072 => Self::Rsa { bits: 3072 },
            KeySpec::Rsa4096 => Self::Rsa { bits: 4096 },
            KeySpec::Ed25519 => Self::Ed25519,
            KeySpec::MlDsa44 => Self::MlDsa(ParameterSet::MlDsa44),
            KeySpec::MlDsa65 => Self::MlDsa(ParameterSet::MlDsa65),
            KeySpec::MlDsa87 => Self::MlDsa(ParameterSet::MlDsa87),
        }
    }
}

/// Arguments of `stepless serve`, named as those of step-ca.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The configuration: a file, dynamodb:TABLE, s3://BUCKET/KEY or ssm:NAME; $STEPPATH/config/ca.json or
    /// ~/.step/config/ca.json when left out
    #[arg(value_name = "CA.JSON")]
    pub(crate) config: Option<ConfigurationPlace>,
    /// File with the password of the intermediate's key
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// File with the password of the SSH host key; not read, for SSH is not served yet
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_host_password_file: Option<PathBuf>,
    /// File with the password of the SSH user key; not read, for SSH is not served yet
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_user_password_file: Option<PathBuf>,
    /// Allow what is only fit for tests: other ports for ACME challenges, and challenges that lead to this machine
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Port that http-01 challenges are looked for at, instead of 80
    #[arg(long, value_name = "PORT", requires = "insecure")]
    pub(crate) acme_http_port: Option<u16>,
    /// Port that tls-alpn-01 challenges are looked for at, instead of 443
    #[arg(long, value_name = "PORT", requires = "insecure")]
    pub(crate) acme_tls_port: Option<u16>,
    /// DNS server that ACME challenges are looked up at, instead of those of the system
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) resolver: Option<String>,
    /// Refuse a configuration with keys that are not known instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Arguments of `stepless quickstart`.
#[derive(Debug, Args)]
pub(crate) struct QuickstartArguments {
    /// Folder of the authority, made if there is none in it
    #[arg(long, value_name = "FOLDER", default_value = "stepless-ca")]
    pub(crate) dir: PathBuf,
    /// Name of a new authority
    #[arg(long, default_value = "Quickstart")]
    pub(crate) name: String,
    /// Names and addresses of a new authority
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "localhost,127.0.0.1")]
    pub(crate) dns: Vec<String>,
    /// Where a new authority listens; an existing one listens where its ca.json says
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) address: String,
    /// Name of a new authority's provisioner
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub(crate) provisioner: String,
    /// File with the password; made, with a random password, as secrets/password in the folder when left out
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// What is to be done with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration
    Show {
        /// Where it lies
        #[arg(value_name = "LOCATION")]
        place: ConfigurationPlace,
    },
    /// Check a configuration as the authority would when it starts
    Check {
        /// Where it lies; - for standard input
        #[arg(value_name = "LOCATION")]
        place: ConfigurationPlace,
        #[command(flatten)]
        checks: CheckArguments,
    },
    /// Check a configuration, and put it in the place of the one that is there
    ///
    /// If somebody else has changed the configuration in the meantime, theirs stays. A file and an SSM parameter are
    /// looked at right before they are written: of two changes in the same moment the later one stays.
    Set {
        /// Where it goes
        #[arg(value_name = "LOCATION")]
        place: ConfigurationPlace,
        /// The file to put there; - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// There is none yet
        #[arg(long)]
        new: bool,
        /// It may be of another authority than the one that is there: with none of its roots
        #[arg(long, conflicts_with = "new")]
        other_root: bool,
        #[command(flatten)]
        checks: CheckArguments,
    },
}

/// How closely a configuration is looked at.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Refuse a configuration with keys that are not known instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
    /// Do not ask KMS whether the issuer's certificate is for the key
    #[arg(long = "no-check-key")]
    pub(crate) skip_asking: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The ids of the arguments of a command and of all below it.
    fn arguments(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().map(|argument| argument.get_id().to_string());
        own.chain(command.get_subcommands().flat_map(arguments)).collect()
    }

    /// Every user of a machine sees the arguments of every process.
    #[test]
    fn o12_no_argument_is_a_password() {
        let command = Arguments::command();
        // They say where a key lies, or what it is.
        let places = ["root_key", "issuer_key", "key_spec"];

        let about_passwords: Vec<_> = arguments(&command)
            .into_iter()
            .filter(|id| !places.contains(&id.as_str()))
            .filter(|id| ["password", "secret", "key", "pin", "token"].iter().any(|word| id.contains(word)))
            .collect();

        assert!(!about_passwords.is_empty());
        assert!(about_passwords.iter().all(|id| id.ends_with("password_file")), "{about_passwords:?}");
    }
}
