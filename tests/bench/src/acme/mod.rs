//! The ACME modes: orders a second, and the calls that one order makes.
//!
//! A client has a key, an account and a connection of its own, made before it is measured. An order is newOrder,
//! authorization, challenge, authorization again, finalize, order, certificate, each a signed POST; its time is that of
//! all of them together, with the signatures that the client makes in between.

mod account;
mod calls;
mod client;
mod name_server;
mod responder;
mod transport;

use std::time::{Duration, Instant};

pub(crate) use calls::{CallsArguments, count_calls};

use crate::authority::{AuthorityFolder, Provisioners};
use crate::compare::{CompareArguments, Comparison};
use crate::credentials::Request;
use crate::error::BenchError;
use crate::http::Connection;
use crate::load::{Load, Server};
use crate::report::Subject;
use client::Client;
use name_server::NameServer;
use responder::Responder;
use transport::Tls;

/// Measures the servers with orders proved by http-01, and prints the report.
pub(crate) fn compare(arguments: &CompareArguments) -> Result<(), BenchError> {
    let folder = AuthorityFolder::make(arguments.step(), Provisioners::JwkAndAcme)?;
    let responder = Responder::start(0)?;
    let comparison = Comparison {
        subject: Subject {
            one: "order",
            many: "orders",
            how: "http-01 orders, P-256 keys, an account and a connection a client",
        },
        folder: &folder,
        flags: flags(&responder, NameServer::start(0)?),
        load: &|copy| Orders::new(copy.port, &folder, responder.clone()),
    };
    comparison.run(arguments)
}

/// What a server is started with, so that its challenges reach the responder.
fn flags(responder: &Responder, name_server: NameServer) -> Vec<String> {
    let (port, resolver) = (responder.port().to_string(), name_server.address().to_string());
    ["--insecure", "--acme-http-port", &port, "--resolver", &resolver].map(str::to_owned).to_vec()
}

/// A server that is asked for orders.
struct Orders {
    server: Server,
    responder: Responder,
    requests: Vec<Request>,
}

impl Orders {
    fn new(port: u16, folder: &AuthorityFolder, responder: Responder) -> Result<Self, BenchError> {
        let server = Server::new(port, &folder.root)?;
        let requests = (0..PREPARED).map(|number| Request::new(&format!("host-{number:04}.bench.test")));
        let requests = requests.collect::<Result<_, _>>()?;
        Ok(Self { server, responder, requests })
    }
}

impl Load for Orders {
    type Client = Client<Tls>;

    fn server(&self) -> &Server {
        &self.server
    }

    fn client(&self, connection: Connection) -> Result<Client<Tls>, BenchError> {
        Client::register(Tls::new(connection, self.server.host()), self.responder.clone())
    }

    fn certificate(&self, client: &mut Client<Tls>, number: usize) -> Result<Duration, BenchError> {
        let request = self.requests.get(number % PREPARED);
        let request = request.ok_or(BenchError::Answer { what: "no request was prepared" })?;
        let began = Instant::now();
        client.certificate(request)?;
        Ok(began.elapsed())
    }
}

/// Names and keys to certify, used again and again: no server looks whether it has seen a key.
const PREPARED: usize = 256;
