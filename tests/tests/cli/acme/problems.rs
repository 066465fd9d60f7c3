//! What clients make of it when something is wrong: they name the kind of problem, and show our words to their user.

use std::fs;

use serde_json::{Value, json};
use stepless_core::acme::{Problem, ProblemType, Subproblem, identifier::RequestedIdentifier};
use stepless_tests::{programs, server::reserved_address};

use super::{
    lego::solver,
    liar::{WRONG, answer_wrongly},
    world::{NEW_ACCOUNT, World},
};
use crate::{authority::Made, step::Person};

/// certbot's report of a challenge has the kind of problem and our detail.
#[test]
fn a23_certbot_reads_why_a_challenge_failed() {
    let world = World::with_options(&impatient());
    let root = world.person.file("www").display().to_string();
    fs::create_dir(&root).expect("the folder is ours");
    let by_file = [&["certonly", "--webroot", "--webroot-path", &root][..], &NEW_ACCOUNT].concat();
    let fails = |name| words(&world.certbot_fails(&[&by_file[..], &["-d", name]].concat()).text);

    let said = fails("nobody.example");
    assert!(said.contains("Type: connection") && said.contains("nobody.example"), "{said}");

    let said = fails("lost.example");
    assert!(said.contains("Type: dns") && said.contains("lost.example"), "{said}");

    answer_wrongly(world.validation.http.address());
    let said = fails("wrong.example");
    assert!(said.contains("Type: incorrectResponse") && said.contains(WRONG), "{said}");

    let hook = ["certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "true"];
    let said = words(&world.certbot_fails(&[&hook[..], &["-d", "a.example"], &NEW_ACCOUNT].concat()).text);
    assert!(said.contains("Type: unauthorized") && said.contains("_acme-challenge.a.example"), "{said}");
}

#[test]
fn a23_certbot_reads_what_caa_records_forbid() {
    let world = World::with_options(&json!({"checkCAA": true, "caaIdentities": ["ca.example"]}));
    world.certbot_by_http(&["-d", "ours.example"]);
    let said = words(&world.certbot_by_http_fails(&["-d", "theirs.example"]).text);

    assert!(said.contains("Type: caa") && said.contains("theirs.example"), "{said}");
}

/// What is refused before there is a challenge.
#[test]
fn a23_certbot_reads_why_a_request_was_refused() {
    let world = World::with_options(&json!({"newOrderLimit": {"orders": 3, "per": "1h"}}));
    let fails = |arguments: &[&str]| world.certbot_by_http_fails(arguments);

    let said = fails(&["--ip-address", "224.0.0.1"]);
    assert_eq!(said.problems, ["rejectedIdentifier"], "{said}");
    assert!(said.text.contains("224.0.0.1"), "{said}");

    world.person.program("openssl", &["genrsa", "-out", "weak.key", "1024"]);
    let subject = ["-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example"];
    let request = [&["req", "-new", "-key", "weak.key", "-out", "weak.csr"][..], &subject].concat();
    world.person.program("openssl", &request);
    let said = fails(&["-d", "a.example", "--csr", "weak.csr"]);
    assert_eq!(said.problems, ["badCSR"], "{said}");
    assert!(said.text.contains("2048"), "it says what would be right: {said}");

    for name in ["b.example", "c.example"] {
        world.certbot_by_http(&["-d", name]);
    }
    let said = fails(&["-d", "d.example"]);
    assert_eq!(said.problems, ["rateLimited"], "{said}");

    forget_account(&world);
    let said = fails(&["-d", "a.example"]);
    assert_eq!(said.problems, ["accountDoesNotExist"], "{said}");
}

/// lego's report of a challenge has the kind of problem and our detail.
#[test]
fn a23_lego_reads_why_a_challenge_failed() {
    let world = World::with_options(&impatient());
    let elsewhere = reserved_address();
    let elsewhere = elsewhere.address().to_string();
    let fails = |by: &str, name: &str| {
        let said = world.lego_fails(&[
            &format!("--{by}"),
            &format!("--{by}.port"),
            &elsewhere,
            "--domains",
            name,
            "run",
        ]);
        assert!(said.text.contains(name), "{said}");
        said
    };

    let said = fails("tls", "nobody.example");
    assert_eq!(said.problems, ["connection"], "{said}");
    let said = fails("http", "lost.example");
    assert_eq!(said.problems, ["dns"], "{said}");

    answer_wrongly(world.validation.http.address());
    answer_wrongly(world.validation.tls.address());
    let said = fails("http", "wrong.example");
    assert_eq!(said.problems, ["incorrectResponse"], "{said}");
    assert!(said.text.contains(WRONG), "{said}");
    let said = fails("tls", "wrong.example");
    assert_eq!(said.problems, ["tls"], "{said}");
}

/// What is refused before there is a challenge, and what is refused of a certificate.
#[test]
fn a23_lego_reads_why_a_request_was_refused() {
    let world = World::new(Made::StepCaInit);
    let solver = solver(&world, "http");
    let solver = solver.each_ref().map(String::as_str);

    let said =
        world.lego_fails(&[&solver[..], &["--email", "nobody", "--domains", "a.example", "run"]].concat());
    assert_eq!(said.problems, ["invalidContact"], "{said}");

    let said = world.lego_fails(&[&solver[..], &["--domains", "a_b..example", "run"]].concat());
    assert_eq!(said.problems, ["malformed"], "{said}");

    world.lego(&[&solver[..], &["--domains", "a.example", "run"]].concat());
    let revoke = |reason| ["--domains", "a.example", "revoke", "--keep", "--reason", reason];
    let said = world.lego_fails(&revoke("2"));
    assert_eq!(said.problems, ["badRevocationReason"], "{said}");
    world.lego(&revoke("0"));
    let said = world.lego_fails(&revoke("0"));
    assert_eq!(said.problems, ["alreadyRevoked"], "{said}");
}

/// certbot's own library reads every type of problem there is, with subproblems.
#[test]
fn a23_the_library_of_certbot_reads_every_problem() {
    let person = Person::new();
    let problems: Vec<Problem> = TYPES.iter().map(|kind| problem(*kind)).collect();
    person.write("problems.json", serde_json::to_string(&problems).expect("a problem has a text"));
    person.write("read.py", READ_PROBLEMS);

    let python = programs::certbot_python().display().to_string();
    let read = person.program(&python, &["read.py", "problems.json"]);

    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let expected: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let whole = serde_json::to_value(problem).expect("a problem has a text");
            let code = whole["type"].as_str().and_then(|kind| kind.rsplit(':').next()).map(str::to_owned);
            json!([code, "what was wrong", [["a.example", "what was wrong with it"]]])
        })
        .collect();
    assert_eq!(read, expected);
}

