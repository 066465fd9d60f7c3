//! What every refusal has in common.

use stepless_tests::acme::{Acme, Answer};

use crate::world::World;

impl World {
    /// The answer is a problem document of this kind, and the nonce it brought works.
    ///
    /// [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7),
    /// [§6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5)
    #[track_caller]
    pub(crate) fn refused(&self, acme: &Acme, answer: &Answer, status: u16, kind: &str) {
        assert_problem(answer, status, kind);
        assert_nonce_works(self, acme, answer);
    }

    /// As [`World::refused`], where the RFC leaves the status open.
    #[track_caller]
    pub(crate) fn refused_as(&self, acme: &Acme, answer: &Answer, kind: &str) {
        assert!((400..500).contains(&answer.status()), "{answer}");
        self.refused(acme, answer, answer.status(), kind);
    }
}

/// The answer is a problem document of this kind.
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.problem(), kind, "{answer}");
    assert_eq!(answer.status(), status, "{answer}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer}");
    let document = answer.json();
    assert_eq!(document["status"], status, "the document says the same status: {answer}");
    let detail = document["detail"].as_str().unwrap_or_default();
    assert!(!detail.is_empty() && detail.chars().all(|shown| !shown.is_control()), "{answer}");
}

#[track_caller]
fn assert_nonce_works(world: &World, acme: &Acme, answer: &Answer) {
    acme.forget_nonce();
    let probe = world.probe(acme);
    let works = probe.get_with_nonce(&probe.url, &answer.nonce());
    assert_eq!(works.status(), 200, "the nonce of\n{answer}\nshould work, but:\n{works}");
}
