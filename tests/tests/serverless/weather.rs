//! Bad weather in KMS and DynamoDB: the client gets step's JSON with a status it can act on, nothing is lost, nothing
//! is issued twice, and the same request ends well when the weather clears.

use std::time::Duration;

use stepless_localstack::proxy::{AwsError, Fault, Rule, When};
use stepless_tests::Response;

use crate::world::{Flow, Prepared, World, assert_busy, assert_step_json, every};

const SIGN: &str = "Sign";
/// Everything that the table is asked for in the way of a request.
const TABLE: [&str; 3] = ["TransactWriteItems", "UpdateItem", "GetItem"];
/// The commit of an intent, or of a revocation.
const FIRST: &str = "TransactWriteItems";
/// The commit of a certificate.
const LAST: &str = "UpdateItem";

/// The flows that ask the KMS for a signature.
const SIGNING: [Flow; 3] = [Flow::Sign, Flow::Renew, Flow::RenewByToken];
const ALL: [Flow; 4] = [Flow::Sign, Flow::Renew, Flow::RenewByToken, Flow::Revoke];

/// What a client finds while the weather lasts.
#[derive(Clone, Copy)]
enum Finds {
    /// Nothing of it.
    Success,
    /// 503, and when to come again.
    Busy,
    /// 500: somebody has to mend something.
    Broken,
}

impl Finds {
    #[track_caller]
    fn check(self, world: &World, asked: &Prepared, answer: &Response) {
        match self {
            Self::Success => world.assert_done_once(asked, answer),
            Self::Busy => assert_busy(answer),
            Self::Broken => assert_step_json(answer, 500),
        }
        if !matches!(self, Self::Success) {
            world.assert_not_done(asked);
        }
    }
}

/// Sends one request of each flow in this weather, and the same once more when it has cleared.
#[track_caller]
fn sits_out(world: &World, flows: &[Flow], weather: impl Fn(&World), finds: Finds) {
    for flow in flows {
        let asked = world.prepare(*flow);
        weather(world);
        let answer = asked.send();
        finds.check(world, &asked, &answer);
        world.clear();
        if !matches!(finds, Finds::Success) {
            let retried = asked.send();
            world.assert_done_once(&asked, &retried);
        }
        assert_refused_if_spent(world, &asked);
    }
}

/// A one-time credential stays spent, whatever the weather was.
#[track_caller]
fn assert_refused_if_spent(world: &World, asked: &Prepared) {
    if matches!(asked.flow, Flow::Sign | Flow::RenewByToken | Flow::Revoke) {
        let issued = world.table().issued(&asked.name).len();
        assert_step_json(&asked.send(), 401);
        assert_eq!(world.table().issued(&asked.name).len(), issued);
    }
}

fn throttled() -> AwsError {
    AwsError::new(400, "ThrottlingException")
}

#[test]
fn k5_a_throttled_kms_makes_the_client_wait_and_costs_it_nothing() {
    let world = World::new();
    let weather = |world: &World| world.kms.add(Rule::every(SIGN, Fault::Answer(throttled())));

    sits_out(&world, &SIGNING, weather, Finds::Busy);
}

#[test]
fn k5_a_kms_that_throttles_a_few_calls_is_asked_again() {
    let world = World::new();
    let weather = |world: &World| world.kms.add(Rule::new(SIGN, When::First(3), Fault::Answer(throttled())));

    sits_out(&world, &SIGNING, weather, Finds::Success);
}

/// A third of all calls, over many requests: none of them fails, none is made twice.
#[test]
fn k5_a_kms_that_throttles_a_third_of_its_calls_fails_no_request() {
    let world = World::new();
    world.kms.add(Rule::new(SIGN, When::Percent(33), Fault::Answer(throttled())));

    for _ in 0..8 {
        let asked = world.prepare(Flow::Sign);
        let answer = asked.send();
        world.assert_done_once(&asked, &answer);
    }
}

/// The answer to a call of KMS comes after its time: it may have signed, and it is asked again.
#[test]
fn k6_a_signature_that_came_too_late_is_made_again_over_the_same_bytes() {
    let world = World::new();
    let asked = world.prepare(Flow::Sign);
    world.kms.forget_calls();
    world.kms.add(Rule::first(SIGN, Fault::DelayAfter(LATE)));

    let answer = asked.send();

    world.assert_done_once(&asked, &answer);
    let calls = world.kms.calls();
    assert_eq!(calls.len(), 2, "the lost one, and the one that counts: {:?}", world.kms.operations());
    assert_eq!(calls[0].json()["Message"], calls[1].json()["Message"]);
}

#[test]
fn k6_a_kms_that_stays_slow_makes_the_client_wait_and_costs_it_nothing() {
    let world = World::new();
    let weather = |world: &World| world.kms.add(Rule::every(SIGN, Fault::DelayBefore(LATE)));

    sits_out(&world, &[Flow::Sign], weather, Finds::Busy);
}

#[test]
fn k7_k9_a_kms_that_refuses_is_an_error_of_ours_until_it_does_not() {
    let world = World::new();
    for kind in
        ["DisabledException", "KMSInvalidStateException", "AccessDeniedException", "NotFoundException"]
    {
        let weather = |world: &World| {
            world.kms.add(Rule::every(SIGN, Fault::Answer(AwsError::new(400, kind))));
        };

        sits_out(&world, &[Flow::Sign, Flow::Renew], weather, Finds::Broken);

        let log = world.authority.server.log();
        assert!(log.contains("the KMS key"), "the log names the key:\n{log}");
    }
}

