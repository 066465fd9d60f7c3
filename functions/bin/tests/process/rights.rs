//! What the functions ask of KMS and of the table, held against the roles that template.yaml gives them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stepless_aws::configuration::Expected;
use stepless_core::clock::{Clock, SignedDuration};
use stepless_core::store::{Condition, Store, Write, table};
use stepless_core::x509::SerialNumber;
use stepless_localstack::proxy::{AwsError, Call, Fault, Gate, Rule};
use stepless_localstack::template::Template;
use stepless_net::SystemClock;
use stepless_tests::csr::San;
use stepless_tests::{Csr, Key};

use crate::world::{Identity, World, event};

/// An action and what it is done to: the partition key of a record (`cert#01`) or the name of a key. In a role, the end
/// of a partition key may be a star.
pub(crate) type Right = (String, String);

/// A world, and what each of its functions has asked of AWS.
struct Watched {
    world: World,
    sent: BTreeMap<&'static str, BTreeSet<Right>>,
}

impl Watched {
    /// Does `work`, which asks one function alone.
    async fn ask<T>(&mut self, function: &'static str, work: impl AsyncFnOnce(&World) -> T) -> T {
        self.world.dynamodb.forget_calls();
        self.world.kms.forget_calls();

        let done = work(&self.world).await;

        let all = asked(&self.world);
        self.sent.entry(function).or_default().extend(all);
        done
    }
}

/// What was asked of the table and of KMS since the calls were forgotten.
pub(crate) fn asked(world: &World) -> Vec<Right> {
    let table = world.dynamodb.calls().into_iter().flat_map(|call| of_table(world, &call));
    let keys = world.kms.calls().into_iter().map(|call| of_key(&call));
    table.chain(keys).collect()
}

