//! Round trips, counted on the wire: what a request of a warm function costs in calls of the table and of the KMS.

use stepless_localstack::proxy::{AwsError, Fault, Rule};
use stepless_tests::{Request, serverless::Options};

use crate::world::{Flow, World};

/// Functions of one process each: the second request finds the process of the first.
fn one_process_each() -> World {
    World::with(Options { concurrency: 1, ..Options::default() })
}

/// The calls of one request, by the names of AWS's APIs, the table's first.
fn calls_of(world: &World, flow: Flow) -> (Vec<String>, Vec<String>) {
    // The first request of a kind finds a cold function, which reads its configuration and its key.
    let warm = world.prepare(flow);
    warm.assert_done(&warm.send());
    let asked = world.prepare(flow);
    world.dynamodb.forget_calls();
    world.kms.forget_calls();

    let answer = asked.send();

    let calls = (world.dynamodb.operations(), world.kms.operations());
    world.assert_done_once(&asked, &answer);
    calls
}

const INTENT: &str = "TransactWriteItems";
const CERTIFICATE: &str = "UpdateItem";
const SIGN: &str = "Sign";

#[test]
fn signing_costs_two_table_calls_and_one_signature() {
    let (table, kms) = calls_of(&one_process_each(), Flow::Sign);

    assert_eq!(table, [INTENT, CERTIFICATE]);
    assert_eq!(kms, [SIGN]);
}

#[test]
fn renewing_and_rekeying_cost_two_table_calls_and_one_signature() {
    let world = one_process_each();

    for flow in [Flow::Renew, Flow::RenewByToken, Flow::Rekey] {
        let (table, kms) = calls_of(&world, flow);
        assert_eq!(table, [INTENT, CERTIFICATE], "{flow:?}");
        assert_eq!(kms, [SIGN], "{flow:?}");
    }
}

#[test]
fn revoking_costs_one_table_call_and_no_signature() {
    let (table, kms) = calls_of(&one_process_each(), Flow::Revoke);

    assert_eq!(table, [INTENT]);
    assert!(kms.is_empty(), "{kms:?}");
}

#[test]
fn information_costs_no_call_at_all() {
    let world = one_process_each();
    let client = world.authority.client();
    let paths =
        ["/health", "/version", "/roots", "/roots.pem", "/federation", "/intermediates", "/provisioners"];
    let get = |path: &str| {
        let answer = client.send(&Request::get(path)).expect("the gateway answers");
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    };
    get(paths[0]);
    world.dynamodb.forget_calls();
    world.kms.forget_calls();

    paths.iter().for_each(|path| get(path));

    assert_eq!(world.dynamodb.operations(), Vec::<String>::new());
    assert_eq!(world.kms.operations(), Vec::<String>::new());
}

/// Whoever reconciles the trail of the KMS with the table finds a record for every signature.
#[test]
fn o8_every_signature_of_the_kms_has_its_record() {
    let world = World::new();
    for flow in [Flow::Sign, Flow::Renew, Flow::RenewByToken, Flow::Rekey, Flow::Revoke] {
        let asked = world.prepare(flow);
        asked.assert_done(&asked.send());
    }
    // One that the KMS makes and that does not arrive: the intent is closed, and its record stays.
    let asked = world.prepare(Flow::Sign);
    world.kms.add(Rule::first("Sign", Fault::AnswerAfter(AwsError::new(400, "DisabledException"))));
    assert_eq!(asked.send().status, 500);
    world.clear();
    let answer = asked.send();
    world.assert_done_once(&asked, &answer);

    let records = world.table().certificates();

    let of_state = |state: &str| records.iter().filter(|record| record.state() == state).count();
    assert_eq!(of_state("intent"), 0, "nobody is at work");
    assert_eq!(of_state("abandoned"), 1);
    assert_eq!(world.kms.count("Sign"), of_state("issued") + of_state("abandoned"));
}
