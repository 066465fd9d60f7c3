//! Processes: started, frozen, ended, and several at once.

use std::collections::BTreeSet;
use std::fs;

use stepless_core::store::{Store, table};
use stepless_localstack::proxy::{Fault, Gate, Rule};

use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_start_reaches_the_first_poll_with_or_without_a_configuration() {
    let (configured, empty) = (World::new().await, World::unconfigured().await);
    for world in [&configured, &empty] {
        for name in crate::world::FUNCTIONS {
            let function = world.function(name);
            function.warm().await.unwrap();
            // The runtime freezes a process when it asks for its first event.
            let pid = function.processes()[0].pid;
            eventually("it asks for its first event", async || is_frozen(pid)).await;
        }
    }

    assert_eq!(configured.get("/health").await.status, 200);
    empty.get("/health").await.error(503);
    assert_eq!((configured.function("info").cold_starts(), empty.function("info").cold_starts()), (1, 1));
}

fn is_frozen(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_what_was_answered_is_durable_though_the_process_ends_at_that_moment() {
    let world = World::new().await;
    let token = world.token("sign", "a.example").sign(&world.provisioner);

    let (answer, key) = world.sign_with("a.example", &token).await;
    world.function("sign").kill_busy();
    world.function("sign").retire_idle();

    let certificate = answer.certificate();
    let record = world.store.get(&table::certificate(certificate.serial())).await.unwrap();
    assert!(record.is_some(), "the certificate is in the table");
    let serial = certificate.serial().to_string();
    assert!(world.log("sign").lines().any(|line| line.contains(&serial)), "{}", world.log("sign"));
    world.sign_with("a.example", &token).await.0.error(401);

    let identity = crate::world::Identity { certificate, key };
    let renewed = world.renew(&identity).await.certificate();
    world.function("renew").kill_busy();
    world.function("renew").retire_idle();
    assert!(world.store.get(&table::certificate(renewed.serial())).await.unwrap().is_some());

    assert_eq!(world.revoke(identity.certificate.serial()).await.status, 200);
    world.function("revoke").kill_busy();
    world.function("revoke").retire_idle();
    world.renew(&identity).await.error(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn l13_two_processes_from_the_same_start_draw_different_numbers() {
    let world = World::of_many_processes().await;
    let gate = Gate::closed();
    world.kms.add(Rule::every("Sign", Fault::HoldBefore(gate.clone())));
    let both = async {
        gate.arrived(2).await;
        gate.open();
    };

    let (one, other, ()) = tokio::join!(world.sign("a.example"), world.sign("a.example"), both);

    assert_eq!(world.function("sign").cold_starts(), 2);
    let mut serials = BTreeSet::from([one, other].map(|answer| answer.certificate().serial().to_string()));
    for _ in 0..10 {
        let (one, other) = tokio::join!(world.sign("a.example"), world.sign("a.example"));
        serials.extend([one, other].map(|answer| answer.certificate().serial().to_string()));
    }
    assert_eq!(serials.len(), 22);
}
