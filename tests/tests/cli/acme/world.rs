//! An authority, a person with ACME clients, and a name server that leads validations to the person's machine.

use std::{
    fmt, fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use stepless_localstack::port::ReservedAddress;
use stepless_tests::{CaFolder, programs, server::reserved_address};

use super::names::Names;
use crate::{
    authority::{Authority, Made},
    step::{Person, Said},
};

/// Where validations look, instead of at ports 80, 443 and 53.
pub(crate) struct Validation {
    /// Where http-01 is looked for.
    pub(crate) http: ReservedAddress,
    /// Where tls-alpn-01 is looked for.
    pub(crate) tls: ReservedAddress,
    /// The name server.
    pub(crate) resolver: SocketAddr,
}

/// All of it; gone when dropped.
pub(super) struct World {
    pub(super) authority: Authority,
    pub(super) person: Person,
    pub(super) names: Names,
    pub(super) validation: Validation,
}

impl World {
    /// An authority as `init --acme` leaves it.
    pub(super) fn new(made: Made) -> Self {
        Self::with(|validation| (Authority::start_acme(made, validation), ())).0
    }

    /// An authority whose ACME provisioner has these members more.
    pub(super) fn with_options(options: &Value) -> Self {
        Self::managed(options, &[]).0
    }

    /// As [`World::with_options`], and the operator ran these commands of `stepless acme`, which printed that.
    pub(super) fn managed(options: &Value, commands: &[&[&str]]) -> (Self, Vec<Value>) {
        Self::with(|validation| Authority::start_acme_on(folder_with(options), validation, commands))
    }

    fn with<T>(start: impl FnOnce(&Validation) -> (Authority, T)) -> (Self, T) {
        let person = Person::new();
        let names = Names::start();
        let validation =
            Validation { http: reserved_address(), tls: reserved_address(), resolver: names.address() };
        let (authority, more) = start(&validation);
        person.meet(&authority);
        (Self { authority, person, names, validation }, more)
    }

    /// The operator runs a command of `stepless acme`. If the server has to stop for it, another one takes its place,
    /// at another port, and certbot follows it there.
    pub(super) fn manage(self, command: &[&str]) -> Self {
        let Self { authority, person, names, validation } = self;
        let before = authority.server.address().port().to_string();
        let authority = authority.manage_acme(&validation, command);
        let after = authority.server.address().port().to_string();
        if before != after {
            person.program("sh", &["-ec", FOLLOW, "sh", &before, &after]);
        }
        Self { authority, person, names, validation }
    }

    /// The directory of the provisioner.
    pub(super) fn directory(&self) -> String {
        format!("{}/acme/acme/directory", self.authority.server.url())
    }

    /// Runs certbot, which has to succeed; gives what it says.
    #[track_caller]
    pub(super) fn certbot(&self, arguments: &[&str]) -> String {
        let said = self.certbot_says(arguments);
        assert!(said.succeeded, "certbot {arguments:?} failed:\n{}", self.told(&said));
        said.stdout
    }

    /// Runs certbot, which has to fail; gives what it says about it.
    #[track_caller]
    pub(super) fn certbot_fails(&self, arguments: &[&str]) -> Complaint {
        let said = self.certbot_says(arguments);
        assert!(!said.succeeded, "certbot {arguments:?} succeeded:\n{}", self.told(&said));
        let log = self.certbot_log();
        // The last line of a traceback: what certbot made of the problem document.
        let raised = log.lines().filter_map(|line| line.strip_prefix("acme.messages.Error: "));
        Complaint::new(&said, raised.filter_map(|error| error.split(' ').next()))
    }

    pub(super) fn certbot_says(&self, arguments: &[&str]) -> Said {
        let mut command = self.client(&programs::certbot());
        command.args(arguments).args(["--non-interactive", "--no-random-sleep-on-renew"]);
        for (flag, folder) in CERTBOT_FOLDERS {
            command.arg(flag).arg(self.person.file(folder));
        }
        // A renewal finds server, account and solver in what certbot kept of the certificate.
        if arguments.first() != Some(&"renew") {
            command.args(["--server", &self.directory()]);
        }
        run(&mut command)
    }

    /// The arguments with which certbot asks for a certificate by http-01.
    pub(super) fn standalone(&self) -> Vec<String> {
        let port = self.validation.http.address().port().to_string();
        ["certonly", "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", &port]
            .into_iter()
            .chain(NEW_ACCOUNT)
            .map(Into::into)
            .collect()
    }

    /// As [`World::certbot`], for a certificate by http-01.
    #[track_caller]
    pub(super) fn certbot_by_http(&self, more: &[&str]) -> String {
        let standalone = self.standalone();
        self.certbot(&[&texts(&standalone), more].concat())
    }

    /// As [`World::certbot_fails`], for a certificate by http-01.
    #[track_caller]
    pub(super) fn certbot_by_http_fails(&self, more: &[&str]) -> Complaint {
        let standalone = self.standalone();
        self.certbot_fails(&[&texts(&standalone), more].concat())
    }

    /// A file of a certificate of certbot's (`cert`, `fullchain`, `privkey`).
    pub(super) fn of_certbot(&self, name: &str, what: &str) -> String {
        format!("certbot/config/live/{name}/{what}.pem")
    }

    /// Runs lego, which has to succeed; gives what it says.
    #[track_caller]
    pub(super) fn lego(&self, arguments: &[&str]) -> String {
        let said = self.lego_says(arguments);
        assert!(said.succeeded, "lego {arguments:?} failed:\n{}", self.told(&said));
        format!("{}{}", said.stdout, said.stderr)
    }

    /// Runs lego, which has to fail; gives what it says about it.
    #[track_caller]
    pub(super) fn lego_fails(&self, arguments: &[&str]) -> Complaint {
        let said = self.lego_says(arguments);
        assert!(!said.succeeded, "lego {arguments:?} succeeded:\n{}", self.told(&said));
        let text = format!("{}{}", said.stdout, said.stderr);
        // "acme: error: 400 :: urn:ietf:params:acme:error:badCSR :: what was wrong"
        Complaint::new(&said, text.split(" :: "))
    }

    fn lego_says(&self, arguments: &[&str]) -> Said {
        let mut command = self.client(&programs::installed("lego"));
        command.args(["--server", &self.directory(), "--accept-tos", "--email", MAIL, "--path", "lego"]);
        run(command.args(arguments))
    }

    /// A client that trusts this authority's root, and whose hooks find the name server.
    fn client(&self, program: &Path) -> Command {
        let mut command = self.person.command(program);
        command
            .env("REQUESTS_CA_BUNDLE", self.authority.root_file())
            .env("LEGO_CA_CERTIFICATES", self.authority.root_file())
            .env("NAMES", self.names.address().to_string())
            .env("EXEC_PATH", self.person.file("hook"))
            // Several names are one after the other, and lego waits a minute between them.
            .env("EXEC_SEQUENCE_INTERVAL", "1")
            .env("EXEC_POLLING_INTERVAL", "1");
        command
    }

    /// A script of the person's; gives its path.
    pub(super) fn script(&self, name: &str, text: &str) -> PathBuf {
        self.person.write(name, text);
        let path = self.person.file(name);
        let permissions = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&path, permissions).expect("the folder is ours");
        path
    }

    /// What certbot logged of its last run.
    fn certbot_log(&self) -> String {
        fs::read_to_string(self.person.file("certbot/logs/letsencrypt.log")).unwrap_or_default()
    }

    /// What a client said, and what certbot wrote in its log.
    fn told(&self, said: &Said) -> String {
        let log = self.certbot_log();
        let lines: Vec<&str> = log.lines().collect();
        format!("{}{}\n{}", said.stdout, said.stderr, lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

/// What a client that failed told its user.
pub(super) struct Complaint {
    /// What it printed.
    pub(super) text: String,
    /// The types of the problem documents that it understood, without the prefix of ACME's.
    pub(super) problems: Vec<String>,
}

impl Complaint {
    /// `types` may hold words that are none.
    fn new<'a>(said: &Said, types: impl Iterator<Item = &'a str>) -> Self {
        let known = types.filter_map(|kind| kind.trim().strip_prefix(ACME_ERROR));
        let mut problems: Vec<String> = known.map(Into::into).collect();
        // One error may be told twice.
        problems.dedup();
        Self { text: format!("{}{}", said.stdout, said.stderr), problems }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\n{}", self.problems, self.text)
    }
}

/// A folder of `step ca init --acme` whose ACME provisioner has these members more.
fn folder_with(options: &Value) -> CaFolder {
    let folder = CaFolder::init(&["--acme"]);
    folder.edit(|config| {
        let provisioners =
            config["authority"]["provisioners"].as_array_mut().expect("there are provisioners");
        let acme =
            provisioners.iter_mut().find(|one| one["type"] == "ACME").expect("one of them is for ACME");
        for (name, value) in options.as_object().into_iter().flatten() {
            acme[name] = value.clone();
        }
    });
    folder
}

fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { succeeded: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Borrowed, as commands want them.
pub(super) fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// What certbot keeps of a server at port `$1` is said of port `$2`.
const FOLLOW: &str = r#"
cd certbot/config
mv "accounts/localhost:$1" "accounts/localhost:$2"
grep -rl "localhost:$1" . | xargs sed -i "s/localhost:$1/localhost:$2/g"
"#;

/// What a person without an account says to certbot.
pub(super) const NEW_ACCOUNT: [&str; 4] = ["--agree-tos", "--no-eff-email", "-m", MAIL];

/// What stands before every type of the registry ([RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7)).
const ACME_ERROR: &str = "urn:ietf:params:acme:error:";

/// A person's.
const MAIL: &str = "person@mail.example";

/// Where certbot keeps what it has.
const CERTBOT_FOLDERS: [(&str, &str); 3] =
    [("--config-dir", "certbot/config"), ("--work-dir", "certbot/work"), ("--logs-dir", "certbot/logs")];