fn problem(kind: ProblemType) -> Problem {
    let mut problem = Problem::new(kind, "what was wrong");
    let identifier: RequestedIdentifier =
        serde_json::from_value(json!({"type": "dns", "value": "a.example"})).expect("an identifier");
    problem.subproblems.push(Subproblem { kind, detail: "what was wrong with it".into(), identifier });
    problem
}

/// Nobody waits longer than that for an answer that does not come.
fn impatient() -> Value {
    json!({"validation": {"giveUpAfter": "5s", "firstTry": "2s"}})
}

/// certbot's account is one that the authority never had.
fn forget_account(world: &World) {
    let find = ["certbot/config/accounts", "-name", "regr.json"];
    let file = world.person.program("find", &find);
    let text = world.person.read(file.trim());
    let mut account: Value = serde_json::from_str(&text).expect("certbot writes JSON");
    let url = account["uri"].as_str().expect("an account has a URL").to_owned();
    let (start, id) = url.rsplit_once('/').expect("a URL has slashes");
    let other = if id.starts_with('a') { "b" } else { "a" };
    account["uri"] = format!("{start}/{other}{}", &id[1..]).into();
    world.person.write(file.trim(), account.to_string());
}

/// Words, however they were broken into lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All of them.
const TYPES: [ProblemType; 26] = [
    ProblemType::AccountDoesNotExist,
    ProblemType::AlreadyReplaced,
    ProblemType::AlreadyRevoked,
    ProblemType::BadCsr,
    ProblemType::BadNonce,
    ProblemType::BadPublicKey,
    ProblemType::BadRevocationReason,
    ProblemType::BadSignatureAlgorithm,
    ProblemType::Caa,
    ProblemType::Compound,
    ProblemType::Connection,
    ProblemType::Dns,
    ProblemType::ExternalAccountRequired,
    ProblemType::IncorrectResponse,
    ProblemType::InvalidContact,
    ProblemType::InvalidProfile,
    ProblemType::Malformed,
    ProblemType::OrderNotReady,
    ProblemType::RateLimited,
    ProblemType::RejectedIdentifier,
    ProblemType::ServerInternal,
    ProblemType::Tls,
    ProblemType::Unauthorized,
    ProblemType::UnsupportedContact,
    ProblemType::UnsupportedIdentifier,
    ProblemType::UserActionRequired,
];

/// Prints what certbot's library made of each problem.
const READ_PROBLEMS: &str = "\
import json, sys
from acme import messages
for document in json.load(open(sys.argv[1])):
    error = messages.Error.from_json(document)
    assert messages.is_acme_error(error) or error.code is None, error
    below = [[one.identifier.value, one.detail] for one in error.subproblems]
    print(json.dumps([error.typ.rsplit(':', 1)[1], error.detail, below]))
";
