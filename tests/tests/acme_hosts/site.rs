//! A company's network: an authority at `ca.corp.example`, a name server, and machines that want certificates.

use std::{
    fs,
    net::IpAddr,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stepless_tests::{CaFolder, Program, programs};

use crate::network::{Host, Network, Said};

/// The network and its hosts; the borrow is of the network.
pub(crate) struct Site<'a> {
    pub(crate) ca: Host<'a>,
    /// In the network of the authority.
    pub(crate) web: Host<'a>,
    /// In another one, and with addresses at which no honest web server is.
    pub(crate) far: Host<'a>,
    folder: CaFolder,
    /// Kept for as long as they are to run.
    _servers: [Child; 2],
}

impl<'a> Site<'a> {
    /// Everything up and running. The ACME provisioner has these members more.
    pub(crate) fn new(network: &'a Network, options: &Value) -> Self {
        let host = |name, addresses: &[&str]| {
            let addresses: Vec<IpAddr> =
                addresses.iter().map(|address| address.parse().expect("an address")).collect();
            network.host(name, &addresses)
        };
        let ca = host("ca", &["10.77.0.10", "fd77::10"]);
        let dns = host("dns", &[NAME_SERVER, "fd77::53"]);
        let web = host("web", &["10.77.0.21", "fd77::21"]);
        let far = host("far", &["192.168.77.22", METADATA, METADATA_V6]);
        let name_server = serve_names(&dns);
        let folder = folder(options);
        let authority = serve(&ca, &folder);
        let site = Self { ca, web, far, folder, _servers: [name_server, authority] };
        site.wait_for_both();
        site
    }

    /// A network for it.
    pub(crate) fn network() -> Network {
        Network::new(NAME_SERVER)
    }

    pub(crate) fn root_file(&self) -> String {
        self.folder.path().join("certs/root_ca.crt").display().to_string()
    }

    /// Runs certbot on a host, as `certonly`.
    pub(crate) fn certbot(&self, host: &Host<'_>, arguments: &[&str]) -> Said {
        let home = host.home();
        let mut words = vec!["certonly", "--non-interactive", "--agree-tos", "--no-eff-email"];
        words.extend(["-m", MAIL, "--server", DIRECTORY]);
        let folders = ["config", "work", "logs"].map(|name| home.join("certbot").join(name));
        let folders = folders.each_ref().map(|path| path.to_str().expect("a path of ours is text"));
        words.extend(["--config-dir", folders[0], "--work-dir", folders[1], "--logs-dir", folders[2]]);
        words.extend(arguments);
        self.client(host, &programs::certbot(), &words)
    }

    /// Runs lego on a host.
    pub(crate) fn lego(&self, host: &Host<'_>, arguments: &[&str]) -> Said {
        let mut words = vec!["--server", DIRECTORY, "--accept-tos", "--email", MAIL, "--path", "lego"];
        words.extend(arguments);
        self.client(host, &programs::installed("lego"), &words)
    }

    /// Runs a client that is to trust the authority's root and to know where names are changed.
    pub(crate) fn client(&self, host: &Host<'_>, program: &Path, arguments: &[&str]) -> Said {
        let root = self.root_file();
        let environment = [
            format!("REQUESTS_CA_BUNDLE={root}"),
            format!("LEGO_CA_CERTIFICATES={root}"),
            format!("RFC2136_NAMESERVER={NAME_SERVER}"),
            "RFC2136_POLLING_INTERVAL=1".to_owned(),
            // Several names are one after the other, and lego waits a minute between them.
            "RFC2136_SEQUENCE_INTERVAL=1".to_owned(),
        ];
        let mut words: Vec<&str> = environment.iter().map(String::as_str).collect();
        words.push(program.to_str().expect("a path of ours is text"));
        words.extend(arguments);
        host.run(&host.home(), "env", &words)
    }

    /// openssl finds the chain in `file` to be good for `name`, which is a name or an address.
    #[track_caller]
    pub(crate) fn accept(&self, host: &Host<'_>, file: &str, name: &str) {
        let kind = if name.parse::<IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
        let root = self.root_file();
        let said = host.does(
            "openssl",
            &["verify", "-x509_strict", kind, name, "-CAfile", &root, "-untrusted", file, file],
        );
        assert!(said.contains(": OK"), "{said}");
    }

