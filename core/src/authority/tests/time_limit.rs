//! The time a function has: nothing is begun that could not be finished.

use std::sync::Arc;

use super::bench::{P256, Token, World, request, sign};
use crate::authority::{Authority, AuthorityError, LEASE, START_WITHIN, Unavailable};
use crate::clock::{FixedClock, SignedDuration};
use crate::fault::Call;
use crate::key::PrivateKey;
use crate::random::{Random, RandomError};

/// Randomness that takes its time.
#[derive(Debug)]
struct SlowRandom {
    inner: Arc<dyn Random>,
    clock: Arc<FixedClock>,
    takes: SignedDuration,
}

impl Random for SlowRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.clock.advance(self.takes.as_secs());
        self.inner.fill(buffer)
    }
}

async fn slow(world: &World, takes: SignedDuration) -> Authority {
    let mut parts = world.parts(world.signer.clone());
    parts.random = Arc::new(SlowRandom { inner: parts.random, clock: world.clock.clone(), takes });
    Authority::open(parts).await.unwrap()
}

#[tokio::test]
async fn l7_step_7_is_not_begun_too_late_and_the_token_stays_good() {
    let world = World::new();
    let late = slow(&world, START_WITHIN + SignedDuration::from_secs(1)).await;
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let calls = world.faults.calls().len();

    let refused = sign(&late, &csr, &token).await;

    assert!(matches!(refused, Err(AuthorityError::Busy(Unavailable::Late))), "{refused:?}");
    assert_eq!(world.faults.calls().iter().skip(calls).count(), 0);
    sign(&world.authority().await, &csr, &token).await.unwrap();
}

#[tokio::test]
async fn l7_renewal_is_not_begun_too_late_either() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let old = world.certificate("host.example", &key).await;
    let late = slow(&world, START_WITHIN + SignedDuration::from_secs(1)).await;
    let commits = |world: &World| world.faults.calls().iter().filter(|call| **call == Call::Commit).count();
    let before = commits(&world);

    let refused = late.renew(&world.by_tls(&old)).await;

    assert!(matches!(refused, Err(AuthorityError::Busy(Unavailable::Late))), "{refused:?}");
    assert_eq!(commits(&world), before);
}

#[tokio::test]
async fn l7_step_7_is_begun_while_there_is_time() {
    let world = World::new();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);

    sign(&slow(&world, START_WITHIN).await, &csr, &token).await.unwrap();
}

#[tokio::test]
async fn l11_a_clock_that_is_set_back_during_a_request_stops_nobody() {
    let world = World::new();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);

    let authority = slow(&world, -SignedDuration::from_secs(20)).await;

    assert!(LEASE > START_WITHIN);
    sign(&authority, &csr, &token).await.unwrap();
}