/// Nobody gets it, and whoever asks again after the lease gets a good one.
#[test]
fn k3_a_signature_that_does_not_verify_never_leaves() {
    let world = World::with_clock(BEFORE);
    for flow in [Flow::Sign, Flow::RenewByToken] {
        world.set_clock(BEFORE);
        let asked = world.prepare(flow);
        world.kms.add(Rule::every(SIGN, of_another_message()));

        assert_step_json(&asked.send(), 500);
        world.assert_not_done(&asked);
        world.clear();
        assert_step_json(&asked.send(), 401);

        world.set_clock(AFTER);
        let answer = asked.send();
        world.assert_done_once(&asked, &answer);
        assert_refused_if_spent(&world, &asked);
    }
}

#[test]
fn d5_a_throttled_table_makes_the_client_wait_and_costs_it_nothing() {
    let world = World::new();
    for flow in ALL {
        let warm = world.prepare(flow);
        warm.assert_done(&warm.send());
    }
    let weather = |world: &World| every(&world.dynamodb, &TABLE, &Fault::Answer(throttled()));

    sits_out(&world, &ALL, weather, Finds::Busy);
}

/// A function that cannot read its configuration says when to come again, and opens when it can.
#[test]
fn d5_l10_a_function_that_starts_in_bad_weather_opens_when_it_clears() {
    for (operation, fault) in [
        ("GetItem", Fault::Answer(throttled())),
        ("GetItem", Fault::Answer(AwsError::new(400, "AccessDeniedException"))),
        ("GetPublicKey", Fault::Answer(AwsError::new(400, "DisabledException"))),
        ("GetPublicKey", Fault::Answer(throttled())),
    ] {
        let world = World::new();
        let asked = world.prepare(Flow::Sign);
        world.authority.server.kill_functions();
        for proxy in [&world.dynamodb, &world.kms] {
            proxy.add(Rule::every(operation, fault.clone()));
        }

        assert_busy(&asked.send());
        world.clear();
        let answer = asked.come_again();

        world.assert_done_once(&asked, &answer);
    }
}

#[test]
fn d5_a_table_that_throttles_a_few_calls_is_asked_again() {
    let world = World::new();
    let weather = |world: &World| {
        for operation in [FIRST, LAST] {
            let error = AwsError::new(400, "ProvisionedThroughputExceededException");
            world.dynamodb.add(Rule::new(operation, When::First(2), Fault::Answer(error)));
        }
    };

    sits_out(&world, &ALL, weather, Finds::Success);
}

#[test]
fn d5_a_transaction_in_conflict_is_tried_again() {
    let world = World::new();
    let weather = |world: &World| {
        let conflict = AwsError::transaction_canceled(&["TransactionConflict", "None", "None"]);
        world.dynamodb.add(Rule::new(FIRST, When::First(3), Fault::Answer(conflict)));
        let conflict = AwsError::new(400, "TransactionConflictException");
        world.dynamodb.add(Rule::first(LAST, Fault::Answer(conflict)));
    };

    sits_out(&world, &[Flow::Sign], weather, Finds::Success);
}

#[test]
fn d6_a_write_whose_answer_was_lost_is_found_and_nobody_pays_for_it() {
    for fault in
        [Fault::DropAfter, Fault::DropBefore, Fault::AnswerAfter(AwsError::new(500, "InternalServerError"))]
    {
        let world = World::new();
        let weather = |world: &World| {
            for operation in [FIRST, LAST] {
                world.dynamodb.add(Rule::first(operation, fault.clone()));
            }
        };

        sits_out(&world, &ALL, weather, Finds::Success);
    }
}

/// The write is applied, no answer ever comes, and nothing can be read: the client comes again, and finds its own.
#[test]
fn d6_a_certificate_on_record_that_nobody_heard_of_is_not_issued_again() {
    let world = World::with_clock(BEFORE);
    let asked = world.prepare(Flow::Sign);
    every(&world.dynamodb, &[LAST, "GetItem"], &Fault::DropAfter);

    let answer = asked.send();

    // Whether the function could see its own write or not, there is one certificate, and what is said of it is true.
    match answer.status {
        201 => world.assert_done_once(&asked, &answer),
        _ => assert_busy(&answer),
    }
    world.clear();
    assert_eq!(world.table().issued(&asked.name).len(), 1);
    for clock in [BEFORE, AFTER] {
        world.set_clock(clock);
        assert_step_json(&asked.send(), 401);
        assert_eq!(world.table().issued(&asked.name).len(), 1);
    }
}

/// The certificate cannot be stored: it does not leave, and after the lease the same request gets it.
#[test]
fn d6_a_certificate_that_cannot_be_stored_does_not_leave() {
    let world = World::with_clock(BEFORE);
    let asked = world.prepare(Flow::Sign);
    world.dynamodb.add(Rule::every(LAST, Fault::Answer(throttled())));

    assert_busy(&asked.send());
    world.assert_not_done(&asked);
    world.clear();
    assert_step_json(&asked.send(), 401);

    world.set_clock(AFTER);
    let answer = asked.send();
    world.assert_done_once(&asked, &answer);
}

/// The signature that KMS made over the message before.
fn of_another_message() -> Fault {
    Fault::rewrite_json(|call| {
        call["Message"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
    })
}

/// Longer than one call of KMS may take.
const LATE: Duration = Duration::from_secs(20);

/// The functions' clock when a lease begins, in seconds from now. Tokens tolerate a minute.
const BEFORE: i64 = -40;
/// When it is over.
const AFTER: i64 = 0;
