//! Names that lead where nobody may send the authority. The right answer is there each time, so that only the refusal
//! keeps a certificate away.

use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use stepless_tests::programs;

use crate::{network::Host, site::Site};

#[test]
fn n1_the_machine_itself_and_metadata_are_refused_without_a_connection() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);
    let root = network.path().join("www");
    fs::create_dir(&root).expect("the folder is ours");
    let root = root.to_str().expect("a path of ours is text");
    // One answers on the authority's own machine, one where clouds keep metadata; both know every answer.
    let _answering = [serve(&site.ca, root), serve(&site.far, root)];
    reach(&site.ca, "http://127.0.0.1/");
    reach(&site.ca, "http://[::1]/");
    reach(&site.ca, "http://169.254.169.254/");
    reach(&site.ca, "http://[fd00:ec2::254]/");
    let ask = |name| site.certbot(&site.web, &["--webroot", "--webroot-path", root, "-d", name]);

    let allowed = ask("far.corp.example");
    assert!(allowed.succeeded, "an honest name gets a certificate: {allowed:?}\n{}", site.log());

    for (name, why) in REFUSED {
        let before = site.ca.connections_opened();
        let said = ask(name);

        assert!(!said.succeeded, "{name}: {said:?}");
        assert_eq!(site.ca.connections_opened(), before, "{name}: {said:?}\n{}", site.log());
        assert!(said.text.contains(why), "{name}: {said:?}");
    }
}

/// A web server for everything under `root`, on port 80 of every address.
fn serve(host: &Host<'_>, root: &str) -> Child {
    host.service(&host.home(), programs::certbot_python())
        .args(["-m", "http.server", "80", "--bind", "::", "--directory", root])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nsenter starts")
}

/// What stands there can be reached by whoever is not kept from it.
#[track_caller]
fn reach(host: &Host<'_>, url: &str) {
    let begin = Instant::now();
    loop {
        let said = host.run(&host.home(), "curl", &["-sS", "--fail", "-o", "/dev/null", url]);
        if said.succeeded {
            return;
        }
        assert!(begin.elapsed() < START_LIMIT, "{url} cannot be reached: {}", said.text);
        thread::sleep(Duration::from_millis(50));
    }
}

/// Names, and what the client is told of the address behind them.
const REFUSED: [(&str, &str); 8] = [
    ("loopback.corp.example", "a loopback address"),
    ("loopback6.corp.example", "a loopback address"),
    ("mapped.corp.example", "a loopback address"),
    ("unspecified.corp.example", "an unspecified address"),
    ("metadata.corp.example", "metadata"),
    ("metadata6.corp.example", "metadata"),
    ("mapped-meta.corp.example", "metadata"),
    ("translated.corp.example", "metadata"),
];

/// Longest wait for the first answer; a busy machine needs seconds, not more.
const START_LIMIT: Duration = Duration::from_secs(30);
