//! A way to a server that notes what each request made it do.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::acme::client::Client;
use crate::acme::responder::Responder;
use crate::acme::transport::{Asked, Reply, Step, Transport};
use crate::credentials::Request;
use crate::error::BenchError;

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Read,
    Write,
    Signature,
}

/// One call of a server to its store, or to its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) kind: Kind,
    /// What it was asked of, where the operation does not say.
    pub(super) tables: Vec<String>,
    /// On a clock of the server's own.
    #[serde(skip)]
    pub(super) began: Duration,
    #[serde(skip)]
    pub(super) ended: Duration,
}

#[cfg(test)]
impl Call {
    /// A call that took no time, right after the one before it.
    pub(super) fn instant(operation: &str, tables: &[&str], kind: Kind) -> Self {
        let tables = tables.iter().map(|&table| table.to_owned()).collect();
        Self { operation: operation.to_owned(), kind, tables, began: Duration::ZERO, ended: Duration::ZERO }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        match self.tables.as_slice() {
            [] => Ok(()),
            tables => write!(f, " {}", tables.join("+")),
        }
    }
}

/// The calls of one request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) request: Step,
    pub(super) calls: Vec<Call>,
}

/// An order's rows, and those of what comes before it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Rows {
    /// Directory, nonce and account, then the first order of the account.
    pub(super) first: Vec<Row>,
    /// A later order of the same client.
    pub(super) later: Vec<Row>,
}

/// The most calls of which each began when the one before it had ended: the round trips that a request waits for.
pub(super) fn longest_chain<'a>(calls: impl IntoIterator<Item = &'a Call>) -> usize {
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_unstable_by_key(|call| call.ended);
    let mut chain = 0;
    let mut free_from = Duration::ZERO;
    for call in calls {
        if call.began >= free_from {
            chain += 1;
            free_from = call.ended;
        }
    }
    chain
}

/// Lets a new client get two certificates over `transport`; `take` tells the calls since it was last asked.
pub(super) fn two_orders<T: Transport>(
    transport: T,
    responder: &Responder,
    take: impl FnMut() -> Result<Vec<Call>, BenchError>,
) -> Result<Rows, BenchError> {
    let rows = RefCell::default();
    let counted = Counted { transport, take, rows: &rows };
    let request = Request::new(NAME)?;
    let mut client = Client::register(counted, responder.clone())?;
    client.certificate(&request)?;
    let first = rows.take();
    client.certificate(&request)?;
    drop(client);
    Ok(Rows { first, later: rows.into_inner() })
}

struct Counted<'a, T, F> {
    transport: T,
    take: F,
    rows: &'a RefCell<Vec<Row>>,
}

impl<T, F> Transport for Counted<'_, T, F>
where
    T: Transport,
    F: FnMut() -> Result<Vec<Call>, BenchError>,
{
    fn exchange(&mut self, asked: &Asked<'_>) -> Result<Reply, BenchError> {
        // What was done since belongs to nobody's request.
        (self.take)()?;
        let reply = self.transport.exchange(asked)?;
        let calls = (self.take)()?;
        self.rows.borrow_mut().push(Row { request: asked.step, calls });
        Ok(reply)
    }
}

const NAME: &str = "host.bench.test";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_counts_calls_that_waited_for_each_other() {
        let call = |began, ended| Call {
            began: Duration::from_millis(began),
            ended: Duration::from_millis(ended),
            ..Call::instant("Get", &[], Kind::Read)
        };

        assert_eq!(longest_chain(&[]), 0);
        assert_eq!(longest_chain(&[call(0, 9), call(1, 8), call(2, 10)]), 1);
        assert_eq!(longest_chain(&[call(0, 9), call(1, 4), call(5, 8), call(10, 12)]), 3);
    }
}
