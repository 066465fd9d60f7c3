//! What a client comes with, again and again until it is served.

use crate::authority::tests::bench::{P256, Token, World, by_token, request, sign};
use crate::authority::{Authority, AuthorityError, ClientCredential, IssuedCertificate};
use crate::fault::Fault;
use crate::key::PrivateKey;
use crate::x509::Certificate;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Flow {
    Sign,
    RenewByTls,
    RenewByToken,
    RekeyByTls,
    RekeyByToken,
}

/// A request with its credential, which does not change from one attempt to the next.
pub(super) struct Ticket {
    flow: Flow,
    csr: String,
    token: String,
    client: ClientCredential,
    old: Certificate,
}

/// What came of an attempt.
pub(super) enum Answer {
    Certificate(Certificate),
    Refused(AuthorityError),
    /// The process died over it.
    Died,
}

impl Ticket {
    pub(super) async fn new(world: &World, flow: Flow) -> Self {
        let (key, next) = (PrivateKey::generate(P256).unwrap(), PrivateKey::generate(P256).unwrap());
        // It comes from another store, so that what this one issues is of this ticket alone.
        let old = world.fork().certificate("host.example", &key).await;
        let client = match flow {
            Flow::RenewByToken | Flow::RekeyByToken => by_token(Token::renewing(world, &old).mint(&key)),
            Flow::Sign | Flow::RenewByTls | Flow::RekeyByTls => world.by_tls(&old),
        };
        Self {
            flow,
            csr: request(&next, "host.example", &["host.example"]),
            token: Token::new(world, "host.example").mint(&world.admin),
            client,
            old,
        }
    }

    /// Sends the request to a new process in which these faults happen, each at the call with its number.
    pub(super) async fn attempt(&self, world: &World, faults: &[(usize, Fault)]) -> Answer {
        world.faults.clear();
        let authority = world.authority().await;
        for (call, fault) in faults {
            world.fail(*call, *fault);
        }
        tokio::select! {
            answer = self.ask(&authority) => match answer {
                Ok(issued) => Answer::Certificate(issued.certificate().clone()),
                Err(error) => Answer::Refused(error),
            },
            () = world.faults.stopped() => Answer::Died,
        }
    }

    pub(super) async fn ask(&self, authority: &Authority) -> Result<IssuedCertificate, AuthorityError> {
        match self.flow {
            Flow::Sign => sign(authority, &self.csr, &self.token).await,
            Flow::RenewByTls | Flow::RenewByToken => authority.renew(&self.client).await,
            Flow::RekeyByTls | Flow::RekeyByToken => authority.rekey(&self.client, &self.csr).await,
        }
    }

    pub(super) fn is_one_time(&self) -> bool {
        matches!(self.flow, Flow::Sign | Flow::RenewByToken | Flow::RekeyByToken)
    }

    /// The certificates that it made.
    pub(super) async fn issued(&self, world: &World) -> Vec<Certificate> {
        let mut issued = world.issued().await;
        issued.retain(|certificate| *certificate != self.old);
        issued
    }
}