    /// What the authority has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.ca.home().join("server.log")).unwrap_or_default()
    }

    fn wait_for_both(&self) {
        let begin = Instant::now();
        let url = format!("https://{CA}/health");
        let root = self.root_file();
        loop {
            let said = self.web.run(&self.web.home(), "curl", &["-sS", "--cacert", &root, &url]);
            if said.succeeded {
                return;
            }
            assert!(begin.elapsed() < START_LIMIT, "no answer from {url}: {}\n{}", said.text, self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A folder whose authority is `ca.corp.example`.
fn folder(options: &Value) -> CaFolder {
    let folder = match program() {
        Program::Stepless => CaFolder::init_by_stepless_with(&["--acme"]),
        Program::StepCa => CaFolder::init(&["--acme"]),
    };
    folder.edit(|config| {
        config["dnsNames"] = json!([CA]);
        config["address"] = ":443".into();
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

fn serve(ca: &Host<'_>, folder: &CaFolder) -> Child {
    let home = ca.home();
    let log = fs::File::create(home.join("server.log")).expect("the folder is ours");
    let mut command = match program() {
        Program::Stepless => ca.service(&home, programs::stepless()),
        Program::StepCa => ca.service(&home, programs::step_ca()),
    };
    if program() == Program::Stepless {
        command.arg("serve");
    }
    command
        .arg(folder.config_path())
        .arg("--password-file")
        .arg(folder.password_file())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        .spawn()
        .expect("nsenter starts")
}

/// Ours, unless the suite itself is on trial.
fn program() -> Program {
    match std::env::var("STEPLESS_E2E_SERVER").as_deref() {
        Ok("step-ca") => Program::StepCa,
        _ => Program::Stepless,
    }
}

fn serve_names(dns: &Host<'_>) -> Child {
    let home = dns.home();
    let folder = home.display();
    fs::write(
        home.join("knot.conf"),
        format!(
            "server:\n  rundir: {folder}\n  listen: [{NAME_SERVER}@53, \"fd77::53@53\"]\n\
             database:\n  storage: {folder}\n\
             log:\n  - target: stderr\n    any: info\n\
             acl:\n  - id: hosts\n    address: [10.77.0.0/16, 192.168.77.0/24]\n    action: update\n\
             zone:\n  - domain: {ZONE}\n    storage: {folder}\n    file: zone\n    acl: hosts\n    zonefile-sync: -1\n"
        ),
    )
    .expect("the folder is ours");
    fs::write(home.join("zone"), ZONE_FILE).expect("the folder is ours");
    let log = fs::File::create(home.join("knot.log")).expect("the folder is ours");
    dns.service(&home, programs::installed("knotd"))
        .args(["-c", "knot.conf"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("nsenter starts")
}

/// The authority.
pub(crate) const CA: &str = "ca.corp.example";

/// Its ACME directory.
pub(crate) const DIRECTORY: &str = "https://ca.corp.example/acme/acme/directory";

/// Where names are asked for and changed.
pub(crate) const NAME_SERVER: &str = "10.77.0.53";

/// Where clouds keep the credentials of a machine.
const METADATA: &str = "169.254.169.254";
const METADATA_V6: &str = "fd00:ec2::254";

const ZONE: &str = "corp.example";

/// A person's.
const MAIL: &str = "person@mail.example";

/// The names of the hosts, and names that lead where no certificate is to be had.
const ZONE_FILE: &str = "\
$ORIGIN corp.example.
$TTL 1
@             SOA   dns hostmaster 1 3600 600 86400 1
@             NS    dns
dns           A     10.77.0.53
ca            A     10.77.0.10
web           A     10.77.0.21
www           CNAME web
six           AAAA  fd77::21
far           A     192.168.77.22
nobody        A     10.77.0.99
loopback      A     127.0.0.1
loopback6     AAAA  ::1
mapped        AAAA  ::ffff:127.0.0.1
unspecified   A     0.0.0.0
metadata      A     169.254.169.254
metadata6     AAAA  fd00:ec2::254
mapped-meta   AAAA  ::ffff:169.254.169.254
translated    AAAA  64:ff9b::a9fe:a9fe
";

/// Longest wait for the first answer; a busy machine needs seconds, not more.
const START_LIMIT: Duration = Duration::from_secs(30);