/// What a call of DynamoDB needs: a transaction, what its writes need one by one.
fn of_table(world: &World, call: &Call) -> Vec<Right> {
    let asked = call.json();
    let table = world.configuration["db"]["dataSource"].as_str().unwrap();
    let one = |operation: &str, of: &Value| {
        assert_eq!(of["TableName"], table, "{of}");
        let key = of["Key"]["pk"]["S"].as_str().unwrap_or_else(|| panic!("{operation} {of}"));
        (format!("dynamodb:{operation}"), key.to_owned())
    };
    match call.operation.as_str() {
        "TransactWriteItems" => asked["TransactItems"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|item| item.as_object().unwrap())
            .map(|(kind, of)| match kind.as_str() {
                "ConditionCheck" => one("ConditionCheckItem", of),
                "Delete" => one("DeleteItem", of),
                "Update" => one("UpdateItem", of),
                other => panic!("{other} {of}"),
            })
            .collect(),
        "BatchGetItem" => asked["RequestItems"][table]["Keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| ("dynamodb:BatchGetItem".to_owned(), key["pk"]["S"].as_str().unwrap().to_owned()))
            .collect(),
        // The first value is that of the partition.
        "Query" => {
            assert_eq!(asked["TableName"], table, "{asked}");
            let values = asked["ExpressionAttributeValues"].as_object().unwrap();
            let partitions = values.values().filter_map(|value| value["S"].as_str());
            let partition = partitions.into_iter().find(|text| text.contains('#')).unwrap();
            vec![("dynamodb:Query".to_owned(), partition.to_owned())]
        }
        operation => vec![one(operation, &asked)],
    }
}

fn of_key(call: &Call) -> Right {
    let key = call.json()["KeyId"].as_str().expect("a call of KMS names its key").to_owned();
    (format!("kms:{}", call.operation), key)
}

#[tokio::test(flavor = "multi_thread")]
async fn l20_a_role_allows_what_its_function_asks_for_and_no_write_that_none_asks_for() {
    let world = World::new().await;
    begin(&world).await;
    let mut watched = Watched { world, sent: BTreeMap::new() };
    let identities = certificates(&mut watched).await;
    renewals(&mut watched, &identities).await;
    revocations(&mut watched, &identities).await;
    watched.ask("endpoint-certificate", keep_fresh).await;
    configuration_changes(&mut watched).await;
    watched.world.set_clock(SignedDuration::from_hours(11 * 24));
    watched.ask("endpoint-certificate", keep_fresh).await;

    assert_fits(&watched.world, &watched.sent);
}

/// Each function did what its role allows, and writes nothing less.
#[track_caller]
pub(crate) fn assert_fits(world: &World, sent: &BTreeMap<&'static str, BTreeSet<Right>>) {
    let mut wrong = Vec::new();
    for (function, sent) in sent {
        let allowed = allowed(world, function);
        let fits = |sent: &Right, allowed: &Right| sent.0 == allowed.0 && covers(&allowed.1, &sent.1);
        let refused = sent.iter().filter(|sent| !allowed.iter().any(|allowed| fits(sent, allowed)));
        wrong.extend(refused.map(|(action, of)| format!("{function} does {action} on {of}, and may not")));
        let unused = allowed.iter().filter(|allowed| !sent.iter().any(|sent| fits(sent, allowed)));
        let unused = unused.filter(|(action, _)| !READS.contains(&action.as_str()));
        wrong.extend(unused.map(|(action, of)| format!("{function} may {action} on {of}, and never does")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What `stepless init` writes besides the configuration; no function may.
pub(crate) async fn begin(world: &World) {
    let created = SystemClock.now().saturating_add(SignedDuration::from_hours(-1)).unwrap();
    let record = Write::Put {
        key: table::authority(),
        condition: Condition::Absent,
        value: table::encode(&table::AuthorityRecord { created }).unwrap(),
        expires: None,
        indexes: Vec::new(),
    };
    world.store.commit(vec![record]).await.unwrap();
}

/// By tokens: as it should be, with several names, while KMS refuses, and after a function was killed over it.
async fn certificates(watched: &mut Watched) -> [Identity; 2] {
    let identities = watched
        .ask("sign", async |world| [world.identity("a.example").await, world.identity("b.example").await])
        .await;
    let request = |world: &World| {
        let names = [San::Dns("c.example"), San::Dns("d.example")];
        let csr = Csr::new("c.example", &names).pem(&Key::generate(stepless_tests::KeyKind::P256));
        let token = world.token("sign", "c.example").with("sans", vec!["c.example", "d.example"]);
        let body = json!({"csr": csr, "ott": token.sign(&world.provisioner)});
        event("POST", "/1.0/sign", Some(&body))
    };
    watched
        .ask("sign", async |world| {
            world.kms.add(Rule::first("Sign", refusal()));
            let request = request(world);
            world.send("sign", &request).await.error(500);
            assert_eq!(world.send("sign", &request).await.status, 201);
        })
        .await;
    watched
        .ask("sign", async |world| {
            let (request, gate) = (request(world), Gate::closed());
            world.kms.add(Rule::first("Sign", Fault::HoldBefore(gate.clone())));
            let killed = async {
                gate.arrived(1).await;
                world.function("sign").kill_busy()
            };
            let (answer, killed) =
                tokio::join!(world.function("sign").invoke(request.to_string().into()), killed);
            assert!(answer.is_err() && killed == 1, "{answer:?}");
            gate.open();
            world.kms.clear_rules();
            world.set_clock(SignedDuration::from_secs(60));
            assert_eq!(world.send("sign", &request).await.status, 201);
        })
        .await;
    identities
}

/// By the certificate and by tokens of its key, with the same key and with another, and while KMS refuses.
async fn renewals(watched: &mut Watched, identities: &[Identity; 2]) {
    let [identity, _] = identities;
    watched
        .ask("renew", async |world| {
            assert_eq!(world.renew(identity).await.status, 201);
            let csr = Csr::new("a.example", &[San::Dns("a.example")]);
            let csr = csr.pem(&Key::generate(stepless_tests::KeyKind::P256));
            let mut rekey = event("POST", "/1.0/rekey", Some(&json!({"csr": csr})));
            rekey["requestContext"]["authentication"]["clientCert"]["clientCertPem"] =
                identity.certificate.to_pem().into();
            assert_eq!(world.send("renew", &rekey).await.status, 201);
            let mut by_token = event("POST", "/renew", None);
            by_token["headers"]["authorization"] =
                format!("Bearer {}", world.renewal_token("a.example", identity)).into();
            world.kms.add(Rule::first("Sign", refusal()));
            world.send("renew", &by_token).await.error(500);
            assert_eq!(world.send("renew", &by_token).await.status, 201);
        })
        .await;
}

/// By token and by the certificate, and of keys that are not to be used again.
async fn revocations(watched: &mut Watched, identities: &[Identity; 2]) {
    const KEY_COMPROMISE: u8 = 1;
    let [first, second] = identities.each_ref().map(|identity| identity.certificate.serial());
    watched
        .ask("revoke", async |world| {
            let by_token = |serial: &SerialNumber| {
                let token = world.token("revoke", &serial.to_string()).sign(&world.provisioner);
                let body = json!({"serial": serial.to_string(), "ott": token, "passive": true, "reasonCode": KEY_COMPROMISE});
                event("POST", "/1.0/revoke", Some(&body))
            };
            assert_eq!(world.revoke(first).await.status, 200);
            // It is revoked already, and its key is blocked all the same.
            world.send("revoke", &by_token(first)).await.error(400);
            let body = json!({"serial": second.to_string(), "passive": true, "reasonCode": KEY_COMPROMISE});
            let mut by_certificate = event("POST", "/revoke", Some(&body));
            by_certificate["requestContext"]["authentication"]["clientCert"]["clientCertPem"] =
                identities[1].certificate.to_pem().into();
            assert_eq!(world.send("revoke", &by_certificate).await.status, 200);
            let unknown = "1".parse().unwrap();
            assert_eq!(world.send("revoke", &by_token(&unknown)).await.status, 200);
        })
        .await;
}

async fn keep_fresh(world: &World) {
    let answer = world.function("endpoint-certificate").invoke("{}".into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["imported"], true, "{answer}");
}

/// Every function finds another configuration than it began with, and everything that may be asked without a credential
/// is asked for.
async fn configuration_changes(watched: &mut Watched) {
    watched.ask("info", async |world| assert_eq!(world.get("/health").await.status, 200)).await;
    let mut changed = watched.world.configuration.clone();
    let more = json!({"type": "ACME", "name": "a-second-one"});
    changed["authority"]["provisioners"].as_array_mut().unwrap().push(more);
    let known = watched.world.version().await;
    watched.world.write(&changed.to_string(), Expected::Version(&known)).await;
    watched.world.set_clock(SignedDuration::from_mins(5));

    watched
        .ask("info", async |world| {
            let provisioners = world.get("/provisioners").await;
            assert_eq!(provisioners.body["provisioners"][1]["name"], "a-second-one");
            for path in ["/version", "/roots", "/roots.pem", "/federation", "/intermediates"] {
                assert!(world.get(path).await.status < 300, "{path}");
            }
        })
        .await;
    watched.ask("sign", async |world| assert_eq!(world.sign("e.example").await.status, 201)).await;
    for function in ["renew", "revoke"] {
        let event = event("POST", &format!("/{function}"), None);
        watched.ask(function, async |world| world.send(function, &event).await.error(400).len()).await;
    }
}

/// What the role of a function allows, of KMS and of the table.
fn allowed(world: &World, function: &str) -> BTreeSet<Right> {
    let template = Template::read(include_str!("../../../../template.yaml"), "stack", &[]).unwrap();
    let name = role(function);
    let (_, role) = template.roles().unwrap().into_iter().find(|(found, _)| found == name).unwrap();
    let policies = role["Policies"].as_array().unwrap();
    let statements =
        policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    statements.flat_map(|statement| rights(world, statement)).collect()
}

fn rights(world: &World, statement: &Value) -> Vec<Right> {
    assert_eq!(statement["Effect"], "Allow");
    let issuer = world.configuration["key"].as_str().unwrap().strip_prefix("awskms:key-id=").unwrap();
    let of = match statement["Resource"].as_str() {
        Some("IssuerKey.Arn") => vec![issuer.to_owned()],
        Some("Table.Arn") => match &statement["Condition"] {
            Value::Null => vec!["*".to_owned()],
            condition => {
                texts(&condition.as_object().unwrap().values().next().unwrap()["dynamodb:LeadingKeys"])
            }
        },
        // Logs, certificates of ACM, and the queue.
        _ => return Vec::new(),
    };
    let actions = texts(&statement["Action"]);
    actions.iter().flat_map(|action| of.iter().map(|of| (action.clone(), of.clone()))).collect()
}

/// One text or several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        several => several.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
    }
}

fn covers(pattern: &str, of: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == of, |begin| of.starts_with(begin))
}

fn role(function: &str) -> &'static str {
    match function {
        "info" => "InfoRole",
        "sign" => "SignRole",
        "renew" => "RenewRole",
        "revoke" => "RevokeRole",
        "endpoint-certificate" => "EndpointCertificateRole",
        "acme" => "AcmeRole",
        "acme-finalize" => "AcmeFinalizeRole",
        "acme-retry" => "AcmeRetryRole",
        other => panic!("{other} has no role"),
    }
}

/// A key that an operator has disabled.
fn refusal() -> Fault {
    Fault::Answer(AwsError::new(400, "DisabledException"))
}

const READS: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "kms:GetPublicKey"];
