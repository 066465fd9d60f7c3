//! Crash walk: whatever fails or stops at whatever call of whatever request, the client's retry ends in a certificate
//! or in a clean refusal; no order is stuck, no nonce of an answer is lost, no order has two certificates.

use serde_json::Value;

use super::bench::{Client, Server, challenge_of, csr, for_names, urls};
use crate::acme::{AcmeError, Answer};
use crate::authority::tests::bench::{LEASE_OVER, P256, World};
use crate::fault::Fault;
use crate::key::PrivateKey;

/// A request of an order, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    NewOrder,
    Authorization,
    Challenge,
    Finalize,
    Order,
    Certificate,
}

const REQUESTS: [Request; 6] = [
    Request::NewOrder,
    Request::Authorization,
    Request::Challenge,
    Request::Finalize,
    Request::Order,
    Request::Certificate,
];

/// A client that goes on from wherever it is, as certbot or lego would: it asks again when nothing or a 5xx came back.
struct Journey<'a> {
    world: &'a World,
    server: &'a Server,
    client: &'a Client,
    csr: Vec<u8>,
    order: Option<Answer<Value>>,
    chain: Option<String>,
}

impl Journey<'_> {
    async fn request(&mut self, request: Request) -> Result<(), AcmeError> {
        let (server, client) = (self.server, self.client);
        let known = |order: &Option<Answer<Value>>| order.clone().expect("an order");
        match request {
            Request::NewOrder => {
                self.order = Some(client.new_order(server, &for_names(&["a.example"])).await?);
            }
            Request::Authorization => {
                let order = known(&self.order);
                client.authorization(server, &urls(&order.resource["authorizations"])[0]).await?;
            }
            Request::Challenge => {
                let order = known(&self.order);
                let url = &urls(&order.resource["authorizations"])[0];
                let shown = client.authorization(server, url).await?.resource;
                client.respond(server, challenge_of(&shown, "http-01")["url"].as_str().unwrap()).await?;
            }
            Request::Finalize => {
                let order = known(&self.order);
                client.finalize(server, &order, &self.csr).await?;
            }
            Request::Order => {
                let url = known(&self.order).location.unwrap();
                self.order = Some(client.order(server, &url).await?);
            }
            Request::Certificate => {
                let url = known(&self.order).location.unwrap();
                let order = client.order(server, &url).await?;
                if let Some(url) = order.resource["certificate"].as_str() {
                    self.chain = Some(client.certificate(server, url).await?.resource);
                }
            }
        }
        Ok(())
    }

    /// As [`Journey::request`]; a process that stops gives no answer.
    async fn attempt(&mut self, request: Request) -> Option<Result<(), AcmeError>> {
        let faults = self.world.faults.clone();
        tokio::select! {
            answer = self.request(request) => Some(answer),
            () = faults.stopped() => None,
        }
    }

    /// Runs the retries that are due.
    async fn deliver(&self) {
        for (task, wait) in self.server.queue.take() {
            self.world.clock.advance(i64::try_from(wait.as_secs()).unwrap());
            self.server.acme.retry(&self.server.validator, &task).await.unwrap();
        }
    }

    /// Goes on without faults, with the patience of a lease each round, until there is a certificate.
    async fn finish(&mut self) -> bool {
        for _ in 0..4 {
            if self.order.is_none() {
                self.request(Request::NewOrder).await.unwrap();
            }
            self.client.publish_again(self.server, self.order.as_ref().unwrap()).await;
            for request in REQUESTS.into_iter().skip(1) {
                // A refusal says what is not ready yet.
                let _ = self.request(request).await;
                self.deliver().await;
            }
            if self.chain.is_some() {
                return true;
            }
            self.world.clock.advance(LEASE_OVER);
        }
        false
    }
}

impl Client {
    /// As [`Client::publish`], where an authorization may be decided already.
    async fn publish_again(&self, server: &Server, order: &Answer<Value>) {
        for url in urls(&order.resource["authorizations"]) {
            let shown = self.authorization(server, &url).await.unwrap().resource;
            if shown["status"] == "pending" {
                self.publish(server, order).await;
            }
        }
    }
}

#[tokio::test]
async fn d1_whatever_call_fails_or_stops_the_retry_ends_in_one_certificate() {
    let key = PrivateKey::generate(P256).unwrap();
    let origin = World::new();
    for struck in REQUESTS {
        for call in 1..=6 {
            for fault in Fault::ALL {
                let context = format!("{fault:?} at call {call} of {struck:?}");
                let world = origin.fork();
                let server = Server::new(&world).await;
                let client = Client::registered(&server).await;
                let mut journey = Journey {
                    world: &world,
                    server: &server,
                    client: &client,
                    csr: csr(&key, &["a.example"]),
                    order: None,
                    chain: None,
                };
                for request in REQUESTS.into_iter().take_while(|request| *request != struck) {
                    if request == Request::Challenge {
                        client.publish(&server, journey.order.as_ref().unwrap()).await;
                    }
                    journey.request(request).await.unwrap();
                }
                if struck == Request::Challenge {
                    client.publish(&server, journey.order.as_ref().unwrap()).await;
                }
                world.fail(call, fault);
                let first = journey.attempt(struck).await;
                world.faults.clear();
                if let Some(Err(error)) = &first {
                    assert_eq!(error.problem.status, 503, "{context}: {error:?}");
                }

                assert!(journey.finish().await, "{context}: no certificate");

                let issued = world.issued().await.len();
                let lost = usize::from(struck == Request::NewOrder);
                assert!((1..=1 + lost).contains(&issued), "{context}: {issued} certificates");
                world.assert_every_signature_has_its_record().await;
            }
        }
    }
}
