//! KMS throttled, slow, away, refusing.

use std::time::{Duration, Instant};

use rstest::rstest;
use stepless_aws::kms::{MAX_ATTEMPTS, OPERATION_TIMEOUT};
use stepless_core::key::{KeyKind, Signer, SignerError};
use stepless_localstack::proxy::{Fault, Gate, Rule, When};

use crate::kms_bench::{Bench, chain};

#[rstest]
#[case::throttled(400, "ThrottlingException")]
#[case::limit(400, "LimitExceededException")]
#[case::internal(500, "KMSInternalException")]
#[case::dependency(503, "DependencyTimeoutException")]
#[case::key_unavailable(500, "KeyUnavailableException")]
#[case::no_code(502, "")]
#[tokio::test]
async fn k5_a_passing_error_is_tried_again(#[case] status: u16, #[case] code: &str) {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.refuse("Sign", When::First(2), status, code);

    let signature = signer.sign(b"to be signed").await.unwrap();

    signer.public_key().verify(signer.algorithm(), b"to be signed", &signature).unwrap();
    assert_eq!(bench.proxy.count("Sign"), 3);
}

#[rstest]
#[case::before_it_is_carried_out(Fault::DropBefore, 1)]
#[case::after_it_is_carried_out(Fault::DropAfter, 2)]
#[tokio::test]
async fn k6_a_call_whose_connection_ends_is_tried_again_with_the_same_bytes(
    #[case] fault: Fault,
    #[case] carried_out: usize,
) {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.proxy.add(Rule::first("Sign", fault));

    let signature = signer.sign(b"to be signed").await.unwrap();

    signer.public_key().verify(signer.algorithm(), b"to be signed", &signature).unwrap();
    let calls = bench.double.requests("Sign");
    assert_eq!((bench.proxy.count("Sign"), calls.len()), (2, carried_out));
    assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
}

#[tokio::test]
async fn k6_a_signature_that_comes_too_late_is_asked_for_again_with_the_same_bytes() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.proxy.add(Rule::first("Sign", Fault::HoldAfter(Gate::closed())));

    let signature = signer.sign(b"to be signed").await.unwrap();

    signer.public_key().verify(signer.algorithm(), b"to be signed", &signature).unwrap();
    let calls = bench.double.requests("Sign");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn k5_with_three_of_ten_calls_throttled_every_signature_is_made() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.refuse("Sign", When::Percent(30), 400, "ThrottlingException");

    for number in 0_u32..70 {
        let message = number.to_be_bytes();
        let signature = signer.sign(&message).await.unwrap();
        signer.public_key().verify(signer.algorithm(), &message, &signature).unwrap();
    }

    // Spread evenly, a hundred calls are seventy answers; the hundredth would be struck again.
    assert_eq!((bench.proxy.count("Sign"), bench.double.requests("Sign").len()), (99, 70));
}

#[tokio::test]
async fn k5_a_kms_that_throttles_everything_is_unavailable_after_six_attempts() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.refuse("Sign", When::Every, 400, "ThrottlingException");

    let started = Instant::now();
    let refused = signer.sign(b"to be signed").await;

    let Err(error @ SignerError::Unavailable(_)) = &refused else { panic!("{refused:?}") };
    let text = chain(error);
    let expected = format!("kms:Sign with the KMS key {} got no answer in time", signer.key());
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("ThrottlingException"), "{text}");
    assert_eq!(bench.proxy.count("Sign"), MAX_ATTEMPTS as usize);
    assert!(started.elapsed() < OPERATION_TIMEOUT, "{:?}", started.elapsed());
    bench.proxy.clear_rules();
    signer.sign(b"to be signed").await.unwrap();
}

#[tokio::test]
async fn k5_a_kms_that_never_answers_is_unavailable_when_its_time_is_over() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.proxy.add(Rule::every("Sign", Fault::HoldBefore(Gate::closed())));

    let started = Instant::now();
    let refused = signer.sign(b"to be signed").await;

    let taken = started.elapsed();
    assert!(matches!(refused, Err(SignerError::Unavailable(_))), "{refused:?}");
    // A function has to close its intent and to answer after this.
    assert!(taken < OPERATION_TIMEOUT + Duration::from_secs(2), "{taken:?}");
    assert!(bench.proxy.count("Sign") >= 3);
}

#[rstest]
#[case::disabled("DisabledException", "is disabled: enable it")]
#[case::state("KMSInvalidStateException", "is in a state that does not allow this")]
#[case::missing("NotFoundException", "is not in us-east-1")]
#[case::denied("AccessDeniedException", "may not be used: allow kms:Sign in")]
#[case::grant("InvalidGrantTokenException", "may not be used: allow kms:Sign in")]
#[case::usage("InvalidKeyUsageException", "is not for signing: use one of usage SIGN_VERIFY")]
#[case::credentials("UnrecognizedClientException", "cannot be asked for with these credentials")]
#[case::expired("ExpiredTokenException", "cannot be asked for with these credentials")]
#[case::other(
    "ValidationException",
    "is refused with ValidationException (KMS says: ValidationException, made up by a test)"
)]
#[tokio::test]
async fn k7_k9_a_refusal_names_the_key_is_not_tried_again_and_does_not_poison_the_next_call(
    #[case] code: &str,
    #[case] reason: &str,
) {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    bench.refuse("Sign", When::First(1), 400, code);

    let refused = signer.sign(b"to be signed").await;

    let Err(error @ SignerError::Unusable(_)) = &refused else { panic!("{refused:?}") };
    let text = chain(error);
    let expected = format!("the signing key cannot be used: the KMS key {} {reason}", signer.key());
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(bench.proxy.count("Sign"), 1);
    signer.sign(b"to be signed").await.unwrap();
}

#[tokio::test]
async fn a_kms_that_nobody_listens_for_is_unavailable() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;
    drop(bench);

    let refused = signer.sign(b"to be signed").await;

    assert!(matches!(refused, Err(SignerError::Unavailable(_))), "{refused:?}");
}
