use rstest::rstest;
use serde_json::Value;
use stepless_core::authority::{InternalError, Refusal, Unavailable};
use stepless_core::clock::Timestamp;
use stepless_core::config::TimeOutOfRange;
use stepless_core::key::SignerError;
use stepless_core::provisioner::TokenError;
use stepless_core::store::StoreError;
use stepless_core::x509::{ChainError, RequestError};

use super::*;

const COULD_NOT: &str = "The request could not be completed: ";
const FORBIDDEN: &str = "The request was forbidden by the certificate authority: ";
const UNAUTHORIZED: &str = "The request lacked necessary authorization to be completed. Please see";
const INTERNAL: &str = "The certificate authority encountered an Internal Server Error. Please see";
const BUSY: &str = "The certificate authority is busy; please try again. Please see";
const NOT_IMPLEMENTED: &str =
    "The requested method is not implemented by the certificate authority. Please see";

#[rstest]
#[case::missing_csr(InvalidRequest::MissingCsr, 400, COULD_NOT)]
#[case::csr(
    InvalidRequest::Csr(RequestError::BadSignature),
    400,
    "The request could not be completed: invalid csr: "
)]
#[case::time(InvalidRequest::Time(TimeOutOfRange), 400, COULD_NOT)]
#[case::missing_token(InvalidRequest::MissingToken, 400, COULD_NOT)]
#[case::missing_serial(InvalidRequest::MissingSerial, 400, COULD_NOT)]
#[case::serial(InvalidRequest::Serial("x".into()), 400, COULD_NOT)]
#[case::reason_code(InvalidRequest::ReasonCode, 400, COULD_NOT)]
#[case::reason(InvalidRequest::Reason { octets: 9999 }, 400, COULD_NOT)]
#[case::reversed(
    InvalidRequest::Reversed { not_after: Timestamp::UNIX_EPOCH, not_before: Timestamp::MAX },
    400,
    COULD_NOT
)]
#[case::past(InvalidRequest::Past { not_after: Timestamp::UNIX_EPOCH }, 400, COULD_NOT)]
#[case::not_passive(InvalidRequest::NotPassive, 501, NOT_IMPLEMENTED)]
#[case::refused(Refusal::IssuerKey, 403, FORBIDDEN)]
#[case::token(TokenError::NoExpiry, 401, UNAUTHORIZED)]
#[case::token_used(AuthorityError::TokenUsed, 401, UNAUTHORIZED)]
#[case::token_flow(AuthorityError::TokenFlowNotSupported, 400, COULD_NOT)]
#[case::provisioner_disabled(AuthorityError::ProvisionerDisabled { name: "p".into() }, 401, "provisioner \"p\" is disabled")]
#[case::client_certificate(ChainError::UnknownIssuer, 401, UNAUTHORIZED)]
#[case::unknown_certificate(AuthorityError::UnknownCertificate, 401, UNAUTHORIZED)]
#[case::renewal_disabled(AuthorityError::RenewalDisabled { provisioner: "p".into() }, 401, UNAUTHORIZED)]
#[case::not_yet_valid(AuthorityError::NotYetValid, 401, UNAUTHORIZED)]
#[case::expired(
    AuthorityError::CertificateExpired { not_after: Timestamp::UNIX_EPOCH },
    401,
    "The request lacked necessary authorization to be completed: certificate expired on 1970-01-01 00:00:00 +0000 UTC"
)]
#[case::revoked(AuthorityError::Revoked, 401, UNAUTHORIZED)]
#[case::already_revoked(AuthorityError::AlreadyRevoked { serial: "7".parse().unwrap() }, 400, COULD_NOT)]
#[case::no_persistence(AuthorityError::NoPersistence, 501, NOT_IMPLEMENTED)]
#[case::store_away(StoreError::Unavailable("s3cret".into()), 503, BUSY)]
#[case::signer_away(SignerError::Unavailable("s3cret".into()), 503, BUSY)]
#[case::lost_race(AuthorityError::Busy(Unavailable::LostRace), 503, BUSY)]
#[case::unfinished(AuthorityError::Unfinished(Unavailable::LostRace), 503, BUSY)]
#[case::store_broken(StoreError::Failed("s3cret".into()), 500, INTERNAL)]
#[case::signer_broken(SignerError::Unusable("s3cret".into()), 500, INTERNAL)]
#[case::issuer_expired(InternalError::IssuerExpired(Timestamp::UNIX_EPOCH), 500, INTERNAL)]
#[tokio::test]
async fn each_refusal_has_its_status_and_its_words(
    #[case] error: impl Into<AuthorityError>,
    #[case] status: u16,
    #[case] begins: &str,
) {
    let response = ApiError::from(error.into()).into_response();

    assert_eq!(response.status(), status);
    assert!(response.extensions().get::<Cause>().is_some(), "the log is told why");
    assert_eq!(response.headers().get(header::RETRY_AFTER).is_some(), status == 503);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["status"], status);
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with(begins), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
}
