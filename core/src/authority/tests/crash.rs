//! Crash walk: whatever fails or stops at whatever call, no certificate is without its record, no credential makes two,
//! and the client's retry ends well.

mod revoking;
mod tickets;

use rstest::rstest;
use tickets::{Answer, Flow, Ticket};

use super::bench::{LEASE_OVER, World};
use crate::fault::Fault;
use crate::fault::Fault::{FailAfter, FailBefore, StopAfter, StopBefore};
use crate::store::table::{CertificateRecord, CertificateState};
use crate::x509::SerialNumber;

/// What a client sees.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    /// A certificate.
    Certificate,
    /// That something is busy: the same works in a moment.
    Busy,
    /// That something failed half-way: the same works after the lease.
    Unfinished,
    /// That its token was used.
    Used,
    /// Nothing.
    Nothing,
}

use Seen::{Busy, Certificate, Nothing, Unfinished, Used};

/// What a client with a token sees at first, in a retry at once, and in a retry after the lease, whatever it asks for.
#[rstest]
#[case::intent_fails(1, FailBefore, [Unfinished, Certificate, Used])]
#[case::answer_to_the_intent_is_lost(1, FailAfter, [Certificate, Used, Used])]
#[case::dies_before_the_intent(1, StopBefore, [Nothing, Certificate, Used])]
#[case::dies_after_the_intent(1, StopAfter, [Nothing, Used, Certificate])]
#[case::signing_fails(2, FailBefore, [Busy, Certificate, Used])]
#[case::signature_is_lost(2, FailAfter, [Busy, Certificate, Used])]
#[case::dies_before_signing(2, StopBefore, [Nothing, Used, Certificate])]
#[case::dies_after_signing(2, StopAfter, [Nothing, Used, Certificate])]
#[case::certificate_is_not_stored(3, FailBefore, [Unfinished, Used, Certificate])]
#[case::answer_to_the_certificate_is_lost(3, FailAfter, [Certificate, Used, Used])]
#[case::dies_before_the_certificate(3, StopBefore, [Nothing, Used, Certificate])]
#[case::dies_after_the_certificate(3, StopAfter, [Nothing, Used, Used])]
#[tokio::test]
async fn d1_a_retry_after_a_fault_ends_well(
    #[case] call: usize,
    #[case] fault: Fault,
    #[case] expected: [Seen; 3],
    #[values(Flow::Sign, Flow::RenewByToken, Flow::RekeyByToken)] flow: Flow,
) {
    let world = World::new();
    let ticket = Ticket::new(&world, flow).await;

    let first = ticket.attempt(&world, &[(call, fault)]).await;
    let at_once = ticket.attempt(&world, &[]).await;
    world.clock.advance(LEASE_OVER);
    let after_the_lease = ticket.attempt(&world, &[]).await;

    assert_eq!([seen(&first), seen(&at_once), seen(&after_the_lease)], expected);
    // Nobody ever comes through again.
    world.clock.advance(LEASE_OVER);
    assert_eq!(seen(&ticket.attempt(&world, &[]).await), Used);
    world.assert_every_signature_has_its_record().await;
    assert_eq!(ticket.issued(&world).await.len(), 1);
}

/// Whoever renews over TLS has no credential to lose: each attempt makes a certificate of its own.
#[rstest]
#[tokio::test]
async fn d1_a_retry_over_tls_succeeds_at_once(
    #[values(1, 2, 3)] call: usize,
    #[values(FailBefore, FailAfter, StopBefore, StopAfter)] fault: Fault,
    #[values(Flow::RenewByTls, Flow::RekeyByTls)] flow: Flow,
) {
    let world = World::new();
    let ticket = Ticket::new(&world, flow).await;

    let first = ticket.attempt(&world, &[(call, fault)]).await;
    let retry = ticket.attempt(&world, &[]).await;

    assert_ne!(seen(&first), Used);
    assert_eq!(seen(&retry), Certificate);
    assert_every_certificate_has_its_record(&world, &[first, retry]).await;
}

/// Two faults in one attempt, the second one perhaps in what the authority does about the first.
#[rstest]
#[tokio::test]
async fn d1_d6_two_faults_in_a_row_break_no_promise(
    #[values(Flow::Sign, Flow::RenewByTls, Flow::RenewByToken, Flow::RekeyByTls, Flow::RekeyByToken)]
    flow: Flow,
) {
    let world = World::new();
    let ticket = Ticket::new(&world, flow).await;

    for (first, one) in (1..=3).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        for (second, two) in (first + 1..=first + 2).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
            for patience in [0, LEASE_OVER] {
                let world = world.fork();

                let mut answers = vec![ticket.attempt(&world, &[(first, one), (second, two)]).await];
                world.clock.advance(patience);
                let open = world.records().await;
                for _ in 0..2 {
                    answers.push(ticket.attempt(&world, &[]).await);
                    world.clock.advance(LEASE_OVER);
                }

                let context = format!("{one:?} at {first}, {two:?} at {second}, patience {patience}");
                assert_every_certificate_has_its_record(&world, &answers).await;
                if ticket.is_one_time() {
                    assert_eq!(ticket.issued(&world).await.len(), 1, "{context}");
                    assert_what_was_intended_was_signed(&world, &open, patience).await;
                }
                assert!(
                    answers[1..].iter().all(|retry| !matches!(seen(retry), Busy | Unfinished)),
                    "{context}"
                );
            }
        }
    }
}

/// An intent that was open when its lease ended is what the retry has made a certificate of.
async fn assert_what_was_intended_was_signed(
    world: &World,
    open: &[(SerialNumber, CertificateRecord)],
    patience: i64,
) {
    for (serial, record) in open.iter().filter(|_| patience == LEASE_OVER) {
        let CertificateState::Intent { to_be_signed, .. } = &record.state else { continue };
        let issued = world.issued().await;
        let followed = issued.iter().find(|certificate| certificate.serial() == serial);
        assert_eq!(followed.map(|certificate| certificate.tbs_der()), Some(to_be_signed.0.as_slice()));
    }
}

async fn assert_every_certificate_has_its_record(world: &World, answers: &[Answer]) {
    world.assert_every_signature_has_its_record().await;
    let issued = world.issued().await;
    for answer in answers {
        if let Answer::Certificate(certificate) = answer {
            assert!(issued.contains(certificate), "a certificate without a record");
        }
    }
}

#[track_caller]
fn seen(answer: &Answer) -> Seen {
    use crate::authority::AuthorityError as E;
    match answer {
        Answer::Certificate(_) => Certificate,
        Answer::Died => Nothing,
        Answer::Refused(E::Busy(_)) => Busy,
        Answer::Refused(E::Unfinished(_)) => Unfinished,
        Answer::Refused(E::TokenUsed) => Used,
        Answer::Refused(other) => panic!("not a clean answer: {other:?}"),
    }
}
